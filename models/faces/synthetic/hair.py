# SPDX-License-Identifier: Apache-2.0
"""Hair of made-up people: locks that grow from the scalp, are combed, fall, and lie on the head."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....core.face_model import FaceModel
from .look import Look
from .noise import noise, ramp
from .skin import Ground, hairline
from .strands import Ribbons, ribbons

Floats = NDArray[np.float32]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cut:
    """How a style grows: `locks` of `steps` pieces; lengths, widths and lifts in metres."""

    locks: int
    steps: int
    length: tuple[float, float]
    width: float
    lift: tuple[float, float]
    """Least and most distance from the scalp"""
    fall: float = 0.5
    """How soon locks turn down"""
    part: float = 0.0
    """How strongly locks go away from the parting"""
    back: float = 0.0
    forward: float = 0.0
    up: float = 0.0
    curl: float = 0.0
    wild: float = 0.15
    """How much locks differ in direction"""
    fringe: bool = False


CUTS = {
    "buzz": Cut(2400, 2, (0.004, 0.008), 0.0024, (0.001, 0.004), fall=0.1, forward=0.2, up=0.2, wild=0.5),
    "short": Cut(2000, 3, (0.018, 0.040), 0.0030, (0.004, 0.014), fall=0.35, forward=0.45, up=0.25, wild=0.35),
    "swept": Cut(1800, 4, (0.045, 0.075), 0.0040, (0.006, 0.022), fall=0.25, part=0.9, back=0.45, up=0.5, wild=0.2),
    "bowl": Cut(1500, 5, (0.07, 0.11), 0.0052, (0.008, 0.016), fall=0.7, forward=0.5, wild=0.08, fringe=True),
    "bob": Cut(1500, 6, (0.15, 0.21), 0.0066, (0.006, 0.026), fall=0.8, part=0.7, back=0.15, wild=0.08),
    "long": Cut(1500, 7, (0.26, 0.40), 0.0070, (0.006, 0.026), fall=0.8, part=0.7, back=0.2, wild=0.1),
    "fringe": Cut(1500, 7, (0.20, 0.34), 0.0062, (0.005, 0.016), fall=0.85, part=0.5, wild=0.08,
                  fringe=True),
    "tied": Cut(1400, 5, (0.13, 0.17), 0.0052, (0.003, 0.010), fall=0.0, back=1.0, wild=0.05),
    "curly": Cut(1500, 7, (0.07, 0.16), 0.0056, (0.012, 0.045), fall=0.45, part=0.5, up=0.3, curl=0.9, wild=0.4),
    "afro": Cut(2200, 4, (0.04, 0.09), 0.0065, (0.02, 0.07), fall=0.0, up=0.0, curl=1.0, wild=0.7),
}
_MIDDLE: Array = np.array((0.0, 0.015, -0.066))
_RADII: Array = np.array((0.0755, 0.0925, 0.097))
"""An ellipsoid about the mean skull; the locks of every person lie outside their own"""


def grow(look: Look, base: Ground, model: FaceModel, neutral: Floats, normals: Floats,
         random: np.random.Generator) -> Ribbons | None:
    """The locks on a head with vertices (V, 3) and normals (V, 3), in model space; None for the bald."""
    if look.style not in CUTS:
        return None
    cut = CUTS[look.style]
    roots, out, rest = _roots(look, base, model, neutral, normals, cut.locks, random)
    if not len(roots):
        return None
    scalp = model.regions["scalp"] > 0.5
    stretch = np.ptp(neutral[scalp], axis=0) / np.ptp(model.mean[scalp], axis=0)
    middle = _MIDDLE + (neutral[scalp].mean(0) - model.mean[scalp].mean(0))
    paths = _combed(cut, roots, out, rest, middle, _RADII * stretch, random)
    away = (paths - middle) / (_RADII * stretch) ** 2
    away[..., 1] *= np.where(paths[..., 1] < middle[1], 0.25, 1)
    away /= np.linalg.norm(away, axis=-1, keepdims=True) + 1e-9
    count = len(roots)
    tint = np.exp(random.normal(0, 0.16, (count, 1)) + random.normal(0, 0.02, (count, 3)))
    dyed = (random.random((count, 1)) < random.choice([0.0, 0.0, 0.25])) * random.uniform(0.3, 1.2)
    colours = (look.hair.astype(np.float64) ** 2.2 * tint * (1 + dyed)).astype(np.float32)
    width = (cut.width * random.uniform(0.6, 1.3, count)).astype(np.float32)
    return ribbons(paths.astype(np.float32), away.astype(np.float32), width, colours)


def _roots(look: Look, base: Ground, model: FaceModel, neutral: Floats, normals: Floats, count: int,
           random: np.random.Generator) -> tuple[Array, Array, Floats]:
    """Places and normals (N, 3) of roots, spread evenly over the area of the scalp, and where that is at rest."""
    corners = model.triangles
    area = 0.5 * np.linalg.norm(np.cross(model.mean[corners[:, 1]] - model.mean[corners[:, 0]],
                                         model.mean[corners[:, 2]] - model.mean[corners[:, 0]]), axis=1)
    usable = (base.inside[corners].max(1) > -0.012) & (model.triangle_part == model.part_names.index("skin"))
    odds = area * usable
    face = random.choice(len(odds), count, p=odds / odds.sum())
    a, b = random.random((2, count))
    flip = a + b > 1
    a, b = np.where(flip, 1 - a, a), np.where(flip, 1 - b, b)
    weight = np.stack([1 - a - b, a, b], 1).astype(np.float32)[..., None]
    rest = (model.mean[corners[face]] * weight).sum(1)
    inside = (base.inside[corners[face]] * weight[..., 0]).sum(1)
    grows = hairline(look, rest.astype(np.float32), inside.astype(np.float32), np.full(3, look.seed % 61)) > 0.5
    where = face[grows]
    return ((neutral[corners[where]] * weight[grows]).sum(1).astype(np.float64),
            (normals[corners[where]] * weight[grows]).sum(1).astype(np.float64), rest[grows].astype(np.float32))


def _combed(cut: Cut, roots: Array, out: Array, rest: Floats, middle: Array, radii: Array,
            random: np.random.Generator) -> Array:
    """Paths (N, K, 3): each step the locks turn towards where they are combed and fall, and stay outside the head."""
    count = len(roots)
    part = random.choice([-1, 1]) * random.uniform(0.0, 0.035)
    side = np.tanh((roots[:, 0] - part) / 0.012)
    front = ramp(roots[:, 2], -0.06, -0.015) * ramp(roots[:, 1], 0.02, 0.05)
    clump = np.stack([noise(rest, 0.014, random.uniform(0, 64, 3)) for _ in range(3)], 1)
    chaos = cut.wild * (0.7 * random.normal(size=(count, 3)) + 1.1 * clump)
    fringe = front * cut.fringe
    comb = np.stack([side * cut.part * (1 - fringe), np.full(count, cut.up),
                     cut.forward * (0.3 + 0.7 * front) - cut.back], 1) + chaos
    comb[:, 2] += 0.8 * fringe
    comb += (front * (1 - fringe) * cut.fall)[:, None] * np.array((0.0, 0.35, -0.9))
    length = random.uniform(*cut.length, count)
    if cut.back > 0.9:  # what does not reach the knot is held close
        length *= 0.15 + 0.85 * ramp(rest[:, 1], -0.03, 0.03)
    if cut.length[1] < 0.1:  # shorter at the sides and the nape
        length *= 0.35 + 0.65 * ramp(rest[:, 1], -0.01, 0.065)
    length = np.where(fringe > 0.5, np.minimum(length, random.uniform(0.045, 0.062) * random.uniform(0.85, 1.1, count)),
                      length)
    lift = random.uniform(*cut.lift, count) * (0.75 + 0.25 * clump[:, 0])
    phase, turns = random.uniform(0, 6.3, count), random.uniform(7, 11) * cut.curl
    frame = np.cross(out, [0.3, 0.5, 0.8])
    # On top hair stands off and is combed; at the sides it lies and hangs.
    top = np.maximum(ramp(rest[:, 1], 0.0, 0.075), cut.curl if cut.fall < 0.2 else 0)[:, None]
    comb *= 0.25 + 0.75 * top if cut.back < 0.9 else 1
    stiff = 0.8 if cut.length[1] < 0.1 or cut.curl > 0.5 else 0.3
    direction = out * stiff * (0.35 + 0.65 * top) + 0.5 * comb
    path = np.empty((count, cut.steps + 1, 3))
    path[:, 0] = roots
    down = np.array((0.0, -1.0, 0.0))
    if cut.back < 0.9:
        direction += down * (1 - top) * (0.3 + cut.fall)
    step = length / cut.steps
    # Short hair lies on the head that is there, which at the nape is narrower than the ellipsoid.
    own = (np.minimum(_distance((roots - middle) / radii), 1) - 1) * radii.mean()
    ground = own if cut.length[1] < 0.1 else np.zeros(count)
    place = roots
    for k in range(1, cut.steps + 1):
        share = k / cut.steps
        falls = np.minimum(1.0, cut.fall * (0.35 + 1.3 * share) + 0.5 * (1 - top))
        target = comb * (1 - falls) + down * (falls * 1.2)
        if cut.back > 0.9:
            target = _to_knot(place, middle, radii)
        direction = direction * 0.45 + target * 0.55
        direction /= np.linalg.norm(direction, axis=1, keepdims=True) + 1e-9
        least = ground + lift * min(1.0, 0.35 + 1.1 * share)
        place = _outside(place + direction * step[:, None], middle, radii, least, fringe, 0.35 * cut.fall)
        angle = phase + turns * share
        swirl = frame * np.cos(angle)[:, None] + np.cross(frame, out) * np.sin(angle)[:, None]
        path[:, k] = place + swirl * (cut.curl * 0.008 * min(1.0, 2 * share))
    return path


def _distance(scaled: Array) -> Array:
    """From the middle, where the ellipsoid is the unit ball; below its middle from its upright axis."""
    flat = np.linalg.norm(scaled[:, [0, 2]], axis=1)
    return np.asarray(np.where(scaled[:, 1] < 0, flat, np.linalg.norm(scaled, axis=1)))


def _to_knot(place: Array, middle: Array, radii: Array) -> Array:
    """Towards a knot at the back of the head."""
    knot = middle + np.array((0.0, 0.12, -1.08)) * radii
    way = knot - place
    return np.asarray(way / (np.linalg.norm(way, axis=1, keepdims=True) + 0.01))


def _outside(place: Array, middle: Array, radii: Array, lift: Array, fringe: Floats,
             hug: float) -> Array:
    """Push places out of the head, and out of the face unless they are a fringe; `hug` draws in what stands off."""
    from_middle = place - middle
    low = from_middle[:, 1] < 0
    distance = _distance(from_middle / radii)
    # Below its widest place the head narrows towards the neck: hair hangs straight.
    least = 1 + lift / radii.mean() - np.where(low, 0.12 * np.clip(-from_middle[:, 1] / 0.12, 0, 1), 0)
    inward = 1 - hug * np.clip(1 - least / np.maximum(distance, 1e-6), 0, 1)
    push = np.maximum(least / np.maximum(distance, 1e-6), inward)
    from_middle = np.where(low[:, None], from_middle * np.stack([push, np.ones_like(push), push], 1),
                           from_middle * push[:, None])
    moved = middle + from_middle
    before = ramp(moved[:, 2], -0.045, -0.005) * ramp(moved[:, 1], 0.062, 0.040) * (1 - fringe)
    side = np.where(moved[:, 0] >= 0, 1.0, -1.0)
    clear = radii[0] * 0.93 + np.maximum(lift, 0)
    aside = np.clip(clear * before - np.abs(moved[:, 0]), 0, 0.018)
    moved[:, 0] += side * aside
    moved[:, 2] -= 0.6 * aside
    return np.asarray(moved)
