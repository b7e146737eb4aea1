# SPDX-License-Identifier: Apache-2.0
"""The fit's inner loops: projected landmarks, their energy, and its Gauss-Newton equations.

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
def _slope(square: float, limit: float) -> float:
    """Derivative of the loss by the square: the weight of iteratively reweighted least squares."""
    return 1.0 if square <= limit * limit else limit / np.sqrt(square)


@compiled
def _pair_residual(r: Array, shape: Shape, seen: Seen, k: int, axis: int) -> float:
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
        e0, e1 = _pair_residual(r, shape, seen, k, 0), _pair_residual(r, shape, seen, k, 1)
        total += _loss(seen.pair_weight[k] * (e0 * e0 + e1 * e1), seen.huber)
    return 0.5 * total


@compiled
def weighted_rows(shape: Shape, p: Array, r: Array, turn: Array, pose: Array, q: float,
                  seen: Seen) -> tuple[Single, Single]:
    """Derivatives (N, ≥ 7 + K) of the weighted residuals by the pose numbers and the coefficients, and these (N,).

    Half the derivative of the residuals' squared sum is the gradient of `data_energy`. Each landmark's x, y and
    depth, then each pair's x and y; those without weight are left out. Columns of zeros follow the derivatives.
    """
    most = 2 * np.count_nonzero(seen.weight) + np.count_nonzero(seen.depth_weight) + 2 * len(shape.pairs)
    # products of matrices are fastest where whole vectors of the processor fill them
    width = (POSE + shape.basis.shape[1] + 15) // 16 * 16
    rows, right = np.zeros((most, width), np.float32), np.empty(most, np.float32)
    axes = turn * np.exp(pose[2])
    of, slopes = np.empty(most, np.int64), np.empty((most, 3))
    used = 0
    for i in range(len(r)):
        flat = _root(seen.weight[i], r[i, 0] * r[i, 0] + r[i, 1] * r[i, 1], seen.huber)
        deep = _root(seen.depth_weight[i], r[i, 2] * r[i, 2], seen.huber)
        for axis in range(3):
            root = flat if axis < 2 else deep
            if root > 0:
                of[used], right[used] = i, root * r[i, axis]
                slopes[used] = _by_head_pixels(p, pose, q, i, axis, root / seen.scale)
                rows[used, 6] = root / seen.scale if axis == 2 else 0.0
                used += 1
    single, second, away = used, np.empty(most, np.int64), np.empty((most, 3))
    for k in range(len(shape.pairs)):
        e = _pair_residual(r, shape, seen, k, 0), _pair_residual(r, shape, seen, k, 1)
        root = _root(seen.pair_weight[k], e[0] * e[0] + e[1] * e[1], seen.huber)
        if root > 0:
            for axis in range(2):
                a, b = shape.pairs[k]
                of[used], right[used], second[used] = a, root * e[axis], b
                slopes[used] = _by_head_pixels(p, pose, q, a, axis, root / seen.scale)
                away[used] = _by_head_pixels(p, pose, q, b, axis, -root / seen.scale)
                used += 1
    _add_rows(rows[:used], shape.basis, p, axes, of[:used], slopes[:used])
    _add_rows(rows[single:used], shape.basis, p, axes, second[single:used], away[single:used])
    return rows[:used], right[:used]


@compiled
def _root(weight: float, square: float, limit: float) -> float:
    """What a residual is multiplied with, for its squared length."""
    return float(np.sqrt(weight * _slope(weight * square, limit))) if weight > 0 else 0.0


@compiled
def _by_head_pixels(p: Array, pose: Array, q: float, i: int, axis: int,
                    factor: float) -> tuple[float, float, float]:
    """`factor` times the derivatives of a landmark's x, y or depth, in pixels, by its p."""
    if axis == 2:
        return 0.0, 0.0, -factor
    near = 1.0 / (1.0 + q * p[i, 2])
    by_z = -factor * q * near * near * (p[i, axis] + pose[axis])
    return (factor * near, 0.0, by_z) if axis == 0 else (0.0, factor * near, by_z)


@compiled
def _add_rows(rows: Single, basis: Single, p: Array, axes: Array, of: Index, slopes: Array) -> None:
    """Add to rows (N, ≥ 7 + K) the derivatives that landmarks `of` (N,) bring, for slopes (N, 3) by their p."""
    for n in range(len(rows)):
        i, fx, fy, fz = of[n], slopes[n, 0], slopes[n, 1], slopes[n, 2]
        x, y, z = p[i, 0], p[i, 1], p[i, 2]
        rows[n, 0] += fz * y - fy * z
        rows[n, 1] += fx * z - fz * x
        rows[n, 2] += fy * x - fx * y
        rows[n, 3] += fx
        rows[n, 4] += fy
        rows[n, 5] += fx * x + fy * y + fz * z
        a = np.float32(fx * axes[0, 0] + fy * axes[1, 0] + fz * axes[2, 0])
        b = np.float32(fx * axes[0, 1] + fy * axes[1, 1] + fz * axes[2, 1])
        c = np.float32(fx * axes[0, 2] + fy * axes[1, 2] + fz * axes[2, 2])
        for k in range(basis.shape[1]):
            rows[n, POSE + k] += a * basis[3 * i, k] + b * basis[3 * i + 1, k] + c * basis[3 * i + 2, k]
