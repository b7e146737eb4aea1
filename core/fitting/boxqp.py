# SPDX-License-Identifier: Apache-2.0
"""Small convex quadratic programs with bounds."""

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled

Array = NDArray[np.float64]
States = NDArray[np.int8]


@compiled
def solve_box_qp(hessian: Array, gradient: Array, lower: Array, upper: Array) -> Array:
    """The x (n,) that minimises ½xᵀHx + gᵀx with lower ≤ x ≤ upper, for H (n, n) positive definite.

    Block principal pivoting with Murty's single pivots as its safeguard (Júdice & Pires 1994; Kim & Park 2011, §4):
    guess which bounds hold, solve for the rest, exchange everything that contradicts the guess. Exact up to rounding.
    """
    n = len(gradient)
    state = _first_guess(gradient, lower, upper)
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
def _first_guess(gradient: Array, lower: Array, upper: Array) -> States:
    """-1 and +1 for lower and upper bounds that 0 lies on and the slope there pushes against, 0 for the rest."""
    state = np.zeros(len(gradient), np.int8)
    for i in range(len(gradient)):
        if lower[i] == 0 and gradient[i] > 0:
            state[i] = -1
        elif upper[i] == 0 and gradient[i] < 0:
            state[i] = 1
    return state


@compiled
def _solve_free(h: Array, g: Array, lower: Array, upper: Array, state: States, x: Array) -> None:
    """Set x: bounded entries to their bounds, the free ones to the minimum given those."""
    for i in range(len(g)):
        x[i] = 0.0 if state[i] == 0 else lower[i] if state[i] < 0 else upper[i]
    slope = g + np.dot(h, x)
    free = np.flatnonzero(state == 0)
    count = len(free)
    # rows of whole vectors of the processor: the loops over them have no rest
    system = np.zeros((count, (count // 16 + 1) * 16))
    for a in range(count):
        for b in range(a, count):
            system[a, b] = h[free[a], free[b]]
        system[a, count] = -slope[free[a]]
    x[free] = _solve_positive(system)


@compiled
def _solve_positive(system: Array) -> Array:
    """The x (n,) of A x = b for a system (n, > n) of A's upper half and b beside it, which it overwrites (Cholesky)."""
    count = len(system)
    least = np.empty(count)
    for k in range(count):
        least[k] = 1e-12 * system[k, k] + 1e-300
    for k in range(count):
        top = system[k]
        scale = 1.0 / np.sqrt(max(top[k], least[k]))
        for j in range(len(top)):
            top[j] *= scale
        for i in range(k + 1, count):
            row, factor = system[i], top[i]
            for j in range(len(row)):
                row[j] -= factor * top[j]
    x = system[:, count].copy()
    for k in range(count - 1, -1, -1):
        for j in range(k + 1, count):
            x[k] -= system[k, j] * x[j]
        x[k] /= system[k, k]
    return x


@compiled
def _contradictions(h: Array, g: Array, lower: Array, upper: Array, state: States, x: Array, wrong: States) -> int:
    """Count and mark: free entries beyond a bound (-1, +1: which one) and bounds that pull inwards (2)."""
    slope, size = g.copy(), np.abs(g)
    for j in range(len(g)):
        if x[j] != 0:
            slope += h[j] * x[j]
            size += np.abs(h[j] * x[j])
    count = 0
    for i in range(len(g)):
        slack = 1e-10 * (1 + abs(x[i]))
        wrong[i] = 0
        if state[i] == 0 and x[i] < lower[i] - slack:
            wrong[i] = -1
        elif state[i] == 0 and x[i] > upper[i] + slack:
            wrong[i] = 1
        elif slope[i] * state[i] > 1e-10 * size[i]:
            wrong[i] = 2
        if wrong[i] != 0:
            count += 1
    return count


@compiled
def _exchange(state: States, wrong: States, single: bool) -> None:
    """Apply the marked exchanges: all of them, or only the last (Murty's rule, which cannot cycle)."""
    for i in range(len(state) - 1, -1, -1):
        if wrong[i] != 0:
            state[i] = 0 if wrong[i] == 2 else wrong[i]
            if single:
                return
