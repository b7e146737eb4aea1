# SPDX-License-Identifier: Apache-2.0
"""Few Bézier keys for densely sampled curves, within a stated error.

A key lies on a sample; between two keys runs one cubic whose handles stand at a third of the way in time, so that it
is a plain cubic polynomial in the frame, fixed by the values and the slopes at both ends, and is evaluated just as
Blender evaluates such an F-curve. Fitted as by Schneider (1990), *An Algorithm for Automatically Fitting Digitized
Curves* (Graphics Gems): slopes by least squares, a new key at the worst sample. Unlike there, the slopes of all keys of
a curve are found together, with one slope on both sides of a key that is no corner; and keys that turn out needless go
again.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import BadInput

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Marks = NDArray[np.int8]

EXPRESSION_TOLERANCE = 0.02
"""Of a coefficient whose full effect is 1"""
ROTATION_TOLERANCE = float(np.radians(0.25))
"""Radians: a quarter of a degree"""
TRANSLATION_TOLERANCE = 0.0005
"""Metres: half a millimetre"""

_BETWEEN = 0.1
"""Weight of the straight lines' midpoints beside the samples: it decides where samples leave a slope open"""
_FLAT = 1e-4
"""Steps up to this, in tolerances, are no change"""
_SWEEPS = 3
_PLACES = 8
"""Between two frames, at which the curve may not leave their values"""
_SAFE = 1 - 1e-6
"""Rounding to float32 may cost the rest"""


@dataclass(frozen=True, eq=False)
class Keys:
    """K Bézier keys of one curve."""

    frames: Array
    """(K,) ascending"""
    values: Array
    """(K,)"""
    slope_before: Array
    """(K,) of the curve that arrives at a key, per frame"""
    slope_after: Array
    """(K,) of the curve that leaves it"""

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def smooth(self) -> Mask:
        """(K,) keys that the curve passes without a corner"""
        return np.asarray(self.slope_before == self.slope_after)


def handles(keys: Keys) -> tuple[Array, Array]:
    """Left and right handles (K, 2), frame and value; outside the first and last key a third of a frame long."""
    steps = np.diff(keys.frames) / 3
    before, after = np.concatenate([[1 / 3], steps]), np.concatenate([steps, [1 / 3]])
    left = np.column_stack([keys.frames - before, keys.values - before * keys.slope_before])
    right = np.column_stack([keys.frames + after, keys.values + after * keys.slope_after])
    return left, right


def evaluate(keys: Keys, frames: ArrayLike) -> Array:
    """The curve at any frames (...), held before the first key and after the last."""
    at = np.clip(np.asarray(frames, np.float64), keys.frames[0], keys.frames[-1])
    if len(keys) == 1:
        return np.full(at.shape, keys.values[0])
    i = np.clip(np.searchsorted(keys.frames, at, "right") - 1, 0, len(keys) - 2)
    length = keys.frames[i + 1] - keys.frames[i]
    a, b, c, d = _cubic((at - keys.frames[i]) / length)
    return np.asarray(a * keys.values[i] + b * keys.values[i + 1]
                      + length * (c * keys.slope_after[i] + d * keys.slope_before[i + 1]))


def reduce_keys(frames: NDArray[np.floating], values: NDArray[np.floating], tolerance: ArrayLike) -> list[Keys]:
    """Keys for C curves, one `Keys` each, from samples (T, C) at frames (T,).

    At every frame the curve is within `tolerance`, one for all or (C,), of the sample; between two frames it leaves
    their values by no more than that. Where samples stand still, so does the curve, exactly. A curve that
    changes by no more than its tolerance gets one key, at its median.

    Raises:
        BadInput: no samples, frames that do not ascend, numbers that are not finite, a tolerance that is not positive.
    """
    x, y = np.asarray(frames, np.float64), np.asarray(values, np.float64)
    _check(x, y)
    limit = np.broadcast_to(np.asarray(tolerance, np.float64), y.shape[1:]) * _SAFE
    if not (np.isfinite(limit) & (limit > 0)).all():
        raise BadInput("The tolerance of a curve must be a positive number.")
    moves = np.ptp(y, 0) > limit
    out = [Keys(x[:1], np.median(column, keepdims=True), np.zeros(1), np.zeros(1)) for column in y.T]
    if moves.any():
        fitted = _Curves(x, y.T[moves] / limit[moves, None])
        knots = fitted.thinned(fitted.split(fitted.first_knots()))
        for channel, keys in zip(np.flatnonzero(moves), fitted.keys(knots, limit[moves]), strict=True):
            # The samples' own numbers: scaling by the tolerance must not cost the last bit.
            out[channel] = Keys(keys.frames, y[np.searchsorted(x, keys.frames), channel],
                                keys.slope_before, keys.slope_after)
    return out


