# SPDX-License-Identifier: Apache-2.0
"""Cuts the head out of MakeHuman's base mesh: which vertices, which triangles, which part each belongs to."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .makehuman_source import BaseMesh, Floats, Ints, Source

PART_GROUPS = {
    "eye_left": ("helper-l-eye",), "eye_right": ("helper-r-eye",), "tongue": ("helper-tongue",),
    "teeth_upper": ("helper-upper-teeth",), "teeth_lower": ("helper-lower-teeth",),
    "lashes": ("helper-l-eyelashes-1", "helper-l-eyelashes-2", "helper-r-eyelashes-1", "helper-r-eyelashes-2"),
}
PARTS = ("skin", *PART_GROUPS, "mouth_cavity")
NECK_EDGE = (1522, 8205)
"""An edge of the ring around the base of the neck where the head is cut off."""
NOSE_TIP = 297
CAVITY_QUADS, SOCKET_QUADS = 398, 293
"""How many quads the mouth cavity and each eye socket have in the base mesh."""

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Head:
    """The head's topology. `vertices` (V,) numbers in the base mesh; quads and their texture coordinates as
    indices into `vertices` (Q, 4) and into the base mesh's uv (Q, 4); `part` (Q,) index into PARTS;
    `island` (Q,) connected piece of the base mesh's texture layout; `mirror` (V,)."""

    vertices: Ints
    quads: Ints
    uv_quads: Ints
    part: Ints
    island: Ints
    mirror: Ints

    def rest(self, mesh: BaseMesh) -> Floats:
        """The base mesh's own shape of the head, (V, 3) metres."""
        return mesh.vertices[self.vertices]

    def offsets(self, source: Source, target: str) -> Floats:
        """A target's displacement of the head's vertices, (V, 3) metres."""
        vertices, moves = source.target(target)
        full = np.zeros((len(self.vertices), 3))
        place = np.searchsorted(self.vertices, vertices).clip(max=len(self.vertices) - 1)
        here = self.vertices[place] == vertices
        full[place[here]] = moves[here]
        return full

    def members(self, *parts: str) -> Ints:
        """The sorted vertices that quads of these parts use."""
        wanted = np.isin(self.part, [PARTS.index(p) for p in parts])
        return np.unique(self.quads[wanted])


def cut_head(mesh: BaseMesh) -> Head:
    """The part of the base mesh above the ring of NECK_EDGE, with eyes, tongue, teeth and lashes."""
    body, body_uv = mesh.quads["body"], mesh.uv_quads["body"]
    above = _above_ring(body, NOSE_TIP, mesh)
    inside = above[body].all(1)
    part = _skin_parts(body[inside], body_uv[inside])
    seen = part >= 0
    quads, uv_quads, parts = [body[inside][seen]], [body_uv[inside][seen]], [part[seen]]
    for name, groups in PART_GROUPS.items():
        for group in groups:
            quads.append(mesh.quads[group])
            uv_quads.append(mesh.uv_quads[group])
            parts.append(np.full(len(mesh.quads[group]), PARTS.index(name)))
    all_quads, all_uv = np.concatenate(quads), np.concatenate(uv_quads)
    vertices = np.unique(all_quads)
    place = np.full(len(mesh.vertices), -1)
    place[vertices] = np.arange(len(vertices))
    return Head(vertices, place[all_quads], all_uv, np.concatenate(parts), islands(all_uv),
                place[mesh.mirror[vertices]])


def triangulate(quads: Ints, points: Floats, corners: Ints | None = None) -> tuple[Ints, Ints]:
    """Split quads (Q, 4) along their shorter diagonal: triangles (2Q, 3) and the same split of `corners`.

    Equal diagonals are split toward the mirror plane x = 0, so that a symmetric mesh gets symmetric triangles.
    """
    p = points[quads]
    first = np.linalg.norm(p[:, 0] - p[:, 2], axis=1)
    second = np.linalg.norm(p[:, 1] - p[:, 3], axis=1)
    swap = second < first - 1e-7
    order = np.where(swap[:, None], np.array([1, 2, 3, 1, 3, 0]), np.array([0, 1, 2, 0, 2, 3]))
    both = [np.take_along_axis(q, order, 1).reshape(-1, 3) for q in (quads, quads if corners is None else corners)]
    return both[0], both[1]


def islands(quads: Ints) -> Ints:
    """Number of the connected piece of each face (Q, K), counted from 0 in the order of the first face."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = int(quads.max()) + 1
    start, end = quads[:, :-1].ravel(), quads[:, 1:].ravel()
    graph = coo_array((np.ones(len(start)), (start, end)), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    _, first, inverse = np.unique(label[quads[:, 0]], return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return np.asarray(rank[inverse], np.int64)


def _skin_parts(quads: Ints, uv_quads: Ints) -> Ints:
    """Part of each quad of the body (Q,), told by the pieces of the base mesh's texture layout.

    -1 marks the eye sockets: they are hidden inside the eyeballs, and would cut through the lids of some heads.
    """
    piece = islands(uv_quads)
    part = np.zeros(len(quads), np.int64)
    for number, count in enumerate(np.bincount(piece)):
        part[piece == number] = {CAVITY_QUADS: PARTS.index("mouth_cavity"), SOCKET_QUADS: -1}.get(int(count), 0)
    return part


def _above_ring(quads: Ints, start: int, mesh: BaseMesh) -> Mask:
    """Mask of the vertices that are reached from `start` without crossing the neck's ring; the ring included."""
    neighbours, edge_faces = _adjacency(quads)
    ring = set(_edge_ring(NECK_EDGE, neighbours, edge_faces))
    seen, stack = {start}, [start]
    while stack:
        fresh = neighbours[stack.pop()] - seen
        seen |= fresh
        stack += sorted(fresh - ring)
    mask = np.zeros(len(mesh.vertices), np.bool_)
    mask[sorted(seen)] = True
    return mask


def _adjacency(quads: Ints) -> tuple[dict[int, set[int]], dict[frozenset[int], set[int]]]:
    neighbours: dict[int, set[int]] = defaultdict(set)
    edge_faces: dict[frozenset[int], set[int]] = defaultdict(set)
    for number, quad in enumerate(quads.tolist()):
        for a, b in zip(quad, quad[1:] + quad[:1], strict=True):
            neighbours[a].add(b)
            neighbours[b].add(a)
            edge_faces[frozenset((a, b))].add(number)
    return neighbours, edge_faces


def _edge_ring(edge: tuple[int, int], neighbours: dict[int, set[int]],
               edge_faces: dict[frozenset[int], set[int]]) -> Iterable[int]:
    """Follow an edge straight on through vertices of four edges until it closes."""
    ring = list(edge)
    while ring[-1] != ring[0] or len(ring) == 1:
        before, here = ring[-2:]
        behind = edge_faces[frozenset((before, here))]
        (following,) = (n for n in neighbours[here] - {before} if not edge_faces[frozenset((n, here))] & behind)
        ring.append(following)
    return ring[:-1]
