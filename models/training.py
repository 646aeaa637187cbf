"""Training a nano YOLO from scratch with Ultralytics, in steps that each end with all that the next one needs.

The state is one file of tensors and numbers, no pickle of classes: weights, their moving average (which is what is
exported), the optimizer's moments in float32 and the seconds spent. The learning rate follows the share of the planned
seconds that is spent, so a step that is cut short or slowed down by others neither restarts nor outlasts the schedule.

Ultralytics' own resuming is not used: it keeps Adam's moments in float16, where small ones become 0 and the first steps
after each resumption leap.
"""

import json
import math
import random
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import numpy as np

from models.errors import ModelsError
from models.training_plan import (
    ALONE,
    LOG,
    MEETING,
    STATE,
    Crew,
    StepFigures,
    TrainingPlan,
    progress_of,
    read_plan,
)
from models.yolo import import_ultralytics

_SAVE_EVERY_S: Final = 150.0
_MOST_WAIT_S: Final = 300.0  # for another process of the crew
_WINDOW: Final = 200  # batches over which the loss is averaged
_FOREVER: Final = 100_000  # epochs; a step ends by its time


class DivergedError(ModelsError):
    """The loss is no longer a number."""

    def __init__(self, passes: int) -> None:
        super().__init__(
            f"after {passes} pictures the loss is not finite; the last saved state is whole; lower the rate in the plan"
        )


def train_step(folder: Path, *, most_s: float, crew: Crew = ALONE) -> StepFigures:
    """Go on with the training of a folder for so long at most, in this process, and save it.

    Args:
        folder: of the training.
        most_s: seconds after which it ends, loading not counted.
        crew: which of how many processes this is; the first of them decides, saves and writes the log.

    Raises:
        NothingLearnedError: no plan was written to the folder.
        LibraryMissingError: Ultralytics or torch do not load.
        DivergedError: the loss is no longer finite.
    """
    before = progress_of(folder)
    if before.done:
        return before
    import_ultralytics(offline=True)
    step = _Step(folder, read_plan(folder), before=before, most_s=most_s, crew=crew)
    with _arithmetic(step.plan.device), _meeting(folder, crew):
        _learner(step).train()
    figures = step.figures()
    if crew.leads:
        with (folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(figures)) + "\n")
    return figures


class _Step:
    """What one step adds to Ultralytics' trainer: rate and end by the clock, a crew, a state to go on from."""

    def __init__(self, folder: Path, plan: TrainingPlan, *, before: StepFigures, most_s: float, crew: Crew) -> None:
        self.folder, self.plan, self.steps, self._most_s, self._crew = folder, plan, before.steps, most_s, crew
        self.size_px = plan.size_px(before.spent_s / plan.seconds)
        self._spent_s, self._passes = before.spent_s, before.passes  # a saved state knows better, if there is one
        self._began = self._saved = time.monotonic()
        self._losses: list[float] = []

    @property
    def spent_s(self) -> float:
        """Return the seconds of training so far."""
        return self._spent_s + time.monotonic() - self._began

    def figures(self) -> StepFigures:
        """Return how far the training is, as it was saved last."""
        return StepFigures(
            steps=self.steps + 1,
            passes=self._passes,
            spent_s=round(self._spent_s + self._saved - self._began, 1),
            planned_s=self.plan.seconds,
            size_px=self.size_px,
            loss=sum(self._losses) / len(self._losses) if self._losses else None,
        )

    def begin(self, trainer: Any) -> None:
        """Set what Ultralytics leaves at one thread, in rows of channels, in half floats and in one order."""
        import torch

        if trainer.device.type == "cpu":
            torch.set_num_threads(self._crew.threads)
            trainer.model.to(memory_format=torch.channels_last)
        trainer.model.criterion = _whole_floats(trainer.model.init_criterion())
        seed = self.plan.seed + 1000 * self.steps + self._crew.place
        for sow in (random.seed, np.random.seed, torch.manual_seed, trainer.train_loader.generator.manual_seed):
            sow(seed)
        self._began = self._saved = time.monotonic()

    def agree(self, trainer: Any) -> None:
        """Set the learning rate of the moment and whether this is the end; with a crew, the mean of all gradients."""
        over = time.monotonic() - self._began >= self._most_s or self.spent_s >= self.plan.seconds
        rate = self.plan.rate_at(self.spent_s / self.plan.seconds)
        if self._crew.size > 1:
            rate, over = _shared(trainer.model, rate, over=over, crew=self._crew)
        for group in trainer.optimizer.param_groups:
            group["lr"] = rate
        trainer.stop = over

    def look(self, trainer: Any) -> None:
        """Count a batch; save when it is time."""
        loss = float(trainer.loss.detach())
        self._passes += self.plan.batch * self._crew.size
        if not math.isfinite(loss):
            raise DivergedError(self._passes)
        self._losses = [*self._losses[1 - _WINDOW :], loss]
        if time.monotonic() - self._saved > _SAVE_EVERY_S:
            self.save(trainer)

    def save(self, trainer: Any) -> bool:
        """Write the state if this process leads."""
        self._saved = time.monotonic()
        if not self._crew.leads:
            return False
        state = {
            "spent_s": self._spent_s + self._saved - self._began,
            "passes": self._passes,
            "model": trainer.model.state_dict(),
            "ema": trainer.ema.ema.state_dict(),
            "updates": trainer.ema.updates,
            "optimizer": trainer.optimizer.state_dict(),
        }
        keep_state(self.folder, state)
        return True

    def load(self, trainer: Any) -> None:
        """Go on from the saved state, if there is one."""
        import torch

        if not (self.folder / STATE).is_file():
            return
        state = torch.load(self.folder / STATE, map_location=trainer.device, weights_only=True)
        trainer.model.load_state_dict(state["model"])
        trainer.ema.ema.load_state_dict(state["ema"])
        trainer.ema.updates = state["updates"]
        if state["optimizer"] is not None:  # of a training that begins from weights there is none yet
            trainer.optimizer.load_state_dict(state["optimizer"])
        self._passes, self._spent_s = state["passes"], state["spent_s"]