def sample(keys: list[Keys], frames: NDArray[np.floating]) -> Array:
    """C curves at frames (T,), (T, C)."""
    return np.stack([evaluate(k, frames) for k in keys], 1)


def _check(x: Array, y: Array) -> None:
    if y.ndim != 2 or x.shape != y.shape[:1] or len(x) == 0:
        raise BadInput(f"Samples of shape {y.shape} do not belong to {x.shape} frames.")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise BadInput("The samples hold numbers that are not finite.")
    if (np.diff(x) <= 0).any():
        raise BadInput("The frames of the samples do not ascend.")


def _cubic(t: Array) -> tuple[Array, Array, Array, Array]:
    """Hermite's basis: the value at 0, the value at 1, the slope at 0, the slope at 1."""
    b = t * t * (3 - 2 * t)
    return 1 - b, b, t * (1 - t) ** 2, t * t * (t - 1)


@dataclass(frozen=True, eq=False)
class _Solution:
    """Slopes at the K knots of all curves, and how bad each sample (C, T) is; above 1 its segment must be split."""

    before: Array
    after: Array
    badness: Array


class _Curves:
    """C curves sampled at T frames, in units of their tolerances. Knots are marks (C, T) of the samples that are keys:
    0 is none, 1 a key with one slope, 2 a key with a slope on each side."""

    def __init__(self, x: Array, y: Array) -> None:
        self.x, self.y = x, y
        self.grid = np.empty(2 * len(x) - 1)
        self.target = np.empty((len(y), len(self.grid)))
        self.grid[::2], self.grid[1::2] = x, (x[1:] + x[:-1]) / 2
        self.target[:, ::2], self.target[:, 1::2] = y, (y[:, 1:] + y[:, :-1]) / 2
        self.weight = np.where(np.arange(len(self.grid)) % 2, _BETWEEN, 1.0)
        self.still = np.abs(np.diff(y, axis=1)) <= _FLAT

    def first_knots(self) -> Marks:
        """Both ends, and the ends of every hold of three samples or more."""
        hold = np.zeros(self.y.shape, bool)
        hold[:, 1:-1] = self.still[:, 1:] & self.still[:, :-1]
        near = hold.copy()
        near[:, 1:] |= hold[:, :-1]
        near[:, :-1] |= hold[:, 1:]
        knots = near & ~hold
        knots[:, [0, -1]] = True
        return knots.astype(np.int8)

    def split(self, knots: Marks, closely: bool = False) -> Marks:
        """Add the worst sample of every segment that is out of its tolerance until none is; where that one is beside a
        key, the key becomes a corner first. `closely` looks at eight places between two frames, else at one."""
        knots = knots.copy()
        while True:
            solution = self.solve(knots)
            badness = self._bulges(knots, solution) if closely else solution.badness
            worst = self._worst(knots, badness)
            if not len(worst):
                return knots
            self._mend(knots.ravel(), worst)

    def thinned(self, knots: Marks) -> Marks:
        """Without keys and corners that can go: every other key, then every corner, is left out on trial, and comes
        back where it is missed."""
        needed = self.first_knots() > 0
        for sweep in range(2 * _SWEEPS):
            rank = np.cumsum(knots > 0, axis=1)
            knots = self._without(knots, np.where(needed | (rank % 2 == sweep % 2), knots, 0).astype(np.int8))
        knots = self._without(knots, np.minimum(knots, 1))
        return self.split(knots, closely=True)

    def keys(self, knots: Marks, limit: Array) -> list[Keys]:
        """The result for each curve, in the samples' own units."""
        solution, chosen = self.solve(knots), knots > 0
        ends = np.cumsum(chosen.sum(1))[:-1]
        rows = zip(chosen, self.y, np.split(solution.before, ends), np.split(solution.after, ends), limit, strict=True)
        return [Keys(self.x[k], y[k] * u, before * u, after * u) for k, y, before, after, u in rows]

    def solve(self, knots: Marks) -> _Solution:
        """The slopes that suit all samples best, and how far the curve then is from them."""
        channel, place = np.nonzero(knots)
        value, x = self.y[channel, place], self.x[place]
        last = np.append(channel[1:] != channel[:-1], True)
        count = np.where(last, 0, np.diff(place, append=0))
        length = np.where(last, 1.0, np.diff(x, append=0))
        secant = np.where(last, 0, np.diff(value, append=0)) / length
        flat = self._flat_segments(channel, place, count)
        segment = np.repeat(np.cumsum(knots > 0).reshape(knots.shape) - 1, 2, axis=1)[:, :-1].ravel()
        t = (np.tile(self.grid, len(knots)) - x[segment]) / length[segment]
        a, b, c, d = _cubic(t)
        c, d = c * length[segment], d * length[segment]
        line = a * value[segment] + b * np.append(value[1:], 0)[segment]
        before, after = self._slopes(segment, c, d, self.target.ravel() - line, count, flat, secant,
                                     knots[channel, place] == 2)
        self._limit(before, after, count == 1, secant)
        curve = line + c * after[segment] + d * np.append(before[1:], 0)[segment]
        return _Solution(before, after, self._badness(curve.reshape(self.target.shape)))

    def _flat_segments(self, channel: NDArray[np.intp], place: NDArray[np.intp], count: NDArray[np.intp]) -> Mask:
        """Which segments hold still over two frames or more."""
        still = np.zeros(self.y.shape, int)
        still[:, 1:] = np.cumsum(self.still, axis=1)
        run = still[channel, np.minimum(place + count, len(self.x) - 1)] - still[channel, place]
        return np.asarray((run == count) & (count > 1))

    def _slopes(self, segment: NDArray[np.intp], c: Array, d: Array, rest: Array, count: NDArray[np.intp], flat: Mask,
                secant: Array, corner: Mask) -> tuple[Array, Array]:
        """Slopes before and after each knot, one number where it is no corner: a tridiagonal least-squares system,
        zero beside holds; between single frames that of the harmonic mean (Fritsch & Butland 1984)."""
        weight = np.tile(self.weight, len(self.y)) * (count > 1)[segment]
        start = np.searchsorted(segment, np.arange(len(count)))
        total: list[Array] = [np.add.reduceat(weight * values, start)
                              for values in (c * c, c * d, d * d, c * rest, d * rest)]
        behind = [np.append(0, total[i][:-1]) for i in (2, 4)]
        after = np.arange(len(count)) + np.cumsum(corner)
        before = after - corner
        size = after[-1] + 1
        diagonal, right, off, known = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
        for at, sums in ((after, (total[0], total[3])), (before, behind)):
            diagonal[at] += sums[0]
            right[at] += sums[1]
        off[after] = total[1]
        fixed = np.zeros(size, bool)
        fixed[after[flat]] = True
        fixed[before[np.append(False, flat[:-1])]] = True
        left = np.append(0, secant[:-1])
        product = secant * left
        known[after] = known[before] = np.where(product > 0, 2 * product / np.where(product > 0, secant + left, 1), 0)
        known[fixed] = 0
        given = fixed | (diagonal <= 0)
        reach = off[:-1] * known[1:] * given[1:], off[:-1] * known[:-1] * given[:-1]
        right = np.where(given, known, right - np.append(reach[0], 0) - np.append(0, reach[1]))
        off = np.where(given | np.append(given[1:], True), 0, off)
        slope = _tridiagonal(np.where(given, 1, diagonal), off, right)
        return slope[before], slope[after]

    @staticmethod
    def _limit(before: Array, after: Array, single: Mask, secant: Array) -> None:
        """Along a single frame slopes are changed so far that the curve stays between its ends (Fritsch & Carlson
        1980), at the price of a corner."""
        low, high = np.minimum(0, 3 * secant), np.maximum(0, 3 * secant)
        np.copyto(after, np.clip(after, low, high), where=single)
        np.copyto(before[1:], np.clip(before[1:], low[:-1], high[:-1]), where=single[:-1])

    def _badness(self, curve: Array) -> Array:
        """For each sample its error; above 1 too where the curve leaves the two values on a side of it."""
        return self._with_bulges(np.abs(curve[:, ::2] - self.y), curve[:, 1::2])

    def _bulges(self, knots: Marks, solution: _Solution) -> Array:
        """The badness of a solution, looked at closely between frames."""
        channel, place = np.nonzero(knots)
        x, value = self.x[place], self.y[channel, place]
        left = (np.cumsum(knots > 0).reshape(knots.shape) - 1)[:, :-1]
        length = x[left + 1] - x[left]
        bad = solution.badness
        for share in np.arange(1, _PLACES) / _PLACES:
            a, b, c, d = _cubic((self.x[:-1] + share * np.diff(self.x) - x[left]) / length)
            curve = a * value[left] + b * value[left + 1]
            curve += length * (c * solution.after[left] + d * solution.before[left + 1])
            bad = self._with_bulges(bad, curve)
        return bad

    def _with_bulges(self, bad: Array, between: Array) -> Array:
        """Badness (C, T) that is no less than how far the curve between two frames (C, T - 1) leaves their values."""
        low, high = np.minimum(self.y[:, 1:], self.y[:, :-1]), np.maximum(self.y[:, 1:], self.y[:, :-1])
        beyond = np.maximum(between - high, low - between)
        bad = bad.copy()
        bad[:, 1:] = np.maximum(bad[:, 1:], beyond)
        bad[:, :-1] = np.maximum(bad[:, :-1], beyond)
        return bad

    @staticmethod
    def _worst(knots: Marks, badness: Array) -> NDArray[np.intp]:
        """The flat index of the worst sample inside every segment that must be split."""
        chosen = knots > 0
        inner = np.where(chosen, -1.0, badness).ravel()
        top = np.maximum.reduceat(inner, np.flatnonzero(chosen))
        segment = np.cumsum(chosen) - 1
        hit = np.flatnonzero((inner == top[segment]) & (inner > 1))
        return np.asarray(hit[np.unique(segment[hit], return_index=True)[1]])

    @staticmethod
    def _mend(flat: Marks, worst: NDArray[np.intp]) -> None:
        """Turn keys beside the worst samples to corners, or where they are already, set keys there."""
        before, after = flat[worst - 1] == 1, flat[worst + 1] == 1
        flat[worst[before] - 1] = 2
        flat[worst[after] + 1] = 2
        flat[worst[~(before | after)]] = 1

    def _without(self, knots: Marks, trial: Marks) -> Marks:
        """The trial, which has fewer or smoother knots, with what segments that are out of tolerance have lost."""
        while True:
            bad = self._bad_segments(trial, self.solve(trial).badness)
            back = (knots != trial) & bad
            if not back.any():
                return self.split(trial)
            trial = np.where(back, knots, trial)

    @staticmethod
    def _bad_segments(knots: Marks, badness: Array) -> Mask:
        """Samples (C, T) whose segment is out of its tolerance, its ends among them."""
        chosen = knots > 0
        start = np.flatnonzero(chosen)
        bad = np.maximum.reduceat(np.where(chosen, 0, badness).ravel(), start) > 1
        out = bad[np.cumsum(chosen) - 1]
        out[start[1:]] |= bad[:-1]
        return np.asarray(out.reshape(knots.shape))


