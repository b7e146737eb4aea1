# SPDX-License-Identifier: Apache-2.0
"""Sparse texture mapping: a coarse mosaic of the photo's colours on the face, as a prior for a generator.

After FaceAnime (Tu et al. 2021, §3.3): only a regular subset of the surface's samples takes colours from the source
photo, and the same colours are drawn at the source's and at the target's coefficients. A dense texture would freeze
the source's expression into the target. Added here: hidden samples take no colour, sampling is bilinear, and the
size is free.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .errors import BadInput
from .face_model import FaceModel
from .rasterize import rasterize_image
from .texture import sample_vertex_colours, view_of

if TYPE_CHECKING:
    from .fitting import Fit

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class SparseMesh:
    """A regular subset of a face model's surface."""

    vertices: Ints
    """(K,) the model's vertices that are kept"""
    triangles: Ints
    """(F, 3) indices into `vertices`"""


def sparse_mesh(model: FaceModel, step: int = 6) -> SparseMesh:
    """Every `step`-th vertex of the face, spread evenly, and the triangles between neighbours.

    The eyeballs, which tell where the face looks, keep all of their few vertices. Kept vertices are chosen
    farthest-first (Gonzalez 1985) on the mean shape; a triangle joins three of them where their Voronoi cells on
    the surface meet.

    Raises:
        BadInput: `step` is below 1, or leaves fewer than three vertices.
    """
    skin, eyes = _face_triangles(model)
    area = np.concatenate([skin, eyes])
    candidates = np.unique(area)
    count = len(np.unique(skin)) // step if step >= 1 else 0
    if count < 3:
        raise BadInput(f"Every {step}th of the face's vertices makes no surface; "
                       f"choose a step from 1 to {len(np.unique(skin)) // 3}.")
    if step == 1:
        return SparseMesh(candidates.astype(np.int32), np.searchsorted(candidates, area).astype(np.int32))
    points = np.ascontiguousarray(model.mean[candidates], np.float32)
    on_skin = np.flatnonzero(np.isin(candidates, skin))
    kept = np.concatenate([on_skin[_farthest_first(points[on_skin], count)],
                           np.flatnonzero(np.isin(candidates, eyes))])
    joined = _owners(points, np.searchsorted(candidates, area), kept)[np.searchsorted(candidates, area)]
    distinct = (joined >= 0).all(1) & (joined != np.roll(joined, 1, 1)).all(1)
    triangles = np.unique(_rolled(joined[distinct]), axis=0)
    return SparseMesh(candidates[kept].astype(np.int32), triangles)


def sparse_texture(photo: Bytes, fit: "Fit", targets: NDArray[np.floating], model: FaceModel, mesh: SparseMesh,
                   height: int, width: int) -> tuple[Bytes, Bytes]:
    """The priors p_s (H, W, 3) of the photo's own coefficients and p_t (T, H, W, 3) of the targets'.

    Args:
        photo: (h, w, 3), with its fit.
        targets: (T, V, 3) or (V, 3) vertices in the photo's pixels, z nearer = larger.
        height, width: size of the priors; the photo's picture is scaled to it.

    Each triangle has the mean colour of the corners that the photo shows; triangles with fewer than two of them, and
    everything beside the face, are 0.

    Raises:
        BadInput: the fit does not belong to the photo or the model.
    """
    view = view_of(photo, fit, model)
    colours, seen = sample_vertex_colours(photo, view)
    corners = mesh.vertices[mesh.triangles]
    enough = seen[corners].sum(1) >= 2
    shown, weight = np.ascontiguousarray(mesh.triangles[enough]), seen[corners[enough]][..., None]
    flat = (colours[corners[enough]] * weight).sum(1) / weight.sum(1)
    flat = np.concatenate([np.zeros((1, 3)), flat])
    # 0 means nothing is there: a drawn triangle is at least 1.
    palette = np.clip(np.round(flat), 1, 255).astype(np.uint8)
    palette[0] = 0
    scale = np.array([width / photo.shape[1], height / photo.shape[0], width / photo.shape[1]], np.float32)
    frames = np.asarray(targets, np.float32)
    every = frames[None] if frames.ndim == 2 else frames
    drawn = [palette[rasterize_image(points[mesh.vertices] * scale, shown, height, width).triangle_id]
             for points in (view.points, *every)]
    return drawn[0], np.stack(drawn[1:]) if frames.ndim == 3 else drawn[1]


def _face_triangles(model: FaceModel) -> tuple[Ints, Ints]:
    """Triangles (F, 3) of the skin within the region `face`, and of the eyeballs' front."""
    weight = model.regions.get("face", np.ones(model.vertex_count, np.float32))
    names = np.array(model.part_names)[model.triangle_part]
    skin = (names == "skin") & (weight[model.triangles] > 0.5).all(1)
    eyes = np.isin(names, ("eye_left", "eye_right")) & (model.mean[model.triangles][..., 2].min(1) > 0)
    return np.asarray(model.triangles[skin], np.int32), np.asarray(model.triangles[eyes], np.int32)


def _owners(points: Floats, triangles: NDArray[np.intp], kept: NDArray[np.int64]) -> Ints:
    """Which kept point (N,) is nearest along the surface's edges: lips and lids that touch stay apart."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    first, second = triangles.ravel(), np.roll(triangles, -1, 1).ravel()
    length = np.linalg.norm(points[first] - points[second], axis=1) + 1e-9
    # Inner edges come twice, once from each side, and `coo_matrix` would add them.
    pairs, index = np.unique(np.stack([first, second], 1), axis=0, return_index=True)
    graph = coo_matrix((length[index], (pairs[:, 0], pairs[:, 1])), (len(points), len(points))).tocsr()
    _, _, source = dijkstra(graph, directed=False, indices=kept, min_only=True, return_predecessors=True)
    rank = np.full(len(points) + 1, -1, np.int32)
    rank[kept] = np.arange(len(kept), dtype=np.int32)
    return rank[np.where(source < 0, len(points), source)]


def _rolled(triangles: Ints) -> Ints:
    """Triangles with their smallest index first, winding kept."""
    first = triangles.argmin(1)[:, None]
    return np.asarray(np.take_along_axis(triangles, (first + np.arange(3)) % 3, 1), np.int32)


@compiled
def _farthest_first(points: Floats, count: int) -> NDArray[np.int64]:
    """Indices (count,) of points (N, 3), each the farthest from all before it, the first nearest to the middle."""
    chosen = np.empty(count, np.int64)
    distance = np.full(len(points), np.inf)
    at = 0
    nearest = np.inf
    middle = np.array([points[:, k].mean() for k in range(3)])
    for i in range(len(points)):
        away = ((points[i] - middle) ** 2).sum()
        if away < nearest:
            nearest, at = away, i
    for n in range(count):
        chosen[n] = at
        best = -1.0
        following = at
        for i in range(len(points)):
            away = ((points[i] - points[at]) ** 2).sum()
            distance[i] = min(distance[i], away)
            if distance[i] > best:
                best, following = distance[i], i
        at = following
    return chosen
