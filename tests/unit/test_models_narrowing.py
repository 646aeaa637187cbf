"""A model exported for one size takes narrower pictures: which size, and what of the graph is cut, or refused."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.letterbox import Letterbox
from models.narrowing import STRIDES, narrow, narrower

FULL = (64, 64)


@pytest.mark.parametrize(
    ("image_size", "full", "size"),
    [
        ((1080, 1920), (640, 640), (384, 640)),
        ((576, 768), (640, 640), (480, 640)),
        ((768, 576), (640, 640), (640, 480)),
        ((1920, 1080), (640, 640), (640, 384)),
        ((640, 640), (640, 640), (640, 640)),
        ((31, 700), (640, 640), (384, 640)),
        ((1080, 1920), (320, 320), (192, 320)),
        ((360, 640), (448, 768), (448, 768)),
        ((1, 1), (640, 640), (640, 640)),
    ],
)
def test_the_least_input_that_a_picture_needs(image_size: Sequence[int], full: Sequence[int], size: Sequence[int]):
    assert narrower((image_size[0], image_size[1]), (full[0], full[1])) == tuple(size)


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([(640, 640), (320, 320), (448, 768), (64, 64)]))
def test_a_picture_keeps_its_scale(height: int, width: int, full: tuple[int, int]):
    size = narrower((height, width), full)
    assert all(side % 32 == 0 and side <= most for side, most in zip(size, full, strict=True))
    assert Letterbox.fit((height, width), size).fitted_size == Letterbox.fit((height, width), full).fitted_size


def _anchors(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    grids, strides = [], []
    for stride in STRIDES:
        rows, columns = size[0] // stride, size[1] // stride
        y, x = np.meshgrid(np.arange(rows) + 0.5, np.arange(columns) + 0.5, indexing="ij")
        grids.append(np.stack([x.ravel(), y.ravel()]))
        strides.append(np.full((1, x.size), stride))
    return np.concatenate(grids, 1)[None].astype(np.float32), np.concatenate(strides, 1)[None].astype(np.float32)


def _model(grid: np.ndarray, strides: np.ndarray, kind: type = np.float32) -> Any:
    """A head like YOLO's over maps that are means of the picture: (grid of anchors + map) times stride."""
    import openvino as ov

    ops = ov.opset13
    picture = ops.parameter([1, 3, *FULL], np.float32)
    maps = []
    for stride in STRIDES:
        mean = ops.avg_pool(picture, [stride] * 2, [0, 0], [0, 0], [stride] * 2, exclude_pad=True)
        side = FULL[0] // stride
        folded = ops.reshape(mean, np.array([1, 3, side, side]), special_zero=False)  # as attention writes it
        maps.append(ops.reshape(folded, np.array([1, 3, side * side]), special_zero=False))
    seen = ops.slice(ops.concat(maps, 2), np.array([0]), np.array([2]), np.array([1]), np.array([1]))
    grid_of, strides_of = (
        ops.convert(ov.op.Constant(ov.Tensor(each.astype(kind))), np.float32) for each in (grid, strides)
    )
    return ov.Model([ops.multiply(ops.add(grid_of, seen), strides_of)], [picture], "head")


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_a_narrower_model_gives_what_the_whole_one_gives_of_that_corner(kind: type):
    import openvino as ov

    whole, cut = _model(*_anchors(FULL), kind), _model(*_anchors(FULL), kind)
    size = (32, 64)
    assert narrow(cut, size, full=FULL)
    picture = np.random.default_rng(4).random((1, 3, *FULL), np.float32)
    core = ov.Core()
    all_of_it = core.compile_model(whole, "CPU")(picture)[0]
    of_it = core.compile_model(cut, "CPU")(np.ascontiguousarray(picture[:, :, :32]))[0]
    grid, strides = _anchors(FULL)
    inside = grid[0, 1] * strides[0, 0] < size[0]
    assert of_it.shape == (1, 2, 32 + 8 + 2)
    np.testing.assert_allclose(of_it, all_of_it[..., inside], rtol=1e-2)


@pytest.mark.parametrize("spoilt", ["grid", "strides"])
def test_a_constant_that_is_not_the_size_s_own_is_left_alone(spoilt: str):
    grid, strides = _anchors(FULL)
    if spoilt == "grid":
        grid[0, 0, 5] += 1.0
    else:
        strides[0, 0, -1] = 64.0
    assert not narrow(_model(grid, strides), (32, 64), full=FULL)


def test_a_graph_that_cannot_take_another_size_is_refused():
    import openvino as ov

    ops = ov.opset13
    picture = ops.parameter([1, 3, *FULL], np.float32)
    fixed = ov.Model([ops.add(picture, ops.constant(np.ones((1, 3, *FULL), np.float32)))], [picture], "fixed")
    assert not narrow(fixed, (32, 64), full=FULL)
