# SPDX-License-Identifier: Apache-2.0
"""Makes the lips of a head meet at rest: MakeHuman's modifiers leave slits of up to a millimetre between them."""

from dataclasses import dataclass

import numpy as np

from .makehuman_head import PARTS, Head, triangulate
from .makehuman_source import Floats, Ints

OVERLAP = 0.0003
"""How far the lips press into each other at rest, metres"""
LARGEST_SHIFT = 0.0015
COLUMNS = np.linspace(0.04, 0.99, 16)
"""Where the gap is measured, from the middle of the mouth (0) to its corner (1)"""

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Seam:
    """Where the lips meet. `upper` and `lower` (T, 3) triangles of the lips; `side` (V,) +1 above the seam, -1 below;
    `reach` (V,) 0..1 how far a vertex follows the edge of its lip; `corners` the mouth's corners (left, right)."""

    upper: Ints
    lower: Ints
    side: Floats
    reach: Floats
    corners: tuple[int, int]

    def close(self, shape: Floats) -> Floats:
        """The head (V, 3) with both lips moved half of their gap toward each other."""
        x, gap = self.gaps(shape)
        shift = np.clip((gap + OVERLAP) / 2, -LARGEST_SHIFT, LARGEST_SHIFT)
        closed = shape.copy()
        closed[:, 1] -= self.side * self.reach * np.interp(shape[:, 0], x, shift)
        return closed

    def gaps(self, shape: Floats) -> tuple[Floats, Floats]:
        """Columns x (2K,) rising and the height of the opening in each as seen from the front; negative: overlap."""
        left, right = (shape[c, 0] for c in self.corners)
        middle = (left + right) / 2
        x = np.concatenate([middle + (right - middle) * COLUMNS[::-1], middle + (left - middle) * COLUMNS])
        low = [_heights(shape[self.upper], column).min() for column in x]
        high = [-_heights(shape[self.lower] * [1, -1, 1], column).min() for column in x]
        gap = np.array(low) - np.array(high)
        return x, np.where(np.isfinite(gap), gap, -OVERLAP)


def find_seam(head: Head, rest: Floats, jaw_open: Floats) -> Seam:
    """The seam of the base mesh's head: what jawOpen (V, 3) carries along is under it."""
    triangles, _ = triangulate(head.quads[np.isin(head.part, _LIP_PARTS)], rest)
    line = _seam_line(head)
    middle, corner = rest[line].mean(0), int(line[np.argmax(rest[line, 0])])
    away = rest - middle
    near = (np.abs(away[:, 0]) < 0.026) & (np.abs(away[:, 1]) < 0.011) & (away[:, 2] > -0.012)
    below = -jaw_open[:, 1] > 0.35 * -jaw_open[:, 1].min()
    lips = triangles[near[triangles].all(1)]
    under = below[lips].sum(1)
    used = np.zeros(len(rest))
    used[np.unique(triangles)] = 1.0
    across = _fade(np.abs(away[:, 0]) / rest[corner, 0], 0.98, 1.15)
    reach = used * across * _fade(np.abs(away[:, 1]), 0.002, 0.010) * _fade(-away[:, 2], 0.0, 0.012)
    return Seam(lips[under == 0], lips[under == 3], np.where(below, -1.0, 1.0), reach,
                (corner, int(head.mirror[corner])))


_LIP_PARTS = (PARTS.index("skin"), PARTS.index("mouth_cavity"))


def _seam_line(head: Head) -> Ints:
    """The vertices where the skin turns into the mouth cavity."""
    return np.intersect1d(head.members("skin"), head.members("mouth_cavity"))


def _heights(corners: Floats, x: float) -> Floats:
    """y where the edges of triangles (T, 3, 3) cross a column; infinite where they do not."""
    start, end = corners, np.roll(corners, -1, axis=1)
    away, span = x - start[..., 0], end[..., 0] - start[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = away / span
        height = start[..., 1] + t * (end[..., 1] - start[..., 1])
    return np.asarray(np.where((t >= 0) & (t <= 1), height, np.inf))


def _fade(values: Floats, full: float, none: float) -> Floats:
    """1 below `full`, 0 above `none`, smooth between."""
    t = np.clip((values - full) / (none - full), 0, 1)
    return np.asarray(1 - t * t * (3 - 2 * t))
