"""Narrower inputs of a model that was exported for one size: a wide picture needs no grey bars above and below it.

A YOLO export for 640 by 640 pixels spends a quarter of its arithmetic on the bars around a 4:3 picture, nearly half on
those around 16:9. What ties it to its size are a few constants: the grid of anchors, its strides, and the shapes that
attention folds pixels into. They are cut to the narrower input, and only where each is exactly what the model's own
size makes of it; weights stay untouched. Decision 180.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

STRIDES: Final = (8, 16, 32)
SHARES: Final = (0.6, 0.75)  # of the long side: 16:9 and 4:3
MOST_ERROR: Final = 1e-3
_FEW: Final = 8  # numbers of a constant that is a shape

Size = tuple[int, int]


def narrower(image_size: Size, full: Size) -> Size:
    """Return the least input that a picture fits into at the scale that the full input gives it.

    Args:
        image_size: height and width of the picture in pixels.
        full: height and width of the model's own input.
    """
    gain = min(full[0] / image_size[0], full[1] / image_size[1])
    fitted = [max(round(side * gain), 1) for side in image_size]
    height, width = (
        next((size for size in _allowed(side) if size >= needed), side)
        for side, needed in zip(full, fitted, strict=True)
    )
    return height, width


def _allowed(side: int) -> list[int]:
    stride = STRIDES[-1]
    return [size for share in SHARES if (size := -(-round(side * share) // stride) * stride) < side]


def narrow(model: Any, size: Size, *, full: Size) -> bool:
    """Give an OpenVINO model a narrower input; False, and a model of no use, where it cannot be done.

    Args:
        model: as it was read.
        size: height and width wanted, multiples of 32.
        full: height and width that it was exported for.
    """
    import openvino as ov

    anchors, kept = _anchors(full), _kept(full, size)
    for op in model.get_ops():
        if op.get_type_name() != "Constant":
            continue
        shape, values = list(op.get_output_shape(0)), op.get_data()
        if shape and shape[-1] == anchors.shape[1] and values.dtype.kind == "f":
            if not _same(values, anchors):
                return False
            _replace(ov, op, values[..., kept])
        elif values.dtype.kind == "i" and 1 < values.size <= _FEW and _feeds_reshape(op):
            wanted = _folded(values.tolist(), full, size)
            if wanted != values.tolist():
                _replace(ov, op, np.array(wanted, values.dtype))
    try:
        # Not `reshape`: that first checks the old input against the constants just put in.
        model.get_parameters()[0].set_partial_shape(ov.PartialShape([1, 3, *size]))
        model.validate_nodes_and_infer_types()
    except RuntimeError:
        return False
    output = model.output(0).partial_shape
    return bool(output.is_static) and output.to_shape()[-1] == int(kept.sum())


def _anchors(size: Size) -> NDArray[np.float64]:
    """Return the rows x, y (in cells) and stride of each anchor, (3, anchors)."""
    rows = []
    for stride in STRIDES:
        height, width = size[0] // stride, size[1] // stride
        y, x = np.mgrid[:height, :width] + 0.5
        rows.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, float(stride))]))
    return np.concatenate(rows, axis=1)


def _kept(full: Size, size: Size) -> NDArray[np.bool_]:
    """Return which anchors of the full input the narrower one has: the same cells from its corner."""
    x, y, stride = _anchors(full)
    return np.asarray((x < size[1] // stride) & (y < size[0] // stride))


def _same(values: NDArray[Any], anchors: NDArray[np.float64]) -> bool:
    """Tell whether a constant is the grid of anchors or their strides, and nothing else."""
    rows = values.reshape(-1, values.shape[-1]).astype(np.float64)
    expected = {1: anchors[2:], 2: anchors[:2]}.get(len(rows))
    return expected is not None and float(np.abs(rows - expected).max()) < MOST_ERROR


def _feeds_reshape(op: Any) -> bool:
    return any(each.get_node().get_type_name() == "Reshape" for each in op.output(0).get_target_inputs())


def _folded(shape: Sequence[int], full: Size, size: Size) -> list[int]:
    """Return a shape with the pixels of the full input's maps in it changed to the narrower one's."""
    if shape[-1] == sum((full[0] // each) * (full[1] // each) for each in STRIDES):
        return [*shape[:-1], sum((size[0] // each) * (size[1] // each) for each in STRIDES)]
    for stride in STRIDES:
        (height, width), (low, narrow) = ((each[0] // stride, each[1] // stride) for each in (full, size))
        if list(shape[-2:]) == [height, width]:
            return [*shape[:-2], low, narrow]
        if shape[-1] == height * width:
            return [*shape[:-1], low * narrow]
    return list(shape)


def _replace(ov: Any, op: Any, values: NDArray[Any]) -> None:
    # From a tensor: `opset.constant` takes the bits of float16 for whole numbers.
    put = ov.op.Constant(ov.Tensor(np.ascontiguousarray(values)))
    for target in list(op.output(0).get_target_inputs()):
        target.replace_source_output(put.output(0))
