# SPDX-License-Identifier: Apache-2.0
"""Skin of made-up people: colour, relief and shine on the head's texture map."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ....core.face_model import FaceModel
from ....core.part_colours import vertex_colours
from ....core.rasterize import interpolate
from ....core.teeth import inner_light, paint_teeth
from ....core.texture_space import atlas
from .look import Look
from .noise import draw_lines, noise, ramp

Floats = NDArray[np.float32]

TEXELS = 384
_REDDER: Floats = np.array((0.02, -0.07, -0.06), np.float32)
_BLUSH = {"cheeks": 0.45, "nose": 0.5, "ears": 0.6, "eyelids_left": 0.35, "eyelids_right": 0.35, "forehead": -0.1}
_RIM = 0.0013
"""Metres beside the lashes' line that are dark"""
EYE_AT = (0.0287, 0.0)
"""Where the left eye's centre is on the mean face"""


class Ground:
    """The head's texture map, the same for all people: places, regions, and the inside of the mouth."""

    def __init__(self, model: FaceModel, size: int = TEXELS) -> None:
        self.model, self.size = model, size
        self.texels = atlas(model, size)
        part = np.append(np.int32(-1), model.triangle_part)[self.texels.triangle_id]
        self.skin = part == model.part_names.index("skin")
        self.place = np.ascontiguousarray(interpolate(self.texels, model.triangles, model.mean)[self.skin])
        self.regions = {name: interpolate(self.texels, model.triangles, w[:, None])[self.skin][:, 0]
                        for name, w in model.regions.items()}
        self.inside = scalp_distance(model)
        self.scalp = interpolate(self.texels, model.triangles, self.inside[:, None])[self.skin][:, 0]
        albedo = interpolate(self.texels, model.triangles, vertex_colours(model))
        paint_teeth(model, self.texels, albedo)
        albedo *= interpolate(self.texels, model.triangles, inner_light(model)[:, None])
        self.inner = albedo
        self.rim = _near_lashes(model, self.place, self.regions)
        self.brow_scale = _texels_per_metre(model, "brows", size)


@lru_cache(maxsize=2)
def ground(model: FaceModel) -> Ground:
    return Ground(model)


def scalp_distance(model: FaceModel) -> Floats:
    """(V,) metres from the hairline of the mean head, positive where hair grows."""
    from scipy.spatial import cKDTree

    skin = np.unique(model.triangles[model.triangle_part == model.part_names.index("skin")])
    scalp = model.regions["scalp"] > 0.5
    inside, outside = skin[scalp[skin]], skin[~scalp[skin]]
    to_scalp = cKDTree(model.mean[inside]).query(model.mean)[0]
    to_rest = cKDTree(model.mean[outside]).query(model.mean)[0]
    return np.asarray(np.where(scalp, to_rest, -to_scalp), np.float32)


def _near_lashes(model: FaceModel, at: Floats, weight: dict[str, Floats]) -> Floats:
    """How near (N,) places are to the line where lashes spring from the lids, 0..1."""
    from scipy.spatial import cKDTree

    near = np.zeros(len(at), np.float32)
    lids = weight["eyelids_left"] + weight["eyelids_right"] > 0.05
    lashes = np.unique(model.triangles[model.triangle_part == model.part_names.index("lashes")])
    distance = np.asarray(cKDTree(model.mean[lashes]).query(at[lids])[0])
    near[lids] = _crease(distance, _RIM)
    return near


def paint_skin(look: Look, base: Ground, random: np.random.Generator) -> Floats:
    """What is painted onto one head, (T, T, 5): linear albedo, relief in metres outwards, and shine, about 1."""
    at, weight = base.place, base.regions
    offset = random.uniform(0, 64, (12, 3))
    colour, relief = _flesh(look, at, weight, offset)
    lines = _wrinkles(look, at, random)
    relief = relief - 0.0006 * lines
    colour *= (1 - 0.14 * lines[:, None] * np.array((0.8, 1.0, 1.0), np.float32))
    colour = _lips(look, at, weight, offset, colour)
    colour = _make_up(look, at, weight, colour)
    colour *= 1 - min(0.45 + 0.5 * look.eyeshadow, 0.85) * base.rim[:, None]
    colour = _hair_shadow(look, base, offset, colour, random)
    rgb = np.array(base.inner)
    rgb[base.skin] = np.clip(colour, 0.01, 1)
    rgb = _brows(look, base, rgb, random)
    whole = np.zeros((base.size, base.size, 5), np.float32)
    whole[..., :3] = _linear(rgb)
    whole[base.skin, 3] = relief
    oily = weight["nose"] + weight["forehead"] + 0.6 * weight["cheeks"]
    whole[base.skin, 4] = look.oil * (0.55 + 0.5 * np.clip(oily, 0, 1)) + 1.0 * weight["lips"]
    return whole


