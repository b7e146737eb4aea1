# SPDX-License-Identifier: Apache-2.0
"""Smooth random values in space, and lines drawn with soft pens."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ....core.compiled import compiled_loosely

Floats = NDArray[np.float32]

_LATTICE = 64


@cache
def _lattice() -> Floats:
    return np.random.default_rng(20).uniform(-1, 1, (_LATTICE,) * 3).astype(np.float32)


def noise(points: Floats, cell: float, offset: NDArray[np.floating], octaves: int = 1) -> Floats:
    """Values (N,) about −1..1 at points (N, 3), with features of `cell` in the points' unit and smaller ones.

    Value noise on a periodic lattice, moved by `offset` (3,), every octave half as large and half as strong.
    """
    place = np.ascontiguousarray(points, np.float32)
    return _fractal(place, _lattice(), 1 / cell, np.asarray(offset, np.float32), octaves)


@compiled_loosely
def _fractal(points: Floats, lattice: Floats, cells: float, offset: Floats, octaves: int) -> Floats:
    out = np.empty(len(points), np.float32)
    mask = lattice.shape[0] - 1
    for n in range(len(points)):
        total, weight, s = np.float32(0), np.float32(1), np.float32(cells)
        for octave in range(octaves):
            x = points[n, 0] * s + offset[0] + octave * np.float32(17.3)
            y = points[n, 1] * s + offset[1] + octave * np.float32(5.7)
            z = points[n, 2] * s + offset[2] + octave * np.float32(29.1)
            fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
            i, j, k = int(fx) & mask, int(fy) & mask, int(fz) & mask
            i1, j1, k1 = (i + 1) & mask, (j + 1) & mask, (k + 1) & mask
            u, v, w = x - fx, y - fy, z - fz
            u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
            a = lattice[i, j, k] + (lattice[i, j, k1] - lattice[i, j, k]) * w
            b = lattice[i, j1, k] + (lattice[i, j1, k1] - lattice[i, j1, k]) * w
            c = lattice[i1, j, k] + (lattice[i1, j, k1] - lattice[i1, j, k]) * w
            d = lattice[i1, j1, k] + (lattice[i1, j1, k1] - lattice[i1, j1, k]) * w
            a += (b - a) * v
            c += (d - c) * v
            total += weight * (a + (c - a) * u)
            weight *= np.float32(0.5)
            s *= np.float32(2)
        out[n] = total
    return out


@compiled_loosely
def draw_lines(cover: Floats, lines: Floats, strength: Floats) -> None:
    """Add lines (N, K, 2) of K points in pixels to `cover` (H, W), each of its own strength (N,), fading to its end."""
    height, width = cover.shape
    for n in range(len(lines)):
        count = lines.shape[1]
        for k in range(count - 1):
            x0, y0 = lines[n, k, 0], lines[n, k, 1]
            dx, dy = lines[n, k + 1, 0] - x0, lines[n, k + 1, 1] - y0
            steps = max(1, int(max(abs(dx), abs(dy)) * 2) + 1)
            for step in range(steps):
                t = np.float32(step) / steps
                amount = strength[n] * (1 - (k + t) / (count - 1)) ** np.float32(0.6) * np.float32(0.5)
                x, y = x0 + dx * t - np.float32(0.5), y0 + dy * t - np.float32(0.5)
                j, i = int(np.floor(x)), int(np.floor(y))
                if i < 0 or j < 0 or i >= height - 1 or j >= width - 1:
                    continue
                u, v = x - j, y - i
                cover[i, j] += amount * (1 - u) * (1 - v)
                cover[i, j + 1] += amount * u * (1 - v)
                cover[i + 1, j] += amount * (1 - u) * v
                cover[i + 1, j + 1] += amount * u * v


def ramp(x: NDArray[np.floating], low: float, high: float) -> Floats:
    """A smooth step from 0 at `low` to 1 at `high` (which may be the smaller one)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
