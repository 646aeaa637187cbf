"""Beginning a training from an exported model: its convolutions, with normalisation folded in, unfolded again.

An export keeps no normalisation: what it did is in the convolutions' kernels and biases. Here each convolution gets
those back, and its normalisation the mean and spread that its output has on pictures of the data set, so that the whole
computes what the export does, and learns on from there as if it had never been folded (batch normalisation after
Ioffe and Szegedy, 2015; folding undone by its own formula).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from models.errors import ModelsError
from models.letterbox import Letterbox
from models.training import keep_state
from models.training_plan import TrainingPlan
from models.weights import openvino_pair, read_facts
from models.yolo import import_ultralytics

PICTURES: Final = 48
_AT_ONCE: Final = 8
_CANVAS: Final = (384, 640)
_MODULE: Final = re.compile(r"__module\.(.+)/aten::_convolution")
_KINDS: Final = frozenset({"Convolution", "GroupConvolution"})
_PLAIN: Final = 4  # axes of a kernel: out, in, height, width; those of groups have one more
_FIXED: Final = ".dfl."  # its kernel is 0, 1, 2 and so on, and never learns

Floats = NDArray[np.float32]


class CannotBeginError(ModelsError):
    """A training cannot begin from the weights that were named."""

    def __init__(self, what: Path, *, found: str, expected: str) -> None:
        super().__init__(
            f"training cannot begin from {what}: {found}; expected {expected};"
            " name weights that `beatgrid train` exported, or leave --from away"
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Folded:
    """A convolution of an export: kernel (out, in, height, width) and bias (out,), float32."""

    kernel: Floats
    bias: Floats


def begin_from(weights: Path, folder: Path, plan: TrainingPlan) -> None:
    """Write the state that a training's first step goes on from: the weights of an exported folder.

    Args:
        weights: an OpenVINO folder of the plan's architecture, and of the classes of its data set.
        folder: of the training; `keep_plan` has been called, and no step was taken.
        plan: the training's.

    Raises:
        WeightsMissingError, NotAModelError: it is no exported folder.
        CannotBeginError: it is of another architecture or of other classes, or its data set has no pictures.
        LibraryMissingError: Ultralytics or torch do not load.
    """
    openvino_pair(weights)
    facts = yaml.safe_load(plan.data.read_text(encoding="utf-8"))
    names, known = dict(facts["names"]), dict(read_facts(weights).class_names)
    if known != names:
        raise CannotBeginError(weights, found=f"classes {_listed(known)}", expected=f"the data set's, {_listed(names)}")
    import_ultralytics(offline=True)
    from ultralytics.nn import tasks

    room: Any = tasks  # without types
    model = room.DetectionModel(plan.architecture, nc=len(names), verbose=False).eval()
    pictures = sorted((Path(facts["path"]) / str(facts["train"])).glob("*.*"))
    unfold(model, folded(weights), _batches(pictures, plan.data), weights=weights)
    state = {"spent_s": 0.0, "passes": 0, "updates": 0, "optimizer": None}
    state |= {"model": model.state_dict(), "ema": model.state_dict()}
    keep_state(folder, state)


def folded(weights: Path) -> dict[str, Folded]:
    """Return the convolutions of an exported folder by the names that they had in the model.

    Raises:
        WeightsMissingError, NotAModelError: it is no exported folder.
    """
    import openvino as ov

    xml, _ = openvino_pair(weights)
    found: dict[str, Folded] = {}
    for node in ov.Core().read_model(xml).get_ops():
        named = _MODULE.match(node.get_friendly_name())
        if node.get_type_name() not in _KINDS or named is None or _FIXED in named[1]:
            continue
        kernel = _constant(node.input_value(1).get_node())
        if kernel.ndim > _PLAIN:
            kernel = kernel.reshape(-1, *kernel.shape[2:])
        after = next(iter(node.output(0).get_target_inputs())).get_node()
        if after.get_type_name() == "Add":
            bias = _constant(after.input_value(1).get_node()).reshape(-1)
            found[named[1]] = Folded(kernel=kernel, bias=bias)
    return found


def unfold(model: Any, parts: Mapping[str, Folded], batches: Sequence[Any], *, weights: Path) -> None:
    """Give a torch model the convolutions of an export, and its normalisations what pictures make of them.

    Args:
        model: Ultralytics' detection model, in evaluation mode.
        parts: see `folded`.
        batches: pictures as torch tensors (n, 3, height, width), red first, 0 to 1.
        weights: what errors name.

    Raises:
        CannotBeginError: the parts are not those of the model.
    """
    import torch

    modules = dict(model.named_modules())
    learning = {
        name for name, each in modules.items() if isinstance(each, torch.nn.Conv2d) and _FIXED not in f"{name}."
    }
    if learning != set(parts):
        differing = sorted(learning ^ set(parts))
        raise CannotBeginError(
            weights, found=f"{len(differing)} other convolutions ({differing[0]})", expected="the plan's architecture"
        )
    normalising: dict[str, Any] = {}
    with torch.no_grad():
        for name, part in parts.items():
            conv, bias = modules[name], torch.from_numpy(part.bias)
            if conv.weight.shape != part.kernel.shape:
                found = f"{name} of shape {part.kernel.shape}"
                raise CannotBeginError(weights, found=found, expected=f"{tuple(conv.weight.shape)}")
            conv.weight.copy_(torch.from_numpy(part.kernel))
            if conv.bias is not None:
                conv.bias.copy_(bias)
                continue
            norm = normalising[name] = modules[f"{name.rpartition('.')[0]}.bn"]
            norm.running_mean.zero_()
            norm.running_var.fill_(1.0 - norm.eps)
            norm.weight.fill_(1.0)
            norm.bias.copy_(bias)
        with _measured({name: modules[name] for name in normalising}) as sums:
            for batch in batches:
                model(batch)
        for name, norm in normalising.items():
            count, total, squares = sums[name]
            mean = total / count
            spread = (squares / count - mean * mean).clamp_min(0.0)
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(spread)
            norm.weight.copy_(torch.sqrt(spread + norm.eps))
            norm.bias.add_(mean)


@contextmanager
def _measured(convolutions: Mapping[str, Any]) -> Iterator[dict[str, tuple[int, Any, Any]]]:
    """Count, sum and square each channel of what convolutions put out, for what is within."""
    sums: dict[str, tuple[int, Any, Any]] = {}

    def watch(name: str) -> Any:
        def add(_module: Any, _given: Any, out: Any) -> None:
            values = out.double()
            count, total, squares = sums.get(name, (0, 0.0, 0.0))
            more = values.numel() // values.shape[1]
            sums[name] = (count + more, total + values.sum((0, 2, 3)), squares + (values * values).sum((0, 2, 3)))

        return add

    hooks = [each.register_forward_hook(watch(name)) for name, each in convolutions.items()]
    try:
        yield sums
    finally:
        for hook in hooks:
            hook.remove()


def _batches(pictures: Sequence[Path], data: Path) -> list[Any]:
    """Return some pictures, evenly from all there are, as tensors."""
    import torch

    if not pictures:
        raise CannotBeginError(data, found="no pictures", expected="pictures to learn from")
    chosen = [pictures[row * len(pictures) // PICTURES] for row in range(min(PICTURES, len(pictures)))]
    canvases = []
    for path in chosen:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise CannotBeginError(path, found="no picture", expected="a JPEG or PNG of the data set")
        canvas = np.empty((*_CANVAS, 3), np.uint8)
        Letterbox.fit((image.shape[0], image.shape[1]), _CANVAS).draw(np.asarray(image, np.uint8), canvas)
        canvases.append(canvas[:, :, ::-1].transpose(2, 0, 1))
    whole = torch.from_numpy(np.ascontiguousarray(np.stack(canvases))).float() / 255.0
    return [whole[row : row + _AT_ONCE] for row in range(0, len(whole), _AT_ONCE)]


def _constant(node: Any) -> Floats:
    """Return a constant's values, which an export may hold in half precision."""
    inner = node if node.get_type_name() == "Constant" else node.input_value(0).get_node()
    return np.asarray(inner.get_data(), np.float32)


def _listed(names: Mapping[int, str]) -> str:
    return ", ".join(names[key] for key in sorted(names))[:200]