def _tridiagonal(diagonal: Array, off: Array, right: Array) -> Array:
    """Solve a symmetric tridiagonal system (N,) by parallel cyclic reduction (Hockney & Jesshope 1981, §5.4): row i is
    ``off[i-1] x[i-1] + diagonal[i] x[i] + off[i] x[i+1] = right[i]``; `off[-1]` is not used."""
    lower, upper = np.append(0, off[:-1]), np.append(off[:-1], 0)
    step = 1
    while step < len(diagonal) and (np.abs(lower) + np.abs(upper) > 1e-13 * np.abs(diagonal)).any():
        alpha, beta = np.zeros_like(diagonal), np.zeros_like(diagonal)
        alpha[step:] = -lower[step:] / diagonal[:-step]
        beta[:-step] = -upper[:-step] / diagonal[step:]
        new = [diagonal.copy(), right.copy(), np.zeros_like(lower), np.zeros_like(upper)]
        new[0][step:] += alpha[step:] * upper[:-step]
        new[0][:-step] += beta[:-step] * lower[step:]
        new[1][step:] += alpha[step:] * right[:-step]
        new[1][:-step] += beta[:-step] * right[step:]
        new[2][step:] = alpha[step:] * lower[:-step]
        new[3][:-step] = beta[:-step] * upper[step:]
        diagonal, right, lower, upper = new
        step *= 2
    return np.asarray(right / diagonal)
