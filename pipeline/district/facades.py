"""The colour of upright faces: windows in a plastered or tiled wall, shop fronts, signs, awnings, quay walls."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district.blocks import GROUND_FLOOR_M, STOREY_M
from pipeline.district.textures import Values, grain, hashed, line, strokes

Colours = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spots:
    """Points on faces of one material, n of them.

    Attributes:
        u, v: metres along and up the face.
        wide, tall: the face's size.
        seed: of the face.
        tint, accent: (n, 3) its colours.
        footprint_m: a pixel's size on it.
        lit: share of windows and signs that are lit, 0 by day.
    """

    u: Values
    v: Values
    wide: Values
    tall: Values
    seed: NDArray[np.int32]
    tint: Colours
    accent: Colours
    footprint_m: Values
    lit: float


@dataclass(slots=True, kw_only=True)
class Look:
    """What points look like before light falls on them: albedo and emission (n, 3), and gloss (n,)."""

    albedo: Colours
    emission: Colours
    gloss: Values


_GLASS: Final = np.array([0.03, 0.04, 0.05], dtype=np.float32)
_WARM: Final = np.array([1.0, 0.72, 0.38], dtype=np.float32)
_COOL: Final = np.array([0.85, 0.93, 1.0], dtype=np.float32)


def _over(under: Colours, over: Colours | list[float] | NDArray[np.float32], share: Values) -> Colours:
    return np.asarray(under + (np.asarray(over, dtype=np.float32) - under) * share[:, None], dtype=np.float32)


def facade(at: Spots) -> Look:
    """Return a wall with storeys of windows, some with curtains, some lit."""
    style = at.seed // 4 % 3
    bay = 2.7 + 0.3 * style
    count = np.maximum(np.floor(at.wide / bay), 1.0)
    across = at.u / at.wide * count
    column, fu = np.floor(across), (across - np.floor(across) - 0.5) * at.wide / count
    storey = np.floor((at.v - GROUND_FLOOR_M) / STOREY_M)
    fv = at.v - GROUND_FLOOR_M - storey * STOREY_M
    half, low, high = np.where(style == 2, 1.05, 0.85), np.where(style == 1, 0.3, 0.95), 2.55  # noqa: PLR2004 - style
    upper = (at.v > GROUND_FLOOR_M) & (at.v < at.tall - 0.3)
    within = upper & (np.abs(fu) < half) & (fv > low) & (fv < high)
    around = upper & (np.abs(fu) < half + 0.09) & (fv > low - 0.12) & (fv < high + 0.08) & ~within
    wall = _wall(at, style)
    wall = np.where(around[:, None], at.accent * 0.8 + 0.06, wall)
    key = column * 31 + storey
    window, emission = _window(at, key, (fu, fv), (half, low))
    frame = np.maximum(line(fu, 0.03, at.footprint_m), line(np.abs(fu) - half, 0.05, at.footprint_m))
    frame = np.maximum(frame, line(fv - 2.05, 0.025, at.footprint_m))
    pane = within & (frame < 0.5)  # noqa: PLR2004 - more glass than frame
    window = _over(window, [0.32, 0.33, 0.34], frame)
    albedo = np.where(within[:, None], window, wall)
    return Look(
        albedo=albedo.astype(np.float32),
        emission=np.where(pane[:, None], emission, 0.0).astype(np.float32),
        gloss=np.where(pane, 0.5, 0.0).astype(np.float32),
    )


def _wall(at: Spots, style: NDArray[np.int32]) -> Colours:
    streaks = grain(at.u * 3.0, at.v * 0.4 + at.seed.astype(np.float32), size_m=21.0)
    shade = 0.86 + 0.28 * (streaks - 0.3) + 0.14 * (grain(at.u, at.v, size_m=5.0, seed=1) - 0.5)
    row = np.floor(at.v / 0.16)
    brick = line(at.v % 0.16, 0.012, at.footprint_m) + line((at.u + 0.2 * (row % 2)) % 0.4, 0.012, at.footprint_m)
    own = (hashed(at.u / 0.4 + 0.5 * (row % 2), row, at.seed) - 0.5) * np.clip(0.1 / at.footprint_m, 0, 1)
    shade = np.where(style == 0, shade * (1.0 - 0.25 * np.minimum(brick, 1.0)) + 0.22 * own, shade)
    grime = np.exp(-at.v / 1.1) * 0.25
    ground = at.v < GROUND_FLOOR_M
    colour = np.where(ground[:, None], at.tint * 0.72, at.tint)
    return np.asarray(colour * (shade - grime)[:, None], dtype=np.float32)


def _window(
    at: Spots, key: Values, place: tuple[Values, Values], frame: tuple[Values, Values]
) -> tuple[Colours, Colours]:
    """Return what one sees in windows, and what shines out of them."""
    (fu, fv), (half, low) = place, frame
    pick, who = hashed(key, 1.0, at.seed), hashed(key, 2.0, at.seed)
    closed = np.clip((pick - 0.45) / 0.5, 0.0, 1.0) * 0.9
    curtain = np.abs(fu) > half * (1.0 - closed)
    folds = 0.8 + 0.2 * np.sin(fu * 34.0)
    cloth = np.array([0.42, 0.38, 0.33], dtype=np.float32) * (0.5 + who)[:, None] * folds[:, None]
    depth = np.clip((fv - low) / 1.6, 0.0, 1.0)
    colour = np.where(curtain[:, None], cloth * 0.55, _GLASS * (0.7 + 0.8 * depth)[:, None])
    reveal = np.clip((2.55 - fv) / 0.28, 0.0, 1.0) * np.clip((half - fu) / 0.16, 0.0, 1.0)
    colour = colour * (0.35 + 0.65 * reveal)[:, None]
    lit = hashed(key, 3.0, at.seed) < at.lit
    lamp = np.where((who > 0.6)[:, None], _COOL, _WARM) * (0.45 + 0.75 * hashed(key, 4.0, at.seed))[:, None]  # noqa: PLR2004 - share of cool lamps
    glow = np.where(curtain, 0.5 * folds, 0.55 + 0.45 * depth)
    emission = np.where(lit[:, None], lamp * glow[:, None], 0.0)
    return colour.astype(np.float32), emission.astype(np.float32)


def shuttered(seed: NDArray[np.int32], lit: float) -> NDArray[np.bool_]:
    """Return which shops, by seed, have their shutter down: more of them when it is dark."""
    return np.asarray(hashed(seed, 5.0) < 0.2 + 0.25 * (lit > 0))


def shop(at: Spots) -> Look:
    """Return a shop front: plinth, glass with shelves behind or a shutter, and a sign above."""
    shut = shuttered(at.seed, at.lit)
    shelf, glow = _shelves(at)
    slats = 0.75 + 0.25 * np.sin(at.v * 42.0) * np.clip(0.05 / at.footprint_m, 0.0, 1.0)
    shutter = np.array([0.33, 0.34, 0.35], dtype=np.float32) * slats[:, None]
    albedo = np.where(shut[:, None], shutter, shelf)
    emission = np.where(shut[:, None], 0.0, glow * (at.lit > 0)) + np.where(shut[:, None], 0.0, glow * 0.12)
    parts = np.maximum(3.0, np.floor(at.wide / 1.3))
    fu = at.u / at.wide * parts
    bars = line((fu - np.floor(fu)) * at.wide / parts, 0.04, at.footprint_m) * ~shut
    bars = np.maximum(bars, line(at.v - 2.2, 0.04, at.footprint_m) * ~shut)
    albedo = _over(albedo, [0.25, 0.25, 0.26], np.asarray(bars, dtype=np.float32))
    emission = emission * (1.0 - bars)[:, None]
    plinth = at.v < 0.42  # noqa: PLR2004 - its height
    albedo = np.where(plinth[:, None], at.tint * 0.5, albedo)
    board = at.v > 2.72  # noqa: PLR2004 - lower edge of the sign
    face, shine = _sign_board(at, (at.u - 0.3, (at.v - 2.82) / 0.7), 0.78)
    albedo = np.where(board[:, None], face, albedo)
    emission = np.where(board[:, None], shine, np.where(plinth[:, None], 0.0, emission))
    gloss = np.where(board | plinth | shut, 0.0, 0.28)
    return Look(albedo=albedo.astype(np.float32), emission=emission.astype(np.float32), gloss=gloss.astype(np.float32))


def _shelves(at: Spots) -> tuple[Colours, Colours]:
    """Return goods on shelves behind glass, and how they shine when the shop is lit."""
    wide = 0.16 + 0.4 * hashed(np.floor((at.v - 0.4) / 0.42), 3.0, at.seed)
    cell_u, cell_v = np.floor(at.u / wide), np.floor((at.v - 0.4) / 0.42)
    pick = hashed(cell_u, cell_v, at.seed)
    goods = np.stack([hashed(cell_u, cell_v, at.seed + k) for k in (11, 12, 13)], axis=1) ** 1.6
    goods = 0.55 * goods + 0.45 * goods.mean(axis=1, keepdims=True)
    board = line((at.v - 0.4) % 0.42, 0.03, at.footprint_m)
    shown = (pick > 0.35) & ((at.v - 0.4) % 0.42 < 0.14 + 0.26 * pick)  # noqa: PLR2004 - some places are empty
    room = np.array([0.16, 0.14, 0.12], dtype=np.float32)
    colour = np.where(shown[:, None], 0.05 + 0.38 * goods, room)
    colour = _over(colour, [0.3, 0.26, 0.2], board)
    who = hashed(at.seed, 6.0)
    lamp = np.where((who > 0.5)[:, None], _COOL, _WARM)  # noqa: PLR2004 - half of the shops
    high = 0.55 + 0.45 * np.clip(at.v / 2.6, 0.0, 1.0)
    return colour * 0.6, np.asarray((0.16 + 1.1 * colour) * lamp * high[:, None] * 1.1, dtype=np.float32)


def _sign_board(at: Spots, place: tuple[Values, Values], pitch: float) -> tuple[Colours, Colours]:
    u, v = place
    count = np.floor((at.wide - 0.6) / pitch)
    written = (u > 0) & (u < count * pitch) & (v > 0.05) & (v < 0.95)  # noqa: PLR2004 - margins
    ink = strokes(u / pitch, np.clip(v, 0.0, 0.999), at.seed) * written
    fade = np.clip(0.14 / at.footprint_m, 0.25, 1.0)
    white = np.where((hashed(at.seed, 7.0) > 0.4)[:, None], [0.82, 0.82, 0.78], [0.85, 0.66, 0.12])  # noqa: PLR2004 - share of white letters
    face = _over(at.tint * 0 + at.accent, white.astype(np.float32), ink * fade)
    bright = (0.35 + 0.9 * hashed(at.seed, 8.0)) * (hashed(at.seed, 9.0) < 0.75)  # noqa: PLR2004 - share of signs that shine
    shine = face * (bright * 1.8 * (at.lit > 0))[:, None]
    return face, np.asarray(shine, dtype=np.float32)


def sign(at: Spots) -> Look:
    """Return a free sign: rows of letters with a border."""
    border = (np.minimum(at.u, at.wide - at.u) < 0.04) | (np.minimum(at.v, at.tall - at.v) < 0.04)  # noqa: PLR2004 - width
    pitch = np.maximum(at.wide - 0.1, 0.1)
    ink = strokes((at.u - 0.05) / pitch, (at.v / pitch) % 1.0, at.seed + np.floor(at.v / pitch).astype(np.int32))
    albedo = _over(at.tint, at.accent, np.maximum(ink, border))
    return Look(albedo=albedo, emission=albedo * np.float32(1.3 * (at.lit > 0)), gloss=np.zeros_like(at.u))


def stripes(at: Spots) -> Look:
    """Return an awning's cloth."""
    band = np.asarray((at.u / 0.32) % 2.0 < 1.0, dtype=np.float32)
    albedo = _over(at.tint, at.accent, band) * (0.9 + 0.1 * grain(at.u, at.v, size_m=3.0))[:, None]
    return Look(albedo=albedo, emission=np.zeros_like(albedo), gloss=np.zeros_like(at.u))


def quay(at: Spots) -> Look:
    """Return rough stone blocks, darker and greener towards the water."""
    row = np.floor(at.v / 0.4)
    seam = line(at.v % 0.4, 0.02, at.footprint_m) + line((at.u + 0.45 * (row % 2)) % 0.9, 0.02, at.footprint_m)
    shade = (0.7 + 0.5 * grain(at.u, at.v, size_m=6.0)) * (1.0 - 0.3 * np.minimum(seam, 1.0))
    wet = np.exp(-at.v / 0.25)
    colour = at.tint * shade[:, None] * (1.0 - wet[:, None] * np.array([0.7, 0.5, 0.65], dtype=np.float32))
    return Look(albedo=colour.astype(np.float32), emission=np.zeros_like(colour), gloss=np.zeros_like(at.u))
