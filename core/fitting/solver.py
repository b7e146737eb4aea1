# SPDX-License-Identifier: Apache-2.0
"""Levenberg-Marquardt with bounds for one face, and for several images of one face with a shared identity."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import kernels
from .derivatives import weighted_rows
from .descent import add_prior, bounded_step, descend, moved_pose
from .kernels import POSE, Seen, Shape
from .pose import Pose
from .priors import ExpressionPrior

Array = NDArray[np.float64]

_STEP = np.array([0.5, 0.5, 0.5, np.inf, np.inf, 0.5, np.inf])
"""Largest change of the pose numbers in one step: beyond it the linear model says nothing"""
_HELD = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, np.inf])


@dataclass(frozen=True)
class Face:
    """Where a fit stands for one image."""

    pose: Pose
    expression: Array
    """(E,)"""


@dataclass(frozen=True)
class Options:
    """`inverse_focal` 0 for the orthographic camera; `identity_weight` of |α|²; stops below `tolerance` (relative)."""

    inverse_focal: float = 0.0
    identity_weight: float = 1.0
    iterations: int = 12
    tolerance: float = 1e-5
    hold_pose: bool = False
    """Keep the pose as it is (its depth's zero excepted), for images whose identity is known"""


@dataclass(frozen=True)
class _Linear:
    """An image's Gauss-Newton equations at one face; the identity's columns lie between pose and expression."""

    hessian: Array
    gradient: Array


def face_energy(shape: Shape, seen: Seen, face: Face, coefficients: Array, prior: ExpressionPrior,
                q: float) -> float:
    """Half the robust squared error and the expression's prior."""
    r = _residuals(shape, seen, face.pose, coefficients, q)[1]
    return float(kernels.data_energy(r, shape, seen)) + prior.energy(face.expression)


def solve_face(shape: Shape, seen: Seen, start: Face, prior: ExpressionPrior,
               options: Options) -> tuple[Face, float]:
    """Pose and expression of a person whose identity is known, and their energy, which never grows on the way."""
    reach = _HELD if options.hold_pose else _STEP
    turn, numbers, expression, energy = descend(
        shape, seen, start.pose.turn, start.pose.numbers, start.expression, prior.quadratic, prior.linear, reach,
        options.inverse_focal, options.iterations, options.tolerance)
    return Face(Pose(turn, numbers), expression), energy


def solve_shared(shape: Shape, seen: Sequence[Seen], start: Sequence[Face], identity: Array,
                 priors: Sequence[ExpressionPrior], options: Options) -> tuple[Array, list[Face], float]:
    """One identity (S,) for all images, pose and expression of each; `shape` has identity, then expression.

    Every image has its own prior of the expression.

    The images' own unknowns are eliminated from the identity's equations (Schur complement), with those
    expressions held that lie on a bound; each image then solves its own bounded problem for the new identity.
    """
    alpha, faces, q, damping = identity, list(start), options.inverse_focal, 0.0
    energy = _total(shape, seen, faces, alpha, priors, options)
    for _ in range(options.iterations):
        linear = [_linearise(shape, s, f, np.concatenate([alpha, f.expression]), prior, q)
                  for s, f, prior in zip(seen, faces, priors, strict=True)]
        before = energy
        for _ in range(6):
            step = _identity_step(linear, faces, alpha, options.identity_weight, damping)
            trial = [_moved(f, _given_identity(e, f, step, damping)) for e, f in zip(linear, faces, strict=True)]
            energy = _total(shape, seen, trial, alpha + step, priors, options)
            if energy <= before:
                break
            damping = max(10 * damping, 1e-3)
        else:
            return alpha, faces, before
        alpha, faces, damping = alpha + step, trial, 0.1 * damping
        if before - energy <= options.tolerance * before:
            break
    return alpha, faces, energy


def _residuals(shape: Shape, seen: Seen, pose: Pose, coefficients: Array, q: float) -> tuple[Array, Array]:
    """Head pixels and residuals, (L, 3) each."""
    p = kernels.head_pixels(shape, coefficients, pose.turn, pose.numbers[2])
    return p, kernels.residuals(p, pose.numbers, q, seen)


def _linearise(shape: Shape, seen: Seen, face: Face, coefficients: Array, prior: ExpressionPrior,
               q: float) -> _Linear:
    p, r = _residuals(shape, seen, face.pose, coefficients, q)
    rows, right = weighted_rows(shape, p, r, face.pose.turn, face.pose.numbers, q, seen)
    n = POSE + len(coefficients)
    hessian, gradient = (rows.T @ rows)[:n, :n].astype(np.float64), (rows.T @ right)[:n].astype(np.float64)
    add_prior(hessian, gradient, face.expression, prior.quadratic, prior.linear)
    return _Linear(hessian, gradient)


def _bounded(hessian: Array, gradient: Array, expression: Array, damping: float) -> Array:
    """The best step of pose and expression that keeps 0 ≤ β ≤ 1."""
    return np.asarray(bounded_step(hessian, gradient, expression, _STEP, damping))


def _moved(face: Face, step: Array) -> Face:
    """The face after a step (7 + E,)."""
    return Face(Pose(*moved_pose(face.pose.turn, face.pose.numbers, step)),
                np.clip(face.expression + step[POSE:], 0, 1))


def _identity_step(linear: Sequence[_Linear], faces: Sequence[Face], alpha: Array, weight: float,
                   damping: float) -> Array:
    """The identity's Newton step with every image's free unknowns eliminated."""
    count = len(alpha)
    hessian = weight * np.eye(count)
    gradient = weight * alpha
    for e, face in zip(linear, faces, strict=True):
        own = slice(POSE, POSE + count)
        free = _free(e, face, count)
        block = e.hessian[np.ix_(free, free)]
        cross = e.hessian[free, own]
        solved = np.linalg.solve(block, np.column_stack([cross, e.gradient[free]]))
        hessian += e.hessian[own, own] - cross.T @ solved[:, :-1]
        gradient += e.gradient[own] - cross.T @ solved[:, -1]
    hessian += damping * np.diag(np.diag(hessian))
    return np.asarray(np.linalg.solve(hessian, -gradient))


def _free(e: _Linear, face: Face, identities: int) -> NDArray[np.int64]:
    """Columns of the pose and of the expressions that a bound does not hold."""
    slope = e.gradient[POSE + identities:]
    held = ((face.expression <= 0) & (slope > 0)) | ((face.expression >= 1) & (slope < 0))
    return np.concatenate([np.arange(POSE), POSE + identities + np.flatnonzero(~held)])


def _given_identity(e: _Linear, face: Face, step: Array, damping: float) -> Array:
    """An image's own step once the identity's is chosen."""
    count = len(step)
    keep = np.r_[0:POSE, POSE + count:len(e.gradient)]
    gradient = e.gradient[keep] + e.hessian[keep, POSE:POSE + count] @ step
    return _bounded(e.hessian[np.ix_(keep, keep)], gradient, face.expression, damping)


def _total(shape: Shape, seen: Sequence[Seen], faces: Sequence[Face], alpha: Array,
           priors: Sequence[ExpressionPrior], options: Options) -> float:
    images = (face_energy(shape, s, f, np.concatenate([alpha, f.expression]), prior, options.inverse_focal)
              for s, f, prior in zip(seen, faces, priors, strict=True))
    return sum(images) + 0.5 * options.identity_weight * float(alpha @ alpha)


