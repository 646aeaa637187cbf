import importlib.util
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from patient_training import trained_past
from typer import Typer
from typer.testing import CliRunner

from api.commands import train as command
from models import training_export, training_plan
from models.average_precision import ClassScore, Scorer, Truths, average_precision, mean_precision
from models.detections import Detections
from models.errors import LibraryMissingError, SettingFaultError
from models.openvino import OpenVinoDetector
from models.training_plan import (
    LOG,
    STATE,
    Crew,
    NothingLearnedError,
    OtherPlanError,
    StepFailedError,
    StepFigures,
    TrainingPlan,
    crews,
    keep_plan,
    progress_of,
    read_plan,
)
from pipeline.district import dataset_children
from pipeline.district.dataset import Dataset
from pipeline.district.display import NoRenderingError

NAMES = {0: "red", 1: "green"}
Boxes = list[tuple[float, float, float, float]]


def detections(boxes: Boxes, confidence: list[float], kinds: list[int]) -> Detections:
    return Detections(
        boxes_px=np.array(boxes, np.float32).reshape(-1, 4),
        confidence=np.array(confidence, np.float32),
        class_ids=np.array(kinds, np.int32),
        class_names=NAMES,
    )


def truths(boxes: Boxes, kinds: list[int]) -> Truths:
    return Truths(boxes_px=np.array(boxes, np.float32).reshape(-1, 4), class_ids=np.array(kinds, np.int32))


def score_of(found: Detections, real: Truths, *, least_px: float = 12.0) -> dict[str, ClassScore]:
    scorer = Scorer(least_px)
    scorer.add(found, real)
    return scorer.by_class(NAMES)


# --- average precision ---


def area_by_hand(hits: list[bool], truths: int) -> float:
    """Oracle: for each truth, the best precision among all cuts of the list that find at least so many."""
    total = 0.0
    for wanted in range(1, truths + 1):
        best = 0.0
        for cut in range(1, len(hits) + 1):
            good = sum(hits[:cut])
            if good >= wanted:
                best = max(best, good / cut)
        total += best
    return total / truths


@settings(max_examples=80)
@given(st.lists(st.booleans(), max_size=12), st.integers(0, 5))
def test_the_area_is_that_of_trying_every_cut(hits: list[bool], missed: int) -> None:
    count = sum(hits) + missed
    if not count:
        return
    confidence = np.linspace(0.9, 0.1, len(hits))
    found = average_precision(confidence, np.array(hits, bool), truths=count)
    assert found == pytest.approx(area_by_hand(hits, count), abs=1e-12)


def test_the_area_agrees_with_ultralytics_own_where_it_is_finely_sampled() -> None:
    metrics = pytest.importorskip("ultralytics.utils.metrics", exc_type=ImportError)
    draw = np.random.default_rng(4)
    confidence = draw.random(3000)
    hits = draw.random(3000) < confidence
    count = int(hits.sum()) + 400
    _, _, _, _, _, theirs, *_ = metrics.ap_per_class(
        hits[:, None], confidence, np.zeros(3000), np.zeros(count), names={0: "x"}, plot=False
    )
    ours = average_precision(confidence, hits, truths=count)
    assert ours == pytest.approx(float(theirs[0, 0]), abs=0.01)  # theirs is sampled at 101 recalls


def test_order_is_by_confidence_not_by_place() -> None:
    assert average_precision(np.array([0.2, 0.9]), np.array([False, True]), truths=1) == 1.0
    assert average_precision(np.array([0.9, 0.2]), np.array([False, True]), truths=1) == 0.5


def test_each_truth_is_found_once() -> None:
    box = (10.0, 10.0, 50.0, 50.0)
    twice = score_of(detections([box, box], [0.9, 0.8], [0, 0]), truths([box], [0]))
    assert twice["red"] == ClassScore(precision=1.0, truths=1)
    two = score_of(detections([box, box], [0.9, 0.8], [0, 0]), truths([box, (200.0, 10.0, 240.0, 50.0)], [0, 0]))
    assert two["red"].precision == pytest.approx(0.5)


def test_a_box_of_another_class_finds_nothing() -> None:
    box = (10.0, 10.0, 50.0, 50.0)
    scores = score_of(detections([box], [0.9], [1]), truths([box], [0]))
    assert scores == {"red": ClassScore(precision=0.0, truths=1), "green": ClassScore(precision=None, truths=0)}
    assert mean_precision(scores) == 0.0


