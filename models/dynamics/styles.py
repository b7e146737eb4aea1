# SPDX-License-Identifier: Apache-2.0
"""How persons move by and large: how much each channel moves at each pace, and who moves how; numpy alone.

What a few persons did, played again, is recognised as theirs. So a stretch of it is given another person's manner: its
channels are taken apart by octaves (the à trous algorithm with a cubic B-spline, Holschneider et al. 1989; Starck &
Murtagh 1994), and each octave is made as strong as in a style drawn from a normal distribution of persons' styles.
Rhythm, blinks and what goes with what stay those of the stretch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from .codec import POSE, Codec

Floats = NDArray[np.float32]
Array = NDArray[np.float64]
Random = np.random.Generator

OCTAVES = 6
"""The last one is all that is slower than about a second"""
_SPLINE = np.array([1, 4, 6, 4, 1]) / 16
_TREMBLE = np.array([1, -4, 6, -4, 1]) / 16
"""What is left of frames by their fourth differences: the quickest part, which is a tracker's more than a face's"""
_WINDOW, _HOP = 60, 15
FLOOR, POSE_FLOOR = 1e-3, 2e-4
"""Below this a channel, and a number of the pose, is at rest"""
_MOST = 2.0
"""Logarithm of the most that an octave is changed by"""
_ROUNDS = 4
_LOW = 0.05
"""Share of a stretch in which a channel is lower than what counts as its rest"""
RANK = 64
"""Directions in which persons' styles differ"""
KEPT = (1.1, 0.8, 0.8, 0.8)
"""By group of numbers: how much styles differ, against those of the persons known"""
SLOW, QUICK = (0.45, 0.15, 0.0, -0.15), (0.15, 0.15, 0.0, 0.0)
"""By group: logarithms by which the slower movements, of two octaves, and the quicker ones are larger"""
FAR = 1.5
"""Deviations from the mean within which styles are held: logarithms further out make movements that nobody makes"""
SAME = 0.5
"""How like the style before it the next one is, some seconds later"""
RECENT = 11
"""Frames by which it is judged how lively a face is"""


def octaves(values: NDArray[np.floating]) -> tuple[list[Array], Array]:
    """Parts (OCTAVES of (T, C)), quickest first, and the mean (C,), that add up to values (T, C)."""
    rest = values.astype(np.float64)
    parts = [_filtered(rest, _TREMBLE, 1)]
    rest = rest - parts[0]
    for level in range(OCTAVES - 2):
        smooth = _filtered(rest, _SPLINE, 2 ** level)
        parts.append(rest - smooth)
        rest = smooth
    mean = rest.mean(0)
    return [*parts, rest - mean], mean


def _filtered(values: Array, kernel: Array, hole: int) -> Array:
    """Values (T, C) by a kernel of five whose weights lie `hole` frames apart."""
    more = 2 * hole
    if len(values) > more:
        padded = np.concatenate([values[more:0:-1], values, values[-2:-more - 2:-1]])
    else:
        padded = np.pad(values, ((more, more), (0, 0)), "edge")
    out = kernel[0] * padded[:len(values)]
    for k in range(1, len(kernel)):
        out += kernel[k] * padded[k * hole:k * hole + len(values)]
    return np.asarray(out)


def strengths(parts: Sequence[Array], floor: float | Array = FLOOR) -> Array:
    """Logarithms (OCTAVES, C) of the parts' deviation, means over windows of two seconds: a burst does not count for
    all."""
    whole = np.concatenate(parts, 1)
    mean, square = _means(whole), _means(whole * whole)
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    return np.asarray(np.log(spread.reshape(len(spread), len(parts), -1) + floor).mean(0))


def _means(values: Array) -> Array:
    """Means (W, C) of values (T, C) over windows, or over all where they are shorter than one."""
    if len(values) < _WINDOW:
        return np.asarray(values.mean(0, keepdims=True))
    each = _WINDOW // _HOP
    count = (len(values) - _WINDOW) // _HOP + each
    sums = np.add.reduceat(values[:count * _HOP], np.arange(0, count * _HOP, _HOP), axis=0)
    return np.asarray(sum(sums[k:count - each + 1 + k] for k in range(each)) / _WINDOW)


def dressed(values: NDArray[np.floating], style: Array, low: float = -np.inf, high: float = np.inf,
            floor: float = FLOOR) -> Array:
    """Values (T, C) whose octaves are as strong as the style (OCTAVES, C), held between `low` and `high`.

    A channel's rest stays, and its mean keeps its distance in proportion, so that what is never negative stays so.
    """
    now = values.astype(np.float64)
    for _ in range(_ROUNDS):
        parts, mean = octaves(now)
        gain = np.exp(np.clip(style - strengths(parts, floor), -_MOST, _MOST))
        moved = sum(g * p for g, p in zip(gain, parts, strict=True))
        if np.isfinite(low):
            rest = np.partition(now, int(_LOW * len(now)), axis=0)[int(_LOW * len(now))]
            mean = rest + (mean - rest) * np.std(moved, 0) / (now.std(0) + 1e-6)
        now = np.clip(mean + moved, low, high)
    return now


