"""Pictures "after": which sightings still wait for one, over restarts. Owns the waiting; `evidence_views` draws.

Due is counted in frame time. A camera that was out for long gives no picture any more: what it would show then is
another story.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from pipeline.camera_memory import MemoryFormError
from pipeline.firings import Firing

TOO_LATE_S: Final = 60.0
MOST: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """A sighting that has no picture "after" yet.

    Attributes:
        due: frame time in seconds from which a frame will do.
    """

    sighting: str
    due: float
    firing: Firing


class Afters:
    """The sightings of a camera that wait for a picture; 50 at most, the newest stay.

    Args:
        after_s: how long after the firing it is taken; 0 takes none.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._waiting: list[Awaited] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def expect(self, sighting: str, firing: Firing, *, at: float) -> None:
        """Wait for the picture after a sighting that fired at a frame time."""
        if self._after_s > 0:
            self._waiting = [
                *self._waiting[1 - MOST :],
                Awaited(sighting=sighting, due=at + self._after_s, firing=firing),
            ]

    def due(self, at: float) -> tuple[Awaited, ...]:
        """Return whose picture a frame of this time is, and wait for them no longer; those too late are let go."""
        ready = [each for each in self._waiting if each.due <= at]
        self._waiting = [each for each in self._waiting if each.due > at]
        return tuple(each for each in ready if at - each.due <= TOO_LATE_S)

    def record(self) -> list[dict[str, object]]:
        """Return who waits, JSON-able."""
        return [{"sighting": each.sighting, "due": each.due, "firing": asdict(each.firing)} for each in self._waiting]

    def restore(self, records: object, *, camera: str) -> None:
        """Take over what `record` gave.

        Raises:
            MemoryFormError: it is something else.
        """
        try:
            self._waiting = [_awaited(each) for each in records[-MOST:]]  # type: ignore[index]  # refused if it is no list
        except (KeyError, TypeError, ValueError) as error:
            raise MemoryFormError(camera, f"afters: {type(error).__name__}: {error}") from error


def _awaited(record: Mapping[str, Any]) -> Awaited:
    return Awaited(sighting=str(record["sighting"]), due=float(record["due"]), firing=_firing(record["firing"]))


def _firing(record: Mapping[str, Any]) -> Firing:
    tuples = {name: tuple(value) for name, value in record.items() if isinstance(value, list)}
    return Firing(**{**record, **tuples})