def _learner(step: _Step) -> Any:
    """Return Ultralytics' trainer, changed by a step; its class is made here, since its base loads torch."""
    import torch
    from ultralytics.models.yolo import detect

    base: Any = detect.DetectionTrainer  # partly without types

    def in_rows(trainer: Any, batch: dict[str, Any]) -> dict[str, Any]:
        ready: dict[str, Any] = base.preprocess_batch(trainer, batch)
        if trainer.device.type == "cpu":
            ready["img"] = ready["img"].contiguous(memory_format=torch.channels_last)
        return ready

    def stepped(trainer: Any) -> None:
        step.agree(trainer)
        base.optimizer_step(trainer)

    changed = {
        "optimizer_step": stepped,
        "preprocess_batch": in_rows,
        # Its validator needs torchvision; what is exported is scored instead, by the detector that will run it.
        "get_validator": lambda _: SimpleNamespace(metrics=SimpleNamespace(keys=[])),
        "validate": lambda _: ({}, None),
        "save_metrics": lambda _, metrics: None,  # noqa: ARG005 - Ultralytics names it
        "final_eval": lambda _: None,
        "save_model": lambda trainer: step.save(trainer),  # noqa: PLW0108 - a bound method would not get the trainer
        "resume_training": lambda trainer, _: step.load(trainer),
    }
    kind: Any = type("Learner", (base,), changed)  # no "Trainer" in the name: nothing is reported anywhere
    learner = kind(overrides=_settings(step))
    learner.add_callback("on_train_start", step.begin)
    learner.add_callback("on_train_batch_end", step.look)
    return learner


def _shared(model: Any, rate: float, *, over: bool, crew: Crew) -> tuple[float, bool]:
    """Give every gradient the mean of the crew's, and return the first one's rate and whether it ends."""
    import torch
    from torch import distributed

    gradients = [each.grad for each in model.parameters() if each.grad is not None]
    words = torch.tensor([rate, float(over)]) * crew.leads
    everything = torch.cat([words, *(each.reshape(-1) for each in gradients)])
    distributed.all_reduce(everything)
    mean: Any = everything[2:].div_(crew.size)
    parts = mean.split([each.numel() for each in gradients])
    for each, part in zip(gradients, parts, strict=True):
        each.copy_(part.view_as(each))
    return float(everything[0]), bool(everything[1])


