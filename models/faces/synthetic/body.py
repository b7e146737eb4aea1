# SPDX-License-Identifier: Apache-2.0
"""Neck, shoulders and clothes of made-up people, and how they stay behind when the head turns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .noise import noise, ramp

Floats = NDArray[np.float32]

_RINGS = np.array([[-0.120, 0.050, 0.050, -0.080], [-0.145, 0.053, 0.052, -0.086], [-0.165, 0.060, 0.058, -0.090],
                   [-0.178, 0.084, 0.066, -0.095], [-0.192, 0.112, 0.075, -0.095], [-0.206, 0.140, 0.082, -0.094],
                   [-0.222, 0.165, 0.090, -0.092], [-0.245, 0.186, 0.100, -0.088], [-0.280, 0.200, 0.110, -0.084],
                   [-0.340, 0.205, 0.118, -0.080], [-0.460, 0.200, 0.120, -0.080]])
"""Height, half width, half depth and middle's depth of the body's cross-sections, metres in model space"""
_AROUND = 48
NECK = np.array((0.0, -0.115, -0.085))
"""Where the head turns on the body"""
NECKLINES = ("crew", "v", "wide", "high", "collar")


@dataclass(frozen=True, eq=False)
class Body:
    """A mesh in model space of the upright body."""

    vertices: Floats
    colours: Floats
    """(V, 3) linear, of the cloth"""
    cloth: Floats
    """(V,) metres inside the cloth's rim; negative on bare skin"""
    triangles: NDArray[np.int32]


def make_body(random: np.random.Generator) -> Body:
    """Shoulders of some width in clothes of some kind."""
    heights = np.concatenate([np.linspace(-0.120, -0.250, 36), np.linspace(-0.262, -0.460, 9)])
    ring = np.stack([np.interp(-heights, -_RINGS[:, 0], _RINGS[:, k]) for k in range(1, 4)], 1)
    broad = np.interp(heights, [-0.3, -0.16], [random.uniform(0.82, 1.15), 1.0])
    angle = np.linspace(0, 2 * np.pi, _AROUND, endpoint=False)
    x = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.85
    z = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.85
    slope = random.uniform(-0.15, 0.35)
    points = np.empty((len(heights), _AROUND, 3))
    points[..., 0] = x * (ring[:, :1] * broad[:, None])
    points[..., 2] = z * ring[:, 1:2] + ring[:, 2:]
    points[..., 1] = heights[:, None] - slope * np.maximum(np.abs(points[..., 0]) - 0.06, 0)
    flat = points.reshape(-1, 3).astype(np.float32)
    cloth = _rim(flat, str(random.choice(NECKLINES)), random)
    thick = 0.004 + 0.006 * noise(flat, 0.05, random.uniform(0, 64, 3), 3)
    outward = np.stack([np.tile(x, len(heights)), np.zeros(len(flat)), np.tile(z, len(heights))], 1)
    # Where there is no cloth the head's own neck is seen, down to its end.
    hidden = -0.022 * ramp(flat[:, 1], -0.188, -0.158)
    share = ramp(cloth, -0.012, 0.001)
    flat = flat + outward * (hidden + (0.005 + np.abs(thick) - hidden) * share)[:, None]
    return Body(flat.astype(np.float32), _fabric(flat.astype(np.float32), random), cloth, _tube(len(heights)))


def _rim(at: Floats, neckline: str, random: np.random.Generator) -> Floats:
    """Metres (V,) below the neckline."""
    front = ramp(at[:, 2], -0.09, -0.04)
    side = np.abs(at[:, 0])
    level = {"crew": -0.158, "v": -0.158, "wide": -0.185, "high": -0.128, "collar": -0.142}[neckline]
    level = level + random.uniform(-0.008, 0.008)
    dip = {"crew": 0.018, "v": 0.085, "wide": 0.045, "high": 0.0, "collar": 0.05}[neckline] * random.uniform(0.7, 1.2)
    shape = np.clip(1 - side / (0.055 if neckline in ("v", "collar") else 0.09), 0, 1)
    if neckline in ("crew", "wide"):
        shape = np.sqrt(shape)
    return np.asarray(level - dip * front * shape - at[:, 1], np.float32)


