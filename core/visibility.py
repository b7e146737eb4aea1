# SPDX-License-Identifier: Apache-2.0
"""What of a fitted head is seen in a picture: depth, and which kind of surface each pixel shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .face_model import FaceModel
from .normals import pixel_normals
from .rasterize import Raster, interpolate, rasterize_image

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

SKIN, EYE, MOUTH, SOCKET = 0, 1, 2, 3
_KINDS = {"eye": EYE, "tongue": MOUTH, "teeth": MOUTH, "mouth": MOUTH, "sockets": SOCKET}
NOTHING = -1
MARGIN = 0.0012
"""Metres beside the rim of an eye or the mouth where a photo's pixel may show either side"""
STEP = 0.03
"""Metres of depth between neighbouring pixels that make an outline (jaw over neck, head over background)"""
OUTLINE = (0.001, 0.007)
"""Metres beside an outline where a photo tells nothing, and from where on all is believed"""
TOLERANCE = 0.003
"""Metres by which a surface may lie behind another and still count as the same"""


@dataclass(frozen=True, eq=False)
class View:
    """One head in one picture of H rows and W columns, lashes left out; pixels, z nearer = larger."""

    points: Floats
    """(V, 3)"""
    normals: Floats
    """(V, 3) outward"""
    raster: Raster
    depth: Floats
    """(H, W) z of the nearest surface; -1e9 where there is none"""
    kind: NDArray[np.int8]
    """(H, W) SKIN, EYE, MOUTH, SOCKET or NOTHING"""
    scale: float
    """Pixels per metre of the head"""


def triangle_kinds(model: FaceModel) -> NDArray[np.int8]:
    """SKIN, EYE, MOUTH or SOCKET for every triangle (F,)."""
    kinds = [_KINDS.get(name.split("_", maxsplit=1)[0], SKIN) for name in model.part_names]
    return np.array(kinds, np.int8)[model.triangle_part]


def solid_triangles(model: FaceModel) -> Ints:
    """The triangles, lashes collapsed: they draw nothing, and the others keep their numbers."""
    triangles = np.array(model.triangles, np.int32)
    if "lashes" in model.part_names:
        triangles[model.triangle_part == model.part_names.index("lashes")] = 0
    return triangles


def look(model: FaceModel, vertices_image: NDArray[np.floating], height: int, width: int,
         scale: float) -> View:
    """Draw the head (V, 3) into a picture of the given size; `scale` is the head's size in pixels per metre."""
    points = np.ascontiguousarray(vertices_image, np.float32)
    triangles = solid_triangles(model)
    raster = rasterize_image(points, triangles, height, width, backend="cpu")
    depth = interpolate(raster, triangles, points[:, 2:])[..., 0]
    depth[raster.triangle_id == 0] = -1e9
    kind = np.append(np.int8(NOTHING), triangle_kinds(model))[raster.triangle_id]
    return View(points, pixel_normals(points, triangles), raster, depth, kind.astype(np.int8), scale)


def visible_vertices(view: View) -> NDArray[np.bool_]:
    """Which vertices (V,) face the viewer, lie in the picture and are hidden by nothing."""
    facing = view.normals[:, 2] > 0
    return np.asarray(facing & _unhidden(view.points, view.depth, TOLERANCE * view.scale))


def sure_kinds(view: View) -> NDArray[np.int8]:
    """`kind` (H, W), -2 near the rims of eyes and mouth, where the fit may be off by a pixel or so."""
    from scipy.ndimage import maximum_filter, minimum_filter

    filled = np.where(view.kind == NOTHING, np.int8(SKIN), view.kind)
    width = 2 * max(1, round(MARGIN * view.scale)) + 1
    pure = minimum_filter(filled, width) == maximum_filter(filled, width)
    return np.where(pure, view.kind, np.int8(-2))


def trust(view: View) -> Floats:
    """How surely a pixel (H, W) shows the skin that the fit puts there: 0 beside outlines, 1 well inside."""
    from scipy.ndimage import distance_transform_edt, maximum_filter, minimum_filter

    deep = maximum_filter(view.depth, 3) - minimum_filter(view.depth, 3) > STEP * view.scale
    inner = np.isin(view.kind, (EYE, MOUTH, SOCKET))
    distance = distance_transform_edt(~deep | inner) / view.scale
    ramp = np.clip((distance - OUTLINE[0]) / (OUTLINE[1] - OUTLINE[0]), 0, 1)
    return np.where(inner, 1, ramp).astype(np.float32)


@compiled
def _unhidden(points: Floats, depth: Floats, tolerance: float) -> NDArray[np.bool_]:
    height, width = depth.shape
    out = np.zeros(len(points), np.bool_)
    for i in range(len(points)):
        if 0 <= points[i, 0] < width and 0 <= points[i, 1] < height:
            out[i] = points[i, 2] >= depth_at(depth, points[i, 0], points[i, 1]) - tolerance
    return out


@compiled
def depth_at(depth: Floats, x: float, y: float) -> float:
    """The farthest of the four pixels around a place: a point on a steep surface does not hide itself."""
    height, width = depth.shape
    i, j = int(np.floor(y - 0.5)), int(np.floor(x - 0.5))
    i0, j0 = min(max(i, 0), height - 1), min(max(j, 0), width - 1)
    i1, j1 = min(max(i + 1, 0), height - 1), min(max(j + 1, 0), width - 1)
    return float(min(min(depth[i0, j0], depth[i0, j1]), min(depth[i1, j0], depth[i1, j1])))