@contextmanager
def _meeting(folder: Path, crew: Crew) -> Iterator[None]:
    """Join the crew's processes for what is within."""
    if crew.size == 1:
        yield
        return
    from torch import distributed

    distributed.init_process_group(
        "gloo",
        init_method=f"file://{(folder / MEETING).resolve()}",
        rank=crew.place,
        world_size=crew.size,
        timeout=timedelta(seconds=_MOST_WAIT_S),
    )
    try:
        yield
    finally:
        distributed.destroy_process_group()


def _settings(step: _Step) -> dict[str, object]:
    """Return Ultralytics' settings. Drawn pictures need no mosaic; rows of one shape save the padding of squares."""
    plan = step.plan
    return {
        "model": plan.architecture, "data": str(plan.data), "save_dir": str(step.folder / "ultralytics"),
        "exist_ok": True, "epochs": _FOREVER, "batch": plan.batch, "nbs": plan.batch, "imgsz": step.size_px,
        "rect": True, "device": plan.device, "workers": 4, "seed": plan.seed,
        "deterministic": False, "pretrained": False, "optimizer": "AdamW", "lr0": plan.rate, "momentum": 0.9,
        "weight_decay": 0.0005, "warmup_epochs": 0.0, "amp": "bf16" if _takes_bfloat16(plan.device) else False,
        "val": False, "plots": False, "save": True, "verbose": False, "close_mosaic": 0, "mosaic": 0.0,
        "hsv_h": 0.012, "hsv_s": 0.4, "hsv_v": 0.3, "fliplr": 0.5, "scale": (0.75, 1.4), "translate": 0.1,
    }  # fmt: skip


def _takes_bfloat16(device: str) -> bool:
    """Say whether bfloat16 is faster here: a GPU, or a processor with instructions for it."""
    import torch

    if device != "cpu":
        return bool(torch.cuda.is_bf16_supported())
    known = torch.cpu.get_capabilities()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


@contextmanager
def _arithmetic(device: str) -> Iterator[None]:
    """Let Ultralytics' trainer compute in bfloat16 on a CPU too, which it refuses though torch can."""
    import torch
    from ultralytics.engine import trainer

    room: Any = trainer
    given = room.autocast

    def autocast(enabled: object, device: str = "cpu") -> Any:
        return torch.autocast(device, dtype=torch.bfloat16, enabled=bool(enabled))

    if device == "cpu":
        room.autocast = autocast
    try:
        yield
    finally:
        room.autocast = given


def _whole_floats(criterion: Any) -> Any:
    """Return a loss that is computed in float32 whatever the model computes in: boxes of few pixels need the digits."""
    import torch

    class WholeFloats:
        def __call__(self, preds: Any, batch: Any) -> Any:
            kind = batch["img"].device.type
            with torch.autocast(kind, enabled=False):
                return criterion(_floats(preds), batch)

    return WholeFloats()


def _floats(value: Any) -> Any:
    """Return nested predictions with tensors of float32."""
    if isinstance(value, dict):
        return {key: _floats(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_floats(each) for each in value)
    return value.float() if hasattr(value, "float") else value


def keep_state(folder: Path, state: Mapping[str, object]) -> None:
    """Write what a training's next step goes on from, whole or not at all."""
    import torch

    beside = folder / f".{STATE}.part"
    torch.save(dict(state), beside)
    beside.replace(folder / STATE)


def checkpoint(folder: Path, plan: TrainingPlan, *, names: Mapping[int, str], path: Path) -> Path:
    """Write the averaged weights as the file that Ultralytics exports from."""
    import torch
    from ultralytics.nn import tasks

    room: Any = tasks  # without types
    model = room.DetectionModel(plan.architecture, nc=len(names), verbose=False)
    model.load_state_dict(torch.load(folder / STATE, map_location="cpu", weights_only=True)["ema"])
    model.names = dict(names)
    torch.save({"model": model, "train_args": {}}, path)
    return path


if __name__ == "__main__":
    _folder, _most_s, _place, _size, _threads = sys.argv[1:]
    train_step(
        Path(_folder), most_s=float(_most_s), crew=Crew(place=int(_place), size=int(_size), threads=int(_threads))
    )