@pytest.mark.parametrize(("shift", "hit"), [(13.0, True), (14.0, False)])
def test_half_an_overlap_is_enough(shift: float, hit: bool) -> None:  # noqa: FBT001 - a parameter of the table
    real, moved = (10.0, 10.0, 50.0, 50.0), (10.0 + shift, 10.0, 50.0 + shift, 50.0)
    assert score_of(detections([moved], [0.9], [0]), truths([real], [0]))["red"].precision == float(hit)


def test_small_truths_neither_count_nor_blame() -> None:
    large, small = (10.0, 10.0, 50.0, 50.0), (100.0, 100.0, 130.0, 111.0)
    both = truths([large, small], [0, 0])
    alone = score_of(detections([large], [0.5], [0]), both)
    with_small = score_of(detections([small, large], [0.9, 0.5], [0, 0]), both)
    assert alone["red"] == with_small["red"] == ClassScore(precision=1.0, truths=1)


def test_a_stray_box_blames_unless_it_is_small() -> None:
    real = (10.0, 10.0, 50.0, 50.0)
    for stray, expected in (((100.0, 100.0, 140.0, 140.0), 0.5), ((100.0, 100.0, 140.0, 108.0), 1.0)):
        scores = score_of(detections([stray, real], [0.9, 0.5], [0, 0]), truths([real], [0]))
        assert scores["red"].precision == pytest.approx(expected)


def test_pictures_add_up() -> None:
    scorer = Scorer(12.0)
    box = (10.0, 10.0, 50.0, 50.0)
    scorer.add(detections([box], [0.5], [0]), truths([box], [0]))
    scorer.add(detections([], [], []), truths([box], [0]))
    assert scorer.by_class(NAMES)["red"] == ClassScore(precision=0.5, truths=2)


# --- the plan ---


def plan(**about: object) -> TrainingPlan:
    return TrainingPlan(**{"data": Path("data.yaml"), "minutes": 10.0, **about})  # type: ignore[arg-type] # a table


def test_the_rate_rises_shortly_and_then_falls_over_the_whole_plan() -> None:
    rates = [plan().rate_at(share) for share in np.linspace(0.0, 1.0, 201)]
    top = int(np.argmax(rates))
    assert rates[top] == pytest.approx(plan().rate, rel=0.01)
    assert top <= 4
    assert all(after <= before for before, after in zip(rates[top:], rates[top + 1 :], strict=False))
    assert rates[-1] == pytest.approx(0.02 * plan().rate)
    assert plan().rate_at(3.0) == rates[-1]


