# SPDX-License-Identifier: Apache-2.0
"""One rasteriser for every part: which triangle covers a pixel, where on it, and how deep.

Conventions are nvdiffrast's (Laine et al. 2020): vertices in clip space, -w ≤ x, y, z ≤ w is seen, nearer is
a smaller z/w, triangles have two sides, a triangle covers a pixel whose centre lies in it. Row r of every
output is the line y/w = -1 + (2r + 1) / height. `image_to_clip` keeps the image's rows, so for pixel-space
vertices row 0 is the image's top row on both backends.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput

Floats = NDArray[np.float32]
Backend = Literal["auto", "cpu", "cuda"]

MAX_SIDE = 16384
_MAX_TRIANGLES = 1 << 24


@dataclass(frozen=True, eq=False)
class Raster:
    """What covers each pixel of a picture of H rows and W columns."""

    triangle_id: NDArray[np.int32]
    """(H, W) index of the triangle + 1; 0 where there is none"""
    barycentric: Floats
    """(H, W, 2) perspective-correct weights of the triangle's vertices 0 and 1 (vertex 2 has the rest)"""
    depth: Floats
    """(H, W) z/w, nearer is smaller; 0 where there is no triangle"""


def rasterize(vertices_clip: NDArray[np.floating], triangles: NDArray[np.integer], height: int, width: int,
              backend: Backend = "auto") -> Raster:
    """Find the nearest triangle at every pixel centre.

    Args:
        vertices_clip: (V, 4) clip-space positions, or (V, 3) with w = 1.
        triangles: (F, 3) indices.
        backend: "cpu" (numba), "cuda" (nvdiffrast), or "auto": cuda where both are there.

    Raises:
        BadInput: shapes, sizes or indices that cannot be drawn.
        MissingPart: "cuda" was asked for and CUDA or nvdiffrast is not here.
    """
    clip, faces = _checked(vertices_clip, triangles, height, width)
    from . import cuda

    if backend == "cuda" or (backend == "auto" and cuda.available()):
        return Raster(*cuda.rasterize(clip, faces, height, width))
    from . import cpu

    return Raster(*cpu.rasterize(clip, faces, height, width))


def image_to_clip(vertices_image: NDArray[np.floating], height: int, width: int) -> Floats:
    """Pixel-space vertices (V, 3), z nearer = larger, to clip space (V, 4) with w = 1; row 0 stays on top.

    The depth is scaled so that all of the mesh lies within the clip volume.
    """
    points = np.asarray(vertices_image, np.float64)
    reach = max(float(np.abs(points[:, 2]).max(initial=0.0)) * 1.01, 1e-6)
    clip = np.ones((len(points), 4), np.float32)
    clip[:, 0] = points[:, 0] * (2.0 / width) - 1
    clip[:, 1] = points[:, 1] * (2.0 / height) - 1
    clip[:, 2] = points[:, 2] / -reach
    return clip


def rasterize_image(vertices_image: NDArray[np.floating], triangles: NDArray[np.integer], height: int,
                    width: int, backend: Backend = "auto") -> Raster:
    """`rasterize` for vertices in pixels (V, 3), z nearer = larger."""
    return rasterize(image_to_clip(vertices_image, height, width), triangles, height, width, backend)


def interpolate(raster: Raster, triangles: NDArray[np.integer], values: NDArray[np.floating]) -> Floats:
    """Vertex values (V, C) at every pixel (H, W, C); 0 where there is no triangle."""
    from . import cpu

    return cpu.interpolate(raster.triangle_id, raster.barycentric, np.ascontiguousarray(triangles, np.int32),
                           np.ascontiguousarray(values, np.float32))


def _checked(vertices: NDArray[np.floating], triangles: NDArray[np.integer], height: int,
             width: int) -> tuple[Floats, NDArray[np.int32]]:
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise BadInput(f"Cannot draw {width}x{height} pixels; each side must be 1 to {MAX_SIDE}.")
    if vertices.ndim != 2 or vertices.shape[1] not in (3, 4):
        raise BadInput(f"The vertices have shape {vertices.shape}, expected (V, 3) or (V, 4).")
    if triangles.ndim != 2 or triangles.shape[1] != 3 or len(triangles) >= _MAX_TRIANGLES:
        raise BadInput(f"The triangles have shape {triangles.shape}, expected (F, 3), F < {_MAX_TRIANGLES}.")
    if triangles.size and (triangles.min() < 0 or triangles.max() >= len(vertices)):
        raise BadInput(f"The triangles point outside the {len(vertices)} vertices.")
    clip = np.ascontiguousarray(vertices, np.float32)
    if clip.shape[1] == 3:
        clip = np.concatenate([clip, np.ones((len(clip), 1), np.float32)], 1)
    if not np.isfinite(clip).all():
        raise BadInput("The vertices hold numbers that are not finite.")
    return clip, np.ascontiguousarray(triangles, np.int32)
