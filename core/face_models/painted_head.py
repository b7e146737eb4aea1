# SPDX-License-Identifier: Apache-2.0
"""A texture for heads without a photo: skin with blotches and pores, brows of hairs, lips, irises, teeth."""

import numpy as np
from numpy.typing import NDArray

from ..face_model import FaceModel
from ..inpaint import pull_push
from ..part_colours import BROW_COLOUR, LIP_COLOUR, PART_COLOURS, colour, mix, vertex_colours
from ..rasterize import Raster, interpolate
from ..shade import paint_eyes
from ..teeth import inner_light, paint_teeth
from ..texture_space import atlas

Floats = NDArray[np.float32]

_SEED = 7
_BLUSH = {"cheeks": 0.35, "nose": 0.45, "ears": 0.6, "eyelids_left": 0.3, "eyelids_right": 0.3, "scalp": -0.2,
          "forehead": -0.1}
"""How much redder or paler than the rest the skin of a region is"""
_REDDER: Floats = np.array((0.02, -0.07, -0.06), np.float32)
_HAIRS, _HAIR_LENGTH = 1500, 0.0085
"""Hairs in both brows, and metres of each"""


def painted_head(model: FaceModel, size: int = 2048) -> NDArray[np.uint8]:
    """A texture map (size, size, 3) sRGB in the model's UVs, row 0 at v = 1, the same to the byte each time."""
    texels = atlas(model, size)
    bare = vertex_colours(model)
    for name in ("brows", "lips"):
        bare[model.regions[name] > 0] = colour(PART_COLOURS["skin"])
    albedo = interpolate(texels, model.triangles, bare)
    skin = np.append(False, model.triangle_part == model.part_names.index("skin"))[texels.triangle_id]
    place = interpolate(texels, model.triangles, model.mean)[skin]
    weights = {name: interpolate(texels, model.triangles, values[:, None])[skin]
               for name, values in model.regions.items()}
    albedo[skin] = _skin(place, weights)
    _draw_brows(model, texels, albedo)
    paint_eyes(model, texels, albedo)
    _fibres(model, texels, albedo)
    paint_teeth(model, texels, albedo)
    # Viewports do not darken the inside of the mouth by themselves.
    albedo *= interpolate(texels, model.triangles, inner_light(model)[:, None])
    filled = pull_push(albedo, (texels.triangle_id > 0).astype(np.float32))
    return np.clip(np.where(texels.triangle_id[..., None] > 0, albedo, filled) * 255 + 0.5, 0, 255).astype(np.uint8)


def _skin(place: Floats, weights: dict[str, Floats]) -> Floats:
    """Colours (N, 3) of skin at points (N, 3)."""
    colours = np.tile(colour(PART_COLOURS["skin"]), (len(place), 1))
    blush = sum(strength * weights[name] for name, strength in _BLUSH.items() if name in weights)
    colours += _REDDER * (blush + 0.22 * _noise(place, 0.014, 1) + 0.16 * _noise(place, 0.005, 2))
    lips = weights["lips"] * (1.0 + 0.10 * _noise(place * np.array((1, 0.12, 0.12), np.float32), 0.0006, 3))
    colours = mix(colours, colour(LIP_COLOUR), np.clip(0.62 * lips, 0, 1))
    light = 0.030 * _noise(place, 0.003, 4) + 0.035 * _noise(place, 0.0009, 5)
    return np.asarray(colours * (1 + light), np.float32)


def _noise(points: Floats, cell: float, seed: int) -> Floats:
    """Smooth value noise (N, 1) in −1..1 with features of `cell` metres (a lattice of random values, blended)."""
    lattice = np.random.default_rng((_SEED, seed)).uniform(-1, 1, (64, 64, 64)).astype(np.float32)
    at = points / cell
    low = np.floor(at).astype(np.int64)
    t = at - low
    t = t * t * (3 - 2 * t)
    total = np.zeros(len(points), np.float32)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, t, 1 - t), 1)
        total += weight * lattice[tuple(((low + corner) & 63).T)]
    return total[:, None]


