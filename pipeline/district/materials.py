"""What a face looks like at a point before light falls on it: picks the pattern by the face's material."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district import facades
from pipeline.district.facades import Look, Spots
from pipeline.district.ground import Strip, paint
from pipeline.district.scenery import Material, Scenery
from pipeline.district.textures import grain, line

Values = NDArray[np.float32]


def look(
    scenery: Scenery,
    strips: list[Strip],
    faces: NDArray[np.int32],
    points_m: Values,
    *,
    footprint_m: Values,
    lit: float,
) -> Look:
    """Return albedo, emission and gloss of (n, 3) points on (n,) faces."""
    count = len(faces)
    result = Look(
        albedo=np.zeros((count, 3), dtype=np.float32),
        emission=np.zeros((count, 3), dtype=np.float32),
        gloss=np.zeros(count, dtype=np.float32),
    )
    material = scenery.material[faces]
    for kind in np.unique(material):
        chosen = np.flatnonzero(material == kind)
        spots = _spots(scenery, faces[chosen], points_m[chosen], footprint_m[chosen], lit)
        if kind == Material.GROUND:
            result.albedo[chosen] = paint(strips, points_m[chosen, 0], points_m[chosen, 1], footprint_m[chosen])
            continue
        part = _PATTERNS[Material(int(kind))](spots)
        result.albedo[chosen], result.emission[chosen], result.gloss[chosen] = part.albedo, part.emission, part.gloss
    return result


def _spots(scenery: Scenery, faces: NDArray[np.int32], points_m: Values, footprint_m: Values, lit: float) -> Spots:
    away = points_m - scenery.origin_m[faces].astype(np.float32)
    return Spots(
        u=np.einsum("ij,ij->i", away, scenery.along[faces].astype(np.float32)),
        v=np.einsum("ij,ij->i", away, scenery.up[faces].astype(np.float32)),
        wide=scenery.size_m[faces, 0].astype(np.float32),
        tall=scenery.size_m[faces, 1].astype(np.float32),
        seed=scenery.seed[faces],
        tint=scenery.tint[faces].astype(np.float32),
        accent=scenery.accent[faces].astype(np.float32),
        footprint_m=footprint_m,
        lit=lit,
    )


def _flat(at: Spots) -> Look:
    return Look(albedo=at.tint, emission=np.zeros_like(at.tint), gloss=np.zeros_like(at.u))


def _rough(at: Spots) -> Look:
    shade = 0.75 + 0.5 * grain(at.u, at.v, size_m=17.0)
    return Look(albedo=at.tint * shade[:, None], emission=np.zeros_like(at.tint), gloss=np.zeros_like(at.u))


def _ice(at: Spots) -> Look:
    """Return ice with snow blown over it: bare and darker in places, cracked in others."""
    bare = np.clip((grain(at.u, at.v, size_m=9.0) - 0.5) * 4.0, 0.0, 1.0)
    crack = line(grain(at.u, at.v, size_m=15.0, seed=1) - 0.5, 0.006, np.maximum(at.footprint_m * 0.1, 0.003))
    shade = (1.0 - 0.42 * bare) * (1.0 - 0.3 * crack * bare)
    return Look(
        albedo=at.tint * shade[:, None], emission=np.zeros_like(at.tint), gloss=(0.25 * bare).astype(np.float32)
    )


def _lamp(at: Spots) -> Look:
    glow = np.array([1.0, 0.86, 0.6], dtype=np.float32) * np.float32(9.0 * (at.lit > 0))
    return Look(albedo=at.tint, emission=np.broadcast_to(glow, at.tint.shape), gloss=np.zeros_like(at.u))


_PATTERNS: Final[dict[Material, Callable[[Spots], Look]]] = {
    Material.PLAIN: _flat,
    Material.LEAF: _flat,
    Material.WATER: _flat,
    Material.EARTH: _rough,
    Material.ICE: _ice,
    Material.ROOF: _rough,
    Material.LAMP: _lamp,
    Material.FACADE: facades.facade,
    Material.SHOP: facades.shop,
    Material.STRIPES: facades.stripes,
    Material.SIGN: facades.sign,
    Material.QUAY: facades.quay,
}
