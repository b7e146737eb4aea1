# SPDX-License-Identifier: Apache-2.0
"""Sparse texture mapping: a coarse mosaic of the photo's colours on the face, as a prior for a generator.

After FaceAnime (Tu et al. 2021, §3.3): only a regular subset of the surface's samples takes colours from the source
photo, and the same colours are drawn at the source's and at the target's coefficients. A dense texture would freeze
the source's expression into the target. Added here: hidden samples take no colour, sampling is bilinear, and the
size is free. The subset is every k-th vertex or every k-th pixel. Both backends of the rasteriser draw the same
colours; priors differ between them only where a triangle's edge runs through a pixel's centre, in at most 0.2 % of
the pixels.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .errors import BadInput
from .face_model import FaceModel
from .rasterize import Backend, rasterize_image
from .texture import sample_vertex_colours, view_of
from .visibility import View, solid_triangles

if TYPE_CHECKING:
    from .fitting import Fit

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

_STRETCH = 6.0
"""How many times as far apart as they look neighbouring pixels may lie on the head and still be one surface"""


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


@dataclass(frozen=True, eq=False)
class SparsePrior:
    """The colours that a photo gives to a face's samples, ready to be drawn wherever the face goes."""

    corners: Ints
    """(K, C) the model's vertices whose weighted sum is a sample's place"""
    weights: Floats | None
    """(K, C); None where every sample is a vertex"""
    triangles: Ints
    """(F, 3) indices into the samples, of what the photo shows"""
    palette: Bytes
    """(F + 1, 3) flat colour by triangle id, 1..255; 0 for nothing"""

    def draw(self, vertices_image: NDArray[np.floating], height: int, width: int, backend: Backend = "auto") -> Bytes:
        """The prior (H, W, 3) for vertices (V, 3) in pixels of the prior, z nearer = larger."""
        at = np.asarray(vertices_image, np.float32)[self.corners]
        places = at[:, 0] if self.weights is None else (at * self.weights[..., None]).sum(1)
        return _dressed(rasterize_image(places, self.triangles, height, width, backend).triangle_id, self.palette)


def sparse_texture(photo: Bytes, fit: "Fit", targets: NDArray[np.floating], model: FaceModel, mesh: SparseMesh | int,
                   height: int, width: int, backend: Backend = "auto") -> tuple[Bytes, Bytes]:
    """The priors p_s (H, W, 3) of the photo's own coefficients and p_t (T, H, W, 3) of the targets'.

    Args:
        photo: (h, w, 3), with its fit.
        targets: (T, V, 3) or (V, 3) vertices in the photo's pixels, z nearer = larger.
        mesh: which vertices are kept, or a number k for every k-th pixel of the photo, across and down.
        height, width: size of the priors; the photo's picture is scaled to it.

    Each triangle has the mean colour of the corners that the photo shows; triangles with fewer than two of them, and
    everything beside the face, are 0.

    Raises:
        BadInput: the fit does not belong to the photo or the model, or no sample is kept.
    """
    view = view_of(photo, fit, model)
    prior = screen_prior(photo, view, model, mesh) if isinstance(mesh, int) else vertex_prior(photo, view, mesh)
    scale = np.array([width / photo.shape[1], height / photo.shape[0], width / photo.shape[1]], np.float32)
    frames = np.asarray(targets, np.float32)
    every = frames[None] if frames.ndim == 2 else frames
    drawn = [prior.draw(points * scale, height, width, backend) for points in (view.points, *every)]
    return drawn[0], np.stack(drawn[1:]) if frames.ndim == 3 else drawn[1]


def vertex_prior(photo: Bytes, view: View, mesh: SparseMesh) -> SparsePrior:
    """The colours of the kept vertices in a photo (H, W, 3) that shows the head as `view` has it."""
    colours, seen = sample_vertex_colours(photo, view)
    corners = mesh.vertices[mesh.triangles]
    enough = seen[corners].sum(1) >= 2
    weight = seen[corners[enough]][..., None]
    flat = (colours[corners[enough]] * weight).sum(1) / weight.sum(1)
    shown = np.ascontiguousarray(mesh.triangles[enough])
    return SparsePrior(mesh.vertices[:, None], None, shown, _palette(flat))


