# SPDX-License-Identifier: Apache-2.0
"""A fixed linear correction from our 68 points to the place where a data set's labels put them.

Every annotation has habits of its own (where the jaw ends, which part of a brow counts). They are learnt
once, as a ridge regression of the labels' offsets on the points in the face's own frame, and hold for all.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ..metrics import box_size, nme

Floats = NDArray[np.float64]

STORED = Path(__file__).parents[1] / "face_models" / "aflw_convention.npz"
STRENGTH = 0.1
"""Ridge penalty; 0.03 to 1 differ by less than the noise of the cross-validated error."""
FOLDS = 10
GROSS_ERROR = 12.0
"""NME in percent above which points are on something else than the labels: no habit is learnt from those."""

MIRROR = np.array([*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
                   45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
                   54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65])
"""The point at the mirrored place, for each of the 68."""
_FLIP = np.array([-1.0, 1.0])
_NUMBERS = ("middle", "weights", "shift")


@dataclass(frozen=True)
class Frame:
    """N faces' own frames in the image: `centre` (N, 2) and `size` (N,) in pixels."""

    centre: Floats
    size: Floats

    @classmethod
    def of(cls, points: Floats) -> "Frame":
        """The frame of the first 68 of points (N, L, ≥2): their mean, and √(width · height) of their box."""
        first = points[:, :68, :2]
        return cls(first.mean(-2), box_size(first))

    def inside(self, points: Floats) -> Floats:
        """Pixels (N, L, ≥2) to the face's own frame (N, L, 2)."""
        return np.asarray((points[..., :2] - self.centre[:, None]) / self.size[:, None, None])


@dataclass(frozen=True)
class Correction:
    """``offset = (x - middle) @ weights + shift``, where x are the F = 2 L numbers of points in their frame.

    The offset moves the first 68 points. More points (a second set of 68, found in another way) may help to
    tell where the labels are.
    """

    middle: Floats
    """(F,)"""
    weights: Floats
    """(F, 136)"""
    shift: Floats
    """(136,)"""
    fitted_on: NDArray[np.uint32]
    """CRC-32 of the names of the photos it was fitted on"""

    def apply(self, points: Floats) -> Floats:
        """The first 68 of points (N, L, ≥2) in pixels, moved to the labels' convention, (N, 68, 2)."""
        frame = Frame.of(points)
        x = frame.inside(points).reshape(len(points), 2 * points.shape[1])
        offset = (x - self.middle) @ self.weights + self.shift
        return np.asarray(points[:, :68, :2] + frame.size[:, None, None] * offset.reshape(-1, 68, 2))


def fit_correction(points: Floats, truth: Floats, names: tuple[str, ...],
                   strength: float = STRENGTH) -> Correction:
    """Ridge regression from points (N, L, ≥2) to the truth (N, 68, ≥2), both in pixels; L is 68 or 136.

    Every photo counts twice, once mirrored, so that the correction treats both sides alike. Gross errors are
    left out.
    """
    kept = nme(points[:, :68], truth) < GROSS_ERROR
    points, truth = points[kept], truth[kept]
    frame = Frame.of(points)
    ours = frame.inside(points)
    x, offset = _both_ways(ours), _both_ways(frame.inside(truth) - ours[:, :68])
    middle, shift = x.mean(0), offset.mean(0)
    x = x - middle
    weights = np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ (offset - shift))
    return Correction(middle, weights, shift, identifiers(names))


def _both_ways(values: Floats) -> Floats:
    """Points (N, L, 2) as they are and then mirrored, (2 N, 2 L); L is a multiple of 68."""
    sets = np.split(values * _FLIP, values.shape[1] // 68, axis=1)
    mirrored = np.concatenate([points[:, MIRROR] for points in sets], axis=1)
    return np.concatenate([values, mirrored]).reshape(2 * len(values), -1)


def identifiers(names: tuple[str, ...]) -> NDArray[np.uint32]:
    return np.array([crc32(name.encode()) for name in names], np.uint32)


def cross_validated(points: Floats, truth: Floats, names: tuple[str, ...],
                    strength: float = STRENGTH) -> Floats:
    """Points (N, 68, 2), each corrected by a map fitted on the other folds; the name gives the fold."""
    fold = identifiers(names) % FOLDS
    result = points[:, :68, :2].copy()
    for k in range(FOLDS):
        rest = fold != k
        if rest.any() and not rest.all():
            kept = tuple(name for name, keep in zip(names, rest, strict=True) if keep)
            result[~rest] = fit_correction(points[rest], truth[rest], kept, strength).apply(points[~rest])
    return result


def corrected(points: Floats, names: tuple[str, ...], truth: Floats) -> Floats:
    """Points (N, L, ≥2) by the stored correction for that L, or cross-validated for photos it was fitted on.

    NaN stays NaN.
    """
    stored = load_correction(points.shape[1])
    known = np.isfinite(points[:, 0, 0])
    seen = known & np.isin(identifiers(names), stored.fitted_on)
    result = np.full((len(points), 68, 2), np.nan)
    result[known & ~seen] = stored.apply(points[known & ~seen])
    if seen.any():
        chosen = tuple(name for name, here in zip(names, seen, strict=True) if here)
        result[seen] = cross_validated(points[seen], truth[seen], chosen)
    return result


@lru_cache(maxsize=2)
def load_correction(points: int) -> Correction:
    """The correction in the box that takes `points` points: 68 fitted ones, or 136, with as many detected."""
    with np.load(STORED, allow_pickle=False) as data:
        numbers = {name: data[f"{name}_{points}"].astype(np.float64) for name in _NUMBERS}
        return Correction(**numbers, fitted_on=data["fitted_on"])


def save_corrections(corrections: Mapping[int, Correction], path: str | os.PathLike[str] = STORED) -> None:
    """Write corrections by the points they take, all fitted on the same photos; the same bytes each time."""
    from ..npz_writer import write_arrays

    arrays = {f"{name}_{points}": getattr(correction, name).astype(np.float32)
              for points, correction in corrections.items() for name in _NUMBERS}
    write_arrays(path, {**arrays, "fitted_on": next(iter(corrections.values())).fitted_on})
