# SPDX-License-Identifier: Apache-2.0
"""Rendered portraits whose fit is known exactly, for the tests of texture and playback."""

import numpy as np
from mien.core.camera import Camera, project
from mien.core.face_model import FaceModel
from mien.core.fitting import Fit
from mien.core.motion import Motion
from mien.core.part_colours import vertex_colours
from mien.core.rasterize import interpolate, rasterize_image
from mien.core.shade import paint_eyes, shade_head
from mien.core.visibility import solid_triangles
from numpy.typing import NDArray

SIZE = 256


def expression(model: FaceModel, **channels: float) -> NDArray[np.float32]:
    return np.array([channels.get(name, 0.0) for name in model.expression_names], np.float32)


def exact_fit(model: FaceModel, rotation: tuple[float, float, float] = (0, 0, 0), size: int = SIZE,
              shift: tuple[float, float] = (0, 0.02), **channels: float) -> Fit:
    """The fit of a head that fills most of a square picture, with an identity of its own."""
    identity = np.zeros(len(model.identity_basis), np.float32)
    identity[:4] = (0.5, -0.6, 0.4, 0.3)
    camera = Camera.for_image(size, size)
    turn = np.array(rotation, np.float32)
    place = np.array([*shift, camera.focal / size * 0.34], np.float32)
    beta = expression(model, **channels)
    vertices = project(model.vertices(identity, beta), turn, place, camera).astype(np.float32)
    return Fit(identity=identity, expression=beta, rotation=turn, translation=place, camera=camera,
               vertices_image=vertices, landmarks_68=model.points("ibug68", vertices).astype(np.float32),
               landmarks_478=model.points("mesh478", vertices).astype(np.float32), confidence=1.0, warnings=(),
               residuals={}, model=model.name, model_hash=model.hash)


def background(size: int = SIZE) -> NDArray[np.float64]:
    """Smooth waves of colour, (size, size, 3) 0..255."""
    y, x = np.mgrid[:size, :size] / size
    waves = [np.sin(9 * x + 4 * y), np.cos(7 * y - 3 * x), np.sin(5 * x + 11 * y)]
    return 120 + 50 * np.stack(waves, -1)


def portrait(model: FaceModel, fit: Fit) -> NDArray[np.uint8]:
    """The fitted head, lit, before the background."""
    size = fit.camera.width
    head = shade_head(model, fit.vertices_image, size, size).astype(float)
    alpha = head[..., 3:] / 255
    return np.asarray(background(size) * (1 - alpha) + head[..., :3] * alpha + 0.5, np.uint8)


def flat_portrait(model: FaceModel, fit: Fit) -> NDArray[np.uint8]:
    """The fitted head in colours that do not depend on light: parts, spots of skin, eyes; before the background."""
    size = fit.camera.width
    x, y, z = model.mean.T
    spots = 1 + 0.25 * np.sin(x * 300) * np.cos(y * 350 + z * 200)
    colours = vertex_colours(model) * spots[:, None]
    triangles = solid_triangles(model)
    raster = rasterize_image(fit.vertices_image, triangles, size, size, backend="cpu")
    picture = interpolate(raster, triangles, colours)
    paint_eyes(model, raster, picture)
    there = raster.triangle_id[..., None] > 0
    return np.asarray(np.where(there, np.clip(picture * 255, 0, 255), background(size)) + 0.5, np.uint8)


def motion(model: FaceModel, fits: list[Fit], **changes: object) -> Motion:
    """The coefficients of some fits as frames."""
    values = {"fps": 25.0, "expression": np.stack([f.expression for f in fits]),
              "rotation": np.stack([f.rotation for f in fits]),
              "translation": np.stack([f.translation for f in fits]), "identity": fits[0].identity,
              "channels": model.expression_names, "model": model.name, "model_hash": model.hash,
              "camera": fits[0].camera, "confidence": np.ones(len(fits), np.float32)}
    return Motion(**{**values, **changes})  # type: ignore[arg-type]
