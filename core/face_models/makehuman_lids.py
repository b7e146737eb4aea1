# SPDX-License-Identifier: Apache-2.0
"""Makes eyes close: a blink that brings the lids' edges together, and lids that stay outside the eyeballs."""

from dataclasses import dataclass

import numpy as np

from .makehuman_head import PARTS, Head
from .makehuman_source import Floats, Ints

EDGE_ROW = 3
"""Rows of vertices from the hidden rim inside the eyeball out to the lid's visible front edge"""
CLEARANCE = 0.0006
"""Least distance of the lids' skin from the eyeball, metres"""
MARGIN = 0.0014
"""How far the upper lid's edge passes the lower one's in a full blink, metres: what it takes to close the eyes of
19 heads in 20, whose openings differ by a millimetre (one σ)."""


@dataclass(frozen=True)
class Lids:
    """One eye's lids: edges' vertices from corner to corner, rising x, and the skin around with its row number."""

    upper: Ints
    lower: Ints
    skin: Ints
    row: Ints
    ball: Ints

    def opening(self, shape: Floats) -> Floats:
        """Height of the eye's opening in metres under each vertex of the upper edge; negative is overlap."""
        low = shape[self.lower][np.argsort(shape[self.lower, 0])]
        return np.asarray(shape[self.upper, 1] - np.interp(shape[self.upper, 0], low[:, 0], low[:, 1]))

    def clear(self, shape: Floats) -> Floats:
        """The head (V, 3) with the skin of the lids' outside pushed out of the eyeball where it would sink in."""
        centre, radius = fit_sphere(shape[self.ball])
        outer = self.skin[self.row >= EDGE_ROW]
        away = shape[outer] - centre
        distance = np.linalg.norm(away, axis=1)
        lack = np.where(away[:, 2] > 0, np.maximum(radius + CLEARANCE - distance, 0), 0)
        cleared = shape.copy()
        cleared[outer] += away / distance[:, None] * lack[:, None]
        return cleared

    def fit_blink(self, blink: Floats, mean: Floats) -> Floats:
        """A blink (V, 3) scaled across the eye so that on the mean head the edges just pass each other.

        Midway the lid moves on a chord, so its end is moved out by what the chord would sink into the eyeball.
        """
        x = mean[self.upper, 0]
        travel = -blink[self.upper, 1]
        span = (mean[:, 0] - x.min()) / (x.max() - x.min())
        wanted = self.opening(mean) + MARGIN * np.sin(np.pi * span[self.upper])
        used = travel > 0.3 * travel.max()
        scale = np.interp(mean[:, 0], x[used], (wanted / travel)[used])
        fitted: Floats = blink * scale[:, None]
        for part in (1.0, 0.75, 0.5, 0.25):
            moved = mean + part * fitted
            lift = (self.clear(moved) - moved) / part
            fitted += lift * (np.linalg.norm(blink, axis=1) > 1e-4)[:, None]
        return fitted


def fit_sphere(points: Floats) -> tuple[Floats, float]:
    """Centre (3,) and radius of the sphere that fits points (N, 3) best (linear least squares)."""
    rows = np.concatenate([2 * points, np.ones((len(points), 1))], 1)
    solution, *_ = np.linalg.lstsq(rows, (points**2).sum(1), rcond=None)
    centre = solution[:3]
    return centre, float(np.sqrt(solution[3] + centre @ centre))


def find_lids(head: Head, rest: Floats) -> dict[str, Lids]:
    """The lids of both eyes, by the subject's side."""
    skin, row = _rows_from_rim(head, rest)
    found = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        here = sign * rest[skin, 0] > 0
        edge = skin[here & (row == EDGE_ROW)]
        edge = edge[np.argsort(rest[edge, 0])]
        x, y = rest[edge, 0], rest[edge, 1]
        chord = np.interp(x, x[[0, -1]], y[[0, -1]])
        ball = head.members(f"eye_{side}")
        found[side] = Lids(edge[y > chord], edge[y <= chord], skin[here], row[here], ball)
    return found


def _rows_from_rim(head: Head, rest: Floats) -> tuple[Ints, Ints]:
    """Skin vertices around the eyes and how many quads' edges each is away from the lids' hidden rim."""
    quads = head.quads[head.part == PARTS.index("skin")]
    edges = np.concatenate([np.stack([quads[:, k], quads[:, (k + 1) % 4]], 1) for k in range(4)])
    row = np.full(len(rest), -1)
    row[eye_rims(head, rest)] = 0
    for number in range(1, 12):
        touching = edges[(row[edges] == number - 1).any(1)]
        fresh = np.unique(touching)
        row[fresh[row[fresh] < 0]] = number
    reached = np.flatnonzero(row >= 0)
    return reached, row[reached]


def eye_rims(head: Head, rest: Floats) -> Ints:
    """The open edges of the skin around the eyeballs."""
    quads = head.quads[head.part == PARTS.index("skin")]
    edges = np.sort(np.concatenate([np.stack([quads[:, k], quads[:, (k + 1) % 4]], 1) for k in range(4)]), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    border = np.unique(unique[count == 1])
    between = [fit_sphere(rest[head.members(f"eye_{side}")])[0] for side in ("left", "right")]
    near = np.min([np.linalg.norm(rest[border] - centre, axis=1) for centre in between], axis=0)
    return np.asarray(border[near < 0.02])
