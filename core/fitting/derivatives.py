# SPDX-License-Identifier: Apache-2.0
"""Derivatives of a fit's weighted residuals: a least-squares problem with the energy's Gauss-Newton equations."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from .kernels import POSE, Seen, Shape, loss_slope, pair_residual

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Index = NDArray[np.int64]


class _Terms(NamedTuple):
    """What landmarks bring to rows of derivatives; a pair's row has two terms."""

    row: Index
    """(M,)"""
    landmark: Index
    """(M,)"""
    slopes: Array
    """(M, 4) of the row's residual by the landmark's p, and by d"""


@compiled
def weighted_rows(shape: Shape, p: Array, r: Array, turn: Array, pose: Array, q: float,
                  seen: Seen) -> tuple[Single, Single]:
    """Derivatives (N, ≥ 7 + K) of the weighted residuals by the pose numbers and the coefficients, and these (N,).

    Half the derivative of the residuals' squared sum is the gradient of `data_energy`. Each landmark's x, y and
    depth, then each pair's x and y; those without weight are left out. Columns of zeros follow the derivatives.
    """
    single = 2 * np.count_nonzero(seen.weight) + np.count_nonzero(seen.depth_weight)
    right = np.empty(single + 2 * len(shape.pairs), np.float32)
    most = single + 4 * len(shape.pairs)
    terms = _Terms(np.empty(most, np.int64), np.empty(most, np.int64), np.empty((most, 4)))
    used = _landmark_terms(terms, right, p, r, pose, q, seen)
    count, used = _pair_terms(terms, right, used, shape, p, r, pose, q, seen)
    # products of matrices are fastest where whole vectors of the processor fill them
    rows = np.zeros((used, (POSE + shape.basis.shape[1] + 15) // 16 * 16), np.float32)
    _add_terms(rows, terms, count, shape.basis, p, turn * np.exp(pose[2]))
    return rows, right[:used]


@compiled
def _landmark_terms(terms: _Terms, right: Single, p: Array, r: Array, pose: Array, q: float, seen: Seen) -> int:
    """Enter the rows of places and depths; return their number."""
    used = 0
    for i in range(len(r)):
        flat = _root(seen.weight[i], r[i, 0] * r[i, 0] + r[i, 1] * r[i, 1], seen.huber)
        deep = _root(seen.depth_weight[i], r[i, 2] * r[i, 2], seen.huber)
        for axis in range(3):
            root = flat if axis < 2 else deep
            if root > 0:
                right[used] = root * r[i, axis]
                terms.row[used], terms.landmark[used] = used, i
                terms.slopes[used] = _slopes(p, pose, q, i, axis, root / seen.scale)
                used += 1
    return used


@compiled
def _pair_terms(terms: _Terms, right: Single, used: int, shape: Shape, p: Array, r: Array, pose: Array, q: float,
                seen: Seen) -> tuple[int, int]:
    """Enter the rows of pairs after the `used` ones; return the number of terms and of rows."""
    count = used
    for k in range(len(shape.pairs)):
        e = pair_residual(r, shape, seen, k, 0), pair_residual(r, shape, seen, k, 1)
        root = _root(seen.pair_weight[k], e[0] * e[0] + e[1] * e[1], seen.huber)
        if root > 0:
            for axis in range(2):
                right[used] = root * e[axis]
                for side in range(2):
                    i, factor = shape.pairs[k, side], (1 - 2 * side) * root / seen.scale
                    terms.row[count], terms.landmark[count] = used, i
                    terms.slopes[count] = _slopes(p, pose, q, i, axis, factor)
                    count += 1
                used += 1
    return count, used


@compiled
def _root(weight: float, square: float, limit: float) -> float:
    """What a residual is multiplied with, for its squared length."""
    return float(np.sqrt(weight * loss_slope(weight * square, limit))) if weight > 0 else 0.0


@compiled
def _slopes(p: Array, pose: Array, q: float, i: int, axis: int, factor: float) -> tuple[float, float, float, float]:
    """`factor` times the derivatives of a landmark's x, y or depth, in pixels, by its p and by d."""
    if axis == 2:
        return 0.0, 0.0, -factor, factor
    near = 1.0 / (1.0 + q * p[i, 2])
    by_z = -factor * q * near * near * (p[i, axis] + pose[axis])
    return (factor * near, 0.0, by_z, 0.0) if axis == 0 else (0.0, factor * near, by_z, 0.0)


@compiled
def _add_terms(rows: Single, terms: _Terms, count: int, basis: Single, p: Array, axes: Array) -> None:
    """Add the first `count` terms to rows (N, ≥ 7 + K); axes (3, 3) takes metres of the model to p."""
    for m in range(count):
        n, i = terms.row[m], terms.landmark[m]
        fx, fy, fz, by_depth = terms.slopes[m]
        x, y, z = p[i, 0], p[i, 1], p[i, 2]
        rows[n, 0] += fz * y - fy * z
        rows[n, 1] += fx * z - fz * x
        rows[n, 2] += fy * x - fx * y
        rows[n, 3] += fx
        rows[n, 4] += fy
        rows[n, 5] += fx * x + fy * y + fz * z
        rows[n, 6] += by_depth
        a = np.float32(fx * axes[0, 0] + fy * axes[1, 0] + fz * axes[2, 0])
        b = np.float32(fx * axes[0, 1] + fy * axes[1, 1] + fz * axes[2, 1])
        c = np.float32(fx * axes[0, 2] + fy * axes[1, 2] + fz * axes[2, 2])
        for k in range(basis.shape[1]):
            rows[n, POSE + k] += a * basis[3 * i, k] + b * basis[3 * i + 1, k] + c * basis[3 * i + 2, k]
