# SPDX-License-Identifier: Apache-2.0
"""From lit samples to pixels: thin layers over them, the background behind them, a film's response."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.compiled import compiled_loosely

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Real = float | np.floating[Any]


@compiled_loosely
def veil(out: Floats, ids: Ints, depth: Floats, over: Ints, over_depth: Floats, samples: int, colour: Floats,
         share: Real) -> None:
    """Darken the samples `out` of pixels where a thin layer (lashes) lies before all; nearer depths are smaller."""
    for row in range(over.shape[0]):
        for column in range(over.shape[1]):
            if over[row, column] == 0:
                continue
            for i in range(row * samples, row * samples + samples):
                for j in range(column * samples, column * samples + samples):
                    if ids[i, j] == 0 or over_depth[row, column] <= depth[i, j] + np.float32(2e-3):
                        for d in range(3):
                            out[i, j, d] += (colour[d] - out[i, j, d]) * share


@compiled_loosely
def develop(linear: Floats, ids: Ints, ground: Floats, gamma: Floats, s: int,
            whole: NDArray[np.bool_]) -> Floats:
    """Means of s × s samples before the background (H, W, 3) linear, as a film has them: sRGB 0..1.

    `gamma` is the table of sRGB for linear values 0..1, evenly spaced.
    """
    height, width = ids.shape[0] // s, ids.shape[1] // s
    out = np.empty((height, width, 3), np.float32)
    share = np.float32(1.0 / (s * s))
    for row in range(height):
        for column in range(width):
            r = g = b = np.float32(0)
            if whole[row, column]:
                for d in range(3):
                    out[row, column, d] = _looked_up(gamma, _film(linear[row * s, column * s, d]))
                continue
            for i in range(row * s, row * s + s):
                for j in range(column * s, column * s + s):
                    if ids[i, j]:
                        r += _film(linear[i, j, 0])
                        g += _film(linear[i, j, 1])
                        b += _film(linear[i, j, 2])
                    else:
                        r += ground[row, column, 0]
                        g += ground[row, column, 1]
                        b += ground[row, column, 2]
            out[row, column, 0] = _looked_up(gamma, r * share)
            out[row, column, 1] = _looked_up(gamma, g * share)
            out[row, column, 2] = _looked_up(gamma, b * share)
    return out


@compiled_loosely
def _looked_up(table: Floats, x: Real) -> Real:
    at = min(max(np.float32(x), np.float32(0)), np.float32(1)) * np.float32(len(table) - 1)
    i = min(int(at), len(table) - 2)
    return np.float32(table[i] + (table[i + 1] - table[i]) * (at - np.float32(i)))


@compiled_loosely
def _film(x: Real) -> Real:
    """Bright light is held back, as films and cameras do (Reinhard et al. 2002, eq. 4)."""
    positive = max(np.float32(x), np.float32(0))
    return min(positive * (1 + positive * np.float32(0.28)) / (1 + np.float32(0.55) * positive), np.float32(1))
