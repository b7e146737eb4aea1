# SPDX-License-Identifier: Apache-2.0
"""How hair, neck and background follow the head: its motion carried outwards over a coarse net of nodes.

Hair moves with the head as one rigid body in space; neck and background follow less the farther they are, and
least beyond edges of colour, as in random-walker segmentation (Grady 2006). What jaw and cheeks do beyond the rigid
motion fades out close by. The net has no holes, so the picture has no tears.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..camera import project, unproject
from ..inpaint import pull_push
from ..visibility import SKIN
from .source import Source

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

NODES = 64
"""Cells of the net along the longer side of the photo"""
APRON = 6
"""Cells of the net beyond each border, so that a picture drawn inwards has no bare rim"""
HAIR_REACH, SKIN_REACH = 0.07, 0.025
"""Metres over which following the head, and following jaw and cheeks, fade out"""
_LITTLE, _MUCH = 0.1, 0.5
"""Below and above these shares a node stays or goes wholly"""
EDGE = 10.0
"""Colour difference (0..255) between nodes that halves how well motion passes"""


@dataclass(frozen=True, eq=False)
class Surround:
    """The net: N nodes over the photo, T triangles."""

    shape: tuple[int, int]
    """Rows and columns of nodes"""
    nodes: Floats
    """(N, 2) places in the photo, pixels"""
    triangles: Ints
    """(T, 3)"""
    head_space: NDArray[np.float64]
    """(N, 3) the nodes as points of the head, model space"""
    follow: Floats
    """(N,) share of the head's rigid motion that a node makes"""
    on_mesh: NDArray[np.bool_]
    """(N,) nodes that lie on the fitted surface and follow it exactly"""
    corners: Ints
    """(M, 3) vertices around each node on the mesh"""
    weights: Floats
    """(M, 3) and their weights"""
    fade: "_Fade"
    """How the surface's own movement fades out beside it"""

    def targets(self, source: Source, vertices: Floats, rotation: NDArray[np.floating],
                translation: NDArray[np.floating]) -> Floats:
        """Where the nodes go (N, 3), pixels and depth, when the head's vertices (V, 3) move so."""
        camera = source.fit.camera
        rigid = project(self.head_space, rotation, translation, camera)
        rest = project(self.head_space, source.fit.rotation, source.fit.translation, camera)
        out = np.empty((len(self.nodes), 3), np.float32)
        move = (rigid - rest)[:, :2] * self.follow[:, None]
        shift = np.einsum("mcd,mc->md", (vertices - source.view.points)[self.corners, :2], self.weights)
        own = shift - move[self.on_mesh]
        out[:, :2] = self.nodes + self._smooth(move + self.fade(own))
        out[:, 2] = rest[:, 2] + (rigid - rest)[:, 2] * self.follow
        return out

    def _smooth(self, move: NDArray[np.float64]) -> NDArray[np.float64]:
        """Outlines that pass in front of what is behind them would else have the steps of the net."""
        from scipy.ndimage import uniform_filter

        return uniform_filter(move.reshape(*self.shape, 2), (3, 3, 1)).reshape(-1, 2)


def surround(source: Source) -> Surround:
    """Lay the net over the photo and find how each node follows."""
    height, width = source.photo.shape[:2]
    cell = max(height, width) / NODES
    rows, columns = int(np.ceil(height / cell)) + 2 * APRON, int(np.ceil(width / cell)) + 2 * APRON
    y, x = np.meshgrid((np.arange(rows + 1) - APRON) * cell, (np.arange(columns + 1) - APRON) * cell,
                       indexing="ij")
    nodes = np.stack([x.ravel(), y.ravel()], 1).astype(np.float32)
    pixel = np.clip(nodes.astype(int), 0, [width - 1, height - 1])
    inside = (nodes == np.clip(nodes, 0, [width - 1, height - 1])).all(1)
    ids = np.where(inside, source.view.raster.triangle_id[pixel[:, 1], pixel[:, 0]], 0)
    face = np.where(ids > 0, ids - 1, 0)
    corners = source.triangles[face]
    weights = _weights(source.view.points[corners, :2], nodes)
    neck = source.model.regions.get("neck")
    is_neck = np.zeros(len(nodes), bool) if neck is None else (neck[corners] * weights).sum(1) > 0.3
    on_mesh = (ids > 0) & (source.kinds[face] == SKIN) & ~is_neck
    shape = (rows + 1, columns + 1)
    depth = _depths(source, nodes, ids, corners, weights, shape)
    follow = _follow(source, shape, on_mesh, pixel, cell)
    fade = _Fade(_links(shape, np.ones(len(nodes))), on_mesh, (cell / (SKIN_REACH * source.view.scale)) ** 2)
    fit = source.fit
    head_space = unproject(np.column_stack([nodes, depth]), fit.rotation, fit.translation, fit.camera)
    return Surround(shape, nodes, _cells(shape), head_space, follow, on_mesh, corners[on_mesh], weights[on_mesh], fade)


