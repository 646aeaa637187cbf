import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from district_scenes import rendering_or_skip
from hypothesis import given
from hypothesis import strategies as st

from models.detections import Detections
from models.detector import Image
from models.openvino import OpenVinoDetector
from models.registry import DISTRICT_WEIGHTS
from pipeline.catalogue import Catalogue
from pipeline.district import dataset_sheet
from pipeline.district.dataset import (
    CLASSES,
    MOMENTS,
    SIZE_PX,
    Dataset,
    DatasetSizeError,
    LabelFileError,
    OtherDatasetError,
    Sheet,
    Split,
    label_lines,
    read_label,
)
from pipeline.district.dataset_children import DrawingFailedError, draw_dataset
from pipeline.district.dataset_score import NoPicturesError, OtherClassesError, PictureFileError, score_dataset
from pipeline.district.plan import strip_of
from pipeline.district.stage import LEARNED, Kind, Placed, SeenThing, Surface
from pipeline.district.stages import LEDGE_M
from pipeline.site_files import read_site

WHOLE = Sheet(split=Split.TRAIN, number=0)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_site(Path(__file__).resolve().parents[2] / "boundaries" / "yingpu").catalogue


def dataset(folder: Path, *, images: int = 40, seed: int = 0) -> Dataset:
    return Dataset(folder=folder, images=images, seed=seed)


def seen(box: tuple[float, float, float, float], *, kind: Kind = Kind.BIN, share: float = 1.0) -> SeenThing:
    return SeenThing(actor=1, kind=kind, box_px=box, full_box_px=box, visible_share=share)


# --- what is in it ---


def test_every_picture_has_its_place_and_no_split_shares_a_stage(tmp_path: Path) -> None:
    made = dataset(tmp_path, images=100)
    sheets = list(made.sheets())
    counts = Counter(sheet.split for sheet in sheets)
    assert counts[Split.TRAIN] * MOMENTS >= 100 > (counts[Split.TRAIN] - 1) * MOMENTS
    assert counts[Split.TEST] * MOMENTS >= 200
    entropies = {sheet.entropy(0) for sheet in sheets}
    paths = {made.image(sheet.split, name) for sheet in sheets for name in sheet.names}
    assert len(entropies) == len(sheets)
    assert len(paths) == MOMENTS * len(sheets)
    assert {sheet.entropy(1) for sheet in sheets}.isdisjoint(entropies)


def test_a_larger_dataset_holds_the_smaller_one(tmp_path: Path) -> None:
    assert set(dataset(tmp_path).sheets()) < set(dataset(tmp_path, images=400).sheets())


@pytest.mark.parametrize("images", [-1, 0, 39, 100_001])
def test_a_size_that_makes_no_sense_is_refused(tmp_path: Path, images: int) -> None:
    with pytest.raises(DatasetSizeError, match=str(images)):
        dataset(tmp_path, images=images)


def test_ultralytics_finds_the_splits_and_the_names(tmp_path: Path) -> None:
    made = dataset(tmp_path / "data")
    made.prepare()
    facts = yaml.safe_load(made.yaml.read_text(encoding="utf-8"))
    assert facts["names"] == dict(enumerate(kind.value for kind in LEARNED))
    for split in Split:
        assert (Path(facts["path"]) / facts[split.value]).is_dir()


def test_a_folder_with_another_seed_is_refused(tmp_path: Path) -> None:
    dataset(tmp_path).prepare()
    dataset(tmp_path, images=80).prepare()
    with pytest.raises(OtherDatasetError, match="seed 0, not 1"):
        dataset(tmp_path, seed=1).prepare()


# --- labels ---


def test_little_of_a_thing_and_little_things_are_not_labelled() -> None:
    shown = [seen((10, 10, 30, 40)), seen((10, 10, 30, 40), share=0.2), seen((10, 10, 15, 40)), seen((0, 0, 640, 5))]
    assert label_lines(shown).splitlines() == [f"{CLASSES.index('bin')} 0.03125 0.06944 0.03125 0.08333"]


sides = st.floats(7.0, 300.0)


@given(x=st.floats(0, 330), y=st.floats(0, 50), width=sides, height=sides, kind=st.sampled_from(LEARNED))
def test_labels_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, x: float, y: float, width: float, height: float, kind: Kind
) -> None:
    box = (x, y, x + width, y + height)
    path = tmp_path_factory.getbasetemp() / "label.txt"
    path.write_text(label_lines([seen(box, kind=kind)]), encoding="utf-8")
    ((row, found),) = read_label(path, SIZE_PX)
    assert CLASSES[row] == kind.value
    assert np.allclose(found, box, atol=0.02)


