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
def jacobian(shape: Shape, p: Array, turn: Array, pose: Array, q: float, scale: float, used: Array) -> Single:
    """Derivatives (L, 3, 7 + K) of `residuals` by the pose numbers and the coefficients; 0 where `used`
    is."""
    count, columns = len(p), POSE + shape.basis.shape[1]
    out = np.zeros((count, 3, columns), np.float32)
    size = np.exp(pose[2])
    for i in range(count):
        if used[i] == 0:
            continue
        x, y, z = p[i, 0], p[i, 1], p[i, 2]
        near = 1.0 / (1.0 + q * z)
        for axis in range(3):
            # the residual's derivative by p
            fx = near / scale if axis == 0 else 0.0
            fy = near / scale if axis == 1 else 0.0
            sideways = x + pose[0] if axis == 0 else y + pose[1]
            fz = -1.0 / scale if axis == 2 else -q * near * near * sideways / scale
            row = out[i, axis]
            row[0], row[1], row[2] = fz * y - fy * z, fx * z - fz * x, fy * x - fx * y
            row[5] = fx * x + fy * y + fz * z
            by_x = np.float32(size * (fx * turn[0, 0] + fy * turn[1, 0] + fz * turn[2, 0]))
            by_y = np.float32(size * (fx * turn[0, 1] + fy * turn[1, 1] + fz * turn[2, 1]))
            by_z = np.float32(size * (fx * turn[0, 2] + fy * turn[1, 2] + fz * turn[2, 2]))
            first, second, third = shape.basis[3 * i], shape.basis[3 * i + 1], shape.basis[3 * i + 2]
            for k in range(len(first)):
                row[POSE + k] = by_x * first[k] + by_y * second[k] + by_z * third[k]
        out[i, 0, 3] = out[i, 1, 4] = near / scale
        out[i, 2, 6] = 1.0 / scale
    return out


@compiled
def normal_equations(shape: Shape, jac: Single, r: Array, seen: Seen) -> tuple[Array, Array]:
    """Hessian (n, n) and gradient (n,) of `data_energy` as Gauss and Newton have them, n = 7 + K."""
    count, n = len(r), jac.shape[2]
    rows = np.empty((3 * count + 2 * len(shape.pairs), n), np.float32)
    right = np.empty(len(rows), np.float32)
    used = 0
    for i in range(count):
        w = seen.weight[i]
        if w > 0:
            root = np.sqrt(w * _slope(w * (r[i, 0] ** 2 + r[i, 1] ** 2), seen.huber))
            for axis in range(2):
                rows[used] = jac[i, axis] * np.float32(root)
                right[used] = r[i, axis] * root
                used += 1
        w = seen.depth_weight[i]
        if w > 0:
            root = np.sqrt(w * _slope(w * r[i, 2] ** 2, seen.huber))
            rows[used] = jac[i, 2] * np.float32(root)
            right[used] = r[i, 2] * root
            used += 1
    for k in range(len(shape.pairs)):
        e0, e1 = _pair_residual(r, shape, seen, k, 0), _pair_residual(r, shape, seen, k, 1)
        w = seen.pair_weight[k]
        if w <= 0:
            continue
        root = np.sqrt(w * _slope(w * (e0 * e0 + e1 * e1), seen.huber))
        a, b = shape.pairs[k]
        for axis in range(2):
            rows[used] = (jac[a, axis] - jac[b, axis]) * np.float32(root)
            right[used] = (e0 if axis == 0 else e1) * root
            used += 1
    kept = rows[:used]
    hessian = np.dot(kept.T, kept).astype(np.float64)
    gradient = np.dot(kept.T, right[:used]).astype(np.float64)
    return hessian, gradient