def _weights(corners: Floats, points: Floats) -> Floats:
    """Barycentric weights (N, 3) of points in triangles (N, 3, 2); thin triangles give their first corner."""
    a, b, c = np.moveaxis(corners.astype(np.float64), 1, 0)
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    p = points - a
    v = p[:, 0] * (c - a)[:, 1] - p[:, 1] * (c - a)[:, 0]
    w = (b - a)[:, 0] * p[:, 1] - (b - a)[:, 1] * p[:, 0]
    safe = np.where(np.abs(area) < 1e-9, np.inf, area)
    v, w = np.clip(v / safe, 0, 1), np.clip(w / safe, 0, 1)
    return np.stack([1 - v - w, v, w], 1).astype(np.float32)


def _depths(source: Source, nodes: Floats, ids: Ints, corners: Ints, weights: Floats,
            shape: tuple[int, int]) -> Floats:
    """Depth in pixels (N,): the surface's on it, that of the nearest outline beside it."""
    z = (source.view.points[corners, 2] * weights).sum(1).reshape(*shape, 1)
    return pull_push(np.asarray(z, np.float32), np.asarray(ids > 0, np.float32).reshape(shape)).ravel()


def _follow(source: Source, shape: tuple[int, int], on_mesh: NDArray[np.bool_], pixel: NDArray[np.int_],
            cell: float) -> Floats:
    """Share (N,) of the head's motion: 1 on the head, through hair, falling to 0 in the background."""
    from scipy.ndimage import maximum_filter, uniform_filter

    smooth = uniform_filter(source.photo.astype(np.float32), (max(round(cell), 1), max(round(cell), 1), 1))
    links = _links(shape, smooth[pixel[:, 1], pixel[:, 0]])
    fade = _Fade(links, on_mesh, (cell / (HAIR_REACH * source.view.scale)) ** 2)
    share = fade(np.ones((int(on_mesh.sum()), 1)))[:, 0].reshape(shape)
    t = np.clip((share - _LITTLE) / (_MUCH - _LITTLE), 0, 1)
    # One node farther out: the stretch belongs into the background, not into the hair's own outline.
    return uniform_filter(maximum_filter(t * t * (3 - 2 * t), 3), 3).ravel().astype(np.float32)


def _links(shape: tuple[int, int], colours: NDArray[np.floating]) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Pairs of neighbouring nodes, and how well motion passes between them (1 where colours are equal)."""
    index = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    first = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    second = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    values = np.asarray(colours, np.float64).reshape(len(index.ravel()), -1)
    step = np.linalg.norm(values[first] - values[second], axis=1)
    return first, second, 1 / (1 + (step / EDGE) ** 2)


class _Fade:
    """Spreads values given on some nodes to the others, where they fade out: (L + leak) x = 0."""

    def __init__(self, links: tuple[Ints, Ints, NDArray[np.float64]], given: NDArray[np.bool_],
                 leak: float) -> None:
        from scipy.sparse import coo_matrix
        from scipy.sparse.linalg import splu

        first, second, pass_through = links
        count = len(given)
        both = np.concatenate([first, second]), np.concatenate([second, first])
        matrix = coo_matrix((np.tile(-pass_through, 2), both), (count, count)).tocsr()
        matrix.setdiag(-np.asarray(matrix.sum(1)).ravel() + leak)
        free = ~given
        self._given, self._free = given, free
        self._from_given = matrix[free][:, given]
        self._solve = splu(matrix[free][:, free].tocsc()).solve

    def __call__(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Values (M, C) on the given nodes to (N, C) on all."""
        out = np.zeros((len(self._given), values.shape[1]))
        out[self._given] = values
        out[self._free] = self._solve(-(self._from_given @ np.asarray(values, np.float64)))
        return out


def _cells(shape: tuple[int, int]) -> Ints:
    """Two triangles (T, 3) for every cell of the net."""
    index = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
