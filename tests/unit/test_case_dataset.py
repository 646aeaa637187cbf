"""Cases become pictures and labels; old and new weights are compared on those held back, and fine-tuning is real."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from databases import sqlite_url
from hypothesis import given
from hypothesis import strategies as st
from small_site import DISPATCHER, INGEST, NOON, Scenes, sighting, small_site, spot
from typer.testing import CliRunner

from api.cli import app
from api.commands import learning
from models.detections import Detections
from models.detector import Image
from pipeline.case_dataset import (
    DatasetFolderError,
    NoDatasetError,
    NothingToLearnError,
    read_manifest,
    split_of,
    write_dataset,
)
from pipeline.cases import Action
from pipeline.clocks import FixedClock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.originals import NoRightError
from pipeline.principal import Principal, Right, Role
from pipeline.safe import Safe
from pipeline.scenes import Rule
from pipeline.sightings import View
from pipeline.sql_casebook import SqlCasebook, open_casebook
from pipeline.trust import FalseReason, TrustPolicy
from pipeline.weights_compared import TooFewHeldBackError, compare, shows, sign_test

LEARNER = Principal(name="Sun", role=Role.ADMIN, rights=frozenset({Right.OPEN_ORIGINALS}))
OWN = [40.0, 30.0, 80.0, 60.0]
PERSON = [100.0, 20.0, 120.0, 80.0]
NOISE = np.random.default_rng(3).integers(0, 255, (90, 160, 3), np.uint8)


class Office:
    """A desk whose camera sees one thing in each of many places."""

    def __init__(self, folder: Path) -> None:
        self.casebook: SqlCasebook = open_casebook(sqlite_url(folder))
        self.clock, site = FixedClock(NOON), small_site()
        # Levels stay where they are, whatever is said of the cases.
        self.site = replace(site, settings=replace(site.settings, trust=TrustPolicy(moves=False)))
        evidence = EvidenceStore(folder / "evidence", safe=Safe(folder / "evidence.key"))
        self.desk = Desk(site=self.site, casebook=self.casebook, clock=self.clock, evidence=evidence)
        self.seen = 0

    def sight(self) -> str:
        self.seen += 1
        self.clock.at += timedelta(minutes=1)
        jpeg = cv2.imencode(".jpg", NOISE)[1].tobytes()
        told = {
            "size_px": [160, 90],
            "boxes": [[*OWN, "car", 0.8], [*PERSON, "person", 0.9], [1.0, 1.0, 5.0, 5.0, "car", 0.2]],
            "hidden": [[*OWN, "car", 0.8], [*PERSON, "person", 0.9]],
            "box_px": OWN,
            "class_name": "car",
        }
        picture = View(label="at", captured_at=self.clock.at, jpeg=jpeg, original=jpeg, seen=told)
        at = spot("A", 25.0 * (self.seen % 16) - 200.0, 25.0 * (self.seen // 16) - 200.0)
        seen = sighting(f"d{self.seen}", at, when=self.clock.at, views=(picture,))
        return str(self.desk.take(seen, principal=INGEST).number)

    def confirm(self, number: str) -> str:
        for action in (Action.ACCEPT, Action.ARRIVE, Action.DONE):
            self.desk.act(number, action, principal=DISPATCHER, note="moved")
        return number

    def false(self, number: str, reason: FalseReason = FalseReason.OTHER_THING) -> str:
        self.desk.trust.say_false(number, reason, principal=DISPATCHER)
        return number

    def write(self, folder: Path, principal: Principal = LEARNER, *, blur: bool = True) -> object:
        return write_dataset(
            folder,
            casebook=self.casebook,
            originals=self.desk.originals,
            site=self.site,
            principal=principal,
            blur=blur,
        )


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.casebook.close()


def labels(folder: Path, number: str) -> list[list[float]]:
    (path,) = folder.rglob(f"labels/*/{number}-*.txt")
    return [[float(value) for value in line.split()] for line in path.read_text().splitlines()]


def test_what_was_confirmed_is_labelled_and_what_was_not_there_is_not(office: Office, tmp_path: Path):
    real, wrong = office.confirm(office.sight()), office.false(office.sight())
    allowed = office.false(office.sight(), FalseReason.PERMITTED)
    office.false(office.sight(), FalseReason.TEST)
    office.sight()  # nobody has said anything of it
    folder = tmp_path / "set"
    figures = office.write(folder)
    assert (figures.pictures, figures.confirmed, figures.false, figures.without_original) == (3, 1, 2, 0)
    names = json.loads((folder / "data.yaml").read_text())["names"]
    assert names == {"0": "car", "1": "person"}
    own = [0, 60 / 160, 45 / 90, 40 / 160, 30 / 90]
    person = [1, 110 / 160, 50 / 90, 20 / 160, 60 / 90]
    for number, expected in ((real, [own, person]), (wrong, [person]), (allowed, [own, person])):
        assert labels(folder, number) == [pytest.approx(each, abs=1e-5) for each in expected]
    for record in read_manifest(folder):
        assert record["split"] == split_of(record["case"])
        assert (folder / record["image"]).is_file()
    assert not list(tmp_path.glob(".set*"))


def test_each_opening_is_told_in_the_case_s_history(office: Office, tmp_path: Path):
    number = office.confirm(office.sight())
    office.write(tmp_path / "set")
    told = office.casebook.events(number)[-1]
    assert (told.action, told.actor) == ("open-original", "Sun")


def test_pictures_are_blurred_as_evidence_is(office: Office, tmp_path: Path):
    office.confirm(office.sight())
    office.write(tmp_path / "set")
    office.write(tmp_path / "plain", blur=False)

    def roughness(folder: Path) -> float:
        (path,) = folder.rglob("*.jpg")
        head = cv2.imread(str(path))[22:38, 101:119]
        return float(cv2.Laplacian(head, cv2.CV_64F).std())

    assert roughness(tmp_path / "set") < 0.1 * roughness(tmp_path / "plain")


def test_a_lost_file_costs_its_own_case_only(office: Office, tmp_path: Path):
    kept, lost = office.confirm(office.sight()), office.confirm(office.sight())
    (picture,) = office.casebook.evidence(lost)
    (tmp_path / "evidence" / str(picture.original_path)).unlink()
    figures = office.write(tmp_path / "set")
    assert (figures.pictures, figures.confirmed, figures.without_original) == (1, 1, 1)
    assert [each["case"] for each in read_manifest(tmp_path / "set")] == [kept]
    (picture,) = office.casebook.evidence(kept)
    (tmp_path / "evidence" / str(picture.original_path)).unlink()
    with pytest.raises(NothingToLearnError):
        office.write(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_nothing_is_written_without_pictures_right_or_a_new_folder(office: Office, tmp_path: Path):
    with pytest.raises(NothingToLearnError):
        office.write(tmp_path / "set")
    office.confirm(office.sight())
    with pytest.raises(NoRightError):
        office.write(tmp_path / "set", DISPATCHER)
    assert not (tmp_path / "set").exists()
    assert not list(tmp_path.glob(".set*"))
    office.write(tmp_path / "set")
    with pytest.raises(DatasetFolderError):
        office.write(tmp_path / "set")


def test_about_a_fifth_is_held_back_and_always_the_same():
    held = [split_of(f"YP20261123-{index:04d}") == "val" for index in range(2000)]
    assert 0.17 < sum(held) / len(held) < 0.23
    assert split_of("YP20261123-0001") == split_of("YP20261123-0001")


class Seeing:
    """A detector that sees the thing in so many of its pictures, by their order."""

    class_names: Mapping[int, str] = {0: "car"}
    classless = False
    version = "seeing@0"

    def __init__(self, sees: set[int]) -> None:
        self._sees, self._asked = sees, -1

    def detect(self, image: Image, **settings: object) -> Detections:  # noqa: ARG002 - whatever it is shown
        self._asked += 1
        shown = self._asked in self._sees
        return Detections(
            boxes_px=np.array([OWN] if shown else [], np.float32).reshape(-1, 4),
            confidence=np.full(int(shown), 0.9, np.float32),
            class_ids=np.zeros(int(shown), np.int32),
            class_names=self.class_names,
        )

    def close(self) -> None: ...


def test_old_and_new_are_compared_case_by_case(office: Office, tmp_path: Path):
    for index in range(80):
        number = office.sight()
        office.confirm(number) if index % 2 else office.false(number)
    office.write(tmp_path / "set")
    held = [each for each in read_manifest(tmp_path / "set") if each["split"] == "val"]
    real = {row for row, each in enumerate(held) if each["confirmed"]}
    every = set(range(len(held)))
    scenes = office.site.scenes
    better = compare(tmp_path / "set", Seeing(every), Seeing(real), scenes=scenes)
    assert (better.new.found.value, better.new.silent.value, better.old.silent.value) == (1.0, 1.0, 0.0)
    assert (better.only_new, better.only_old) == (len(every - real), 0)
    assert better.verdict == "better"
    assert compare(tmp_path / "set", Seeing(real), Seeing(every - real), scenes=scenes).verdict == "worse"
    assert compare(tmp_path / "set", Seeing(real), Seeing(real), scenes=scenes).verdict == "no difference shown"
    with pytest.raises(TooFewHeldBackError):
        compare(tmp_path / "set", Seeing(real), Seeing(real), scenes={})


def test_what_cannot_be_compared_is_refused_before_hours_of_training(
    office: Office, tmp_path: Path, sample_site: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(learning, "fine_tune", lambda *_, **__: pytest.fail("was trained"))
    office.confirm(office.sight())
    office.write(tmp_path / "set")
    command = ["train", "--site", str(sample_site), "--from", "old.pt", "--dataset"]
    few = CliRunner().invoke(app, [*command, str(tmp_path / "set")])
    assert isinstance(few.exception, TooFewHeldBackError)
    none = CliRunner().invoke(app, [*command, str(tmp_path / "nowhere")])
    assert isinstance(none.exception, NoDatasetError)
    assert "cases.json" in str(none.exception)


def test_a_group_shows_when_enough_are_in_it():
    crowd = replace(small_site().scenes[Scenes.auto], rule=Rule.CROWD, count=2)
    case = {"box_px": [0, 0, 100, 100], "grouped": True}
    boxes = np.array([[10, 10, 20, 20], [80, 80, 90, 90], [200, 10, 220, 20]], np.float32)
    for chosen, expected in (([0, 1], True), ([0, 2], False), ([], False)):
        seen = Detections(
            boxes_px=boxes[chosen],
            confidence=np.full(len(chosen), 0.9, np.float32),
            class_ids=np.zeros(len(chosen), np.int32),
            class_names={0: "car"},
        )
        assert shows(seen, crowd, case) is expected


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_sign_test_is_that_of_the_binomial(a: int, b: int):
    from scipy.stats import binomtest

    expected = binomtest(a, a + b).pvalue if a + b else 1.0
    assert sign_test(a, b) == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
def test_weights_learn_on_and_the_old_ones_stay(office: Office, tmp_path: Path):
    """A real model, one pass: new weights come out that load, know the old classes, and differ."""
    import torch
    from ultralytics.nn.tasks import DetectionModel

    from models.fine_tuning import TuningPlan, fine_tune
    from models.yolo import YoloDetector, import_ultralytics

    import_ultralytics(offline=True)
    for index in range(6):
        number = office.sight()
        office.confirm(number) if index % 2 else office.false(number)
    office.write(tmp_path / "set")
    model = DetectionModel("yolov8n.yaml", nc=2, verbose=False)
    model.names = {0: "tree", 1: "car"}
    weights = tmp_path / "old.pt"
    torch.save({"model": model, "train_args": {}}, weights)
    before = weights.read_bytes()
    plan = TuningPlan(epochs=1, size_px=64, batch=2, frozen=0)
    tuned = fine_tune(weights, tmp_path / "set", tmp_path / "tuned", plan=plan)
    assert weights.read_bytes() == before
    assert tuned.read_bytes() != before
    detector = YoloDetector(tuned)
    assert [detector.class_names[key] for key in sorted(detector.class_names)] == ["tree", "car", "person"]
    detector.close()
    relabelled = sorted({line.split()[0] for path in tmp_path.glob("tuned/data/labels/*/*.txt")
                         for line in path.read_text().splitlines()})  # fmt: skip
    assert relabelled == ["1", "2"], "the model's own numbers"
