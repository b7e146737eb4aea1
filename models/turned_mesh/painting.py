# SPDX-License-Identifier: Apache-2.0
"""Drawing one textured, lit head over a background, and simple shapes before and behind it."""

import numpy as np
from numpy.typing import NDArray

from ...core.compiled import compiled
from ...core.rasterize import Raster

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@compiled
def paint_head(ids: NDArray[np.int32], weights: Floats, triangles: NDArray[np.int32], uv: Floats, texture: Bytes,
               other: Bytes, share: float, light: Floats, picture: Floats) -> None:
    """Draw over picture (H, W, 3) in place: two textures mixed by `share`, times the light (V, 3) at the vertices.

    `uv` (F, 3, 2) holds the texture coordinates of the triangles' corners, origin at the bottom left.
    """
    size = texture.shape[0]
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            face = ids[row, column] - 1
            if face < 0:
                continue
            a, b = weights[row, column, 0], weights[row, column, 1]
            c = np.float32(1) - a - b
            u = uv[face, 0, 0] * a + uv[face, 1, 0] * b + uv[face, 2, 0] * c
            v = uv[face, 0, 1] * a + uv[face, 1, 1] * b + uv[face, 2, 1] * c
            x = min(max(u * size - 0.5, 0.0), size - 1.001)
            y = min(max((1.0 - v) * size - 0.5, 0.0), size - 1.001)
            x0, y0 = int(x), int(y)
            x, y = x - x0, y - y0
            i, j, k = triangles[face, 0], triangles[face, 1], triangles[face, 2]
            for channel in range(3):
                lit = light[i, channel] * a + light[j, channel] * b + light[k, channel] * c
                colour = 0.0
                for image, part in ((texture, 1 - share), (other, share)):
                    upper = image[y0, x0, channel] * (1 - x) + image[y0, x0 + 1, channel] * x
                    lower = image[y0 + 1, x0, channel] * (1 - x) + image[y0 + 1, x0 + 1, channel] * x
                    colour += part * (upper * (1 - y) + lower * y)
                picture[row, column, channel] = colour * lit


def paint_raster(raster: Raster, triangles: NDArray[np.int32], uv: Floats, textures: tuple[Bytes, Bytes], share: float,
                 light: Floats, picture: Floats) -> None:
    """`paint_head` for a raster."""
    paint_head(raster.triangle_id, raster.barycentric, triangles, uv, *textures, share, light, picture)


def ellipse(picture: Floats, centre: tuple[float, float], radii: tuple[float, float], angle: float,
            colour: NDArray[np.floating]) -> None:
    """Draw an ellipse with a soft edge over picture (H, W, 3) in place; the colour may vary over the picture."""
    rows, columns = np.mgrid[:picture.shape[0], :picture.shape[1]].astype(np.float32)
    x, y = columns - centre[0], rows - centre[1]
    cos, sin = np.cos(angle), np.sin(angle)
    u, v = (cos * x + sin * y) / radii[0], (cos * y - sin * x) / radii[1]
    cover = np.clip((1.05 - (u * u + v * v)) * 8, 0, 1)[..., None].astype(np.float32)
    picture += cover * (colour - picture)


def strands(random: np.random.Generator, side: int, angle: float) -> Floats:
    """Stripes (side, side, 1) of light and dark, as of hair, in colour units."""
    levels = random.normal(size=24).astype(np.float32) * 25
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    across = (np.cos(angle) * columns + np.sin(angle) * rows) * random.uniform(0.3, 1.2)
    stripes = np.interp((across % 24).ravel(), np.arange(24), levels)
    return np.asarray(stripes.reshape(side, side, 1), np.float32)
