# SPDX-License-Identifier: Apache-2.0
"""Levenberg-Marquardt for one face whose identity is known: the loop that runs for every frame of a video."""

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from .boxqp import solve_box_qp
from .derivatives import weighted_rows
from .kernels import POSE, Seen, Shape, data_energy, head_pixels, residuals

Array = NDArray[np.float64]

_RIDGE = np.array([1e-3, 1e-3, 1e-3, 1e-9, 1e-9, 1e-3, 1e-9])
"""Keeps the pose's equations solvable when the landmarks do not determine it"""
_TRIES = 6


@compiled
def descend(shape: Shape, seen: Seen, turn: Array, numbers: Array, expression: Array, quadratic: Array,
            linear: Array, reach: Array, q: float, iterations: int,
            tolerance: float) -> tuple[Array, Array, Array, float]:
    """Turn, pose numbers, expression and energy after at most `iterations` steps that each lower the energy.

    `quadratic` and `linear` are the expression's prior, `reach` (7,) the largest step of the pose; see solver.py.
    """
    damping = 0.0
    p = head_pixels(shape, expression, turn, numbers[2])
    r = residuals(p, numbers, q, seen)
    energy = _energy(r, shape, seen, expression, quadratic, linear)
    for _ in range(iterations):
        rows, right = weighted_rows(shape, p, r, turn, numbers, q, seen)
        n = POSE + len(expression)
        hessian = np.dot(rows.T, rows)[:n, :n].astype(np.float64)
        gradient = np.dot(rows.T, right)[:n].astype(np.float64)
        add_prior(hessian, gradient, expression, quadratic, linear)
        before = energy
        accepted = False
        for _ in range(_TRIES):
            step = bounded_step(hessian, gradient, expression, reach, damping)
            new_turn, new_numbers = moved_pose(turn, numbers, step)
            new_expression = np.minimum(np.maximum(expression + step[POSE:], 0.0), 1.0)
            p = head_pixels(shape, new_expression, new_turn, new_numbers[2])
            r = residuals(p, new_numbers, q, seen)
            energy = _energy(r, shape, seen, new_expression, quadratic, linear)
            if energy <= before:
                accepted = True
                break
            damping = max(10 * damping, 1e-3)
        if not accepted:
            return turn, numbers, expression, before
        turn, numbers, expression, damping = new_turn, new_numbers, new_expression, 0.1 * damping
        if before - energy <= tolerance * before:
            break
    return turn, numbers, expression, energy


@compiled
def _energy(r: Array, shape: Shape, seen: Seen, expression: Array, quadratic: Array, linear: Array) -> float:
    prior = 0.5 * np.dot(expression, np.dot(quadratic, expression)) + np.dot(linear, expression)
    return float(data_energy(r, shape, seen) + prior)


@compiled
def add_prior(hessian: Array, gradient: Array, expression: Array, quadratic: Array, linear: Array) -> None:
    """Add the expression's prior, and the pose's ridge, to equations whose last columns are the expression's."""
    first = len(gradient) - len(expression)
    for i in range(POSE):
        hessian[i, i] += _RIDGE[i]
    hessian[first:, first:] += quadratic
    gradient[first:] += np.dot(quadratic, expression) + linear


@compiled
def bounded_step(hessian: Array, gradient: Array, expression: Array, reach: Array, damping: float) -> Array:
    """The best step (7 + E,) of pose and expression with 0 ≤ β ≤ 1 and a pose that moves at most by `reach`."""
    damped = hessian.copy()
    for i in range(len(gradient)):
        damped[i, i] *= 1 + damping
    lower = np.concatenate((-reach, -expression))
    upper = np.concatenate((reach, 1 - expression))
    step: Array = solve_box_qp(damped, gradient, lower, upper)
    return step


@compiled
def moved_pose(turn: Array, numbers: Array, step: Array) -> tuple[Array, Array]:
    """The pose after a step (≥7,): rotated from the left by its first three numbers (Rodrigues' formula)."""
    x, y, z = step[0], step[1], step[2]
    angle = np.sqrt(x * x + y * y + z * z)
    sine = np.sin(angle) / angle if angle > 1e-9 else 1.0
    cosine = (1 - np.cos(angle)) / (angle * angle) if angle > 1e-6 else 0.5
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    rotation = np.eye(3) + sine * k + cosine * np.dot(k, k)
    return np.dot(rotation, turn), numbers + step[3:POSE]
