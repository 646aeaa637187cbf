"""A second model's look at what a rule found: what follows from its word, and that no sighting is lost or waits."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import cv2
import numpy as np
import pytest
from databases import sqlite_url
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from small_site import DISPATCHER, INGEST, JPEG, NOON, Scenes, sighting, small_site
from watched_place import START, ScriptedDetector, camera, detections, scene

from models.crop_judge import CropJudge, DetectorJudge, Said, open_judge, squared
from models.detector import Image
from models.errors import InferenceError, LibraryMissingError, NotAModelError, WeightsMissingError
from models.openvino import OpenVinoDetector
from models.yolo import import_ultralytics
from pipeline.camera_pipeline import CameraPipeline, PipelineSettings
from pipeline.casebook import CameraState
from pipeline.cases import Status
from pipeline.clocks import FixedClock
from pipeline.crop_desk import CropDesk
from pipeline.crop_pieces import Piece, cut, pieces
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.evidence_views import Waiting
from pipeline.frame_desk import FrameDesk
from pipeline.frames import Frame
from pipeline.held_sightings import MOST_HELD, HeldSightings
from pipeline.scene_models import SceneModels
from pipeline.scenes import Mode, Rule, Scene, Verify
from pipeline.second_look import Checked, CheckOutcome, capped, decided, without_answer
from pipeline.sightings import Sighting, View
from pipeline.sql_casebook import SqlCasebook, open_casebook
from pipeline.trust import FalseReason

FOLDER = "yolov8n-coco-int8-640_openvino_model"
CAR = Verify(weights="second", classes=("car", "truck"), confidence=0.4, agree=2, of=3)
YES, NO, FAINT = [Said("car", 0.9)], [Said("bench", 0.9)], [Said("car", 0.39)]


def encoded(image: Image) -> bytes:
    return bytes(cv2.imencode(".jpg", image)[1].tobytes())


GREY = np.full((100, 100, 3), 90, np.uint8)
PIECE = Piece(jpeg=encoded(GREY), box_px=(20.0, 20.0, 60.0, 60.0))


@pytest.mark.parametrize(
    ("said", "outcome", "needed"),
    [
        ([YES, YES, NO], CheckOutcome.AGREED, 2),
        ([YES, NO, FAINT], CheckOutcome.REJECTED, 2),
        ([YES, NO], CheckOutcome.REJECTED, 2),
        ([[*NO, Said("truck", 0.5)]], CheckOutcome.AGREED, 1),
        ([[], [], []], CheckOutcome.REJECTED, 2),
    ],
)
def test_so_many_of_so_many_frames_must_agree(said: list[list[Said]], outcome: CheckOutcome, needed: int):
    word = decided(said, CAR, weights="m@1")
    assert (word.outcome, word.needed, word.of) == (outcome, needed, len(said))
    assert word.record()["said"] == [[[each.class_name, each.confidence] for each in one] for one in said]


def test_no_frame_at_all_agrees_with_nothing():
    assert decided([], CAR, weights="m@1").outcome is CheckOutcome.REJECTED


@pytest.mark.parametrize("level", list(Mode))
def test_a_second_look_only_ever_lowers_a_level(level: Mode):
    order = [Mode.SHADOW, Mode.CONFIRM, Mode.AUTO]
    yes = decided([YES], CAR, weights="m")
    no, kinder = decided([NO], CAR, weights="m"), decided([NO], replace(CAR, rejected=Mode.CONFIRM), weights="m")
    late = without_answer(CheckOutcome.LATE, CAR, reason="no answer")
    assert capped(level, None) is capped(level, yes) is level
    assert capped(level, no) is Mode.SHADOW
    for word in (kinder, late):
        assert order.index(capped(level, word)) == min(order.index(level), 1)


@dataclass
class Slip:
    """An answer that comes when the test says so."""

    word: Checked | None = None

    def checked(self) -> Checked | None:
        return self.word


class Held(RuleBasedStateMachine):
    """Sightings go in, answers and time come in any order: each leaves once, by its deadline, with the right word."""

    def __init__(self) -> None:
        super().__init__()
        self.held = HeldSightings()
        self.now_s = 100.0
        self.slips: dict[str, tuple[Slip, float]] = {}
        self.gone: dict[str, Checked] = {}
        self.count = 0

    def take(self, left: Sequence[Sighting]) -> None:
        for each in left:
            assert each.id not in self.gone
            assert each.checked is not None
            assert each.views[0].seen is not None
            assert each.views[0].seen["checked"] == each.checked.record()
            self.gone[each.id] = each.checked

    @rule(deadline_s=st.sampled_from([0.1, 1.0, 5.0]), many=st.sampled_from([1, 1, 1, 30]))
    def fires(self, deadline_s: float, many: int) -> None:
        for _ in range(many):
            self.count += 1
            seen = View(label="at", captured_at=NOON, jpeg=JPEG, seen={"boxes": []})
            one, slip = sighting(f"s{self.count}", views=(seen,)), Slip()
            back = self.held.hold(one, replace(CAR, deadline_s=deadline_s), slip, now_s=self.now_s)
            if back is None:
                self.slips[one.id] = slip, self.now_s + deadline_s
            else:
                self.take([back])
                assert self.gone[one.id].outcome is CheckOutcome.FAILED
                assert len(self.held) == MOST_HELD

    @rule(data=st.data(), agrees=st.booleans())
    def answered(self, data: st.DataObject, agrees: bool) -> None:  # noqa: FBT001 - drawn
        waiting = sorted(set(self.slips) - set(self.gone))
        if waiting:
            slip, _ = self.slips[data.draw(st.sampled_from(waiting))]
            slip.word = decided([YES if agrees else NO], CAR, weights="m@1")

    @rule(passed_s=st.sampled_from([0.0, 0.05, 0.5, 3.0]))
    def frame(self, passed_s: float) -> None:
        self.now_s += passed_s
        left = self.held.leaving(self.now_s)
        self.take(left)
        for each in left:
            slip, until_s = self.slips[each.id]
            expected = slip.word if slip.word is not None else None
            assert each.checked == expected or (expected is None and self.now_s >= until_s)
        for ident in set(self.slips) - set(self.gone):
            slip, until_s = self.slips[ident]
            assert slip.word is None
            assert self.now_s < until_s

    @rule()
    def ends(self) -> None:
        self.take(self.held.all(reason="the frames ended"))
        assert len(self.held) == 0
        assert self.held.longest_s is None

    @invariant()
    def none_is_lost(self) -> None:
        assert len(self.held) + len(self.gone) == self.count
        assert len(self.held) <= MOST_HELD


TestHeld = Held.TestCase
TestHeld.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@dataclass
class Judge:
    """Says what it is told to, once it is let."""

    words: Callable[[], list[Said]] = lambda: YES
    may: Event = field(default_factory=Event)
    version: str = "judge@1"
    classes: frozenset[str] = frozenset({"car"})
    asked: int = 0
    closed: bool = False

    def say(self, crop: Image, inner_px: tuple[float, float, float, float]) -> list[Said]:
        del crop, inner_px
        self.asked += 1
        assert self.may.wait(20.0)
        return self.words()

    def close(self) -> None:
        self.closed = True


def free(words: Callable[[], list[Said]] = lambda: YES) -> Judge:
    judge = Judge(words)
    judge.may.set()
    return judge


@pytest.fixture
def opened() -> Iterator[Callable[..., CropDesk]]:
    desks: list[CropDesk] = []

    def open_desk(judge: CropJudge, **settings: int) -> CropDesk:
        desks.append(CropDesk({"second": judge}, **settings))
        return desks[-1]

    yield open_desk
    for desk in desks:
        desk.close()


def test_a_full_queue_answers_at_once_and_sends_to_a_person(opened: Callable[..., CropDesk]):
    judge = Judge()
    desk = opened(judge, queued=2)
    tickets = [desk.ask([PIECE], CAR) for _ in range(6)]
    full = [word for each in tickets if (word := each.checked()) is not None]
    assert 3 <= len(full) <= 4  # one may be with the worker already
    assert {(each.outcome, each.at_most) for each in full} == {(CheckOutcome.FAILED, Mode.CONFIRM)}
    judge.may.set()
    assert all(each.wait(10.0) for each in tickets)


def raise_(error: Exception) -> list[Said]:
    raise error


@pytest.mark.parametrize("error", [InferenceError("m", actual="nothing", expected="boxes"), RuntimeError("driver")])
def test_a_model_that_fails_is_an_answer_and_the_next_look_is_taken(opened: Callable[..., CropDesk], error: Exception):
    words = iter([lambda: raise_(error), lambda: YES])

    def say() -> list[Said]:
        return next(words)()

    desk = opened(free(say))
    first, second = desk.ask([PIECE], CAR), desk.ask([PIECE], CAR)
    assert first.wait(10.0)
    assert second.wait(10.0)
    one, other = first.checked(), second.checked()
    assert one is not None
    assert other is not None
    assert (one.outcome, one.at_most, other.outcome) == (CheckOutcome.FAILED, Mode.CONFIRM, CheckOutcome.AGREED)
    assert one.reason


def test_what_is_late_when_its_turn_comes_is_not_looked_at(opened: Callable[..., CropDesk]):
    judge = Judge()
    desk = opened(judge)
    slow, late = desk.ask([PIECE], CAR), desk.ask([PIECE], replace(CAR, deadline_s=0.1))
    time.sleep(0.2)
    judge.may.set()
    assert slow.wait(10.0)
    assert late.wait(10.0)
    assert judge.asked == 1
    assert (word := late.checked()) is not None
    assert word.outcome is CheckOutcome.LATE


def test_what_waits_at_the_end_is_answered(opened: Callable[..., CropDesk]):
    judge = Judge()
    desk = opened(judge)
    tickets = [desk.ask([PIECE], CAR) for _ in range(5)]
    judge.may.set()
    desk.close()
    assert all(each.checked() is not None for each in tickets)
    assert judge.closed
    assert (word := desk.ask([PIECE], CAR).checked()) is not None
    assert word.outcome is CheckOutcome.FAILED


@pytest.mark.parametrize(
    "piece",
    [
        Piece(jpeg=b"\xff\xd8\xff no picture", box_px=(0, 0, 50, 50)),
        Piece(jpeg=PIECE.jpeg, box_px=(500, 500, 600, 600)),
        Piece(jpeg=PIECE.jpeg, box_px=(60, 60, 20, 20)),
        Piece(jpeg=PIECE.jpeg, box_px=(98, 98, 130, 130)),
    ],
)
def test_a_piece_of_which_nothing_shows_goes_to_a_person(opened: Callable[..., CropDesk], piece: Piece):
    assert cut(piece, 0.0) is None
    ticket = opened(free()).ask([piece], replace(CAR, margin=0.0))
    assert ticket.wait(10.0)
    assert (word := ticket.checked()) is not None
    assert word.outcome is CheckOutcome.FAILED


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(*[st.floats(-1e6, 1e6)] * 4),
    st.floats(0.0, 2.0),
)
def test_whatever_the_box_a_piece_lies_in_the_picture(box: tuple[float, float, float, float], margin: float):
    found = cut(Piece(jpeg=PIECE.jpeg, box_px=box), margin)
    if found is not None:
        assert min(found[0].shape[:2]) >= 8
        assert max(found[0].shape[:2]) <= 100


def waiting(at_s: float, *boxes: tuple[float, float, float, float]) -> Waiting:
    found = detections(*(("car", 0.9, box) for box in boxes))
    return Waiting(captured_at=datetime.fromtimestamp(START + at_s, UTC), jpeg=PIECE.jpeg, detections=found)


def test_what_moves_is_followed_back_and_what_stands_is_where_it_is():
    here = camera([])
    now = waiting(3.0, (30.0, 20.0, 70.0, 60.0))
    before = [waiting(2.0, (20.0, 20.0, 60.0, 60.0)), waiting(1.0, (10.0, 20.0, 50.0, 60.0)), waiting(0.0)]
    box = (300.0, 200.0, 700.0, 600.0)  # of the reference size, 1000 px
    moving = pieces(now, before, box, camera=here, size_px=(100, 100), follow=True)
    assert [each.box_px[0] for each in moving] == [30.0, 20.0, 10.0]
    standing = pieces(now, before, box, camera=here, size_px=(100, 100), follow=False)
    assert [each.box_px[0] for each in standing] == [30.0] * 4


# A rule that believes a script, over a real picture, and a real model that looks again.

PARKED = scene(Rule.DWELL, ["car"], dwell_s=4.0, verify=CAR)
STANDS = replace(PARKED, classes=("person",), verify=replace(CAR, classes=("person",), deadline_s=50.0))


def street(shared_data: Path) -> Image:
    """Return a frame with a cyclist at about 276, 1, 528, 270 and nobody at the left."""
    film = cv2.VideoCapture(str(shared_data / "video" / "bikes.mp4"))
    film.set(cv2.CAP_PROP_POS_FRAMES, 200)
    _, image = film.read()
    film.release()
    return np.asarray(image, np.uint8)


def watcher(
    image: Image,
    box: tuple[float, float, float, float],
    judge: CropJudge,
    *,
    one: Scene = PARKED,
    state: CameraState | None = None,
) -> tuple[CameraPipeline, Callable[[int], Frame], SceneModels]:
    times = [round(START + 0.2 * step, 3) for step in range(1000)]
    place = replace(camera([one.code]), width_px=1000, height_px=1000)
    models = SceneModels(judges={"second": judge})
    watch = CameraPipeline(
        camera=place,
        scenes={one.code: one},
        detector=ScriptedDetector(dict.fromkeys(times, detections((one.classes[0], 0.9, box)))),
        settings=PipelineSettings(state_every_s=1.0),
        models=models,
        state=state,
    )

    def frame(step: int) -> Frame:
        return Frame(camera="cam-a", captured_at=datetime.fromtimestamp(START + 0.2 * step, UTC), image=image)

    return watch, frame, models


def all_of(watch: CameraPipeline, frame: Callable[[int], Frame], *, steps: range) -> list[Sighting]:
    found = [each for step in steps for each in watch.step(frame(step)).sightings]
    return [*found, *watch.settle()]


@pytest.mark.parametrize(
    ("box", "outcome"),
    [((276.0, 1.0, 528.0, 270.0), CheckOutcome.AGREED), ((20.0, 20.0, 160.0, 200.0), CheckOutcome.REJECTED)],
)
def test_a_real_model_agrees_that_there_is_somebody_and_not_that_there_is_nobody(
    shared_data: Path, box: tuple[float, float, float, float], outcome: CheckOutcome
):
    judge = open_judge(shared_data / "weights" / FOLDER, threads=1)
    watch, frame, models = watcher(street(shared_data), box, judge, one=STANDS)
    (found,) = all_of(watch, frame, steps=range(40))
    models.close()
    assert found.checked is not None
    assert (found.checked.outcome, found.checked.of, found.checked.weights) == (outcome, 3, judge.version)
    assert judge.version.startswith("yolov8n-coco-int8-640@sha256:")
    assert found.views[-1].seen is not None
    assert found.views[-1].seen["checked"] == found.checked.record()


def test_frames_go_on_while_a_look_takes_long_and_no_state_says_that_it_fired():
    judge = Judge()
    watch, frame, models = watcher(
        GREY, (40.0, 40.0, 60.0, 52.0), judge, one=replace(PARKED, verify=replace(CAR, deadline_s=50.0))
    )
    results = [watch.step(frame(step)) for step in range(60)]
    assert [each for result in results for each in result.sightings] == []
    assert watch.holds
    assert watch.state() is None
    assert {result.state for result in results[30:]} == {None}
    (left,) = watch.settle(wait_s=0.0)
    assert left.checked is not None
    assert left.checked.outcome is CheckOutcome.LATE
    assert watch.state() is not None
    judge.may.set()
    models.close()


def test_a_sighting_leaves_with_a_frame_once_its_time_is_up_and_does_not_fire_again():
    judge = Judge()
    watch, frame, models = watcher(
        GREY, (40.0, 40.0, 60.0, 52.0), judge, one=replace(PARKED, verify=replace(CAR, deadline_s=0.1))
    )
    left = []
    for step in range(60):
        result = watch.step(frame(step))
        if watch.holds:
            time.sleep(0.02)
        if result.sightings:
            assert result.state is not None
            left += result.sightings
    judge.may.set()
    models.close()
    assert [(each.checked.outcome, each.checked.at_most) for each in left if each.checked is not None] == [
        (CheckOutcome.LATE, Mode.CONFIRM)
    ]


def test_a_process_that_ends_while_a_sighting_waits_finds_it_again():
    blocked = Judge()
    first, frame, models = watcher(GREY, (40.0, 40.0, 60.0, 52.0), blocked)
    states = [result.state for step in range(15) if (result := first.step(frame(step))).state is not None]
    assert [each for step in range(15, 30) for each in first.step(frame(step)).sightings] == []
    (once,) = first.settle(wait_s=0.0)
    blocked.may.set()
    models.close()
    again, frame, models = watcher(GREY, (40.0, 40.0, 60.0, 52.0), free(), state=states[-1])
    (twice,) = all_of(again, frame, steps=range(15, 30))
    models.close()
    assert once.id == twice.id
    assert once.checked is not None
    assert once.checked.outcome is CheckOutcome.LATE


@pytest.fixture
def office(tmp_path: Path) -> Iterator[tuple[Desk, SqlCasebook]]:
    book = open_casebook(sqlite_url(tmp_path))
    yield (
        Desk(site=small_site(), casebook=book, clock=FixedClock(NOON), evidence=EvidenceStore(tmp_path / "evidence")),
        book,
    )
    book.close()


def test_whoever_pushes_a_frame_is_told_what_came_of_the_second_look(tmp_path: Path):
    book = open_casebook(sqlite_url(tmp_path))
    clock = FixedClock(NOON)
    one = replace(PARKED, code=Scenes.auto, verify=replace(CAR, deadline_s=50.0))
    place = replace(camera([Scenes.auto]), width_px=100, height_px=100)
    site = replace(small_site(), scenes={Scenes.auto: one}, cameras={"cam-a": place})
    begins = NOON.timestamp() - 30.0
    script = {round(begins + step / 5, 3): detections(("car", 0.9, (40.0, 40.0, 60.0, 52.0))) for step in range(40)}
    models = SceneModels(judges={"second": free(lambda: NO)})
    desk = FrameDesk(
        site=site,
        casebook=book,
        desk=Desk(site=site, casebook=book, clock=clock, evidence=EvidenceStore(tmp_path / "evidence")),
        detector=ScriptedDetector(script),
        clock=clock,
        models=models,
    )
    draw = np.random.default_rng(1)
    taken = [
        desk.take(
            "cam-a",
            datetime.fromtimestamp(at, UTC),
            encoded(draw.integers(80, 100, GREY.shape, np.uint8)),
            principal=INGEST,
        )
        for at in sorted(script)
    ]
    models.close()
    assert sum(len(each.sightings) for each in taken) == 1
    assert [each.cases for each in taken if each.sightings] == [()]
    (trial,) = book.read(lambda asked: asked.trials())
    assert trial.scene == f"{Scenes.auto}/rejected"
    book.close()


def test_who_is_late_or_failed_at_waits_for_a_person_and_the_case_says_why(office: tuple[Desk, SqlCasebook]):
    desk, book = office
    late = without_answer(CheckOutcome.LATE, CAR, reason="no answer within 5 s")
    taken = desk.take(sighting(checked=late), principal=INGEST)
    assert taken.number is not None
    assert taken.dispatch is None
    assert book.case(taken.number).status is Status.REPORTED
    told = book.events(taken.number)[0].details["checked"]
    assert told == late.record()


def test_who_is_agreed_with_goes_out_and_who_is_rejected_is_a_trial_of_the_model(office: tuple[Desk, SqlCasebook]):
    desk, book = office
    sent = desk.take(sighting("a", checked=decided([YES, YES], CAR, weights="m@1")), principal=INGEST)
    assert sent.dispatch is not None
    rejected = decided([NO, NO], CAR, weights="m@1")
    gone = desk.take(sighting("b", camera="cam-a", scene=Scenes.confirm, checked=rejected), principal=INGEST)
    assert (gone.outcome, gone.number) == ("ignore", None)
    (trial,) = desk.trust.trials(principal=DISPATCHER)
    assert (trial.id, trial.scene) == ("b", f"{Scenes.confirm}/rejected")
    desk.trust.judge_trial("b", confirmed=False, reason=next(iter(FalseReason)), principal=DISPATCHER)
    blamed = book.read(lambda asked: asked.outcome_counts("cam-a", Scenes.confirm, since=None, most=100))
    assert blamed == (0, 0), "the scene is not blamed for what its second look has kept back"
    assert [(each.scene, each.confirmed) for each in book.read(lambda asked: asked.outcomes())] == [
        (f"{Scenes.confirm}/rejected", False)
    ]


def test_a_classifier_looks_at_pieces_and_what_is_no_model_is_named(tmp_path: Path, shared_data: Path):
    try:
        ultralytics = import_ultralytics(offline=True)
    except LibraryMissingError as error:
        pytest.skip(str(error))
    path = tmp_path / "colours.pt"
    plain = ultralytics.YOLO("yolo11n-cls.yaml", verbose=False)
    plain.model.names = {row: f"class-{row}" for row in range(len(plain.names))}
    plain.save(str(path))
    judge = open_judge(path, threads=1)
    said = judge.say(np.full((40, 60, 3), 120, np.uint8), (0.0, 0.0, 60.0, 40.0))
    assert len(said) == 5
    assert {each.class_name for each in said} <= judge.classes
    assert said == sorted(said, key=lambda each: -each.confidence)
    for shape in ((8, 8), (8, 4000), (3000, 10)):
        assert judge.say(np.full((*shape, 3), 120, np.uint8), (0.0, 0.0, 1.0, 1.0))
    assert judge.version.startswith("colours@sha256:")
    judge.close()
    with pytest.raises(WeightsMissingError):
        open_judge(tmp_path / "nowhere.pt")
    (tmp_path / "garbage.pt").write_bytes(b"garbage")
    with pytest.raises(NotAModelError):
        open_judge(tmp_path / "garbage.pt")
    one = open_judge(shared_data / "weights" / "yolo26n-coco-rebuilt.pt", threads=1)
    assert isinstance(one, DetectorJudge)
    assert "car" in one.classes


@pytest.mark.parametrize("shape", [(8, 8), (50, 30), (224, 224), (8, 8000), (6000, 9)])
def test_a_piece_becomes_a_square_of_its_middle(shape: tuple[int, int]):
    image = np.zeros((*shape, 3), np.uint8)
    image[..., 2] = 255  # red, in blue, green, red
    square = squared(image, 64)
    assert (square.shape, square.dtype) == ((1, 3, 64, 64), np.float32)
    assert square[0, 0].min() == 1.0
    assert square[0, 1:].max() == 0.0


def test_what_stands_beside_the_thing_does_not_speak_for_it(shared_data: Path):
    judge = DetectorJudge(OpenVinoDetector(shared_data / "weights" / FOLDER, threads=1))
    image = street(shared_data)
    assert any(each.class_name == "person" for each in judge.say(image, (276.0, 1.0, 528.0, 270.0)))
    assert not any(each.class_name == "person" for each in judge.say(image, (0.0, 20.0, 160.0, 200.0)))
    judge.close()