def _fabric(at: Floats, random: np.random.Generator) -> Floats:
    """Colours (V, 3) of cloth: plain, striped, checked or mottled, with a jacket over it or not."""
    first, second = (random.uniform(0.04, 0.85, 3) * random.uniform(0.4, 1) for _ in range(2))
    if random.random() < 0.45:
        first = np.full(3, random.choice([0.05, 0.12, 0.3, 0.6, 0.85])) * (1 + random.normal(0, 0.05, 3))
    kind = random.choice(["plain", "plain", "stripes", "checks", "mottled"])
    share = np.zeros(len(at))
    if kind in ("stripes", "checks"):
        share = 0.5 + 0.5 * np.sign(np.sin(at[:, 1] * random.uniform(250, 420)))
    if kind == "checks":
        share = 0.5 * share + 0.25 + 0.25 * np.sign(np.sin(at[:, 0] * 300))
    if kind == "mottled":
        share = ramp(noise(at, 0.03, random.uniform(0, 64, 3), 2), -0.3, 0.3).astype(np.float64)
    colour = first + (second - first) * share[:, None]
    if random.random() < 0.25:
        jacket = np.abs(at[:, 0]) > 0.028 + np.clip(-0.15 - at[:, 1], 0, 1) * -0.12 + 0.02
        colour = np.where(jacket[:, None], random.uniform(0.02, 0.3) * np.array((1, 1, 1.1)), colour)
    return np.asarray(np.clip(colour, 0.01, 0.9) ** 2.2, np.float32)


def _tube(rows: int) -> NDArray[np.int32]:
    index = np.arange(rows * _AROUND, dtype=np.int32).reshape(rows, _AROUND)
    a, b = index[:-1], np.roll(index[:-1], -1, 1)
    c, d = np.roll(index[1:], -1, 1), index[1:]
    return np.concatenate([np.stack([a, d, c], -1).reshape(-1, 3), np.stack([a, c, b], -1).reshape(-1, 3)])


def head_share(vertices: NDArray[np.floating]) -> Floats:
    """How far (V,) points in model space go with the head rather than the body: the neck bends, long hair hangs."""
    return ramp(np.asarray(vertices)[..., 1], -0.170, -0.085)


def glasses(random: np.random.Generator, eyes: Floats, forward: float) -> tuple[Floats, NDArray[np.int32], Floats]:
    """Frame vertices (V, 3), triangles (F, 3) and colour (3,), for eyeballs with middles (2, 3) left and right.

    `forward` is how far brows and cheeks come forward, metres.
    """
    wide, high, power = random.uniform(0.0235, 0.028), random.uniform(0.017, 0.023), random.uniform(0.6, 1.0)
    tube = random.uniform(0.0008, 0.0020)
    angle = np.linspace(0, 2 * np.pi, 33)[:-1]
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power * wide
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power * high
    parts: list[NDArray[np.float64]] = []
    faces: list[NDArray[np.int64]] = []
    front = forward + 0.004
    for eye in eyes:
        ring = np.stack([eye[0] * 1.06 + x, eye[1] - 0.003 + y, front - np.abs(eye[0] + x) ** 2 * 2.2], 1)
        _add(parts, faces, np.concatenate([ring, ring[:1]]), tube)
    left, right = sorted(eyes[:, 0] * 1.06)
    bridge = np.linspace(left + wide, right - wide, 5)
    level = float(eyes[:, 1].mean()) + 0.002
    _add(parts, faces, np.stack([bridge, np.full(5, level) + 0.002, np.full(5, front)], 1), tube)
    for side in (-1, 1):
        outer = (right + wide) if side > 0 else (left - wide)
        ends = np.array([[outer, level, front - outer**2 * 2.2], [side * 0.078, level, -0.02],
                         [side * 0.080, level, -0.085]])
        _add(parts, faces, ends, tube)
    colour = random.uniform(0.01, 0.06, 3) if random.random() < 0.7 else random.uniform(0.05, 0.5, 3)
    return np.concatenate(parts).astype(np.float32), np.concatenate(faces).astype(np.int32), colour.astype(np.float32)


def _add(parts: list[NDArray[np.float64]], faces: list[NDArray[np.int64]], line: NDArray[np.float64],
         radius: float) -> None:
    """A square tube along a line (N, 3)."""
    start = sum(len(p) for p in parts)
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-12
    first = np.cross(along, (0.31, 0.17, 0.93))
    first /= np.linalg.norm(first, axis=1, keepdims=True) + 1e-12
    second = np.cross(along, first)
    corners = [line + radius * (a * first + b * second) for a, b in ((1, 1), (-1, 1), (-1, -1), (1, -1))]
    parts.append(np.stack(corners, 1).reshape(-1, 3))
    index = start + np.arange(4 * len(line)).reshape(-1, 4)
    a, b = index[:-1], np.roll(index[:-1], -1, 1)
    c, d = np.roll(index[1:], -1, 1), index[1:]
    faces.append(np.concatenate([np.stack([a, d, c], -1).reshape(-1, 3), np.stack([a, c, b], -1).reshape(-1, 3)]))
