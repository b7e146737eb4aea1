# SPDX-License-Identifier: Apache-2.0
"""What can be found out about a mesh from its geometry alone: its sides, its pieces, its symmetry."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..face_model import Floats, Ints

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array = NDArray[np.float64]
_NEIGHBOURS_WEIGHT = 0.5


def facing_outward(vertices: NDArray[np.floating], triangles: Ints) -> Ints:
    """The triangles (F, 3), all reversed if the whole surface faces inward or backward.

    The sign is that of the flux of (position − centroid): positive for any star-shaped head or mask.
    """
    v = np.asarray(vertices, np.float64)
    corners = v[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    centroid = np.array([v[:, 0].mean(), v[:, 1].mean(), v[:, 2].min()])
    flux = float(np.einsum("ij,ij->", normals, corners.mean(1) - centroid))
    return triangles if flux >= 0 else np.ascontiguousarray(triangles[:, ::-1])


def triangulate(vertices: NDArray[np.floating], quads: Ints, corners: Ints) -> tuple[Ints, Ints, Ints]:
    """Split quads (Q, 4) along their shorter diagonal; a fourth index of -1 marks a triangle.

    `corners` (Q, 4) is split alike (texture indices). Returns triangles (F, 3), their corners (F, 3) and the
    quad (F,) that each came from, in the order of the quads.
    """
    q = np.where(quads < 0, quads[:, :1], quads)
    v = np.asarray(vertices, np.float64)
    other = np.linalg.norm(v[q[:, 1]] - v[q[:, 3]], axis=1) < np.linalg.norm(v[q[:, 0]] - v[q[:, 2]], axis=1)
    whole = quads[:, 3] < 0
    order = np.where(other[:, None], [0, 1, 3, 1, 2, 3], [0, 1, 2, 0, 2, 3])
    order[whole] = [0, 1, 2, 0, 1, 2]
    keep = np.ones((len(quads), 2), bool)
    keep[whole, 1] = False
    rows = np.repeat(np.arange(len(quads)), 2)[keep.ravel()]

    def split(values: Ints) -> Ints:
        taken = np.take_along_axis(values, order, 1).reshape(-1, 3)[keep.ravel()]
        return np.ascontiguousarray(taken, np.int32)

    return split(quads), split(corners), rows.astype(np.int32)


def pieces(triangles: Ints, vertex_count: int) -> Ints:
    """Number of the connected piece (V,) that each vertex belongs to, the piece with most vertices first."""
    from scipy.sparse.csgraph import connected_components

    count, found = connected_components(_adjacency(triangles, vertex_count), directed=False)
    labels = np.asarray(found)
    rank = np.empty(count, np.int32)
    rank[np.argsort(-np.bincount(labels), kind="stable")] = np.arange(len(rank))
    return np.asarray(rank[labels], np.int32)


def mirror_table(vertices: NDArray[np.floating], triangles: Ints, tolerance: float = 5e-4) -> Ints:
    """The vertex (V,) at the mirrored place (x → −x) of each, or an empty table if the mesh is not symmetric.

    Vertices that coincide (seams, the two sheets of a lash) are told apart by their neighbours: matching
    is on the position together with, at less weight, positions smoothed over the mesh. `tolerance`: metres.
    """
    from scipy.spatial import cKDTree

    own = np.asarray(vertices, np.float64)
    key = np.concatenate([own, *(_NEIGHBOURS_WEIGHT * s for s in _smoothed(own, triangles, rounds=3))], 1)
    flip = np.tile([-1.0, 1.0, 1.0], key.shape[1] // 3)
    table = np.asarray(cKDTree(key).query(key * flip)[1], np.int32)
    involution = bool((table[table] == np.arange(len(table))).all())
    if not involution or np.linalg.norm(own[table] - own * flip[:3], axis=1).max() > tolerance:
        return np.zeros(0, np.int32)
    return table


def cylindrical_uv(vertices: NDArray[np.floating], triangles: Ints) -> tuple[Floats, Ints]:
    """Texture coordinates by a cylinder about the vertical axis, for meshes that bring none.

    The seam lies at the back; triangles across it get corners of their own. Returns uv (U, 2) in 0..1 and
    uv_triangles (F, 3).
    """
    v = np.asarray(vertices, np.float64)
    centre = (v.min(0) + v.max(0)) / 2
    angle = np.arctan2(v[:, 0] - centre[0], v[:, 2] - min(centre[2], v[:, 2].max() - 0.08)) / (2 * np.pi)
    u = angle[triangles]
    behind = (u.max(1) - u.min(1) > 0.5)[:, None] & (u < 0)
    key = triangles.astype(np.int64) * 2 + behind
    unique, inverse = np.unique(key, return_inverse=True)
    uv = np.stack([angle[unique // 2] + (unique % 2), v[unique // 2, 1]], 1)
    low, high = uv.min(0), uv.max(0)
    uv = (uv - low) / np.where(high > low, high - low, 1)
    return uv.astype(np.float32), inverse.reshape(-1, 3).astype(np.int32)


def near_points(vertices: NDArray[np.floating], points: NDArray[np.floating], radius: float) -> Floats:
    """Weights (V,) that fall smoothly from 1 at the points (N, 3) to 0 at `radius` metres from them."""
    from scipy.spatial import cKDTree

    distance = cKDTree(points).query(vertices)[0] / radius
    t = np.clip(1.5 - 1.5 * distance, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _smoothed(vertices: Array, triangles: Ints, rounds: int) -> list[Array]:
    """Positions (V, 3) after 1..rounds steps of averaging over neighbours."""
    graph = _adjacency(triangles, len(vertices))
    degree = np.maximum(np.asarray(graph.sum(1)).reshape(-1, 1), 1)
    stages = [vertices]
    for _ in range(rounds):
        stages.append(np.asarray(graph @ stages[-1]) / degree)
    return stages[1:]


def _adjacency(triangles: Ints, vertex_count: int) -> "csr_array[np.float64]":
    """Symmetric matrix (V, V), 1 where two vertices share an edge."""
    from scipy.sparse import csr_array

    a = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    both = np.concatenate([a, a[:, ::-1]])
    graph = csr_array((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(vertex_count, vertex_count))
    graph.data[:] = 1
    return graph
