# SPDX-License-Identifier: Apache-2.0
"""What the fitted mesh says of a source picture, and of any coefficients that it is moved to.

Made for speed: `see` does once what the source alone decides, `Seen.moved` what every target costs.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...core.compiled import compiled, compiled_loosely
from ...core.face_model import FaceModel
from ...core.inpaint import pull_push
from ...core.rasterize import rasterize_image
from ...core.sparse_texture import SparseMesh, SparsePrior, screen_prior, sparse_mesh, vertex_prior
from ...core.visibility import EYE, MOUTH, SKIN, TOLERANCE, View, depth_at, look, solid_triangles, triangle_kinds
from ..pgfg.samples import BACKGROUND, CAVITY, EYE_AREA, HEAD, MOUTH_AREA, PLANES, TEETH, TONGUE
from ..pgfg.samples import SKIN as SKIN_CODE

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

_REACH = 0.09
"""Metres beside the head over which what is there stops following it"""
_COARSE = 4
"""Pixels a cell of the grid on which motion goes on beside the head"""
_EYE_AREA = (0.022, 0.017)
"""Metres beside the eyes' middles, across and up, that count as the eyes' area"""


@dataclass(frozen=True, eq=False)
class Tables:
    """What depends on the face model alone."""

    model: FaceModel
    triangles: Ints
    """(F, 3) lashes collapsed"""
    kinds: NDArray[np.int8]
    """(F,) see core/visibility.py"""
    regions: Bytes
    """(F,) codes of samples.py"""
    mouths: Bytes
    """(F,) CAVITY, TONGUE, TEETH or 0"""
    on_face: NDArray[np.bool_]
    """(F,) the face's skin and the eyes: what priors show"""
    places: Floats
    """(V, 3) on the mean face, scaled to 1..255"""


@lru_cache(maxsize=2)
def tables(model: FaceModel) -> Tables:
    kinds = triangle_kinds(model)
    corners = model.triangles
    names = np.array(model.part_names)[model.triangle_part]
    face = (model.regions["face"][corners] > 0.5).all(1) & (names == "skin")
    eyes = kinds == EYE
    around = np.maximum(model.regions["eyelids_left"], model.regions["eyelids_right"])[corners].max(1) > 0.5
    middle = model.mean[corners].mean(1)
    at = np.stack([np.abs(middle[:, 0]) - 0.0287, middle[:, 1] - 0.003], 1) / np.array(_EYE_AREA)
    around |= (np.hypot(*at.T) < 1) & face
    mouth = (kinds == MOUTH) | (model.regions["lips"][corners].max(1) > 0.5)
    regions = np.where(face, SKIN_CODE, HEAD)
    regions = np.where(eyes | around, EYE_AREA, np.where(mouth, MOUTH_AREA, regions)).astype(np.uint8)
    mouths = np.zeros(len(names), np.uint8)
    for part, code in (("mouth_cavity", CAVITY), ("tongue", TONGUE), ("teeth_upper", TEETH), ("teeth_lower", TEETH)):
        mouths[names == part] = code
    drawn = np.unique(corners[face | eyes])
    low, high = model.mean[drawn].min(0), model.mean[drawn].max(0)
    places = 1 + 254 * np.clip((model.mean - low) / (high - low), 0, 1)
    return Tables(model, solid_triangles(model), kinds, regions, mouths, face | eyes, places.astype(np.float32))


@lru_cache(maxsize=16)
def mesh_of(model: FaceModel, step: int) -> SparseMesh:
    return sparse_mesh(model, step)


@dataclass(frozen=True, eq=False)
class Moved:
    """The source at other coefficients; shapes and units as in a `Sample`."""

    prior: Bytes
    regions: Bytes
    flow: Floats
    valid: Bytes
    warped: Bytes


