"""What a run counted, per camera and in all, as values that print as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from pipeline.camera_pipeline import Outcome, StepResult
from pipeline.casebook import Casebook
from pipeline.cases import Case
from pipeline.run_pulse import Pulse
from pipeline.second_look import CheckOutcome
from pipeline.sightings import Sighting

MOST_ERRORS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraError:
    """Something that went wrong at a camera; the others went on."""

    camera: str
    error: str


@dataclass(slots=True)
class Tally:
    """What one camera has counted so far; written by its own threads only.

    Attributes:
        errors: the first of them, so that a camera that fails for days costs no memory; `failures` counts all.
    """

    frames: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    dropped: int = 0
    detections: int = 0
    sightings: int = 0
    opened: list[str] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)
    ignored: int = 0
    dispatched: int = 0
    errors: list[CameraError] = field(default_factory=list)
    failures: int = 0
    pulse: Pulse = field(default_factory=Pulse)
    looks: dict[CheckOutcome, int] = field(default_factory=lambda: dict.fromkeys(CheckOutcome, 0))

    def note_look(self, sighting: Sighting) -> None:
        """Take in a sighting that is handed on: what a second model said of it, if one was asked."""
        self.sightings += 1
        if sighting.checked is not None:
            self.looks[sighting.checked.outcome] += 1

    def fail(self, error: CameraError) -> None:
        """Take note of an error."""
        self.failures += 1
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(error)

    def count(self, result: StepResult) -> None:
        """Take in what one frame brought."""
        self.frames[result.outcome] += 1
        self.detections += len(result.detections)


class Tallies:
    """Where one process keeps the counts of its cameras, by the way that frames come: `stream` or `pushed`."""

    def __init__(self) -> None:
        self._by_way: dict[str, Mapping[str, Tally]] = {}

    def put(self, way: str, tallies: Mapping[str, Tally]) -> None:
        """Have a way's counts told from here on; they go on counting."""
        self._by_way = {**self._by_way, way: tallies}

    def all(self) -> list[tuple[str, str, Tally]]:
        """Return way, camera and counts of each, sorted."""
        found = [(way, code, tally) for way, each in self._by_way.items() for code, tally in each.items()]
        return sorted(found, key=lambda row: row[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFigure:
    """One case of a run, as it stands at its end.

    Attributes:
        distance_m: from its terminal, in a straight line, when it was offered.
    """

    number: str
    category: str
    channel: str
    lon: float
    lat: float
    error_m: float
    grid: str
    unit: str
    status: str
    terminal: str | None
    distance_m: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFigure:
    """What became of one camera's frames: who was slowed, and who was not."""

    camera: str
    processed: int
    still: int
    unfit: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """What a run brought.

    Attributes:
        frames_processed: frames that went through the detector.
        frames_still: frames in which nothing had changed since; what the detector saw was taken to be there still.
        frames_repeated, frames_late, frames_refused: seen before; a little older than the newest; too old.
        frames_dropped: live frames that made room for newer ones.
        frames_unfit: live frames that showed nothing, or the very picture before them; no detector saw them.
        detections: boxes at or above the cameras' lowest scene confidence.
        sightings: scenes that fired; each opened a case, was added to one or was ignored (taken before, in shadow).
        second_looks: how many of them a second model agreed with, rejected, was late for or failed at.
        cases: those created in this run; `cases_attached` names those that got further sightings.
        cases_dispatched: of the created ones, those that a terminal was offered at once.
        errors: what went wrong at single cameras.
        frames_by_camera: the same counts for each camera.
        interrupted: whether the run was asked to stop.
    """

    cameras: int
    seconds: float
    frames_processed: int
    frames_still: int
    frames_per_second: float
    frames_repeated: int
    frames_late: int
    frames_refused: int
    frames_dropped: int
    frames_unfit: int
    detections: int
    sightings: int
    sightings_ignored: int
    second_looks: Mapping[str, int]
    cases_created: int
    cases_dispatched: int
    cases_attached: tuple[str, ...]
    cases: tuple[CaseFigure, ...]
    errors: tuple[CameraError, ...]
    frames_by_camera: tuple[CameraFigure, ...]
    interrupted: bool

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return asdict(self)


def figures_of(tallies: Mapping[str, Tally], casebook: Casebook, *, seconds: float, interrupted: bool) -> RunFigures:
    """Return the figures of a run from its cameras' counts; cases are read as they stand now."""
    each = list(tallies.values())
    frames = {outcome: sum(tally.frames[outcome] for tally in each) for outcome in Outcome}
    taken = frames[Outcome.PROCESSED] + frames[Outcome.STILL]
    opened = sorted(number for tally in each for number in tally.opened)
    return RunFigures(
        cameras=len(each),
        seconds=round(seconds, 3),
        frames_processed=frames[Outcome.PROCESSED],
        frames_still=frames[Outcome.STILL],
        frames_per_second=round(taken / seconds, 2) if seconds > 0 else 0.0,
        frames_repeated=frames[Outcome.REPEATED],
        frames_late=frames[Outcome.LATE],
        frames_refused=frames[Outcome.REFUSED],
        frames_dropped=sum(tally.dropped for tally in each),
        frames_unfit=frames[Outcome.UNFIT],
        detections=sum(tally.detections for tally in each),
        sightings=sum(tally.sightings for tally in each),
        sightings_ignored=sum(tally.ignored for tally in each),
        second_looks={outcome.value: sum(tally.looks[outcome] for tally in each) for outcome in CheckOutcome},
        cases_created=len(opened),
        cases_dispatched=sum(tally.dispatched for tally in each),
        cases_attached=tuple(sorted({number for tally in each for number in tally.attached})),
        cases=tuple(case_figure(casebook.case(number)) for number in opened),
        errors=tuple(error for tally in each for error in tally.errors),
        frames_by_camera=tuple(_of_camera(code, tally) for code, tally in sorted(tallies.items())),
        interrupted=interrupted,
    )


def _of_camera(code: str, tally: Tally) -> CameraFigure:
    frames = tally.frames
    return CameraFigure(
        camera=code,
        processed=frames[Outcome.PROCESSED],
        still=frames[Outcome.STILL],
        unfit=frames[Outcome.UNFIT],
        dropped=tally.dropped,
    )


def case_figure(case: Case) -> CaseFigure:
    """Return what `run --json` prints of a case."""
    return CaseFigure(
        number=case.number,
        category=case.category,
        channel=case.channel.value,
        lon=case.lonlat.lon,
        lat=case.lonlat.lat,
        error_m=round(case.error_m, 3),
        grid=case.grid,
        unit=case.unit,
        status=case.status.value,
        terminal=case.terminal,
        distance_m=None if case.distance_m is None else round(case.distance_m, 1),
    )