@dataclass(frozen=True, eq=False)
class Style:
    """One person's at one time: of the pose's numbers (OCTAVES, 6), of the channels (OCTAVES, E), how lively each group
    is at most times (G,); and where among the styles it lies (K,)."""

    pose: Array
    channels: Array
    lively: Array
    place: Array


@dataclass(frozen=True, eq=False)
class Styles:
    """The distribution of styles: `mean` (S,) and `spread` (K, S), S = OCTAVES (6 + E) + G."""

    mean: Floats
    spread: Floats
    channels: int

    def draw(self, random: Random, before: Style | None = None) -> Style:
        """Any style, or one that a person may have after another."""
        place = random.normal(size=len(self.spread))
        if before is not None:
            place = SAME * before.place + (1 - SAME * SAME) ** 0.5 * place
        most = FAR * np.linalg.norm(self.spread, axis=0)
        numbers = np.asarray(self.mean + np.clip(place @ self.spread, -most, most), np.float64)
        count = OCTAVES * (POSE + self.channels)
        table = numbers[:count].reshape(OCTAVES, -1)
        return Style(table[:, :POSE], table[:, POSE:], numbers[count:], place)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"styles.mean": self.mean, "styles.spread": self.spread}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], codec: Codec) -> "Styles":
        """The inverse of `arrays`.

        Raises:
            BadInput: they are missing or do not belong to the codec.
        """
        try:
            mean, spread = arrays["styles.mean"], arrays["styles.spread"]
        except KeyError as error:
            raise BadInput(f"The weights lack {error.args[0]}; they are not those of this network.") from error
        size = OCTAVES * (POSE + len(codec.mean)) + int(codec.group.max()) + 1
        if mean.shape != (size,) or spread.ndim != 2 or spread.shape[1] != size:
            raise BadInput("The weights' styles are damaged; fetch the file again.")
        return cls(mean, spread, len(codec.mean))


def fit_styles(numbers: NDArray[np.floating], weight: NDArray[np.floating],
               groups: Sequence[NDArray[np.intp]]) -> Styles:
    """The normal distribution of styles (N, S) of as many clips, each with its weight (N,), in `RANK` directions, for
    groups of channels; changed by `KEPT`, `SLOW` and `QUICK`."""
    share = weight / weight.sum()
    mean = share @ numbers
    _, size, axes = np.linalg.svd((numbers - mean) * np.sqrt(share)[:, None], full_matrices=False)
    channels = sum(map(len, groups))
    kept, more = np.ones((OCTAVES, POSE + channels)), np.zeros((OCTAVES, POSE + channels))
    for columns, factor, slow, quick in zip([np.arange(POSE), *(POSE + g for g in groups)], KEPT, SLOW, QUICK,
                                            strict=True):
        kept[:, columns] = factor
        more[:-2, columns], more[-2:, columns] = quick, slow
    spread = (size[:, None] * axes)[:RANK] * np.concatenate([kept.ravel(), KEPT])
    mean = mean + np.concatenate([more.ravel(), SLOW])
    return Styles(mean.astype(np.float32), spread.astype(np.float32), channels)


def liveliness(states: NDArray[np.floating], group: NDArray[np.int32]) -> Floats:
    """Logarithm of the mean deviation of each group's numbers over the last frames (T, G), for states (T, D)."""
    x = states.astype(np.float64)
    first = np.maximum(np.arange(len(x)) - RECENT + 1, 0)
    last = np.maximum(np.arange(len(x)), min(4, len(x) - 1)) + 1
    count = (last - first)[:, None]
    mean, square = ((s[last] - s[first]) / count for s in map(_sums, (x, x * x)))
    share = np.eye(group.max() + 1)[group]
    spread = np.sqrt(np.maximum(square - mean * mean, 0) @ share / share.sum(0))
    return np.asarray(np.log(spread + 0.02), np.float32)


def _sums(values: Array) -> Array:
    """What lies before each row (T + 1, C)."""
    return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, 0)])


def style_of(pose: NDArray[np.floating], channels: NDArray[np.floating], lively: NDArray[np.floating]) -> Array:
    """A clip's style as numbers (S,): of its pose (T, 6), its channels (T, E), and its groups' liveliness (T, G)."""
    table = [strengths(octaves(pose)[0], POSE_FLOOR), strengths(octaves(channels)[0])]
    return np.concatenate([np.concatenate(table, 1).ravel(), lively.mean(0)])
