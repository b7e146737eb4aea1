# SPDX-License-Identifier: Apache-2.0
"""Texture maps: which place on the head a texel is, and what a photo shows there."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .face_model import FaceModel
from .rasterize import Raster, rasterize
from .visibility import TOLERANCE, View, depth_at, sure_kinds, triangle_kinds, trust

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

_GRAZING = 0.12
"""Cosine between view and normal from which on a photo tells nothing"""


def atlas(model: FaceModel, size: int) -> Raster:
    """The texture map (size, size) as a raster: triangle and place on it of every texel, row 0 at v = 1.

    Kept for the models and sizes used last.
    """
    return _AtlasOf(model).raster(size)


class _AtlasOf:
    """Makes a model a cache key by what its texture map depends on."""

    def __init__(self, model: FaceModel) -> None:
        self.uv, self.triangles = model.uv, np.ascontiguousarray(model.uv_triangles, np.int32)
        self._key = (self.uv.tobytes(), self.triangles.tobytes())

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _AtlasOf) and self._key == other._key

    @lru_cache(maxsize=4)  # noqa: B019 - the key holds no more than the map needs
    def raster(self, size: int) -> Raster:
        clip = np.zeros((len(self.uv), 3), np.float32)
        clip[:, 0], clip[:, 1] = 2 * self.uv[:, 0] - 1, 1 - 2 * self.uv[:, 1]
        return rasterize(clip, self.triangles, size, size, backend="cpu")


def gather(photo: Bytes, view: View, model: FaceModel, texels: Raster,
           mirrored: bool = False) -> tuple[Floats, Floats]:
    """Colours (S, S, 3) 0..255 and weights (S, S) 0..1 that a photo (H, W, 3) gives to texels.

    The weight is 0 where the surface is hidden, turned away, out of the picture, or where the pixel may show
    another kind of surface (lid or eyeball, lip or tooth); else it grows with how squarely the surface is seen.
    `mirrored` reads every texel at its mirror image on the other side of the head.
    """
    points, facing = view.points, view.normals[:, 2]
    if mirrored:
        points, facing = points[model.mirror], facing[model.mirror]
    triangles = np.ascontiguousarray(model.triangles, np.int32)
    return _gather(photo, view.depth, sure_kinds(view), trust(view), TOLERANCE * view.scale, texels.triangle_id,
                   texels.barycentric, triangles, triangle_kinds(model), np.ascontiguousarray(points),
                   np.ascontiguousarray(facing))


@compiled
def _gather(photo: Bytes, depth: Floats, kinds: NDArray[np.int8], sure: Floats, tolerance: float, ids: Ints,
            weights: Floats, triangles: Ints, triangle_kind: NDArray[np.int8], points: Floats,
            facing: Floats) -> tuple[Floats, Floats]:
    height, width = photo.shape[:2]
    out = np.zeros((*ids.shape, 3), np.float32)
    seen = np.zeros(ids.shape, np.float32)
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            if ids[row, column] == 0:
                continue
            face = ids[row, column] - 1
            a, b, c = triangles[face]
            u, v = weights[row, column]
            t = np.float32(1) - u - v
            towards = u * facing[a] + v * facing[b] + t * facing[c]
            x = u * points[a, 0] + v * points[b, 0] + t * points[c, 0]
            y = u * points[a, 1] + v * points[b, 1] + t * points[c, 1]
            if towards <= _GRAZING or not (0.5 <= x < width - 0.5 and 0.5 <= y < height - 0.5):
                continue
            z = u * points[a, 2] + v * points[b, 2] + t * points[c, 2]
            kind = kinds[int(y), int(x)]
            if (kind != triangle_kind[face] and kind != -1) or z < depth_at(depth, x, y) - tolerance:
                continue
            squarely = (towards - np.float32(_GRAZING)) / np.float32(1 - _GRAZING)
            seen[row, column] = squarely * bilinear(sure, x, y)
            sample(photo, x, y, out[row, column])
    return out, seen


@compiled
def sample(photo: Bytes, x: float, y: float, out: Floats) -> None:
    """Bilinear colour at a place in pixels (centres at +0.5); beyond the border the border goes on."""
    height, width = photo.shape[:2]
    u = min(max(x - 0.5, 0.0), width - 1.0)
    v = min(max(y - 0.5, 0.0), height - 1.0)
    j, i = int(u), int(v)
    j1, i1 = min(j + 1, width - 1), min(i + 1, height - 1)
    du, dv = u - j, v - i
    for k in range(3):
        top = photo[i, j, k] * (1 - du) + photo[i, j1, k] * du
        low = photo[i1, j, k] * (1 - du) + photo[i1, j1, k] * du
        out[k] = top * (1 - dv) + low * dv


@compiled
def bilinear(values: Floats, x: float, y: float) -> float:
    """The value at a place in pixels (centres at +0.5); beyond the border the border goes on."""
    height, width = values.shape
    u = min(max(x - 0.5, 0.0), width - 1.0)
    v = min(max(y - 0.5, 0.0), height - 1.0)
    j, i = int(u), int(v)
    j1, i1 = min(j + 1, width - 1), min(i + 1, height - 1)
    du, dv = u - j, v - i
    top = values[i, j] * (1 - du) + values[i, j1] * du
    return float(top * (1 - dv) + (values[i1, j] * (1 - du) + values[i1, j1] * du) * dv)
