"""An overview picture of the sample site."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from town_units import Unit

FILLS = {"YP-G1": "#f6d5c8", "YP-G2": "#f3e6b8", "YP-G3": "#d8d3ec", "YP-G4": "#cfe8d0", "YP-G5": "#cfe3f1"}
WIDTHS = {"boundary": 3.0, "main": 2.0, "street": 0.8, "lane": 0.5}
COLOURS = {"road": "#b59a6b", "waterway": "#4a90c2"}
DEGREES_RATIO = 1.164
"""How much longer a degree of latitude is here than one of longitude."""


def _text(axes: Axes, at: tuple[float, float], words: str, size: float) -> None:
    axes.text(*at, words, ha="center", va="center", fontsize=size, zorder=6)


def draw(units: list[Unit], features: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Draw units by grid, ways, names and cameras."""
    mpl.use("Agg")
    mpl.rcParams["font.family"] = ["Noto Sans CJK JP", "DejaVu Sans"]
    figure, axes = plt.subplots(figsize=(9.5, 12.5))
    for unit in units:
        axes.fill(*np.asarray(unit.area.exterior.coords).T, fc=FILLS[unit.grid], ec="none", zorder=1)
    for way in features["streets"]:
        facts, line = way["properties"], way["geometry"]["coordinates"]
        axes.plot(*np.asarray(line).T, color=COLOURS[facts["kind"]], lw=WIDTHS[facts["rank"]], zorder=2)
    for unit in units:
        axes.plot(*np.asarray(unit.area.exterior.coords).T, color="#555", lw=0.9, ls=(0, (4, 2)), zorder=4)
        middle = unit.area.representative_point()
        _text(axes, (middle.x, middle.y), unit.name_zh + ("★" if unit.key else ""), 7.5)
    for grid in features["grids"]:
        ring = np.asarray(grid["geometry"]["coordinates"][0])
        axes.plot(*ring.T, color="#8c1d18", lw=2.2, zorder=5, alpha=0.75)
    for camera in features["cameras"]:
        lon, lat = camera["geometry"]["coordinates"]
        axes.plot(lon, lat, "o", color="#c00", mec="white", ms=6, zorder=7)
    axes.set_aspect(DEGREES_RATIO)
    axes.set_title("盈浦街道（示意）  Yingpu subdistrict, schematic")
    figure.tight_layout()
    figure.savefig(path, dpi=75, bbox_inches="tight", pil_kwargs={"optimize": True})