def test_pictures_grow_in_the_course_of_the_plan() -> None:
    sizes = [plan().size_px(share) for share in np.linspace(0.0, 1.0, 50)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 1
    assert all(size % 32 == 0 for size in sizes)


@pytest.mark.parametrize("about", [{"minutes": 0.0}, {"minutes": -1.0}, {"batch": 1}, {"architecture": "yolo26n.pt"}])
def test_a_plan_that_makes_no_sense_is_refused(about: dict[str, object]) -> None:
    with pytest.raises(SettingFaultError):
        plan(**about)


def test_a_plan_is_kept_and_only_its_length_may_change(tmp_path: Path) -> None:
    keep_plan(tmp_path, plan())
    keep_plan(tmp_path, plan(minutes=20.0))
    assert read_plan(tmp_path) == plan(minutes=20.0)
    with pytest.raises(OtherPlanError, match="seed is 0, not 7"):
        keep_plan(tmp_path, plan(seed=7))


def test_progress_is_what_the_last_step_wrote(tmp_path: Path) -> None:
    with pytest.raises(NothingLearnedError):
        progress_of(tmp_path)
    keep_plan(tmp_path, plan())
    assert progress_of(tmp_path).passes == 0
    lines = [
        {"steps": n, "passes": 80 * n, "spent_s": 60.0 * n, "planned_s": 1, "size_px": 448, "loss": 3.0} for n in (1, 2)
    ]
    (tmp_path / LOG).write_text("".join(json.dumps(line) + "\n" for line in lines))
    expected = StepFigures(steps=2, passes=160, spent_s=120.0, planned_s=600.0, size_px=448, loss=3.0)
    assert progress_of(tmp_path) == expected
    assert not expected.done
    assert replace(expected, spent_s=600.0).done


def test_nothing_is_exported_before_anything_is_learned(tmp_path: Path) -> None:
    keep_plan(tmp_path, plan())
    with pytest.raises(NothingLearnedError):
        training_export.export(tmp_path, tmp_path / "out", names=NAMES, description="")


def test_a_missing_library_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(LibraryMissingError, match=r"beatgrid\[yolo\]"):
        training_plan.require_libraries()


def test_a_step_that_fails_says_why(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", exc_type=ImportError)
    keep_plan(tmp_path, plan(data=tmp_path / "absent.yaml"))
    with pytest.raises(StepFailedError, match="absent"):
        training_plan.train(tmp_path, most_s=60.0, step_s=1.0)
    assert not (tmp_path / STATE).exists()


# --- learning, for real ---


@pytest.mark.parametrize(("device", "cores", "size", "threads"), [("cpu", 1, 1, 1), ("cpu", 2, 2, 1), ("cpu", 9, 4, 2)])
def test_a_crew_is_a_process_a_core_up_to_four(device: str, cores: int, size: int, threads: int) -> None:
    assert crews("0", cores) == (Crew(place=0, size=1, threads=cores),)
    crew = crews(device, cores)
    assert {(each.size, each.threads) for each in crew} == {(size, threads)}
    assert [each.place for each in crew] == list(range(size))
    assert [each.leads for each in crew] == [True] + [False] * (size - 1)


MEMBER = """
import json, sys
from pathlib import Path
import torch
from models.training import _meeting, _shared
from models.training_plan import Crew
place = int(sys.argv[2])
crew = Crew(place=place, size=2, threads=1)
model = torch.nn.Linear(2, 1)
for each in model.parameters():
    each.grad = torch.full_like(each, 1.0 + 4.0 * place)
with _meeting(Path(sys.argv[1]), crew):
    rate, over = _shared(model, 0.25 + place, over=place == 0, crew=crew)
print(json.dumps([rate, over, [each.grad.flatten().tolist() for each in model.parameters()]]))
"""


def test_a_crew_shares_the_mean_of_its_gradients_and_the_first_one_decides(tmp_path: Path) -> None:
    pytest.importorskip("torch", exc_type=ImportError)
    members = [
        subprocess.Popen(
            [sys.executable, "-c", MEMBER, str(tmp_path), str(place)],
            cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, "GLOO_SOCKET_IFNAME": "lo"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for place in range(2)
    ]
    said = [json.loads(member.communicate(timeout=240)[0]) for member in members]
    assert said[0] == said[1] == [0.25, True, [[3.0, 3.0], [3.0]]]


def squares(folder: Path, count: int) -> Path:
    """Draw pictures with a red or a green square each, and return their data.yaml."""
    draw = np.random.default_rng(1)
    for split in ("train", "val"):
        for part in ("images", "labels"):
            (folder / part / split).mkdir(parents=True)
        for number in range(count):
            image = np.full((360, 640, 3), 90, np.uint8)
            kind, x, y = int(draw.integers(2)), int(draw.integers(60, 580)), int(draw.integers(60, 300))
            cv2.rectangle(image, (x - 40, y - 40), (x + 40, y + 40), (0, 0, 255) if kind == 0 else (0, 255, 0), -1)
            cv2.imwrite(str(folder / "images" / split / f"{number}.png"), image)
            text = f"{kind} {x / 640:.5f} {y / 360:.5f} {80 / 640:.5f} {80 / 360:.5f}\n"
            (folder / "labels" / split / f"{number}.txt").write_text(text)
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump({"path": str(folder), "train": "images/train", "val": "images/val", "names": NAMES}))
    return path


@pytest.mark.slow
def test_steps_go_on_where_the_one_before_ended_and_the_model_is_exported(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", exc_type=ImportError)
    import torch

    folder = tmp_path / "training"
    keep_plan(folder, plan(data=squares(tmp_path / "data", 8), minutes=60.0, batch=4))
    together = 4 * len(crews("cpu", os.cpu_count() or 1))
    first = training_plan.train(folder, most_s=0.01, step_s=0.01)
    before = torch.load(folder / STATE, weights_only=True)
    assert (first.steps, first.passes) == (1, together)
    second = training_plan.train(folder, most_s=0.01, step_s=0.01)
    after = torch.load(folder / STATE, weights_only=True)
    assert (second.steps, second.passes, after["updates"]) == (2, 2 * together, 2)
    assert second.spent_s > first.spent_s
    moments = [state["exp_avg_sq"] for state in after["optimizer"]["state"].values()]
    assert {moment.dtype for moment in moments} == {torch.float32}
    assert {int(state["step"]) for state in after["optimizer"]["state"].values()} == {2}
    name = next(key for key, value in before["model"].items() if key.endswith("conv.weight"))
    moved = (after["model"][name] - before["model"][name]).abs().max()
    assert 0 < float(moved) < 0.01  # one step of the optimizer, not new weights

    made = training_export.export(folder, tmp_path / "model", names=NAMES, description="squares", size_px=320)
    assert sum(path.stat().st_size for path in made.iterdir()) < 6_000_000
    assert str(tmp_path) not in (made / "metadata.yaml").read_text()
    detector = OpenVinoDetector(made, threads=1)
    try:
        assert (dict(detector.class_names), detector.input_size) == (NAMES, (192, 320))
        assert len(detector.detect(np.zeros((360, 640, 3), np.uint8), confidence=0.9)) == 0
    finally:
        detector.close()


# --- the command ---

runner = CliRunner()
app = Typer()
app.registered_commands += command.app.registered_commands


def drawn_by_hand(folder: Path) -> Dataset:
    """Write a whole dataset of one picture: a person-sized square."""
    made = Dataset(folder=folder, images=40)
    made.prepare()
    image = np.full((360, 640, 3), 90, np.uint8)
    cv2.rectangle(image, (300, 100), (340, 220), (0, 0, 255), -1)
    picture = cv2.imencode(".jpg", image)[1].tobytes()
    for sheet in made.sheets():
        for name in sheet.names:
            made.image(sheet.split, name).write_bytes(picture)
            made.label(sheet.split, name).write_text("0 0.5 0.4444 0.0625 0.3333\n", encoding="utf-8")
    return made


@pytest.mark.slow
def test_the_command_trains_exports_scores_and_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", exc_type=ImportError)
    drawn_by_hand(tmp_path / "district-dataset")
    base = ["--data", str(tmp_path), "--images", "40", "--step-minutes", "0.1", "--json"]
    first = runner.invoke(app, [*base, "--plan-minutes", "0.1"], catch_exceptions=False)
    assert first.exit_code == 0, first.output
    figures = json.loads(first.stdout)
    assert figures["spent_s"] >= figures["planned_s"] == pytest.approx(6.0)
    assert figures["pictures"] == 208
    assert figures["truths"]["person"] == 208
    assert (Path(figures["exported"]) / "metadata.yaml").is_file()
    longer = ["--plan-minutes", "60", "--export", "torchscript", "--minutes"]
    second = trained_past(
        figures["passes"],
        lambda minutes: json.loads(runner.invoke(app, [*base, *longer, minutes], catch_exceptions=False).stdout),
    )
    assert Path(second["exported"]).suffix == ".torchscript"
    assert Path(second["exported"]).stat().st_size > 1_000_000
    assert second["steps"] > figures["steps"]
    assert second["passes"] > figures["passes"]
    assert figures["spent_s"] < second["spent_s"] < second["planned_s"] == pytest.approx(3600.0)


def test_a_call_that_is_over_before_a_batch_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ultralytics", exc_type=ImportError)
    keep_plan(tmp_path, plan())
    figures = command._train(tmp_path, time.monotonic(), 1.0)  # its time is up as it begins
    assert figures.passes == 0
    assert "nothing was learned: the time was up before a first batch" in capsys.readouterr().err


def test_without_the_libraries_it_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    result = runner.invoke(app, ["--data", str(tmp_path)])
    assert result.exit_code == 3
    assert "beatgrid[yolo]" in result.stderr


def test_without_off_screen_rendering_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise NoRenderingError("no EGL")

    monkeypatch.setattr(dataset_children, "require_rendering", broken)
    result = runner.invoke(app, ["--data", str(tmp_path), "--score"])
    assert result.exit_code == 3
    assert "libegl1" in result.stderr


@pytest.mark.parametrize("wrong", [("--images", "3"), ("--minutes", "-1"), ("--plan-minutes", "0"), ("--seed", "-1")])
def test_settings_out_of_range_are_a_matter_of_usage(tmp_path: Path, wrong: tuple[str, str]) -> None:
    assert runner.invoke(app, ["--data", str(tmp_path), *wrong]).exit_code == 2
