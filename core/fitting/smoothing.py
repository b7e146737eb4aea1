# SPDX-License-Identifier: Apache-2.0
"""Smoothing curves over time so that noise goes and blinks stay."""

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled

Array = NDArray[np.float64]

_ROUNDS = 5
_LEAST = 0.03
"""λ within a movement"""
_NOISE_OF_BEND = np.sqrt(6.0)
"""Standard deviation of the second difference of unit white noise"""


def bend(x: Array) -> Array:
    """Second differences (T - 2, C) of curves (T, C)."""
    return np.asarray(x[:-2] - 2 * x[1:-1] + x[2:])


def noise_of(curves: Array, repeated: NDArray[np.bool_], floor: Array) -> Array:
    """Standard deviation (C,) of the noise on curves (T, C): from the median second difference, at least `floor`.

    `repeated` (T,) marks frames that equal the one before (a video with doubled frames): they are left out.
    """
    fresh = curves[~repeated]
    if len(fresh) < 5:
        return floor
    return np.asarray(np.maximum(np.median(np.abs(bend(fresh)), axis=0) / (0.6745 * _NOISE_OF_BEND), floor))


def smooth(curves: Array, trust: Array, starts: NDArray[np.bool_], noise: Array, cutoff: Array, fps: float,
           keep: Array) -> Array:
    """Smoothed curves (T, C): minimise Σ trust (x − y)² + λ Σ ρ(x″), forwards and backwards in time alike.

    A second difference much larger than `keep` (C,) times what noise makes is a movement: there λ falls to almost
    nothing, geometrically with Geman and McClure's share b² / (b² + limit²), found by iteratively reweighted least
    squares. So a blink keeps its depth while stillness is smoothed with the full λ, whose half-power frequency is
    `cutoff` (C,) hertz (the Hodrick-Prescott filter's response).

    trust (T,) ≥ 0 weighs the frames; starts (T,) marks frames that begin a new shot, across which nothing is
    smoothed; noise (C,) in the curves' units.
    """
    if len(curves) < 3:
        return curves.copy()
    weights = np.maximum(trust, 1e-4)
    # a bend that reaches over a cut has no meaning
    joined = ~(starts[1:-1] | starts[2:])
    strength = (2 * np.sin(np.pi * np.minimum(cutoff / fps, 0.5))) ** -4.0
    limits = keep * noise * _NOISE_OF_BEND
    columns = [_smooth_one(y, weights, joined, limit, s)
               for y, limit, s in zip(np.ascontiguousarray(curves.T), limits, strength, strict=True)]
    return np.stack(columns, 1)


@compiled
def _smooth_one(y: Array, weights: Array, joined: NDArray[np.bool_], limit: float, strength: float) -> Array:
    x, stiffness = y, np.zeros(len(joined))
    for _ in range(_ROUNDS):
        for i in range(len(joined)):
            moving = ((x[i] - 2 * x[i + 1] + x[i + 2]) / limit) ** 2
            if joined[i]:
                stiffness[i] = strength * (_LEAST / strength) ** (moving / (1 + moving))
        x = _solve(y, weights, stiffness)
    return x


@compiled
def _solve(y: Array, weights: Array, stiffness: Array) -> Array:
    """Minimise Σ w (x − y)² + Σ k (x″)²: a system with two bands beside the diagonal, A = L D Lᵀ."""
    n = len(y)
    x, diagonal, first, second = weights * y, weights.copy(), np.zeros(n), np.zeros(n)
    for i in range(n - 2):
        k = stiffness[i]
        diagonal[i] += k
        diagonal[i + 1] += 4 * k
        diagonal[i + 2] += k
        first[i] -= 2 * k
        first[i + 1] -= 2 * k
        second[i] += k
    for i in range(n - 1):
        one, two = first[i] / diagonal[i], second[i] / diagonal[i]
        diagonal[i + 1] -= one * first[i]
        x[i + 1] -= one * x[i]
        if i + 2 < n:
            first[i + 1] -= one * second[i]
            diagonal[i + 2] -= two * second[i]
            x[i + 2] -= two * x[i]
        first[i], second[i] = one, two
    for i in range(n - 1, -1, -1):
        x[i] /= diagonal[i]
        for j, factor in ((i + 1, first[i]), (i + 2, second[i])):
            if j < n:
                x[i] -= factor * x[j]
    return x


def bridge(curves: Array, present: NDArray[np.bool_]) -> Array:
    """Curves (T, C) whose rows without `present` are interpolated linearly, and held at the ends."""
    frames = np.arange(len(curves))
    known = frames[present]
    return np.stack([np.interp(frames, known, column[present]) for column in curves.T], 1)


def bridge_rotations(matrices: Array, present: NDArray[np.bool_]) -> Array:
    """Rotation matrices (T, 3, 3) whose rows without `present` lie on the shortest way between their neighbours."""
    from scipy.spatial.transform import Rotation, Slerp

    frames = np.arange(len(matrices))
    known = frames[present]
    if len(known) == 1:
        return np.broadcast_to(matrices[known[0]], matrices.shape).copy()
    way = Slerp(known, Rotation.from_matrix(matrices[known]))
    return np.asarray(way(np.clip(frames, known[0], known[-1])).as_matrix())


def smooth_rotations(matrices: Array, trust: Array, starts: NDArray[np.bool_], repeated: NDArray[np.bool_],
                     cutoff: float, noise: tuple[float, float], keep: float, fps: float) -> Array:
    """As `smooth`, for rotation matrices (T, 3, 3): in the axis-angle chart about their mean, radians.

    `noise` bounds the estimate of the noise from below and above.
    """
    from scipy.spatial.transform import Rotation

    rotations = Rotation.from_matrix(matrices)
    mean = rotations.mean()
    local = np.asarray((mean.inv() * rotations).as_rotvec())
    level = np.minimum(noise_of(local, repeated, np.full(3, noise[0])), noise[1])
    smoothed = smooth(local, trust, starts, level, np.full(3, cutoff), fps, np.full(3, keep))
    return np.asarray((mean * Rotation.from_rotvec(smoothed)).as_matrix())