@pytest.mark.parametrize("line", ["x", "0 0.5 0.5 0.1", "99 0.5 0.5 0.1 0.1", "0.5 0.5 0.5 0.1 0.1", "0 0.5 nan 1 1"])
def test_a_broken_label_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n", encoding="utf-8")
    with pytest.raises(LabelFileError, match="line 2"):
        read_label(path, SIZE_PX)


# --- stages and casts ---


def test_poses_differ_from_stage_to_stage_and_stay_usable() -> None:
    views = [dataset_sheet.view_of(np.random.default_rng(number)) for number in range(60)]
    poses = [stage.pose for stage, _ in views]
    assert len({pose.yaw_deg for pose in poses}) == len(poses)
    assert all(3.8 <= pose.height_m <= 9.5 and 9.0 <= pose.pitch_deg <= 42.0 for pose in poses)
    assert {conditions.light.value for _, conditions in views} == {"day", "dusk", "night"}
    assert {conditions.weather.value for _, conditions in views} == {"clear", "rain", "fog"}


def test_casts_have_every_class_often_and_stand_where_such_things_are(catalogue: Catalogue) -> None:
    counts: Counter[str] = Counter()
    off = wheels = 0
    at_the_water: list[Placed] = []
    for number in range(24):
        draw = np.random.default_rng(number)
        stage, _ = dataset_sheet.view_of(draw)
        water = [strip_of(patch) for patch in stage.patches if patch.surface is Surface.WATER]
        for moment in dataset_sheet.moments_of(stage, catalogue, draw):
            ids = [placed.actor.id for placed in moment.placed]
            assert len(set(ids)) == len(ids)
            at_the_water += [placed for placed in moment.placed if placed.z_m == LEDGE_M]
            for placed in moment.placed:
                counts[placed.actor.kind.value] += 1
                wet = any(s.y_m[0] <= placed.y_m <= s.y_m[1] for s in water)
                if placed.actor.kind is Kind.FLOATING_RUBBISH:
                    assert wet
                elif placed.actor.kind is Kind.CAR:
                    wheels, off = wheels + 1, off + wet
    assert set(counts) == set(CLASSES)
    assert off == 0 < wheels
    assert len(at_the_water) >= 10
    assert {placed.actor.kind for placed in at_the_water} == {Kind.PERSON}
    assert max(counts.values()) < 40 * min(counts.values())


# --- drawing ---


def test_a_sheet_is_drawn_whole_labelled_and_the_same_again(tmp_path: Path, catalogue: Catalogue) -> None:
    rendering_or_skip()
    one, other = dataset(tmp_path / "one"), dataset(tmp_path / "other")
    for made in (one, other):
        made.prepare()
    assert dataset_sheet.draw_sheet(WHOLE, one, catalogue) == MOMENTS
    assert one.whole(WHOLE)
    labelled = 0
    for name in WHOLE.names:
        image = cv2.imread(str(one.image(Split.TRAIN, name)))
        assert image is not None
        assert image.shape == (SIZE_PX[1], SIZE_PX[0], 3)
        rows = read_label(one.label(Split.TRAIN, name), SIZE_PX)
        labelled += len(rows)
        assert all(min(b[2] - b[0], b[3] - b[1]) > 5.9 for _, b in rows)
    assert labelled > MOMENTS
    # A sheet of which pictures are lacking gets those, and the same ones.
    for name in WHOLE.names[2:]:
        other.image(Split.TRAIN, name).write_bytes(b"kept")
    assert dataset_sheet.draw_sheet(WHOLE, other, catalogue) == 2
    for name in WHOLE.names[:2]:
        assert other.image(Split.TRAIN, name).read_bytes() == one.image(Split.TRAIN, name).read_bytes()
        assert other.label(Split.TRAIN, name).read_bytes() == one.label(Split.TRAIN, name).read_bytes()
    assert other.image(Split.TRAIN, WHOLE.names[2]).read_bytes() == b"kept"


