# SPDX-License-Identifier: Apache-2.0
"""Pictures of a mesh without a GPU: smooth normals, soft studio light, part colours or a texture.

All geometry is in pixels: x right, y down, z towards the viewer (nearer = larger).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled, compiled_loosely
from .face_model import FaceModel
from .normals import pixel_normals
from .part_colours import (
    IRIS_ANGLE,
    IRIS_COLOUR,
    LIMBUS_COLOUR,
    PART_COLOURS,
    PUPIL_ANGLE,
    colour,
    eyeball_angles,
    mix,
    vertex_colours,
)
from .rasterize import Raster, interpolate, rasterize_image

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_LIGHTS = np.array([[-0.45, -0.60, 0.66, 1.00, 0.97, 0.92],
                    [0.80, -0.05, 0.60, 0.30, 0.34, 0.40],
                    [0.35, -0.55, -0.75, 0.35, 0.36, 0.40]], np.float32)
"""Direction towards each light (not yet unit), and its colour: key, fill, rim"""
_AMBIENT = 0.22
_LASHES = 0.4
_WRAP = 0.30


@dataclass(frozen=True, eq=False)
class Shading:
    """Albedo (V, 3) by vertex, or a texture with per-corner coordinates; sRGB 0..1."""

    colours: Floats
    texture: Bytes | None = None
    uv: Floats | None = None
    """(U, 2) in 0..1, origin at the bottom left"""
    uv_triangles: NDArray[np.int32] | None = None


def shade(vertices_image: NDArray[np.floating], triangles: NDArray[np.int32], height: int, width: int,
          shading: Shading | None = None, supersample: int = 2) -> Bytes:
    """A lit picture (H, W, 4) uint8 sRGB of a mesh whose triangles are counter-clockwise seen from outside.

    Alpha is the coverage; colours are not multiplied by it.
    """
    s = supersample
    points = np.asarray(vertices_image, np.float32) * np.float32(s)
    raster = rasterize_image(points, triangles, height * s, width * s)
    if shading is None:
        shading = Shading(np.tile(colour(PART_COLOURS["skin"]), (len(points), 1)))
    albedo = _albedo(raster, triangles, shading)
    return _downsample(_lit_picture(points, triangles, raster, albedo), raster.triangle_id, s)


def shade_head(model: FaceModel, vertices_image: NDArray[np.floating], height: int, width: int,
               texture: Bytes | None = None, supersample: int = 2) -> Bytes:
    """A lit picture (H, W, 4) uint8 of a face model's head: parts in their colours, eyes with iris and pupil.

    Args:
        vertices_image: (V, 3) pixels, z nearer = larger.
        texture: (h, w, 3) in the model's UVs, instead of the part colours.
    """
    s = supersample
    points = np.asarray(vertices_image, np.float32) * np.float32(s)
    shading = Shading(vertex_colours(model), texture, model.uv, model.uv_triangles)
    bare = _lit_head(model, points, height * s, width * s, shading, _without(model, "lashes"))
    if "lashes" not in model.part_names:
        return _downsample(*bare, s)
    full = _lit_head(model, points, height * s, width * s, shading, model.triangles)
    # Lashes are cards without holes: drawn solid they look like paint.
    return _downsample(mix(bare[0], full[0], _LASHES), bare[1], s)


def _without(model: FaceModel, part: str) -> NDArray[np.int32]:
    """The triangles, those of one part collapsed: they draw nothing, and the others keep their numbers."""
    triangles = model.triangles.copy()
    if part in model.part_names:
        triangles[model.triangle_part == model.part_names.index(part)] = 0
    return triangles


def _lit_head(model: FaceModel, points: Floats, height: int, width: int, shading: Shading,
              triangles: NDArray[np.int32]) -> tuple[Floats, NDArray[np.int32]]:
    """Linear colours (H, W, 3) and triangle ids."""
    raster = rasterize_image(points, triangles, height, width)
    albedo = _albedo(raster, triangles, shading)
    if shading.texture is None:
        paint_eyes(model, raster, albedo)
    return _lit_picture(points, model.triangles, raster, albedo), raster.triangle_id


def paint_eyes(model: FaceModel, raster: Raster, albedo: Floats,
               iris_colour: tuple[float, float, float] = IRIS_COLOUR) -> None:
    """Draw iris and pupil into `albedo` (H, W, 3) where an eyeball is seen.

    The place on the ball is found in the model's rest shape, where both eyes look straight ahead, so the iris
    follows whatever moves the ball's vertices.
    """
    part = np.append(np.int32(-1), model.triangle_part)[raster.triangle_id]
    for index, name in enumerate(model.part_names):
        seen = part == index
        if not name.startswith("eye_") or not seen.any():
            continue
        at = _points_at(raster, model.triangles, model.mean, seen)
        angle = eyeball_angles(model, index, at)[:, None]
        iris = colour(iris_colour) * (1.15 - 0.5 * _step(angle, 0.6 * IRIS_ANGLE, IRIS_ANGLE))
        painted = mix(iris, colour(LIMBUS_COLOUR), _step(angle, 0.80 * IRIS_ANGLE, 0.97 * IRIS_ANGLE))
        painted = mix(painted, albedo[seen], _step(angle, 0.95 * IRIS_ANGLE, 1.08 * IRIS_ANGLE))
        albedo[seen] = painted * (0.04 + 0.96 * _step(angle, 0.92 * PUPIL_ANGLE, 1.08 * PUPIL_ANGLE))


def _points_at(raster: Raster, triangles: NDArray[np.int32], values: Floats,
               seen: NDArray[np.bool_]) -> Floats:
    corners = values[triangles[raster.triangle_id[seen] - 1]]
    u, v = raster.barycentric[seen].T
    return np.asarray(np.einsum("nc,ncd->nd", np.stack([u, v, 1 - u - v], 1), corners))


def _step(x: Floats, low: float, high: float) -> Floats:
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _albedo(raster: Raster, triangles: NDArray[np.int32], shading: Shading) -> Floats:
    """Unlit sRGB colour (H, W, 3) at every pixel."""
    if shading.texture is None or shading.uv is None or shading.uv_triangles is None:
        return interpolate(raster, triangles, shading.colours)
    h, w = shading.texture.shape[:2]
    texel = interpolate(raster, shading.uv_triangles, shading.uv)
    return _sample(shading.texture, texel[..., 0] * w - 0.5, (1 - texel[..., 1]) * h - 0.5)


def _lit_picture(points: Floats, triangles: NDArray[np.int32], raster: Raster, albedo: Floats) -> Floats:
    normals = interpolate(raster, triangles, pixel_normals(points, triangles))
    open_to_light = openness(interpolate(raster, triangles, points)[..., 2], raster.triangle_id > 0)
    lights = _LIGHTS.copy()
    lights[:, :3] /= np.linalg.norm(lights[:, :3], axis=1, keepdims=True)
    return _lit(albedo, normals, open_to_light, raster.triangle_id, lights)


def openness(depth: Floats, seen: NDArray[np.bool_]) -> Floats:
    """How open each pixel is, 0..1: low where the surroundings are nearer to the viewer.

    Unsharp masking of the depth buffer (Luft, Colditz & Deussen 2006) at two radii, at half resolution.
    """
    from scipy.ndimage import uniform_filter

    coarse, mask = depth[::2, ::2], seen[::2, ::2]
    opened = np.ones_like(coarse)
    rows = np.flatnonzero(mask.any(1))
    size = float(len(rows))
    weight = np.asarray(mask, np.float32)
    for radius, strength in ((0.012, 0.9), (0.05, 0.7)):
        width = 2 * int(size * radius) + 3
        around = uniform_filter(weight, width) + np.float32(1e-3)
        mean = np.where(mask, coarse, 0)
        for _ in range(2):
            mean = np.where(mask, uniform_filter(mean, width) / around, 0)
        above = np.clip((mean - coarse) / (2 * max(size, 1) * radius), 0, 1)
        opened *= 1 - strength * above
    opened[~mask] = 1
    return np.repeat(np.repeat(opened, 2, 0), 2, 1)[:len(depth), :depth.shape[1]]


@compiled_loosely
def _lit(albedo: Floats, normals: Floats, openness: Floats, ids: NDArray[np.int32], lights: Floats) -> Floats:
    """Wrapped diffuse light, a soft highlight and ambient light, linear RGB."""
    height, width = ids.shape
    out = np.zeros((height, width, 3), np.float32)
    for row in range(height):
        for column in range(width):
            if ids[row, column] == 0:
                continue
            nx, ny, nz = normals[row, column]
            length = max(np.sqrt(nx * nx + ny * ny + nz * nz), np.float32(1e-6))
            nx, ny, nz = nx / length, ny / length, abs(nz) / length
            # Surfaces that turn away fall behind their neighbours without being hidden by them.
            shade_here = 1 - (1 - openness[row, column]) * min(np.float32(1), np.float32(1.6) * nz)
            r = g = b = np.float32(_AMBIENT) * (np.float32(0.75) - np.float32(0.25) * ny) * shade_here
            shine = np.float32(0)
            for k in range(len(lights)):
                lx, ly, lz = lights[k, 0], lights[k, 1], lights[k, 2]
                facing = (nx * lx + ny * ly + nz * lz + _WRAP) / (1 + _WRAP)
                facing = max(facing, np.float32(0)) * (np.float32(0.35) + np.float32(0.65) * shade_here)
                r += facing * lights[k, 3]
                g += facing * lights[k, 4]
                b += facing * lights[k, 5]
                hz = lz + 1
                half = (nx * lx + ny * ly + nz * hz) / np.sqrt(lx * lx + ly * ly + hz * hz + np.float32(1e-6))
                shine += max(half, np.float32(0)) ** 24 * lights[k, 3]
            shine *= np.float32(0.07) * shade_here
            out[row, column, 0] = albedo[row, column, 0] ** np.float32(2.2) * r + shine
            out[row, column, 1] = albedo[row, column, 1] ** np.float32(2.2) * g + shine
            out[row, column, 2] = albedo[row, column, 2] ** np.float32(2.2) * b + shine
    return out


@compiled
def _downsample(linear: Floats, ids: NDArray[np.int32], s: int) -> Bytes:
    """Mean of s x s covered samples to sRGB, coverage to alpha."""
    height, width = ids.shape[0] // s, ids.shape[1] // s
    out = np.zeros((height, width, 4), np.uint8)
    for row in range(height):
        for column in range(width):
            count = 0
            total = np.zeros(3, np.float32)
            for i in range(row * s, row * s + s):
                for j in range(column * s, column * s + s):
                    if ids[i, j]:
                        count += 1
                        total += linear[i, j]
            if count:
                for k in range(3):
                    value = min(max(total[k] / count, np.float32(0)), np.float32(1)) ** (1 / 2.2)
                    out[row, column, k] = np.uint8(value * 255 + 0.5)
                out[row, column, 3] = np.uint8(255 * count / (s * s) + 0.5)
    return out


@compiled
def _sample(texture: Bytes, x: Floats, y: Floats) -> Floats:
    """Bilinear lookup at index coordinates (H, W), 0..1."""
    height, width = texture.shape[:2]
    out = np.empty((*x.shape, 3), np.float32)
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            u = min(max(x[row, column], 0.0), width - 1.0)
            v = min(max(y[row, column], 0.0), height - 1.0)
            i, j = min(int(u), max(width - 2, 0)), min(int(v), max(height - 2, 0))
            i1, j1 = min(i + 1, width - 1), min(j + 1, height - 1)
            du, dv = u - i, v - j
            for k in range(3):
                top = texture[j, i, k] * (1 - du) + texture[j, i1, k] * du
                bottom = texture[j1, i, k] * (1 - du) + texture[j1, i1, k] * du
                out[row, column, k] = (top * (1 - dv) + bottom * dv) / 255
    return out
