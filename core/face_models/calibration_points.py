# SPDX-License-Identifier: Apache-2.0
"""Landmarks on the surface: lids' edges, irises, the nearest triangle, and the iBUG 68 points from the mesh's 468."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..face_model import FaceModel
from ..landmarks.regions import EYE_CONTOURS
from ..normals import pixel_normals
from ..rasterize import rasterize_image
from .calibration_portrait import IRIS_DEGREES
from .makehuman_lids import Lids, fit_sphere

Floats = NDArray[np.float64]
Placed = tuple[NDArray[np.int64], Floats]
"""Triangles (L,) and barycentric weights (L, 3)"""

JAW = (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152)
BROW, UNDER_BROW = (70, 63, 105, 66, 107), (46, 53, 52, 65, 55)
BRIDGE = (168, 6, 197, 195, 5, 4)
DIRECT = (98, 97, 2, 326, 327, 33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
          61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178)
"""Mesh points that are iBUG points 31 to 67 (Sagonas et al. 2013)"""
JAW_OUTWARD = np.array([0, 0.2, 0.4, 0.6, 0.6, 0.6, 0.6, 0.6, 0.25])
"""How far, from the mesh's oval to the outline that a frontal view shows, iBUG's jaw lies at each of its points"""
ACROSS = np.array([-1.0, 1.0, 1.0])


def on_lid_edges(places: Floats, mean: Floats, lids: Mapping[str, Lids]) -> Floats:
    """Lid points (468, 3) moved half way onto the lids' front edges, so that they meet when a blink closes the eye."""
    moved = places.copy()
    for contour, side in zip(EYE_CONTOURS, ("right", "left"), strict=True):
        for indices, edge in ((contour[1:8], lids[side].lower), (contour[9:], lids[side].upper)):
            line = mean[edge]
            for index in indices:
                moved[index] = (places[index] + _nearest_on_line(places[index], line)) / 2
    return moved


def place(points: Floats, model: FaceModel, allowed: Sequence[NDArray[np.bool_]]) -> Placed:
    """The nearest points of the mean surface, for each among the triangles allowed to it (F,)."""
    found = [_nearest_triangle(p, model, np.flatnonzero(mask)) for p, mask in zip(points, allowed, strict=True)]
    return np.array([t for t, _ in found]), np.array([w for _, w in found])


def iris_points(model: FaceModel) -> Placed:
    """Centre and rim (picture's right, top, left, bottom) of the right and the left iris, on the eyeballs."""
    sine, cosine = np.sin(np.radians(IRIS_DEGREES)), np.cos(np.radians(IRIS_DEGREES))
    rays = np.array([(0, 0, 1), (sine, 0, cosine), (0, sine, cosine), (-sine, 0, cosine), (0, -sine, cosine)])
    points, masks = [], []
    for part in ("eye_right", "eye_left"):
        mask = model.triangle_part == model.part_names.index(part)
        centre, radius = fit_sphere(model.mean[np.unique(model.triangles[mask])].astype(np.float64))
        points.append(centre + radius * rays)
        masks += [mask] * len(rays)
    return place(np.concatenate(points), model, masks)


def ibug_points(mesh: Floats, model: FaceModel) -> Floats:
    """The iBUG 68 points (68, 3) from the mesh's (468, 3), not yet on the surface."""
    oval = _spread(mesh[list(JAW)], 9)
    right = oval + JAW_OUTWARD[:, None] * (_outline(oval, model) - oval)
    right[8, 0] = 0
    brow = 0.7 * mesh[list(BROW)] + 0.3 * mesh[list(UNDER_BROW)]
    return np.concatenate([right, right[-2::-1] * ACROSS, brow, brow[::-1] * ACROSS,
                           _spread(mesh[list(BRIDGE)], 4), mesh[list(DIRECT)]])


def _outline(points: Floats, model: FaceModel, side: int = 1200, scale: float = 4600.0) -> Floats:
    """Each point moved outward from the middle of the face until the frontal view's face ends."""
    flip, middle = np.array([scale, -scale, scale]), np.array([side / 2, side / 2 - 0.02 * scale, 0.0])
    pixels = (model.mean * flip + middle).astype(np.float32)
    raster = rasterize_image(pixels, model.triangles, side, side)
    normals = pixel_normals(pixels, model.triangles)
    other = np.maximum(model.regions["neck"], model.regions["ears"])
    moved = points.copy()
    for i, point in enumerate(points):
        away = point[:2] - (0.0, -0.03)
        for reach in np.arange(-0.004, 0.02, 0.0002):
            x, y = point[:2] + away / np.linalg.norm(away) * reach
            row, column = int(side / 2 - (y + 0.02) * scale), int(side / 2 + x * scale)
            triangle = raster.triangle_id[row, column] - 1
            u, v = raster.barycentric[row, column]
            weights, corners = np.array([u, v, 1 - u - v]), model.triangles[triangle]
            if triangle < 0 or weights @ other[corners] > 0.4 or weights @ normals[corners, 2] < 0.12:
                break
            moved[i] = weights @ model.mean[corners]
    return moved


def _spread(line: Floats, count: int) -> Floats:
    """`count` points at equal distances along a line of points (N, 3)."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, length[-1], count)
    return np.stack([np.interp(at, length, line[:, k]) for k in range(3)], 1)


def _nearest_on_line(point: Floats, line: Floats) -> Floats:
    """The nearest point of a polyline (N, 3)."""
    start, along = line[:-1], np.diff(line, axis=0)
    t = np.clip(((point - start) * along).sum(1) / (along**2).sum(1), 0, 1)
    candidates = start + t[:, None] * along
    return np.asarray(candidates[np.linalg.norm(candidates - point, axis=1).argmin()])


def _nearest_triangle(point: Floats, model: FaceModel, triangles: NDArray[np.int64]) -> tuple[int, Floats]:
    """The triangle nearest to a point and the weights of the nearest point on it.

    On each triangle the nearest point is its plane's foot if that is inside, else the nearest of its edges'.
    """
    corners = model.mean[model.triangles[triangles]].astype(np.float64)
    edges = corners[:, 1:] - corners[:, :1]
    gram = np.einsum("nid,njd->nij", edges, edges)
    right = np.einsum("nid,nd->ni", edges, point - corners[:, 0])
    inner = np.linalg.solve(gram + 1e-18 * np.eye(2), right[..., None])[..., 0]
    options = [np.concatenate([1 - inner.sum(1, keepdims=True), inner], 1)]
    for a, b in ((0, 1), (1, 2), (2, 0)):
        along = corners[:, b] - corners[:, a]
        t = np.clip(((point - corners[:, a]) * along).sum(1) / np.maximum((along**2).sum(1), 1e-18), 0, 1)
        weights = np.zeros((len(triangles), 3))
        weights[:, a], weights[:, b] = 1 - t, t
        options.append(weights)
    weights = np.stack(options)
    distance = np.linalg.norm(np.einsum("knc,ncd->knd", weights, corners) - point, axis=-1)
    distance[0, (weights[0] < 0).any(1)] = np.inf
    option, best = np.unravel_index(distance.argmin(), distance.shape)
    return int(triangles[best]), weights[option, best]
