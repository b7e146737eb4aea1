# SPDX-License-Identifier: Apache-2.0
"""Small convex quadratic programs with bounds."""

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled

Array = NDArray[np.float64]


@compiled
def solve_box_qp(hessian: Array, gradient: Array, lower: Array, upper: Array) -> Array:
    """The x (n,) that minimises ½xᵀHx + gᵀx with lower ≤ x ≤ upper, for H (n, n) positive definite.

    Block principal pivoting with Murty's single pivots as its safeguard (Júdice & Pires 1994; Kim & Park 2011, §4):
    guess which bounds hold, solve for the rest, exchange everything that contradicts the guess. Exact up to rounding.
    """
    n = len(gradient)
    state = np.zeros(n, np.int8)
    x = np.zeros(n)
    fewest, patience = n + 1, 3
    wrong = np.zeros(n, np.int8)
    for _ in range(40 + 3 * n):
        _solve_free(hessian, gradient, lower, upper, state, x)
        count = _contradictions(hessian, gradient, lower, upper, state, x, wrong)
        if count == 0:
            break
        if count < fewest:
            fewest, patience = count, 3
        else:
            patience -= 1
        _exchange(state, wrong, patience < 0)
    return np.minimum(np.maximum(x, lower), upper)


@compiled
def _solve_free(h: Array, g: Array, lower: Array, upper: Array, state: NDArray[np.int8], x: Array) -> None:
    """Set x: bounded entries to their bounds, the free ones to the minimum given those (Cholesky)."""
    n = len(g)
    free = np.flatnonzero(state == 0)
    for i in range(n):
        if state[i] != 0:
            x[i] = lower[i] if state[i] < 0 else upper[i]
    m = len(free)
    right = np.empty(m)
    factor = np.empty((m, m))
    for a in range(m):
        i = free[a]
        total = -g[i]
        for j in range(n):
            if state[j] != 0:
                total -= h[i, j] * x[j]
        for b in range(a):
            dot = 0.0
            for k in range(b):
                dot += factor[a, k] * factor[b, k]
            factor[a, b] = (h[i, free[b]] - dot) / factor[b, b]
            total -= factor[a, b] * right[b]
        squares = 0.0
        for k in range(a):
            squares += factor[a, k] * factor[a, k]
        factor[a, a] = np.sqrt(max(h[i, i] - squares, 1e-12 * h[i, i] + 1e-300))
        right[a] = total / factor[a, a]
    for a in range(m - 1, -1, -1):
        total = right[a]
        for b in range(a + 1, m):
            total -= factor[b, a] * right[b]
        right[a] = total / factor[a, a]
        x[free[a]] = right[a]


@compiled
def _contradictions(h: Array, g: Array, lower: Array, upper: Array, state: NDArray[np.int8], x: Array,
                    wrong: NDArray[np.int8]) -> int:
    """Count and mark: free entries beyond a bound (-1, +1: which one) and bounds that pull inwards (2)."""
    count = 0
    for i in range(len(g)):
        wrong[i] = 0
        if state[i] == 0:
            slack = 1e-10 * (1 + abs(x[i]))
            if x[i] < lower[i] - slack:
                wrong[i] = -1
            elif x[i] > upper[i] + slack:
                wrong[i] = 1
        else:
            slope = g[i]
            size = abs(g[i])
            for j in range(len(g)):
                slope += h[i, j] * x[j]
                size += abs(h[i, j] * x[j])
            if slope * state[i] > 1e-10 * size:
                wrong[i] = 2
        if wrong[i] != 0:
            count += 1
    return count


@compiled
def _exchange(state: NDArray[np.int8], wrong: NDArray[np.int8], single: bool) -> None:
    """Apply the marked exchanges: all of them, or only the last (Murty's rule, which cannot cycle)."""
    for i in range(len(state) - 1, -1, -1):
        if wrong[i] != 0:
            state[i] = 0 if wrong[i] == 2 else wrong[i]
            if single:
                return
