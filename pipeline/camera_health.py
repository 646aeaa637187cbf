"""A camera's health: faults of its picture, its rate and its clock, each with when it began and when it was over.

A fault counts when it has held for a while and is over when it has not shown for a while, by frame time; what passes in
between is nobody's business. Deciding only: nothing is stored here.
"""

import base64
import hashlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np

from models.drift import drift_of
from models.image_health import (
    SMALL_PX,
    Edges,
    HealthLimits,
    ImageFault,
    Look,
    Measured,
    Reference,
    faults_of,
    frozen,
    look_at,
)
from pipeline.cameras import Camera
from pipeline.casebook import Reading
from pipeline.frames import Frame
from pipeline.health_events import HealthEvent, HealthFault

# A dark street at night may be left dark for a while, a hand on the lens may not.
_HOLDS_S: Final[Mapping[HealthFault, float]] = MappingProxyType(
    {
        HealthFault.DARK: 60.0,
        HealthFault.WASHED_OUT: 30.0,
        HealthFault.BLURRED: 60.0,
        HealthFault.OBSTRUCTED: 20.0,
        HealthFault.SHIFTED: 20.0,
        HealthFault.FROZEN: 15.0,
        HealthFault.LOW_FPS: 60.0,
        HealthFault.CLOCK_OFF: 30.0,
        HealthFault.OFFLINE: 0.0,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSettings:
    """How a camera's health is watched, by frame time.

    Attributes:
        every_s: time between two looks.
        holds_s: how long a fault must show before it counts.
        over_s: how long it must not show before it is over.
        learn_every_s: time between two looks that the reference takes in, once it is known.
        least_rate: share of the camera's own rate that frames must come at.
        rate_over_s: time over which the rate is taken.
        clock_s: how far a camera's clock may lie from ours: frame time from when a live frame came in, or the time of
            day that its stream states from when the frame was taken.
        drift_s: how far a stream's time may run off the clock within a minute.
        offline_s: no frame of a live camera for so long means that it is away.
        limits: of pictures.
    """

    every_s: float = 1.0
    holds_s: Mapping[HealthFault, float] = field(default_factory=lambda: _HOLDS_S)
    over_s: float = 10.0
    learn_every_s: float = 120.0
    least_rate: float = 0.5
    rate_over_s: float = 30.0
    clock_s: float = 10.0
    drift_s: float = 2.0
    offline_s: float = 30.0
    limits: HealthLimits = field(default_factory=HealthLimits)


@dataclass(slots=True)
class _Showing:
    """A fault that shows, and may not count yet."""

    since: datetime
    newest: datetime
    measured: tuple[float, float]


def open_watch(camera: Camera, casebook: Reading) -> "HealthWatch":
    """Return a camera's watch that goes on from what is stored."""
    return HealthWatch(
        camera.code,
        fps=camera.fps,
        lasting=casebook.health(camera=camera.code, lasting=True),
        reference=casebook.camera_reference(camera.code),
    )


class HealthWatch:
    """Watches one camera; not for several threads at once.

    Args:
        camera: its code.
        fps: the rate that its frames should come at.
        settings: see `HealthSettings`.
        lasting: spells that were stored and not over.
        reference: what `news` gave before.
    """

    def __init__(
        self,
        camera: str,
        *,
        fps: float,
        settings: HealthSettings | None = None,
        lasting: Sequence[HealthEvent] = (),
        reference: str = "",
    ) -> None:
        self.camera, self._fps = camera, fps
        self._settings = settings or HealthSettings()
        self._lasting = {event.fault: event for event in lasting}
        self._showing: dict[HealthFault, _Showing] = {}
        self._reference = _recalled(reference)
        self._drifted = self._drift_of_usual()
        self._look: Look | None = None
        self._looked_at: datetime | None = None
        self._learned_at: datetime | None = None
        self._told_at: datetime | None = None
        self._times: deque[float] = deque()
        self._awaited_since: datetime | None = None

    @property
    def lasting(self) -> Mapping[HealthFault, HealthEvent]:
        """Return the spells that last."""
        return self._lasting

    @property
    def moved(self) -> bool:
        """Tell whether the camera looks elsewhere than it was calibrated for: its places cannot be trusted.

        True from the first look that shows it, long before it counts as a fault: some scenes fire within seconds.
        """
        return HealthFault.SHIFTED in self._lasting or HealthFault.SHIFTED in self._showing

    def note(self, frame: Frame) -> None:
        """Take note that a frame came, without a look at it: its rate counts every one."""
        self._awaited_since = frame.received_at or frame.captured_at
        self._times.append(frame.at_s)
        while self._times[0] < frame.at_s - self._settings.rate_over_s:
            self._times.popleft()

    def see(self, frame: Frame) -> tuple[HealthEvent, ...]:
        """Take in the next frame and return the spells that begin or end with it."""
        self.note(frame)
        now = frame.captured_at
        if self._looked_at is not None and (now - self._looked_at).total_seconds() < self._settings.every_s:
            return ()
        shown = {HealthFault(each.fault.value): (each.value, each.limit) for each in self._of_picture(frame)}
        shown |= self._of_time(frame)
        self._looked_at = now
        return (*self._begun(shown, now), *self._ended(shown, now))

    def absent(self, now: datetime) -> tuple[HealthEvent, ...]:
        """Take note that no frame came by now; return the spell that begins once that is long enough.

        Args:
            now: time by the clock that live frames are stamped with.
        """
        since = self._awaited_since = self._awaited_since or now
        missing_s, limit_s = (now - since).total_seconds(), self._settings.offline_s
        if missing_s < limit_s:
            return ()
        self._showing.setdefault(HealthFault.OFFLINE, _Showing(since, now, (missing_s, limit_s)))
        return tuple(self._begun({HealthFault.OFFLINE: (missing_s, limit_s)}, now))

    def news(self) -> str:
        """Return the reference as text, for the next watch, if it was learned or changed since the last call."""
        if not self._reference.known or self._learned_at == self._told_at:
            return ""
        self._told_at = self._learned_at
        return _remembered(self._reference)

    def _of_picture(self, frame: Frame) -> Sequence[Measured]:
        look, before = look_at(frame.image), self._look
        self._look = look
        if before is not None and frozen(before, look):
            return (Measured(fault=ImageFault.FROZEN, value=0.0, limit=1.0),)
        self._settle_drift(look)
        found = faults_of(look, self._reference, self._settings.limits)
        if not found and self._drifted > 0.0:
            return (self._shifted(),)
        if not found and not self._showing and not self._lasting and self._may_learn(frame.captured_at):
            self._reference.learn(look)
            self._learned_at = frame.captured_at
            self._drifted = self._drift_of_usual()
        return found

    def _drift_of_usual(self) -> float:
        """Return by which share of its width the camera came away from where it looked at first, slowly; 0 if not."""
        if not self._reference.known:
            return 0.0
        drift = drift_of(self._reference.usual()[0], self._reference.first)
        return drift.share if drift.sure and drift.share > self._settings.limits.shift_share else 0.0

    def _settle_drift(self, look: Look) -> None:
        """Go on by what was usual at first once a camera that came away looks there again."""
        if self._drifted > 0.0:
            drift = drift_of(look.edges, self._reference.first)
            if drift.sure and drift.share <= self._settings.limits.shift_share:
                self._reference = Reference(self._reference.first, self._reference.usual()[2])
                self._drifted = 0.0

    def _shifted(self) -> Measured:
        return Measured(fault=ImageFault.SHIFTED, value=self._drifted, limit=self._settings.limits.shift_share)

    def _may_learn(self, now: datetime) -> bool:
        if not self._reference.known or self._learned_at is None:
            return True
        return (now - self._learned_at).total_seconds() >= self._settings.learn_every_s

    def _of_time(self, frame: Frame) -> dict[HealthFault, tuple[float, float]]:
        shown: dict[HealthFault, tuple[float, float]] = {}
        spell_s = self._times[-1] - self._times[0]
        least = self._fps * self._settings.least_rate
        if spell_s >= self._settings.rate_over_s / 2 and (rate := (len(self._times) - 1) / spell_s) < least:
            shown[HealthFault.LOW_FPS] = (rate, least)
        for off_s, limit_s in self._clock(frame):
            if abs(off_s) > limit_s:
                shown[HealthFault.CLOCK_OFF] = (abs(off_s), limit_s)
        return shown

    def _clock(self, frame: Frame) -> list[tuple[float, float]]:
        """Return what is known of the camera's clock: seconds off, and how many it may be."""
        settings, known = self._settings, []
        if frame.drift_s is not None:
            known.append((frame.drift_s, settings.drift_s))
        if frame.clock_off_s is not None:
            known.append((frame.clock_off_s, settings.clock_s))
        if frame.received_at is not None:
            known.append(((frame.received_at - frame.captured_at).total_seconds(), settings.clock_s))
        return known

    def _begun(self, shown: Mapping[HealthFault, tuple[float, float]], now: datetime) -> list[HealthEvent]:
        begun = []
        for fault, measured in shown.items():
            known = self._showing.setdefault(fault, _Showing(now, now, measured))
            known.newest = now
            held_s = (now - known.since).total_seconds()
            if fault not in self._lasting and held_s >= self._settings.holds_s[fault]:
                value, limit = known.measured
                event = HealthEvent(
                    id=_id_of(self.camera, fault, known.since),
                    camera=self.camera,
                    fault=fault,
                    since=known.since,
                    value=value,
                    limit=limit,
                )
                self._lasting[fault] = event
                begun.append(event)
        return begun

    def _ended(self, shown: Mapping[HealthFault, tuple[float, float]], now: datetime) -> list[HealthEvent]:
        ended = []
        for fault in [each for each in {**self._showing, **self._lasting} if each not in shown]:
            showing = self._showing.setdefault(fault, _Showing(now, now, (0.0, 0.0)))
            if (now - showing.newest).total_seconds() < self._settings.over_s:
                continue
            del self._showing[fault]
            if (event := self._lasting.pop(fault, None)) is not None:
                ended.append(replace(event, until=max(showing.newest, event.since)))
        return ended


def _id_of(camera: str, fault: HealthFault, since: datetime) -> str:
    told = f"{camera}/{fault.value}/{since.astimezone(UTC).isoformat(timespec='microseconds')}"
    return hashlib.sha256(told.encode()).hexdigest()[:24]


_MOST_MEMORY: Final = 200_000


def _remembered(reference: Reference) -> str:
    """Return what is usual as text: detail, then scale and PNG in base 64 of the edges now and of those at first.

    No person shows in it.
    """
    return f"{reference.usual()[2]:.6f} {_drawn(reference.usual()[0])} {_drawn(reference.first)}"


def _drawn(edges: Edges) -> str:
    scale = max(float(edges.max()), 1.0) / 255.0
    _, png = cv2.imencode(".png", np.round(edges / scale).astype(np.uint8))
    return f"{scale:.6f} {base64.b64encode(png.tobytes()).decode()}"


def _recalled(memory: str) -> Reference:
    """Return the reference of `_remembered`; what cannot be read is learned anew."""
    parts = memory.split()
    if len(parts) not in {3, 5} or len(memory) > _MOST_MEMORY:  # as written above; earlier releases kept no first
        return Reference()
    try:
        detail = float(parts[0])
        drawn = [_read(scale, png) for scale, png in zip(parts[1::2], parts[2::2], strict=True)]
    except ValueError:
        return Reference()
    return Reference(drawn[0], detail, first=drawn[-1])


def _read(scale: str, png: str) -> Edges:
    """Return edges of `_drawn`.

    Raises:
        ValueError: they are none.
    """
    data = np.frombuffer(base64.b64decode(png, validate=True), np.uint8)
    drawn = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    if drawn is None or drawn.shape != SMALL_PX[::-1]:
        raise ValueError("no edges of the expected size")
    return np.asarray(drawn, dtype=np.float32) * np.float32(float(scale))
