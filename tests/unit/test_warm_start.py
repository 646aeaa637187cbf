"""A training that begins from an export computes what the export does, and refuses what it cannot begin from."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from patient_training import trained_past
from typer import Typer
from typer.testing import CliRunner

from api.commands import train as command
from models import training_plan
from models.errors import WeightsMissingError
from models.openvino import OpenVinoDetector
from models.registry import DISTRICT_WEIGHTS
from models.training_export import export
from models.training_plan import STATE, OtherPlanError, TrainingPlan, keep_plan, read_plan
from models.warm_start import CannotBeginError, begin_from
from pipeline.district.dataset import CLASSES, Dataset

NAMES = dict(enumerate(CLASSES))


def picture(seed: int) -> np.ndarray:
    """Return a grey street with a few bright and dark boxes: enough for a detector to say something of."""
    draw = np.random.default_rng(seed)
    image = draw.normal(110, 12, (360, 640, 3))
    for _ in range(12):
        x, y, wide, high = draw.integers(0, 560), draw.integers(40, 280), draw.integers(12, 80), draw.integers(20, 80)
        image[y : y + high, x : x + wide] = draw.integers(0, 255, 3)
    return np.clip(image, 0, 255).astype(np.uint8)


def pictures(folder: Path, names: dict[int, str], count: int = 6) -> Path:
    (folder / "images" / "train").mkdir(parents=True)
    for row in range(count):
        cv2.imwrite(str(folder / "images" / "train" / f"{row}.png"), picture(row))
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump({"path": str(folder), "train": "images/train", "names": names}), encoding="utf-8")
    return path


def plan(data: Path, start: Path = DISTRICT_WEIGHTS, **about: object) -> TrainingPlan:
    return TrainingPlan(data=data, minutes=10.0, start=start, **about)  # type: ignore[arg-type]  # a test's fields


@pytest.mark.slow
def test_what_began_from_an_export_is_exported_as_what_it_was(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", exc_type=ImportError)
    wanted = plan(pictures(tmp_path / "data", NAMES))
    keep_plan(tmp_path / "training", wanted)
    begin_from(DISTRICT_WEIGHTS, tmp_path / "training", wanted)
    again = export(tmp_path / "training", tmp_path / "again", names=NAMES, description="the same")
    first, second = OpenVinoDetector(DISTRICT_WEIGHTS, threads=1), OpenVinoDetector(again, threads=1)
    try:
        seen = 0
        for seed in range(3):
            one, other = (each.detect(picture(seed), confidence=0.01) for each in (first, second))
            assert one.class_ids.tolist() == other.class_ids.tolist()
            np.testing.assert_allclose(other.confidence, one.confidence, atol=2e-3)
            np.testing.assert_allclose(other.boxes_px, one.boxes_px, atol=0.5)
            seen += len(one)
        assert seen >= 3
    finally:
        first.close()
        second.close()


@pytest.mark.slow
def test_normalisations_know_what_pictures_make_of_them(tmp_path: Path) -> None:
    """Batches seen in training mode are then much like what was measured, so the first steps unlearn little."""
    pytest.importorskip("ultralytics", exc_type=ImportError)
    import torch

    wanted = plan(pictures(tmp_path / "data", NAMES))
    (tmp_path / "training").mkdir()
    begin_from(DISTRICT_WEIGHTS, tmp_path / "training", wanted)
    state = torch.load(tmp_path / "training" / STATE, weights_only=True)
    spreads = torch.cat([value for name, value in state["model"].items() if name.endswith("running_var")])
    gains = torch.cat([state["model"][name] for name in state["model"] if name.endswith("bn.weight")])
    assert state["optimizer"] is None
    assert state["passes"] == 0
    assert bool(torch.isfinite(spreads).all())
    assert float((spreads - 1.0).abs().median()) > 0.05
    torch.testing.assert_close(gains * gains, spreads + 1e-3, rtol=1e-3, atol=1e-5)


def test_another_list_of_classes_is_refused(tmp_path: Path) -> None:
    wanted = plan(pictures(tmp_path / "data", {0: "red", 1: "green"}))
    with pytest.raises(CannotBeginError, match=r"classes person, car.*expected the data set's, red, green"):
        begin_from(DISTRICT_WEIGHTS, tmp_path, wanted)
    assert not (tmp_path / STATE).exists()


@pytest.mark.slow
def test_another_architecture_and_a_data_set_without_pictures_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", exc_type=ImportError)
    data = pictures(tmp_path / "data", NAMES, count=1)
    with pytest.raises(CannotBeginError, match=r"expected the plan's architecture|of shape"):
        begin_from(DISTRICT_WEIGHTS, tmp_path, plan(data, architecture="yolov8n.yaml"))
    (tmp_path / "data" / "images" / "train" / "0.png").write_bytes(b"no picture")
    with pytest.raises(CannotBeginError, match=r"0\.png: no picture"):
        begin_from(DISTRICT_WEIGHTS, tmp_path, plan(data))
    (tmp_path / "data" / "images" / "train" / "0.png").unlink()
    with pytest.raises(CannotBeginError, match="no pictures"):
        begin_from(DISTRICT_WEIGHTS, tmp_path, plan(data))
    assert not (tmp_path / STATE).exists()


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="nowhere"):
        begin_from(tmp_path / "nowhere", tmp_path, plan(pictures(tmp_path / "data", NAMES)))


def test_where_a_training_began_is_kept_and_does_not_change(tmp_path: Path) -> None:
    wanted = plan(pictures(tmp_path / "data", NAMES))
    keep_plan(tmp_path, wanted)
    assert read_plan(tmp_path) == wanted
    assert wanted.size_px(0.0) == 640
    with pytest.raises(OtherPlanError, match="start is"):
        keep_plan(tmp_path, TrainingPlan(data=wanted.data, minutes=10.0))


@pytest.mark.slow
def test_the_command_begins_from_a_folder_and_goes_on_from_its_own_state(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", exc_type=ImportError)
    import torch

    made = Dataset(folder=tmp_path / "district-dataset", images=40)
    made.prepare()
    jpeg = cv2.imencode(".jpg", picture(0))[1].tobytes()
    for sheet in made.sheets():
        for name in sheet.names:
            made.image(sheet.split, name).write_bytes(jpeg)
            made.label(sheet.split, name).write_text("0 0.5 0.4444 0.0625 0.3333\n", encoding="utf-8")
    app = Typer()
    app.registered_commands += command.app.registered_commands
    words = ["--data", str(tmp_path), "--images", "40", "--step-minutes", "0.1", "--plan-minutes", "60"]
    words += ["--export", "torchscript", "--json", "--from", str(DISTRICT_WEIGHTS)]

    def call(minutes: str) -> dict[str, Any]:
        told = CliRunner().invoke(app, [*words, "--minutes", minutes], catch_exceptions=False).stdout
        figures: dict[str, Any] = json.loads(told)
        return figures

    first = trained_past(0, call)
    second = trained_past(first["passes"], call)
    assert 0 < first["passes"] < second["passes"]
    assert first["size_px"] == 640
    folder = tmp_path / "district-training"
    assert read_plan(folder).start == DISTRICT_WEIGHTS.resolve()
    assert read_plan(folder).rate == command.LEARNED_RATE
    begun = tmp_path / "begun"
    begun.mkdir()
    begin_from(DISTRICT_WEIGHTS, begun, read_plan(folder))
    before, after = (torch.load(each / STATE, weights_only=True)["model"] for each in (begun, folder))
    name = next(key for key in before if key.endswith("conv.weight"))
    assert 0 < float((after[name] - before[name]).abs().max()) < 0.05  # learned on, not anew
    assert training_plan.progress_of(folder).passes == second["passes"]