def screen_prior(photo: Bytes, view: View, model: FaceModel, step: int) -> SparsePrior:
    """The colours of every `step`-th pixel, across and down, at which a photo (H, W, 3) shows the face.

    Samples stay where they are on the surface. Neighbours on one surface are joined; a jump of depth, or of the place
    on the head that it is (closed lips, lids on the eye), separates them.

    Raises:
        BadInput: `step` is below 1.
    """
    if step < 1:
        raise BadInput(f"Every {step}th pixel cannot be kept; choose a step of 1 or more.")
    half = step // 2
    ids, weights = view.raster.triangle_id[half::step, half::step], view.raster.barycentric[half::step, half::step]
    face = np.append(False, _face_mask(model))[ids]
    number = np.where(face, np.cumsum(face.ravel()).reshape(face.shape) - 1, -1)
    corners = solid_triangles(model)[ids[face] - 1]
    u, v = weights[face].T
    weight = np.stack([u, v, 1 - u - v], 1).astype(np.float32)
    rest = (_open_mouth(model)[corners] * weight[..., None]).sum(1)
    triangles = _quads(number)
    a, b, c = np.moveaxis(rest[triangles], 1, 0)
    apart = np.maximum(np.maximum(np.abs(a - b).max(1), np.abs(b - c).max(1)), np.abs(c - a).max(1))
    joined = np.ascontiguousarray(triangles[apart < _STRETCH * step / view.scale])
    colours = photo[half::step, half::step][face].astype(np.float32)
    return SparsePrior(corners, weight, joined, _palette(colours[joined].mean(1)))


def _palette(flat: NDArray[np.floating]) -> Bytes:
    """Colours (F, 3) to (F + 1, 3), the first for nothing; a drawn triangle is at least 1."""
    palette = np.zeros((len(flat) + 1, 3), np.uint8)
    palette[1:] = np.clip(np.round(flat), 1, 255)
    return palette


def _open_mouth(model: FaceModel) -> Floats:
    """The mean head (V, 3) with its jaw down: lips that touch are far apart."""
    if "jawOpen" not in model.expression_names:
        return model.mean
    return np.asarray(model.mean + model.expression_basis[model.expression_names.index("jawOpen")], np.float32)


def _quads(number: NDArray[np.int64]) -> Ints:
    """Two triangles (F, 3) for every cell of a grid (R, C) whose corners are numbered, -1 for none."""
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
    both = np.concatenate([np.stack([a, d, c], -1).reshape(-1, 3), np.stack([a, c, b], -1).reshape(-1, 3)])
    return np.asarray(both[(both >= 0).all(1)], np.int32)


def _face_mask(model: FaceModel) -> NDArray[np.bool_]:
    """(F,) the skin within the region `face`, and the eyeballs' front."""
    weight = model.regions.get("face", np.ones(model.vertex_count, np.float32))
    names = np.array(model.part_names)[model.triangle_part]
    skin = (names == "skin") & (weight[model.triangles] > 0.5).all(1)
    return np.asarray(skin | _eyes_front(model, names))


def _eyes_front(model: FaceModel, names: NDArray[np.str_]) -> NDArray[np.bool_]:
    return np.asarray(np.isin(names, ("eye_left", "eye_right")) & (model.mean[model.triangles][..., 2].min(1) > 0))


def _face_triangles(model: FaceModel) -> tuple[Ints, Ints]:
    """Triangles (F, 3) of the skin within the region `face`, and of the eyeballs' front."""
    names = np.array(model.part_names)[model.triangle_part]
    eyes = _eyes_front(model, names)
    skin = _face_mask(model) & ~eyes
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
def _dressed(ids: Ints, palette: Bytes) -> Bytes:
    out = np.empty((ids.shape[0], ids.shape[1], 3), np.uint8)
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            for k in range(3):
                out[row, column, k] = palette[ids[row, column], k]
    return out


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