def test_drawing_that_is_killed_leaves_whole_pictures_and_goes_on(tmp_path: Path, sample_site: Path) -> None:
    rendering_or_skip()
    made = dataset(tmp_path / "data")
    made.prepare()
    words = [sys.executable, "-m", "pipeline.district.dataset_children", made.folder, sample_site, 40, 0, 0, 4, "train"]
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen([str(word) for word in words], cwd=root, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    until = time.monotonic() + 120.0
    while not made.count(Split.TRAIN) and time.monotonic() < until and child.poll() is None:
        time.sleep(0.02)
    child.kill()
    child.wait()
    pictures = sorted((made.folder / "images" / "train").glob("*.jpg"))
    assert pictures
    for path in pictures:
        assert cv2.imread(str(path)) is not None
        read_label(made.label(Split.TRAIN, path.stem), SIZE_PX)
    before = {path: path.stat().st_mtime_ns for path in pictures}
    for sheet in made.missing():
        if sheet != WHOLE:  # as if they were drawn: one sheet is enough to see it go on
            for name in sheet.names:
                made.image(sheet.split, name).write_bytes(b"")
    shares: list[float] = []
    assert draw_dataset(made, sample_site, processes=1, most_s=300.0, progress=shares.append)
    assert made.missing() == []
    assert {path: path.stat().st_mtime_ns for path in pictures} == before
    assert shares == sorted(shares)


def test_a_child_that_fails_says_why(tmp_path: Path) -> None:
    rendering_or_skip()
    with pytest.raises(DrawingFailedError, match=r"site\.toml|absent"):
        draw_dataset(dataset(tmp_path / "data"), tmp_path / "absent", processes=1, most_s=60.0)


# --- the score ---


class Oracle:
    """A detector that reads the labels; it may miss a class."""

    name, version, classless = "oracle", "oracle", False

    def __init__(self, made: Dataset, *, blind: int | None = None) -> None:
        self.class_names = dict(enumerate(CLASSES))
        self.labels = [read_label(path, SIZE_PX) for path in sorted((made.folder / "labels" / "test").glob("*.txt"))]
        self.blind = blind

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        del image, stream, confidence
        rows = [(kind, box) for kind, box in self.labels[round(at_s)] if kind != self.blind]
        return Detections(
            boxes_px=np.array([box for _, box in rows], np.float32).reshape(-1, 4),
            confidence=np.full(len(rows), 0.5, np.float32),
            class_ids=np.array([kind for kind, _ in rows], np.int32),
            class_names=self.class_names,
        )

    def close(self) -> None:
        pass


def drawn_by_hand(folder: Path) -> Dataset:
    made = dataset(folder)
    made.prepare()
    for number in range(3):
        name = f"test-00000-{number}"
        text = "0 0.5 0.5 0.1 0.2\n1 0.2 0.2 0.1 0.1\n1 0.8 0.8 0.01 0.05\n"
        made.label(Split.TEST, name).write_text(text, encoding="utf-8")
        cv2.imwrite(str(made.image(Split.TEST, name)), np.zeros((360, 640, 3), np.uint8))
    return made


def test_who_knows_the_truth_scores_one_and_who_misses_a_class_none_of_it(tmp_path: Path) -> None:
    made = drawn_by_hand(tmp_path)
    record = score_dataset(made, Oracle(made)).record()
    assert (record["map50"], record["pictures"]) == (1.0, 3)
    assert record["truths"] == {name: 3 if name in {"person", "car"} else 0 for name in CLASSES}
    blind = score_dataset(made, Oracle(made, blind=1))
    assert (blind.by_class["car"].precision, blind.mean) == (0.0, 0.5)


def test_what_cannot_be_scored_is_refused(tmp_path: Path) -> None:
    made = dataset(tmp_path)
    made.prepare()
    detector = Oracle(made)
    with pytest.raises(NoPicturesError):
        score_dataset(made, detector)
    made.image(Split.TEST, "test-00000-0").write_bytes(b"no picture")
    with pytest.raises(PictureFileError):
        score_dataset(made, detector)
    detector.class_names = {0: "cat"}
    with pytest.raises(OtherClassesError, match="cat"):
        score_dataset(made, detector)


# --- the weights that ship ---


def test_the_weights_that_ship_are_small_and_say_what_they_know() -> None:
    assert sum(path.stat().st_size for path in DISTRICT_WEIGHTS.iterdir() if path.suffix != ".md") <= 6_000_000
    detector = OpenVinoDetector(DISTRICT_WEIGHTS, threads=1)
    assert [detector.class_names[row] for row in range(len(CLASSES))] == list(CLASSES)
    detector.close()
    for file in ("README.md", "metadata.yaml"):
        assert "simulated district" in (DISTRICT_WEIGHTS / file).read_text(encoding="utf-8")


def test_the_weights_that_ship_find_what_is_near_on_a_stage_they_never_saw(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    rendering_or_skip()
    made = dataset(tmp_path, seed=20_260)
    made.prepare()
    sheet = Sheet(split=Split.TEST, number=0)
    dataset_sheet.draw_sheet(sheet, made, catalogue)
    detector = OpenVinoDetector(DISTRICT_WEIGHTS, threads=1)
    score = score_dataset(made, detector, least_px=24.0)
    detector.close()
    assert sum(each.truths for each in score.by_class.values()) >= 20
    assert score.mean is not None
    assert score.mean > 0.5
