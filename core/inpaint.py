# SPDX-License-Identifier: Apache-2.0
"""Smooth filling of what was not seen: pull-push pyramids (Gortler et al. 1996, The Lumigraph, §3.4)."""

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled_loosely

Floats = NDArray[np.float32]


def pull_push(values: Floats, weights: Floats) -> Floats:
    """Values (H, W, C) everywhere from values that are known with weight 0..1 (H, W).

    Where the weight is 1 the value is kept exactly; below, it is mixed with ever wider weighted means of its
    surroundings. Nothing known gives zeros.
    """
    values, weights = np.ascontiguousarray(values, np.float32), np.ascontiguousarray(weights, np.float32)
    if min(weights.shape) <= 1 or weights.min() >= 1:
        return values * weights[..., None] if min(weights.shape) <= 1 else values
    coarse, coarse_weights = _pull(values, weights)
    return _push(values, weights, pull_push(coarse, coarse_weights))


def fill_along(values: Floats, weights: Floats, guide: Floats, guide_weights: Floats,
               anchor: float = 0.0, most: float = np.inf) -> Floats:
    """Fill unknown values with a guide's detail, shifted so that it meets the known values without a seam.

    The difference between values and guide is spread smoothly over what is unknown, which is the idea of Poisson
    image editing (Pérez, Gangnet & Blake 2003) with a cheaper membrane.

    Args:
        values, weights: (H, W, C), (H, W) known with weight 0..1.
        guide, guide_weights: likewise; outside the guide the result is what `values` has.
        anchor: how strongly the guide keeps its own colour away from what is known.
        most: the largest shift of the guide's colour.
    """
    both = weights * guide_weights
    shift = np.clip(values - guide, -most, most)
    if anchor:
        shift = shift * (both / np.maximum(both, anchor))[..., None]
        both = np.maximum(both, anchor)
    shift = pull_push(shift, both)
    share = (weights + (1 - weights) * (1 - guide_weights))[..., None]
    return np.asarray(values * share + (guide + shift) * (1 - share), np.float32)


@compiled_loosely
def _pull(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Half the resolution: weighted means of 2 x 2, weights added and held below 1."""
    height, width, channels = values.shape
    h, w = (height + 1) // 2, (width + 1) // 2
    out = np.zeros((h, w, channels), np.float32)
    out_weights = np.zeros((h, w), np.float32)
    for row in range(h):
        for column in range(w):
            total = np.float32(0)
            for i in range(2 * row, min(2 * row + 2, height)):
                for j in range(2 * column, min(2 * column + 2, width)):
                    weight = weights[i, j]
                    if weight > 0:
                        total += weight
                        for k in range(channels):
                            out[row, column, k] += weight * values[i, j, k]
            if total > 0:
                for k in range(channels):
                    out[row, column, k] /= total
            out_weights[row, column] = min(total, np.float32(1))
    return out, out_weights


@compiled_loosely
def _push(values: Floats, weights: Floats, coarse: Floats) -> Floats:
    """Mix what is known with the bilinearly enlarged coarser level."""
    height, width, channels = values.shape
    h, w = coarse.shape[:2]
    out = np.empty_like(values)
    for row in range(height):
        y = min(max((row + 0.5) * 0.5 - 0.5, 0.0), h - 1.0)
        i = min(int(y), max(h - 2, 0))
        i1, dy = min(i + 1, h - 1), np.float32(y - i)
        for column in range(width):
            weight = weights[row, column]
            if weight >= 1:
                for k in range(channels):
                    out[row, column, k] = values[row, column, k]
                continue
            x = min(max((column + 0.5) * 0.5 - 0.5, 0.0), w - 1.0)
            j = min(int(x), max(w - 2, 0))
            j1, dx = min(j + 1, w - 1), np.float32(x - j)
            for k in range(channels):
                top = coarse[i, j, k] + (coarse[i, j1, k] - coarse[i, j, k]) * dx
                low = coarse[i1, j, k] + (coarse[i1, j1, k] - coarse[i1, j, k]) * dx
                smooth = top + (low - top) * dy
                out[row, column, k] = smooth + (values[row, column, k] - smooth) * weight
    return out
