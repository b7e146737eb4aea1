# SPDX-License-Identifier: Apache-2.0
"""Small changes to MakeHuman's helper geometry, which is made for fitting clothes and not for being seen."""

from dataclasses import dataclass

import numpy as np

from .makehuman_head import PARTS, Head, islands
from .makehuman_lids import eye_rims
from .makehuman_source import Floats, Ints

UPPER_LASH, LOWER_LASH = 0.45, 0.15
"""Share of the lashes' length that is kept: the full sheets need a cut-out texture, opaque they are a mask."""
TEETH_FORWARD, UPPER_TEETH_DOWN, LOWER_TEETH_BACK, TONGUE_DOWN = 0.0040, 0.0026, 0.0014, 0.0045
"""Metres; the base mesh has its teeth so deep in the mouth that no smile would show them."""
GUMS = 0.6
"""Share of the teeth's height that is kept, gums included; whole, they would stick through the cheeks of a smile."""


@dataclass(frozen=True)
class Lashes:
    """`vertices` (L,) of the lashes, the `roots` (L,) at the lids that they spring from, `length` (L,) kept."""

    vertices: Ints
    roots: Ints
    length: Floats

    def shorten(self, shapes: Floats) -> Floats:
        """Heads or displacements (..., V, 3) with the lashes drawn toward their roots; a linear map."""
        short = shapes.copy()
        root = shapes[..., self.roots, :]
        short[..., self.vertices, :] = root + self.length[:, None] * (shapes[..., self.vertices, :] - root)
        return short


def find_lashes(head: Head, rest: Floats) -> Lashes:
    """Where the lashes spring from. A lash is a strip of rows along the lid: the two rows at the lid stay, those
    beyond are drawn toward the second."""
    rim = rest[eye_rims(head, rest)]
    quads = head.quads[head.part == PARTS.index("lashes")]
    pieces = islands(quads)
    found = [_strip(quads[pieces == number], rest, rim) for number in range(pieces.max() + 1)]
    vertices, roots, length = zip(*found, strict=True)
    return Lashes(np.concatenate(vertices), np.concatenate(roots), np.concatenate(length))


def place_teeth(head: Head, shape: Floats) -> Floats:
    """The head (V, 3) with its front teeth nearer to the lips, the upper ones over the lower, and a lower tongue."""
    moved = shape.copy()
    moved[head.members("tongue"), 1] -= TONGUE_DOWN
    for part, edge in (("teeth_upper", np.min), ("teeth_lower", np.max)):
        row = head.members(part)
        x, y = shape[row, 0], shape[row, 1]
        moved[row, 1] = edge(y) + GUMS * (y - edge(y))
        moved[row, 2] += TEETH_FORWARD * (1 - (x / np.abs(x).max()) ** 2)
    moved[head.members("teeth_upper"), 1] -= UPPER_TEETH_DOWN
    moved[head.members("teeth_lower"), 2] -= LOWER_TEETH_BACK
    return moved


def lift_tongue(head: Head, tongue_out: Floats) -> Floats:
    """tongueOut (V, 3) with the rise that takes the lowered tongue over the teeth again, and out between the lips."""
    lifted = tongue_out.copy()
    tongue = head.members("tongue")
    lifted[tongue, 1] += TONGUE_DOWN
    lifted[tongue, 2] += TEETH_FORWARD
    return lifted


def _strip(quads: Ints, rest: Floats, rim: Floats) -> tuple[Ints, Ints, Floats]:
    """Vertices, roots and kept length of one lash."""
    vertices, local = np.unique(quads, return_inverse=True)
    faces = local.reshape(quads.shape)
    steps = _steps(faces)
    first, *others = np.flatnonzero(np.bincount(local.ravel()) == 1)
    along = max(others, key=lambda corner: (steps[first, corner] < steps[first].max(), steps[first, corner]))
    row = steps[first] + steps[along] == steps[first, along]
    distance = np.linalg.norm(rest[vertices][:, None] - rim, axis=2).min(1)
    level = steps[row].min(0)
    if distance[row].mean() > distance[level == level.max()].mean():
        level = level.max() - level
    upper = rest[vertices, 1].mean() > rim[:, 1].mean()
    length = np.full(len(vertices), UPPER_LASH if upper else LOWER_LASH)
    return vertices, vertices[_ancestors(level, steps)], length


def _steps(faces: Ints) -> Ints:
    """Number of edges between any two vertices (N, N)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import shortest_path

    ends = np.concatenate([np.stack([faces[:, k], faces[:, (k + 1) % 4]], 1) for k in range(4)])
    count = int(faces.max()) + 1
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    return np.asarray(shortest_path(graph, directed=False, unweighted=True), np.int64)


def _ancestors(level: Ints, steps: Ints) -> Ints:
    """For each vertex the one in the second row that it grows from; the first two rows grow from themselves."""
    ancestor = np.arange(len(level))
    for row in range(2, int(level.max()) + 1):
        for vertex in np.flatnonzero(level == row):
            below = np.flatnonzero((level == row - 1) & (steps[vertex] == 1))[0]
            ancestor[vertex] = ancestor[below]
    return ancestor
