# SPDX-License-Identifier: Apache-2.0
"""Square, rotated windows on a picture: what is cut out for a net, and the way back to the picture."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled_loosely

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

    @property
    def width(self) -> float:
        """Its extent along its own x axis in pixels, negative when it is mirrored."""
        return -self.side if self.mirrored else self.side

    def to_image(self, points: NDArray[np.floating]) -> Floats:
        """Points (..., 2 or 3), 0..1 inside the window, to image pixels; depth is scaled with the side."""
        x, y = (points[..., 0] - 0.5) * self.width, (points[..., 1] - 0.5) * self.side
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        moved = [self.x + cos * x - sin * y, self.y + sin * x + cos * y]
        return np.stack([*moved, *np.moveaxis(points[..., 2:] * self.side, -1, 0)], -1).astype(np.float32)

    def mirror(self) -> "Roi":
        return replace(self, mirrored=not self.mirrored)


def whole_image(width: int, height: int) -> Roi:
    """The smallest upright square around a picture."""
    return Roi(width / 2, height / 2, float(max(width, height)))


def crop(rgb: Pixels, roi: Roi, size: int, *, low: float = 0.0, high: float = 1.0,
         replicate: bool = True) -> Floats:
    """Cut a window out of rgb (H, W, 3) uint8 → (3, size, size) float32 in `low`..`high`.

    Bilinear, on means of k × k pixels where samples are k or more pixels apart. Outside the picture its border is
    repeated, or all is `low`.
    """
    out = np.empty((3, size, size), np.float32)
    cos, sin = math.cos(roi.angle), math.sin(roi.angle)
    across, down = roi.width / size, roi.side / size
    factor = int(min(abs(across), down))
    left, top, right, bottom = 0, 0, rgb.shape[1], rgb.shape[0]
    if factor > 1:
        reach_x = (abs(cos * roi.width) + abs(sin * roi.side)) / 2 + 2 * factor
        reach_y = (abs(sin * roi.width) + abs(cos * roi.side)) / 2 + 2 * factor
        left, right = _clipped(roi.x - reach_x, roi.x + reach_x, rgb.shape[1])
        top, bottom = _clipped(roi.y - reach_y, roi.y + reach_y, rgb.shape[0])
        rgb = _block_means(rgb[top:bottom, left:right], factor)
    scale = 1 / max(factor, 1)
    matrix = np.array([[cos * across, -sin * down, roi.x - left], [sin * across, cos * down, roi.y - top]]) * scale
    extent = np.array([(right - left) * scale, (bottom - top) * scale])
    _warp(rgb, matrix.astype(np.float32), extent.astype(np.float32), (high - low) / 255.0, low, replicate, out)
    return out


def _clipped(low: float, high: float, length: int) -> tuple[int, int]:
    """The whole pixels from low to high that lie in a picture, at least one."""
    start = min(max(int(low), 0), length - 1)
    return start, max(min(math.ceil(high), length), start + 1)


@compiled_loosely
def _block_means(rgb: Pixels, factor: int) -> Pixels:
    """Means of factor × factor pixels; those at the right and lower border may be of fewer."""
    height, width = rgb.shape[0], rgb.shape[1]
    rows, columns = (height + factor - 1) // factor, (width + factor - 1) // factor
    out = np.empty((rows, columns, 3), np.uint8)
    sums = np.empty((columns, 3), np.int32)
    for row in range(rows):
        sums[:] = 0
        last = min((row + 1) * factor, height)
        for y in range(row * factor, last):
            for column in range(columns):
                for x in range(column * factor, min((column + 1) * factor, width)):
                    sums[column, 0] += rgb[y, x, 0]
                    sums[column, 1] += rgb[y, x, 1]
                    sums[column, 2] += rgb[y, x, 2]
        for column in range(columns):
            count = (last - row * factor) * (min((column + 1) * factor, width) - column * factor)
            for channel in range(3):
                out[row, column, channel] = (sums[column, channel] + count // 2) // count
    return out


@compiled_loosely
def _warp(rgb: Pixels, matrix: Floats, extent: Floats, gain: float, offset: float,
          replicate: bool, out: Floats) -> None:
    """Fill out (3, n, n); `matrix` maps offsets from the window's centre, in its pixels, to those of rgb.

    `extent` is the width and height of what rgb shows, in its pixels (the last of them may be parts).
    """
    height, width = rgb.shape[0], rgb.shape[1]
    size = out.shape[1]
    half, one, zero = np.float32(0.5), np.float32(1), np.float32(0)
    weight, base = np.float32(gain), np.float32(offset)
    for row in range(size):
        v = np.float32(row) + half - half * np.float32(size)
        for column in range(size):
            u = np.float32(column) + half - half * np.float32(size)
            x = matrix[0, 0] * u + matrix[0, 1] * v + matrix[0, 2]
            y = matrix[1, 0] * u + matrix[1, 1] * v + matrix[1, 2]
            if not replicate and (x < zero or y < zero or x > extent[0] or y > extent[1]):
                for channel in range(3):
                    out[channel, row, column] = base
                continue
            x = min(max(x - half, zero), np.float32(width - 1))
            y = min(max(y - half, zero), np.float32(height - 1))
            x0, y0 = int(x), int(y)
            x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
            fx, fy = x - np.float32(x0), y - np.float32(y0)
            for channel in range(3):
                upper = (one - fx) * rgb[y0, x0, channel] + fx * rgb[y0, x1, channel]
                lower = (one - fx) * rgb[y1, x0, channel] + fx * rgb[y1, x1, channel]
                out[channel, row, column] = ((one - fy) * upper + fy * lower) * weight + base
