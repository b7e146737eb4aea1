# SPDX-License-Identifier: Apache-2.0
"""The fit's inner loops: projected landmarks, their residuals and energy.

One formula serves both cameras. With p = e^s · R F X the head in pixels about its origin, whose image is
(u, v): ``x = cx + (u + p_x) / (1 + q p_z)``, and the same for y; q = 1 / focal is perspective, q = 0 scaled
orthographic.

Pose numbers, in this order: ω (3) a left rotation increment, u, v in pixels from the image's centre, s the
logarithm of the scale in pixels per metre, and d, the unknown zero of the measured depths.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Index = NDArray[np.int64]

POSE = 7


class Shape(NamedTuple):
    """L landmarks as linear functions of K coefficients, and P differences between them that count of their
    own."""

    mean: Array
    """(L, 3) metres"""
    basis: Single
    """(3 L, K)"""
    pairs: Index
    """(P, 2)"""


class Seen(NamedTuple):
    """What one image says: pixels about its centre, and how much each number is worth (1 / m²)."""

    target: Array
    """(L, 3) x, y from the image's centre, depth (nearer is larger)"""
    differences: Array
    """(P, 2) first minus second of each pair, pixels"""
    weight: Array
    """(L,) of x and y; 0 leaves the landmark out"""
    depth_weight: Array
    """(L,) of the depth; 0 leaves it out"""
    pair_weight: Array
    """(P,)"""
    scale: float
    """Pixels per metre, fixed: it turns residuals into metres"""
    huber: float
    """Where the loss turns from square to linear, in standard deviations"""


@compiled
def head_pixels(shape: Shape, coefficients: Array, turn: Array, log_scale: float) -> Array:
    """p (L, 3): the landmarks in pixels about the head's origin, camera axes, for turn = R F (3, 3)."""
    offsets = np.dot(shape.basis, coefficients.astype(np.float32))
    points = shape.mean + offsets.astype(np.float64).reshape(-1, 3)
    p: Array = np.dot(points, turn.T) * np.exp(log_scale)
    return p


@compiled
def residuals(p: Array, pose: Array, q: float, seen: Seen) -> Array:
    """(L, 3) projected minus seen in metres; pose is (u, v, s, d)."""
    out = np.empty_like(p)
    for i in range(len(p)):
        near = 1.0 / (1.0 + q * p[i, 2])
        out[i, 0] = ((p[i, 0] + pose[0]) * near - seen.target[i, 0]) / seen.scale
        out[i, 1] = ((p[i, 1] + pose[1]) * near - seen.target[i, 1]) / seen.scale
        out[i, 2] = (-p[i, 2] + pose[3] - seen.target[i, 2]) / seen.scale
    return out


@compiled
def _loss(square: float, limit: float) -> float:
    """Huber's loss of a squared distance in σ²."""
    return square if square <= limit * limit else 2 * limit * np.sqrt(square) - limit * limit


@compiled
def loss_slope(square: float, limit: float) -> float:
    """Derivative of the loss by the square: the weight of iteratively reweighted least squares."""
    return 1.0 if square <= limit * limit else limit / np.sqrt(square)


@compiled
def pair_residual(r: Array, shape: Shape, seen: Seen, k: int, axis: int) -> float:
    """Difference of a pair's landmarks, projected minus seen in metres, along x or y."""
    a, b = shape.pairs[k]
    model = r[a, axis] - r[b, axis]
    measured = seen.target[a, axis] - seen.target[b, axis]
    return float(model + (measured - seen.differences[k, axis]) / seen.scale)


@compiled
def data_energy(r: Array, shape: Shape, seen: Seen) -> float:
    """Half the sum of robust squared residuals, for r from `residuals`."""
    total = 0.0
    for i in range(len(r)):
        total += _loss(seen.weight[i] * (r[i, 0] ** 2 + r[i, 1] ** 2), seen.huber)
        total += _loss(seen.depth_weight[i] * r[i, 2] ** 2, seen.huber)
    for k in range(len(shape.pairs)):
        e0, e1 = pair_residual(r, shape, seen, k, 0), pair_residual(r, shape, seen, k, 1)
        total += _loss(seen.pair_weight[k] * (e0 * e0 + e1 * e1), seen.huber)
    return 0.5 * total
