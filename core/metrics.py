# SPDX-License-Identifier: Apache-2.0
"""How far two pictures, or two sets of landmarks, are from each other."""

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .errors import BadInput

Floats = NDArray[np.float64]
Picture = NDArray[np.uint8]

_SIGMA, _RADIUS, _TAPS = 1.5, 5, 11
_WINDOW = np.exp(-0.5 * (np.arange(-_RADIUS, _RADIUS + 1) / _SIGMA) ** 2)
_WINDOW /= _WINDOW.sum()
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_AKD_SIDE = 256.0


def nme(predicted: NDArray[np.floating], truth: NDArray[np.floating]) -> Floats:
    """Normalised mean error in percent, (...,), of landmarks (..., L, ≥2) against the truth (..., L, ≥2).

    Mean distance in the image over √(width · height) of the truth's landmark box (Zhu et al. 2016, §5.1).
    """
    p, t = np.asarray(predicted, np.float64)[..., :2], np.asarray(truth, np.float64)[..., :2]
    distance = np.linalg.norm(p - t, axis=-1).mean(-1)
    return np.asarray(100 * distance / box_size(t))


def box_size(points: NDArray[np.floating]) -> Floats:
    """√(width · height) of the box around points (..., L, ≥2), in their unit, (...,)."""
    p = np.asarray(points, np.float64)[..., :2]
    return np.asarray(np.sqrt(np.prod(p.max(-2) - p.min(-2), axis=-1)))


def l1(a: Picture, b: Picture) -> float:
    """Mean absolute difference of two pictures (H, W, 3), with 1 for black against white."""
    first, second = _pair(a, b)
    return float(np.abs(first - second).mean() / 255)


def psnr(a: Picture, b: Picture) -> float:
    """Peak signal-to-noise ratio in dB of two pictures (H, W, 3); infinite when they are equal."""
    first, second = _pair(a, b)
    error = float(np.square(first - second).mean())
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def ssim(a: Picture, b: Picture) -> float:
    """Structural similarity of two pictures (H, W, 3) or (H, W), at most 1, averaged over channels.

    Gaussian window of 11 pixels, σ 1.5, population covariance, borders left out (Wang et al. 2004, eq. 13).

    Raises:
        BadInput: the pictures differ in size or are smaller than the window.
    """
    x, y = _pair(a, b)
    if min(x.shape[:2]) < _TAPS:
        raise BadInput(f"Structural similarity needs pictures of at least {_TAPS} pixels a side.")
    mean_x, mean_y = _blur(x), _blur(y)
    product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance = _blur(x * y) - product
    variances = _blur(x * x + y * y) - squares
    similarity = (2 * product + _C1) * (2 * covariance + _C2) / ((squares + _C1) * (variances + _C2))
    return float(similarity.mean())


def akd(predicted: NDArray[np.floating], truth: NDArray[np.floating], width: int, height: int) -> float:
    """Average keypoint distance in pixels of a picture scaled to 256 a side (Siarohin et al. 2019, §4.2).

    Landmarks (L, ≥2) in pixels of pictures of `width` × `height`, found by the same detector in both.
    """
    p, t = np.asarray(predicted, np.float64)[..., :2], np.asarray(truth, np.float64)[..., :2]
    scale = _AKD_SIDE / np.array([width, height])
    return float(np.linalg.norm((p - t) * scale, axis=-1).mean())


def _pair(a: Picture, b: Picture) -> tuple[Floats, Floats]:
    """Two pictures as floats.

    Raises:
        BadInput: their sizes differ.
    """
    if a.shape != b.shape:
        raise BadInput(f"The pictures to compare have different sizes, {a.shape} and {b.shape}.")
    return a.astype(np.float64), b.astype(np.float64)


def _blur(image: Floats) -> Floats:
    """Gaussian means over windows that lie wholly inside, (H - 10, W - 10, …)."""
    height, width = image.shape[:2]
    flat = np.ascontiguousarray(image).reshape(height, -1)
    inside = np.asarray(_windows(flat, flat.shape[1] // width))
    return inside.reshape(height - _TAPS + 1, width - _TAPS + 1, -1)


@compiled
def _windows(rows: Floats, channels: int) -> Floats:
    """Separable window over rows (H, W · channels): the inner loops run along memory."""
    height, width = rows.shape
    down = np.zeros((height - _TAPS + 1, width))
    for i in range(len(down)):
        for k in range(_TAPS):
            weight = _WINDOW[k]
            for j in range(width):
                down[i, j] += weight * rows[i + k, j]
    across = np.zeros((len(down), width - (_TAPS - 1) * channels))
    for i in range(len(down)):
        for k in range(_TAPS):
            weight = _WINDOW[k]
            for j in range(across.shape[1]):
                across[i, j] += weight * down[i, j + k * channels]
    return across
