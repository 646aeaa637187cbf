"""Fine-tuning: weights that are there learn on from a data set of a site's own cases. Runs in this process.

Ultralytics trains; what it does beyond that (validating, reporting, drawing) is left out, since the new weights are
compared with the old on held-back cases by the detector that will run them.
"""

import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from models.errors import ModelsError, NotAModelError, require_range
from models.weights import require_weights
from models.yolo import import_ultralytics

WEIGHTS: Final = "tuned.pt"
MOST_EPOCHS: Final = 1000


class TuningFailedError(ModelsError):
    """Ultralytics could not train on."""

    def __init__(self, weights: Path, reason: str) -> None:
        lines = reason.splitlines() or ["no message"]
        super().__init__(f"{weights} cannot learn on: {lines[0][:300]}; start from a detection .pt")


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningPlan:
    """How weights learn on.

    Attributes:
        frozen: how many of the first layers stay as they are: what a few cases cannot teach is not unlearned.
        rate: learning rate, low, for the same reason.
    """

    epochs: int = 20
    size_px: int = 640
    batch: int = 8
    frozen: int = 10
    rate: float = 0.0005
    device: str = "cpu"
    seed: int = 0

    def __post_init__(self) -> None:
        require_range("epochs", self.epochs, 1, MOST_EPOCHS)
        require_range("size_px", self.size_px, 32, 4096)
        require_range("batch", self.batch, 1, 512)


def fine_tune(weights: Path, dataset: Path, folder: Path, *, plan: TuningPlan) -> Path:
    """Train weights on a data set and return the new file; the old one stays as it is.

    Classes that the weights know keep their ids, so their head stays; new ones are added behind them.

    Args:
        weights: an Ultralytics .pt of a detection model.
        dataset: a folder that `beatgrid dataset` wrote.
        folder: for working files and the new weights; made if it is not there.
        plan: see `TuningPlan`.

    Raises:
        WeightsMissingError, NotAModelError: there are none, or they are no .pt.
        LibraryMissingError: Ultralytics or torch do not load.
        TuningFailedError: they cannot be trained.
    """
    require_weights(weights)
    if weights.suffix != ".pt":
        raise NotAModelError(weights, found=f"a {weights.suffix or 'folder'}", expected="a .pt file to train on")
    ultralytics = import_ultralytics(offline=True)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        model = ultralytics.YOLO(str(weights), task="detect", verbose=False)
        data = _relabelled(dataset, folder / "data", known=list(dict(model.names).values()))
        _train(ultralytics, model, data, folder, plan)
    except (AssertionError, RuntimeError, TypeError, ValueError, OSError) as error:
        raise TuningFailedError(weights, str(error)) from error
    target = folder / WEIGHTS
    shutil.copyfile(folder / "run" / "weights" / "last.pt", target.with_suffix(".part"))
    target.with_suffix(".part").replace(target)
    return target


def _train(ultralytics: Any, model: Any, data: Path, folder: Path, plan: TuningPlan) -> None:
    base: Any = ultralytics.models.yolo.detect.DetectionTrainer
    left_out = {
        "get_validator": lambda _: SimpleNamespace(metrics=SimpleNamespace(keys=[])),
        "validate": lambda _: ({}, 0.0),
        "final_eval": lambda _: None,
    }
    kind: Any = type("Tuner", (base,), left_out)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, on how Ultralytics calls it
        model.train(
            trainer=kind, data=str(data), epochs=plan.epochs, imgsz=plan.size_px, batch=plan.batch, device=plan.device,
            freeze=plan.frozen, lr0=plan.rate, optimizer="AdamW", warmup_epochs=min(1.0, plan.epochs / 10),
            project=str(folder), name="run", exist_ok=True, workers=0, seed=plan.seed, amp=False, val=False,
            plots=False, verbose=False, cos_lr=True,
        )  # fmt: skip


def _relabelled(dataset: Path, target: Path, *, known: Sequence[str]) -> Path:
    """Write the data set's labels with the model's own class ids, beside links to its pictures; returns the YAML."""
    told: Mapping[str, Any] = json.loads((dataset / "data.yaml").read_text(encoding="utf-8"))
    given = [name for _, name in sorted((int(key), name) for key, name in told["names"].items())]
    names = [*known, *(name for name in given if name not in known)]
    shutil.rmtree(target, ignore_errors=True)
    for split in ("train", "val"):
        for picture in sorted((dataset / "images" / split).glob("*.jpg")):
            (target / "images" / split).mkdir(parents=True, exist_ok=True)
            (target / "images" / split / picture.name).symlink_to(picture.resolve())
            lines = (dataset / "labels" / split / f"{picture.stem}.txt").read_text(encoding="ascii").splitlines()
            ids = [line.split(" ", 1) for line in lines]
            text = "".join(f"{names.index(given[int(number)])} {rest}\n" for number, rest in ids)
            (target / "labels" / split).mkdir(parents=True, exist_ok=True)
            (target / "labels" / split / f"{picture.stem}.txt").write_text(text, encoding="ascii")
    # Ultralytics wants both; nothing is validated, so what is learned from stands in where nothing was held back.
    held = "val" if (target / "images" / "val").is_dir() else "train"
    data = {
        "path": str(target.resolve()), "train": "images/train", "val": f"images/{held}", "names": dict(enumerate(names))
    }  # fmt: skip
    (target / "data.yaml").write_text(json.dumps(data), encoding="utf-8")
    return target / "data.yaml"
