# SPDX-License-Identifier: Apache-2.0
"""Square, rotated windows on a picture: what is cut out for a net, and the way back to the picture."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Roi:
    """A square of `side` pixels around (`x`, `y`), turned by `angle` radians (x towards y), perhaps mirrored.

    Image coordinates: origin at the top left corner, pixel centres at +0.5.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0
    mirrored: bool = False

    def to_image(self, points: NDArray[np.floating]) -> Floats:
        """Points (..., 2 or 3) in units of the side, 0..1 inside the window, to image pixels.

        A third coordinate (depth) is scaled with the side and not turned.
        """
        centre = np.float32([0.5, 0.5, 0][:points.shape[-1]])
        local = (np.asarray(points, np.float32) - centre) * np.float32(self.side)
        x, y = (-local[..., 0] if self.mirrored else local[..., 0]), local[..., 1]
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        moved = [self.x + cos * x - sin * y, self.y + sin * x + cos * y]
        return np.stack([*moved, *np.moveaxis(local[..., 2:], -1, 0)], -1).astype(np.float32)

    def scaled(self, factor: float) -> "Roi":
        return replace(self, side=self.side * factor)


def whole_image(width: int, height: int) -> Roi:
    """The smallest upright square around a picture."""
    return Roi(width / 2, height / 2, float(max(width, height)))


def crop(rgb: Pixels, roi: Roi, size: int, *, low: float = 0.0, high: float = 1.0,
         replicate: bool = True) -> Floats:
    """Cut a window out of rgb (H, W, 3) uint8 → (3, size, size) float32 in `low`..`high`.

    Bilinear; where a sample would skip pixels, the mean of a grid of samples. Outside the picture its border is
    repeated, or all is `low`.
    """
    out = np.empty((3, size, size), np.float32)
    step = roi.side / size
    across = -step if roi.mirrored else step
    cos, sin = math.cos(roi.angle), math.sin(roi.angle)
    matrix = np.array([[cos * across, -sin * step, roi.x], [sin * across, cos * step, roi.y]], np.float32)
    samples = min(max(int(step + 0.5), 1), 4)
    _warp(rgb, matrix, samples, (high - low) / 255.0, low, replicate, out)
    return out


@njit(cache=True, nogil=True, fastmath=True)
def _warp(rgb: Pixels, matrix: Floats, samples: int, gain: float, offset: float,
          replicate: bool, out: Floats) -> None:
    """Fill out (3, n, n); `matrix` maps offsets from the window's centre, in its pixels, to the image."""
    height, width = rgb.shape[0], rgb.shape[1]
    size = out.shape[1]
    part = np.float32(1.0 / samples)
    weight = np.float32(gain / (samples * samples))
    base = np.float32(offset)
    for row in range(size):
        for column in range(size):
            red, green, blue = np.float32(0), np.float32(0), np.float32(0)
            for j in range(samples):
                v = np.float32(row - size * 0.5) + (np.float32(j) + np.float32(0.5)) * part
                for i in range(samples):
                    u = np.float32(column - size * 0.5) + (np.float32(i) + np.float32(0.5)) * part
                    x = matrix[0, 0] * u + matrix[0, 1] * v + matrix[0, 2] - np.float32(0.5)
                    y = matrix[1, 0] * u + matrix[1, 1] * v + matrix[1, 2] - np.float32(0.5)
                    if not replicate and (x < -0.5 or y < -0.5 or x > width - 0.5 or y > height - 0.5):
                        continue
                    x = min(max(x, np.float32(0)), np.float32(width - 1))
                    y = min(max(y, np.float32(0)), np.float32(height - 1))
                    x0, y0 = int(x), int(y)
                    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
                    fx, fy = x - np.float32(x0), y - np.float32(y0)
                    w11 = fx * fy
                    w10, w01 = fx - w11, fy - w11
                    w00 = np.float32(1) - fx - w01
                    p00, p10, p01, p11 = rgb[y0, x0], rgb[y0, x1], rgb[y1, x0], rgb[y1, x1]
                    red += w00 * p00[0] + w10 * p10[0] + w01 * p01[0] + w11 * p11[0]
                    green += w00 * p00[1] + w10 * p10[1] + w01 * p01[1] + w11 * p11[1]
                    blue += w00 * p00[2] + w10 * p10[2] + w01 * p01[2] + w11 * p11[2]
            out[0, row, column] = red * weight + base
            out[1, row, column] = green * weight + base
            out[2, row, column] = blue * weight + base