def _draw_brows(model: FaceModel, texels: Raster, albedo: Floats) -> None:
    """Hairs that spring from the region brows, upright beside the nose, lying along the arch at its end."""
    weight = model.regions["brows"]
    size = len(albedo)
    soft = interpolate(texels, model.triangles, weight[:, None])
    albedo[:] = mix(albedo, colour(BROW_COLOUR), 0.28 * np.clip(soft, 0, 1) ** 1.5)
    rng = np.random.default_rng(_SEED)
    rows, columns = np.nonzero(rng.random(soft.shape[:2]) < (np.clip(soft[..., 0], 0, 1) ** 1.5))
    chosen = rng.choice(len(rows), _HAIRS)
    u, v = (columns[chosen] + 0.5) / size, 1 - (rows[chosen] + 0.5) / size
    outward = np.abs(u - 0.5)
    side = np.sign(u - 0.5)
    share = (outward - outward.min()) / np.ptp(outward)
    lean = np.interp(share, [0, 0.25, 0.6, 1], [1.35, 0.75, 0.15, -0.55]) + rng.normal(0, 0.16, _HAIRS)
    length = _HAIR_LENGTH * _uv_per_metre(model, "brows") * rng.uniform(0.6, 1.1, _HAIRS) * (1 - 0.35 * share)
    cover = np.zeros(soft.shape[:2], np.float32)
    for step in np.linspace(0, 1, 160):
        # A hair bends towards the tail of the brow and thins out.
        angle = lean - 0.5 * step
        x = (u + side * np.cos(angle) * length * (step - 0.3)) * size
        y = (1 - v - np.sin(angle) * length * (step - 0.3)) * size
        _splat(cover, x - 0.5, y - 0.5, 0.085 * (1 - step) ** 0.5 * size / 2048)
    albedo[:] = mix(albedo, 0.62 * colour(BROW_COLOUR), np.clip(cover, 0, 0.85)[..., None])


def _splat(cover: Floats, x: NDArray[np.float64], y: NDArray[np.float64], amount: float) -> None:
    """Add bilinear dots."""
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    dy, dx = y - i, x - j
    for a, wa in ((0, 1 - dy), (1, dy)):
        for b, wb in ((0, 1 - dx), (1, dx)):
            np.add.at(cover, (i + a, j + b), (wa * wb * amount).astype(np.float32))


def _uv_per_metre(model: FaceModel, region: str) -> float:
    """How long a metre of a region's surface is in the texture map: the middle of its edges."""
    inside = (model.regions[region][model.triangles] > 0.2).all(1)
    corners, flat = model.mean[model.triangles[inside]], model.uv[model.uv_triangles[inside]]
    ratio = np.linalg.norm(flat[:, 0] - flat[:, 1], axis=1) / np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1)
    return float(np.median(ratio))


def _fibres(model: FaceModel, texels: Raster, albedo: Floats) -> None:
    """Fibres around the pupils, and the whites a little redder towards their corners."""
    part = np.append(np.int32(-1), model.triangle_part)[texels.triangle_id]
    for name in ("eye_left", "eye_right"):
        index = model.part_names.index(name)
        seen = part == index
        ball = model.mean[np.unique(model.triangles[model.triangle_part == index])]
        at = interpolate(texels, model.triangles, model.mean)[seen] - (ball.min(0) + ball.max(0)) / 2
        angle = np.arctan2(np.hypot(at[:, 0], at[:, 1]), at[:, 2])[:, None]
        around = np.arctan2(at[:, 1], at[:, 0])[:, None]
        ring = np.concatenate([np.cos(around), np.sin(around), 0.25 * angle], 1).astype(np.float32)
        iris = np.clip((0.47 - angle) / 0.03, 0, 1)
        streaks = 0.30 * _noise(ring, 0.12, 6) + 0.22 * _noise(ring, 0.05, 7)
        red = np.clip((angle - 0.5) / 0.6, 0, 1) * 0.10 * (1 + 0.6 * _noise(at.astype(np.float32), 0.0012, 8))
        albedo[seen] = albedo[seen] * (1 + iris * streaks) * (1 - red * (0.1, 0.9, 0.9))
