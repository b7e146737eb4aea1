# SPDX-License-Identifier: Apache-2.0
"""How steadily and how faithfully a track follows a face: jitter, blinks, head size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..metrics import box_size

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

STILL_SPEED = 0.1
"""Face sizes per second below which the slow part of a landmark's motion counts as standing still."""
BLINK_DEPTH = 0.3
"""Share of the usual lid opening that a blink takes away at least."""
_SLOW_SECONDS = 0.1
_AROUND_SECONDS = 0.2
_TREND_SECONDS = 0.5
_BASELINE_SECONDS = 4.0
_BLINK_SEARCH_SECONDS = 0.1

_EYES = (((33, 133), ((160, 144), (159, 145), (158, 153))),
         ((362, 263), ((385, 380), (386, 374), (387, 373))))
"""Corners and pairs of upper and lower lid of the subject's right and left eye, in the 478-point mesh."""


@dataclass(frozen=True)
class BlinkReport:
    """How blinks of one track show in another: correlation of the openings, and the share of depth lost."""

    correlation: float
    blinks: int
    peak_losses: tuple[float, ...]


def low_passed(values: NDArray[np.floating], fps: float, seconds: float) -> Floats:
    """Values (T, ...) smoothed over time by a Gaussian of σ `seconds`, point-mirrored at the ends.

    The point mirror continues a trend, so that steady motion passes unchanged.
    """
    from scipy.ndimage import gaussian_filter1d

    v = np.asarray(values, np.float64)
    if len(v) == 1:
        return v
    reach = int(np.ceil(4 * seconds * fps))
    padded = np.pad(v, [(reach, reach)] + [(0, 0)] * (v.ndim - 1), mode="reflect", reflect_type="odd")
    smooth = gaussian_filter1d(padded, seconds * fps, axis=0, mode="nearest")
    return np.asarray(smooth[reach: reach + len(v)])


def still_passages(points: NDArray[np.floating], fps: float) -> Flags:
    """Where (T, L) each of points (T, L, ≥2) stays under `STILL_SPEED` for 0.2 s before and after.

    The speed is that of the low-passed path (σ 0.1 s), so that trembling does not count as motion while a blink,
    a nod or a word does.
    """
    from scipy.ndimage import maximum_filter1d

    p = np.asarray(points, np.float64)[..., :2]
    if len(p) == 1:
        return np.ones(p.shape[:2], np.bool_)
    speed = np.linalg.norm(np.gradient(low_passed(p, fps, _SLOW_SECONDS), axis=0), axis=-1) * fps
    around = maximum_filter1d(speed, 2 * round(_AROUND_SECONDS * fps) + 1, axis=0, mode="nearest")
    return np.asarray(around / np.median(box_size(p)) < STILL_SPEED)


def jitter(points: NDArray[np.floating], still: Flags) -> float:
    """Root mean square of the second difference of points (T, L, ≥2) where they are still (T, L), in their unit.

    A point counts in a frame when it is still there and in both neighbours; NaN where under one in a hundred is.
    """
    p = np.asarray(points, np.float64)[..., :2]
    counted = still[:-2] & still[1:-1] & still[2:]
    second = (p[:-2] - 2 * p[1:-1] + p[2:])[counted]
    return float(np.sqrt(np.square(second).sum(-1).mean())) if counted.mean() > 0.01 else float("nan")


def lid_opening(points: NDArray[np.floating]) -> Floats:
    """Lid opening over eye width (..., 2), subject's right and left, from mesh points (..., 478, ≥2).

    The eye aspect ratio of Soukupová & Čech (2016, eq. 1), with three pairs of lid points.
    """
    p = np.asarray(points, np.float64)[..., :2]
    ratios = []
    for (outer, inner), pairs in _EYES:
        gaps = [np.linalg.norm(p[..., a, :] - p[..., b, :], axis=-1) for a, b in pairs]
        ratios.append(np.mean(gaps, axis=0) / np.linalg.norm(p[..., outer, :] - p[..., inner, :], axis=-1))
    return np.stack(ratios, -1)


def blink_report(opening: NDArray[np.floating], reference: NDArray[np.floating], fps: float) -> BlinkReport:
    """Compare lid openings (T,) with a reference's (T,): does the track blink when and as deep as the face?

    A blink is a dip of the reference by `BLINK_DEPTH` of its usual opening (60th percentile of 4 s); the loss
    is 1 - depth of the track's dip within 0.1 s / depth of the reference's dip.
    """
    a, b = np.asarray(opening, np.float64), np.asarray(reference, np.float64)
    dips_a, dips_b = _dips(a, fps), _dips(b, fps)
    reach = max(1, round(_BLINK_SEARCH_SECONDS * fps))
    losses = []
    for peak in _blink_frames(dips_b, _usual(b, fps), fps):
        near = dips_a[max(0, peak - reach): peak + reach + 1]
        losses.append(float(1 - near.max() / dips_b[peak]))
    moves = len(a) > 2 and a.std() > 0 and b.std() > 0
    return BlinkReport(float(np.corrcoef(a, b)[0, 1]) if moves else float("nan"), len(losses), tuple(losses))


def _usual(opening: Floats, fps: float) -> Floats:
    from scipy.ndimage import percentile_filter

    window = max(3, round(_BASELINE_SECONDS * fps))
    return np.asarray(percentile_filter(opening, 60, size=window, mode="nearest"))


def _dips(opening: Floats, fps: float) -> Floats:
    return _usual(opening, fps) - opening


def _blink_frames(dips: Floats, usual: Floats, fps: float) -> list[int]:
    from scipy.signal import find_peaks

    peaks, _ = find_peaks(dips, height=BLINK_DEPTH * usual, distance=max(1, round(0.2 * fps)),
                          prominence=BLINK_DEPTH * float(np.median(usual)) / 2)
    return [int(p) for p in peaks]


def pumping(scale: NDArray[np.floating], fps: float) -> float:
    """Root mean square of the head's relative size (T,) about its slow trend (σ 0.5 s), in percent."""
    size = np.log(np.asarray(scale, np.float64))
    return float(100 * np.sqrt(np.square(size - low_passed(size, fps, _TREND_SECONDS)).mean()))
