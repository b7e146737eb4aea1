# SPDX-License-Identifier: Apache-2.0
"""The fitted head drawn over its picture, to see at a glance whether a fit is right."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .camera import project
from .compiled import compiled
from .face_model import FaceModel
from .motion import Motion
from .progress import Progress
from .shade import shade_head

if TYPE_CHECKING:
    from .fitting import Fit

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_OPACITY = 0.55
_DOT = (80, 255, 190)


def draw_overlay(rgb: Bytes, fit: "Fit", model: FaceModel | None = None) -> Bytes:
    """The picture (H, W, 3) with the fitted head half transparent over it, and its 68 landmarks."""
    if model is None:
        from .model_files import default_model

        model = default_model()
    return _drawn(rgb, fit.vertices_image, fit.landmarks_68, model)


def overlay_video(video: str | os.PathLike[str], motion: Motion, model: FaceModel, path: str | os.PathLike[str],
                  progress: Progress | None = None) -> int:
    """Write the video with the tracked head over every frame; frames without a face stay as they are.

    Returns the number of frames.

    Raises:
        BadInput: the video cannot be read.
        CannotWrite: `path` cannot be written to.
    """
    from .playback import write_video
    from .video import VideoReader

    with VideoReader(video) as reader:
        frames = _overlaid((frame.rgb for frame in reader), motion, model)
        return write_video(path, frames, reader.fps, progress)


def _overlaid(frames: Iterator[Bytes], motion: Motion, model: FaceModel) -> Iterator[Bytes]:
    neutral = model.vertices(motion.identity)
    places = [model.expression_names.index(name) for name in motion.channels]
    basis = model.expression_basis[places]
    for index, rgb in enumerate(frames):
        if index >= len(motion) or motion.confidence[index] == 0:
            yield rgb
            continue
        shape = neutral + np.tensordot(motion.expression[index], basis, 1)
        vertices = project(shape, motion.rotation[index], motion.translation[index], motion.camera)
        landmarks = model.points("ibug68", vertices) if "ibug68" in model.embeddings else vertices[:0]
        yield _drawn(rgb, vertices, landmarks, model, supersample=1)


def _drawn(rgb: Bytes, vertices: NDArray[np.floating], landmarks: NDArray[np.floating], model: FaceModel,
           supersample: int = 2) -> Bytes:
    out = rgb.copy()
    left, top = np.clip(np.floor(vertices[:, :2].min(0)).astype(int), 0, [rgb.shape[1] - 1, rgb.shape[0] - 1])
    right, bottom = np.clip(np.ceil(vertices[:, :2].max(0)).astype(int), [left + 1, top + 1], rgb.shape[1::-1])
    box = out[top:bottom, left:right]
    head = shade_head(model, vertices - [left, top, 0], box.shape[0], box.shape[1], supersample=supersample)
    alpha = head[..., 3:] * np.float32(_OPACITY / 255)
    box[:] = box + (head[..., :3].astype(np.float32) - box) * alpha + 0.5
    face = float(np.ptp(vertices[:, 1]))
    _dots(out, np.asarray(landmarks, np.float64), max(face / 180, 1.0), np.array(_DOT, np.float64))
    return out


@compiled
def _dots(picture: Bytes, points: NDArray[np.float64], radius: float, colour: NDArray[np.float64]) -> None:
    """Smooth-edged discs with a dark rim at points (N, ≥2), pixels."""
    height, width = picture.shape[:2]
    outer = radius * 1.6
    for n in range(len(points)):
        x, y = points[n, 0], points[n, 1]
        if not (-outer < x < width + outer and -outer < y < height + outer):
            continue
        for row in range(max(int(y - outer - 1), 0), min(int(y + outer + 2), height)):
            for column in range(max(int(x - outer - 1), 0), min(int(x + outer + 2), width)):
                far = np.hypot(column + 0.5 - x, row + 0.5 - y)
                rim = min(max(outer + 0.5 - far, 0.0), 1.0) * 0.7
                disc = min(max(radius + 0.5 - far, 0.0), 1.0)
                for k in range(3):
                    value = picture[row, column, k] * (1 - rim)
                    picture[row, column, k] = np.uint8(value + (colour[k] - value) * disc)