@dataclass(frozen=True, eq=False)
class Seen:
    """A source picture with what its fit says of it."""

    picture: Bytes
    """(S, S, 3)"""
    tables: Tables
    view: View
    colours: SparsePrior
    prior: Bytes
    """(PLANES, S, S)"""

    def moved(self, points: Floats) -> Moved:
        """The source when the head's vertices (V, 3) are there, in pixels, nearer = larger."""
        size = self.picture.shape[0]
        known = self.tables
        raster = rasterize_image(points, known.triangles, size, size, backend="cpu")
        mosaic = self.colours.draw(points, size, size, "cpu")
        prior, regions = _planes(known, raster.triangle_id, raster.barycentric, mosaic)
        shift = np.ascontiguousarray(self.view.points[:, :2] - points[:, :2], np.float32)
        back, sure = _traced(raster.triangle_id, raster.barycentric, known.triangles, known.kinds, shift,
                             self.view.points, self.view.normals, self.view.depth, self.view.kind,
                             TOLERANCE * self.view.scale)
        beside = raster.triangle_id == 0
        _beside(back, sure, beside, _carried_on(back, beside, self.view.scale), self.view.kind)
        flow = np.ascontiguousarray(back.transpose(2, 0, 1))
        return Moved(prior, regions, flow, sure[None], sampled_at(self.picture, back))


def see(picture: Bytes, points: Floats, scale: float, model: FaceModel, step: int = 4, *,
        screen: bool = False) -> Seen:
    """A picture (S, S, 3) whose head's vertices (V, 3) lie there, in pixels, at `scale` pixels a metre.

    Args:
        step: interval of the prior's samples: vertices, or pixels where `screen`.
    """
    known = tables(model)
    size = picture.shape[0]
    view = look(model, points, size, size, scale)
    colours = screen_prior(picture, view, model, step) if screen else vertex_prior(picture, view, mesh_of(model, step))
    prior, _ = _planes(known, view.raster.triangle_id, view.raster.barycentric, colours.draw(points, size, size, "cpu"))
    return Seen(picture, known, view, colours, prior)


def _planes(known: Tables, ids: Ints, weights: Floats, mosaic: Bytes) -> tuple[Bytes, Bytes]:
    prior = np.zeros((PLANES, *ids.shape), np.uint8)
    prior[:3] = mosaic.transpose(2, 0, 1)
    regions = np.full((1, *ids.shape), BACKGROUND, np.uint8)
    _fill_planes(ids, weights, known.triangles, known.kinds, known.regions, known.mouths, known.on_face, known.places,
                 prior, regions[0])
    return prior, regions


@compiled_loosely
def _fill_planes(ids: Ints, weights: Floats, triangles: Ints, kinds: NDArray[np.int8], region: Bytes, mouth: Bytes,
                 on_face: NDArray[np.bool_], places: Floats, prior: Bytes, regions: Bytes) -> None:
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            face = ids[row, column] - 1
            if face < 0:
                continue
            regions[row, column] = region[face]
            prior[7, row, column] = mouth[face]
            if kinds[face] == EYE:
                prior[6, row, column] = 255
            if on_face[face]:
                u, v = weights[row, column, 0], weights[row, column, 1]
                w = np.float32(1) - u - v
                for k in range(3):
                    value = (places[triangles[face, 0], k] * u + places[triangles[face, 1], k] * v
                             + places[triangles[face, 2], k] * w)
                    value = min(max(value + np.float32(0.5), np.float32(1)), np.float32(255))
                    prior[3 + k, row, column] = np.uint8(value)


@compiled
def _traced(ids: Ints, weights: Floats, triangles: Ints, kinds: NDArray[np.int8], shift: Floats, points: Floats,
            normals: Floats, depth: Floats, kind_there: NDArray[np.int8], tolerance: float) -> tuple[Floats, Bytes]:
    """Where each pixel of the moved head lies in the source (H, W, 2), and how surely it is seen there (H, W)."""
    height, width = ids.shape
    back = np.empty((height, width, 2), np.float32)
    sure = np.zeros((height, width), np.uint8)
    for row in range(height):
        for column in range(width):
            back[row, column, 0], back[row, column, 1] = column + np.float32(0.5), row + np.float32(0.5)
            face = ids[row, column] - 1
            if face < 0:
                continue
            a, b, c = triangles[face]
            u, v = weights[row, column]
            w = np.float32(1) - u - v
            x = back[row, column, 0] + u * shift[a, 0] + v * shift[b, 0] + w * shift[c, 0]
            y = back[row, column, 1] + u * shift[a, 1] + v * shift[b, 1] + w * shift[c, 1]
            back[row, column, 0], back[row, column, 1] = x, y
            if not (0 <= x < width and 0 <= y < height):
                continue
            z = u * points[a, 2] + v * points[b, 2] + w * points[c, 2]
            if z < depth_at(depth, x, y) - tolerance:
                continue
            kind = kinds[face]
            if kind != SKIN and kind_there[int(y), int(x)] != kind:
                continue
            facing = np.float32(1)
            if kind == SKIN:
                facing = u * normals[a, 2] + v * normals[b, 2] + w * normals[c, 2]
                facing = (facing - np.float32(0.02)) / np.float32(0.2)
            sure[row, column] = np.uint8(255 * min(max(facing, np.float32(0)), np.float32(1)))
    return back, sure