def _flesh(look: Look, at: Floats, weight: dict[str, Floats], offset: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Colour (N, 3) and relief (N,) of bare skin."""
    blush = sum((strength * weight[name] for name, strength in _BLUSH.items()), np.zeros(len(at), np.float32))
    wide = noise(at, 0.016, offset[0], 2)
    mottle = noise(at, 0.005, offset[1], 2)
    pores = noise(at, 0.0011, offset[2])
    red = (0.9 - 0.45 * look.tone) * (0.8 * blush + look.blotches * (0.34 * wide + 0.12 * mottle))
    colour = look.skin + _REDDER * red[:, None]
    light = 1 + 0.035 * look.blotches * noise(at, 0.03, offset[3], 2) + 0.02 * mottle + 0.03 * pores
    spots = _freckles(look, at, weight, offset)
    colour = colour * (light * (1 - spots))[:, None] + (0.45 * look.skin * (0.95, 0.72, 0.6)) * spots[:, None]
    relief = 0.00010 * pores + 0.00016 * mottle * (0.3 + look.age)
    return np.asarray(colour, np.float32), np.asarray(relief, np.float32)


def _freckles(look: Look, at: Floats, weight: dict[str, Floats], offset: NDArray[np.float64]) -> Floats:
    """How far (N,) a place is a freckle or a mole."""
    spots = np.zeros(len(at), np.float32)
    if look.freckles > 0:
        where = np.clip(weight["cheeks"] + weight["nose"] + 0.4, 0, 1)
        spots += min(look.freckles, 1.2) * 0.5 * where * ramp(noise(at, 0.0026, offset[4]), 0.35, 0.75)
    moles = ramp(noise(at, 0.0045, offset[5]) + 0.4 * noise(at, 0.0018, offset[6]), 1.08, 1.18)
    return np.clip(spots + 0.75 * moles, 0, 0.85)


def _wrinkles(look: Look, at: Floats, random: np.random.Generator) -> Floats:
    """How deep (N,) the lines of age are: forehead, beside the eyes, under them, beside the mouth."""
    side, y = np.abs(at[:, 0]), at[:, 1]
    front = ramp(at[:, 2], -0.04, -0.01)
    phase = random.uniform(0, 6, 2)
    wave = 0.0022 * np.sin(at[:, 0] * 55 + phase[0]) + 0.0012 * np.sin(at[:, 0] * 140 + phase[1])
    lines = np.zeros(len(at), np.float32)
    for i in range(4):
        level = 0.042 + 0.009 * i + random.normal(0, 0.001)
        lines += look.age * random.uniform(0.2, 1) * _crease(y + wave - level, 0.0011) * ramp(side, 0.05, 0.03)
    for i in range(3):
        rise = (0.0065 - 0.0065 * i) + (side - 0.047) * (0.55 - 0.5 * i)
        lines += look.age * 0.9 * _crease(y - rise, 0.0009) * ramp(side, 0.045, 0.049) * ramp(side, 0.064, 0.055)
    bag = np.hypot((side - EYE_AT[0]) * 0.9, y + 0.001) - 0.0185
    lines += (0.15 + 0.85 * look.age) * 0.6 * _crease(bag, 0.0014) * ramp(y, -0.006, -0.012)
    fold = side - (0.0175 + (-0.038 - y) * 0.46 + 0.0025 * np.sin((y + 0.038) * 90))
    lines += (0.2 + 0.8 * look.age) * 0.9 * _crease(fold, 0.0017) * ramp(y, -0.036, -0.043) * ramp(y, -0.080, -0.066)
    return np.asarray(np.clip(lines, 0, 1) * front, np.float32)


def _crease(distance: NDArray[np.floating], width: float) -> Floats:
    return np.asarray(np.exp(-(distance / width) ** 2), np.float32)


def _lips(look: Look, at: Floats, weight: dict[str, Floats], offset: NDArray[np.float64], colour: Floats) -> Floats:
    folds = noise(at * np.array((1, 0.12, 0.12), np.float32), 0.0008, offset[7])
    share = ramp(weight["lips"], 0.25, 0.8) * look.lip_strength
    lips = look.lips * (1 + 0.07 * folds)[:, None]
    return np.asarray(colour + (lips - colour) * share[:, None], np.float32)


def _make_up(look: Look, at: Floats, weight: dict[str, Floats], colour: Floats) -> Floats:
    """Shadow on the lids, and under the eyes; both are there by nature, a little."""
    lids = weight["eyelids_left"] + weight["eyelids_right"]
    side = np.hypot(np.abs(at[:, 0]) - EYE_AT[0], at[:, 1] * 1.3)
    dark = look.eyeshadow * ramp(lids, 0.2, 0.9) * ramp(side, 0.026, 0.018)
    rings = (0.10 + 0.12 * look.age) * _crease(np.hypot(np.abs(at[:, 0]) - 0.026, (at[:, 1] + 0.014) * 1.6), 0.011)
    colour = colour * (1 - 0.6 * dark[:, None])
    return np.asarray(colour * (1 - rings[:, None] * np.array((0.8, 1.0, 0.8), np.float32)), np.float32)


def beard_area(look: Look, at: Floats, lips: Floats) -> Floats:
    """How far (N,) the beard's style covers places (N, 3) of the mean head."""
    side, y, z = np.abs(at[:, 0]), at[:, 1], at[:, 2]
    moustache = ramp(side, 0.034, 0.026) * ramp(y, -0.042, -0.047) * ramp(y, -0.072, -0.064) * ramp(z, 0.0, 0.012)
    chin = ramp(side, 0.034, 0.024) * ramp(y, -0.070, -0.082) * ramp(z, -0.03, -0.01)
    line = -0.030 - 0.055 * ramp(side, 0.062, 0.030)
    cheeks = ramp(y - line, 0.006, -0.008) * ramp(z, -0.075, -0.055) * ramp(y, -0.135, -0.115)
    mouth = 1 - ramp(lips, 0.1, 0.4)
    area = {"none": 0.55 * np.maximum(cheeks, moustache), "stubble": np.maximum(cheeks, moustache),
            "moustache": moustache, "goatee": np.maximum(moustache, chin), "full": np.maximum(cheeks, moustache)}
    return np.asarray(area[look.beard] * mouth, np.float32)


def hairline(look: Look, at: Floats, inside: Floats, offset: NDArray[np.floating]) -> Floats:
    """How far (N,) hair grows at places of the mean head, `inside` metres within the mean hairline."""
    front = ramp(at[:, 2], -0.09, -0.03) * ramp(at[:, 1], 0.02, 0.05)
    back = look.recession * front * (0.35 + 0.65 * ramp(np.abs(at[:, 0]), 0.0, 0.035))
    edge = inside + 0.010 + 0.0035 * noise(at, 0.006, offset) - back
    return ramp(edge, -0.002, 0.006)


def _hair_shadow(look: Look, base: Ground, offset: NDArray[np.float64], colour: Floats,
                 random: np.random.Generator) -> Floats:
    """The ground under the hair and the beard: stubble, and skin between hairs."""
    at = base.place
    grain = 0.5 + 0.5 * noise(at, 0.0013, offset[8], 2)
    hair = hairline(look, at, base.scalp, offset[9])
    cover = {"bald": 0.12 + 0.2 * float(random.random()), "buzz": 0.82}.get(look.style, 0.96)
    share = hair * np.clip(cover * (0.72 + 0.5 * grain), 0, 1)
    colour = colour + (look.hair * 0.8 - colour) * share[:, None]
    dense = {"none": 0.10 * (look.style not in ("bob", "long", "fringe", "tied")), "stubble": 0.55, "moustache": 0.85,
             "goatee": 0.85, "full": 0.9}[look.beard]
    beard = beard_area(look, at, base.regions["lips"]) * np.clip(dense * (0.5 + grain), 0, 1)
    return np.asarray(colour + (look.brows * 1.1 - colour) * beard[:, None], np.float32)


def _brows(look: Look, base: Ground, rgb: Floats, random: np.random.Generator) -> Floats:
    """Hairs that spring from the region brows, upright beside the nose, lying along the arch at its end."""
    soft = np.zeros((base.size, base.size), np.float32)
    soft[base.skin] = base.regions["brows"]
    power = 2.4 - 1.2 * look.brow_weight
    rows, columns = np.nonzero(soft > 0.05)
    odds = soft[rows, columns] ** power
    count = int(520 * look.brow_weight)
    chosen = random.choice(len(rows), count, p=odds / odds.sum())
    x, y = columns[chosen] + random.random(count), rows[chosen] + random.random(count)
    middle = base.size / 2
    outward, side = np.abs(x - middle), np.sign(x - middle)
    share = (outward - outward.min()) / np.ptp(outward)
    lean = np.interp(share, [0, 0.25, 0.6, 1], [1.2, 0.7, 0.15, -0.5]) + random.normal(0, 0.22, count)
    length = 0.0085 * base.brow_scale * random.uniform(0.6, 1.1, count) * (1 - 0.35 * share)
    lines = np.empty((count, 6, 2), np.float32)
    for k, step in enumerate(np.linspace(-0.3, 0.7, 6)):
        angle = lean - 0.5 * step
        lines[:, k, 0], lines[:, k, 1] = x + side * np.cos(angle) * length * step, y - np.sin(angle) * length * step
    cover = np.zeros_like(soft)
    draw_lines(cover, lines, np.full(count, 0.26, np.float32))
    under = 0.26 * min(look.brow_weight, 1.0) * soft**power
    share2 = np.clip(under + cover, 0, 0.92)[..., None]
    return np.asarray(rgb + (look.brows - rgb) * share2, np.float32)


def _texels_per_metre(model: FaceModel, region: str, size: int) -> float:
    inside = (model.regions[region][model.triangles] > 0.2).all(1)
    corners, flat = model.mean[model.triangles[inside]], model.uv[model.uv_triangles[inside]]
    ratio = np.linalg.norm(flat[:, 0] - flat[:, 1], axis=1) / np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1)
    return float(np.median(ratio)) * size


def _linear(srgb: Floats) -> Floats:
    return np.asarray(np.clip(srgb, 0, 1) ** np.float32(2.2), np.float32)
