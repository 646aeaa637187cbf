"""How the cameras are now: when each gave its newest frame, and which faults last or were lately."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from api.services import Services
from pipeline.cameras import Camera
from pipeline.health_events import HealthEvent
from pipeline.principal import Principal

SILENT_AFTER: Final = timedelta(seconds=60)
_MOST_EVENTS: Final = 1_000
_SHOWN_OVER: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraNow:
    """One camera.

    Attributes:
        newest_at: time of its newest frame that was stored with a state; None if it never gave one.
        silent: it gave frames before, and none for a minute.
        lasting: faults that last, newest first.
        over: the last three that are over.
    """

    camera: Camera
    grid: str | None
    newest_at: datetime | None
    silent: bool
    lasting: tuple[HealthEvent, ...]
    over: tuple[HealthEvent, ...]

    @property
    def state(self) -> str:
        """Return faulty, silent, unused or well."""
        if self.lasting:
            return "faulty"
        if self.newest_at is None:
            return "unused"
        return "silent" if self.silent else "well"


_ORDER: Final = ("faulty", "silent", "well", "unused")


def cameras_now(services: Services, who: Principal) -> list[CameraNow]:
    """Return the cameras in reach, those with faults first, then by code."""
    site, now = services.site, services.clock.now()
    events = _by_camera(services.casebook.health(limit=_MOST_EVENTS))
    found = []
    for code, camera in sorted(site.cameras.items()):
        grid = site.places(np.array([camera.lonlat]))[0][0]
        if who.grids is not None and grid not in who.grids:
            continue
        state = services.casebook.camera_state(code)
        own = events.get(code, ())
        newest_at = None if state is None else state.newest_at
        found.append(
            CameraNow(
                camera=camera,
                grid=grid,
                newest_at=newest_at,
                silent=newest_at is not None and now - newest_at > SILENT_AFTER,
                lasting=tuple(each for each in own if each.until is None),
                over=tuple(each for each in own if each.until is not None)[:_SHOWN_OVER],
            )
        )
    return sorted(found, key=lambda each: _ORDER.index(each.state))


def _by_camera(events: Sequence[HealthEvent]) -> Mapping[str, tuple[HealthEvent, ...]]:
    found: dict[str, list[HealthEvent]] = {}
    for event in events:
        found.setdefault(event.camera, []).append(event)
    return {code: tuple(own) for code, own in found.items()}