def _carried_on(back: Floats, beside: NDArray[np.bool_], scale: float) -> Floats:
    """The shift (h, w, 2) on a coarse grid: the head's own, beside it that of the nearest part, fading out."""
    from scipy.ndimage import distance_transform_edt

    half = _COARSE // 2
    grid = np.mgrid[half:back.shape[0]:_COARSE, half:back.shape[1]:_COARSE].astype(np.float32) + np.float32(0.5)
    coarse = back[half::_COARSE, half::_COARSE] - np.stack([grid[1], grid[0]], -1)
    away = beside[half::_COARSE, half::_COARSE]
    if away.all():
        return np.asarray(coarse, np.float32)
    spread = pull_push(coarse, 1 - away.astype(np.float32))
    far = distance_transform_edt(away) * (_COARSE / (_REACH * scale))
    fade = np.clip(1 - far, 0, 1)
    return np.asarray(spread * (fade * fade * (3 - 2 * fade))[..., None], np.float32)


@compiled_loosely
def _beside(back: Floats, sure: Bytes, beside: NDArray[np.bool_], coarse: Floats, kind: NDArray[np.int8]) -> None:
    """Fill `back` beside the head from the coarse shift, in place; what would come from the head is not sure."""
    height, width = beside.shape
    h, w = coarse.shape[:2]
    for row in range(height):
        y = min(max((row + 0.5) / _COARSE - 0.5, 0.0), h - 1.001)
        i = int(y)
        t = np.float32(y - i)
        for column in range(width):
            if not beside[row, column]:
                continue
            x = min(max((column + 0.5) / _COARSE - 0.5, 0.0), w - 1.001)
            j = int(x)
            s = np.float32(x - j)
            for k in range(2):
                top = coarse[i, j, k] + (coarse[i, j + 1, k] - coarse[i, j, k]) * s
                low = coarse[i + 1, j, k] + (coarse[i + 1, j + 1, k] - coarse[i + 1, j, k]) * s
                back[row, column, k] += top + (low - top) * t
            p, q = int(back[row, column, 1]), int(back[row, column, 0])
            if 0 <= p < height and 0 <= q < width and kind[p, q] < 0:
                sure[row, column] = 255


@compiled_loosely
def sampled_at(picture: Bytes, places: Floats) -> Bytes:
    """A picture (H, W, 3) at places (h, w, 2), bilinear, its rim continued: planes (3, h, w)."""
    height, width = picture.shape[:2]
    out = np.empty((3, places.shape[0], places.shape[1]), np.uint8)
    one = np.float32(1)
    for row in range(places.shape[0]):
        for column in range(places.shape[1]):
            x = min(max(places[row, column, 0] - np.float32(0.5), np.float32(0)), np.float32(width - 1))
            y = min(max(places[row, column, 1] - np.float32(0.5), np.float32(0)), np.float32(height - 1))
            j, i = min(int(x), width - 2), min(int(y), height - 2)
            s, t = x - np.float32(j), y - np.float32(i)
            for k in range(3):
                top = picture[i, j, k] * (one - s) + picture[i, j + 1, k] * s
                low = picture[i + 1, j, k] * (one - s) + picture[i + 1, j + 1, k] * s
                out[k, row, column] = np.uint8(top * (one - t) + low * t + np.float32(0.5))
    return out
