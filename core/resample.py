# SPDX-License-Identifier: Apache-2.0
"""Moving the pixels of a picture, with the sharpness of Catmull-Rom interpolation (Keys 1981, a = -1/2)."""

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled_loosely

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_STILL = 1e-3
"""Pixels below which a place counts as the pixel's centre"""


def padded(picture: Bytes) -> Floats:
    """The picture (H, W, 3) made ready to be read by `resample`: (H + 3, W + 3, 4), its border carried on."""
    wide = np.pad(picture, ((1, 2), (1, 2), (0, 0)), mode="edge")
    return np.concatenate([wide, wide[..., :1]], 2).astype(np.float32)


@compiled_loosely
def resample(source: Floats, shift: Floats) -> Bytes:
    """The picture (H, W, 3) whose every pixel comes from `shift` (H, W, 2), x and y in pixels, beside itself.

    Beyond the border of the picture, given by `padded`, the border goes on. No shift gives the pixel itself.
    """
    height, width = source.shape[0] - 3, source.shape[1] - 3
    out = np.empty((shift.shape[0], shift.shape[1], 3), np.uint8)
    half = np.float32(0.5)
    ws, wt = np.empty(4, np.float32), np.empty(4, np.float32)
    for row in range(shift.shape[0]):
        for column in range(shift.shape[1]):
            x = min(max(np.float32(column) + shift[row, column, 0], np.float32(0)), np.float32(width - 1))
            y = min(max(np.float32(row) + shift[row, column, 1], np.float32(0)), np.float32(height - 1))
            j, i = int(x), int(y)
            s, t = x - np.float32(j), y - np.float32(i)
            if s < _STILL and t < _STILL:
                for k in range(3):
                    out[row, column, k] = np.uint8(source[i + 1, j + 1, k])
                continue
            _weights(s, ws)
            _weights(t, wt)
            r = g = b = np.float32(0)
            for p in range(4):
                line = source[i + p]
                w0, w1, w2, w3 = ws[0], ws[1], ws[2], ws[3]
                r += wt[p] * (w0 * line[j, 0] + w1 * line[j + 1, 0] + w2 * line[j + 2, 0] + w3 * line[j + 3, 0])
                g += wt[p] * (w0 * line[j, 1] + w1 * line[j + 1, 1] + w2 * line[j + 2, 1] + w3 * line[j + 3, 1])
                b += wt[p] * (w0 * line[j, 2] + w1 * line[j + 1, 2] + w2 * line[j + 2, 2] + w3 * line[j + 3, 2])
            full = np.float32(255)
            out[row, column, 0] = np.uint8(min(max(r, np.float32(0)), full) + half)
            out[row, column, 1] = np.uint8(min(max(g, np.float32(0)), full) + half)
            out[row, column, 2] = np.uint8(min(max(b, np.float32(0)), full) + half)
    return out


@compiled_loosely
def _weights(s: float, out: Floats) -> None:
    two, half = np.float32(2), np.float32(0.5)
    three, four, five, one = np.float32(3), np.float32(4), np.float32(5), np.float32(1)
    out[0] = ((two - s) * s - one) * s * half
    out[1] = ((three * s - five) * s * s + two) * half
    out[2] = ((four - three * s) * s + one) * s * half
    out[3] = (s - one) * s * s * half
