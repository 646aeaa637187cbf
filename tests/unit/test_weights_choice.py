"""Choosing how weights run: boxes are compared one to one, and the fastest export that agrees is kept, whole."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from api.cli import app
from models import weights_choice
from models.detections import Detections
from models.openvino import OpenVinoDetector
from models.weights_choice import (
    NoAgreementError,
    NoPicturesError,
    OutputTakenError,
    TooFewBoxesError,
    agreed,
    choose,
)

NAMES = {0: "person", 1: "car"}


def boxes(*rows: tuple[float, float, float, float, int]) -> Detections:
    return Detections(
        boxes_px=np.array([row[:4] for row in rows], np.float32).reshape(-1, 4),
        confidence=np.full(len(rows), 0.8, np.float32),
        class_ids=np.array([row[4] for row in rows], np.int32),
        class_names=NAMES,
    )


PERSON, MOVED, CAR = (10, 10, 50, 90, 0), (12, 10, 52, 90, 0), (10, 10, 50, 90, 1)
AWAY = (300, 10, 340, 90, 0)


@pytest.mark.parametrize(
    ("wanted", "found", "share"),
    [
        ((), (), 1.0),
        ((PERSON,), (MOVED,), 1.0),
        ((PERSON,), (CAR,), 0.0),
        ((PERSON,), (), 0.0),
        ((), (PERSON,), 0.0),
        ((PERSON, AWAY), (MOVED,), 0.5),
        ((PERSON,), (PERSON, MOVED), 0.5),
    ],
)
def test_boxes_agree_one_to_one(wanted: tuple, found: tuple, share: float):
    assert agreed([boxes(*wanted)], [boxes(*found)]) == share


def test_a_folder_without_pictures_is_told(tmp_path: Path, shared_data: Path):
    with pytest.raises(NoPicturesError, match="holds no"):
        choose(shared_data / "weights" / "yolo26n-coco-rebuilt.pt", tmp_path / "out", pictures=tmp_path)
    assert not (tmp_path / "out").exists()


def test_what_is_no_export_is_not_replaced(tmp_path: Path, shared_data: Path):
    weights, out = shared_data / "weights" / "yolo26n-coco-rebuilt.pt", tmp_path / "out"
    out.mkdir()
    for name in ("m.xml", "metadata.yaml", "other.pt"):
        (out / name).touch()
    with pytest.raises(OutputTakenError, match=r"holds other\.pt"):
        choose(weights, out)
    assert len(list(out.iterdir())) == 3
    with pytest.raises(OutputTakenError, match="a file's content"):
        choose(weights, out / "m.xml")


def test_pictures_that_show_too_little_are_told_before_anything_is_exported(
    tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(weights_choice, "_exported", lambda *_, **__: pytest.fail("something was exported"))
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((90, 160, 3), 128, np.uint8))
    weights, out = shared_data / "weights" / "yolo26n-coco-rebuilt.pt", tmp_path / "new" / "out"
    with pytest.raises(TooFewBoxesError, match="0 boxes in 1 pictures, expected 5"):
        choose(weights, out, pictures=tmp_path, size_px=320)
    assert not out.parent.exists()


def test_why_int8_is_not_tried(monkeypatch: pytest.MonkeyPatch):
    picture = np.zeros((8, 8, 3), np.uint8)
    assert "16 pictures" in weights_choice._no_int8([picture] * 7)
    monkeypatch.setitem(sys.modules, "nncf", None)
    assert "beatgrid[int8]" in weights_choice._no_int8([picture] * 8)


@pytest.mark.slow
def test_a_pt_file_becomes_a_folder_that_finds_the_same(
    tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
):
    weights, views = shared_data / "weights" / "yolo26n-coco-rebuilt.pt", tmp_path / "views"
    views.mkdir()
    capture = cv2.VideoCapture(str(shared_data / "video" / "vtest.avi"))
    for number in range(16):
        cv2.imwrite(str(views / f"{number:02d}.png"), capture.read()[1])
    out = tmp_path / "chosen"
    arguments = ["weights", str(weights), "-o", str(out), "--pictures", str(views), "--size", "320", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    measured = {each["precision"]: each["agreement"] for each in told["candidates"]}
    assert [*measured] == ["float32", "float16", "int8"]
    assert told["precision"] in {name for name, share in measured.items() if share >= 0.95}
    assert min(measured["float32"], measured["float16"]) >= 0.95
    assert measured["int8"] >= 0.8
    assert told["int8_left_out"] is None
    assert told["pictures"] == 8
    detector = OpenVinoDetector(out)
    assert detector.input_size == (320, 320)
    assert "person" in detector.detect(cv2.imread(str(views / "00.png"))).names()
    detector.close()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    monkeypatch.setattr(weights_choice, "BITS", {"float32": 32})
    monkeypatch.setattr(weights_choice, "LEAST_AGREEMENT", 1.1)
    monkeypatch.setattr(weights_choice, "_no_int8", lambda _: "tried above")
    before = sorted(path.stat().st_mtime_ns for path in out.iterdir())
    with pytest.raises(NoAgreementError, match="nothing was kept"):
        choose(weights, out, pictures=views, size_px=320)
    assert sorted(path.stat().st_mtime_ns for path in out.iterdir()) == before
