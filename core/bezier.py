# SPDX-License-Identifier: Apache-2.0
"""One segment of an F-curve, a cubic Bézier in frames and values, cut in two without a change of shape."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_HALVINGS = 60


def within_segment(points: Array) -> Array:
    """Control points (4, 2) with handles no longer, in frames, than the segment: Blender shortens them so, else the
    curve would turn back in time."""
    p = np.array(points, np.float64)
    length = p[3, 0] - p[0, 0]
    for key, handle in ((0, 1), (3, 2)):
        reach = abs(p[handle, 0] - p[key, 0])
        if reach > length:
            p[handle] = p[key] + (p[handle] - p[key]) * (length / reach)
    return p


def cut(points: Array, frame: float) -> tuple[Array, Array]:
    """Control points (4, 2), (4, 2) of the two parts before and after a frame within the segment (de Casteljau)."""
    p = within_segment(points)
    first, second, third = _levels(p, _time_at(p[:, 0].tolist(), frame))
    return np.stack([p[0], first[0], second[0], third[0]]), np.stack([third[0], second[1], first[2], p[3]])


def _time_at(x: list[float], frame: float) -> float:
    """Where on the segment, 0..1, its ascending frames reach one, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        t = (low + high) / 2
        u = 1 - t
        reached = u * u * (u * x[0] + 3 * t * x[1]) + t * t * (3 * u * x[2] + t * x[3])
        low, high = (t, high) if reached < frame else (low, t)
    return (low + high) / 2


def _levels(p: Array, t: float) -> list[Array]:
    """De Casteljau's points after one, two and three steps."""
    out = []
    for _ in range(3):
        p = p[:-1] + (p[1:] - p[:-1]) * t
        out.append(p)
    return out
