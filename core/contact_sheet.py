# SPDX-License-Identifier: Apache-2.0
"""Pictures side by side: frames of a video, a fitted head from several sides."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from .face_model import FaceModel
    from .fitting import Fit

Rgb = NDArray[np.uint8]

BACKGROUND = (232, 232, 230)
INK = (40, 40, 40)
GAP = 6
LABEL_HEIGHT = 18
HEAD_HEIGHT_METRES = 0.34
_FACE_BELOW_EYES = 0.025


def grid(images: Sequence[Rgb], columns: int, labels: Sequence[str] | None = None) -> Rgb:
    """Pictures of one size (H, W, 3) in rows of `columns`, each with its label below it when there are labels."""
    height, width = images[0].shape[:2]
    below = LABEL_HEIGHT if labels else 0
    rows = -(-len(images) // columns)
    size = (columns * (width + GAP) + GAP, rows * (height + below + GAP) + GAP)
    sheet = Image.new("RGB", size, BACKGROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(LABEL_HEIGHT - 6)
    for i, image in enumerate(images):
        x = GAP + (i % columns) * (width + GAP)
        y = GAP + (i // columns) * (height + below + GAP)
        sheet.paste(Image.fromarray(image), (x, y))
        if labels:
            pen.text((x + width / 2, y + height + below / 2), labels[i], fill=INK, font=font, anchor="mm")
    return np.asarray(sheet)


def video_sheet(path: str | os.PathLike[str], columns: int = 4, rows: int = 4, width: int = 256) -> Rgb:
    """Frames of a video, evenly spread over it, with their times.

    Raises:
        BadInput: the video cannot be read.
    """
    from .video import VideoReader

    with VideoReader(path) as reader:
        count = reader.frame_count or sum(1 for _ in reader)
        wanted = set(np.linspace(0, count - 1, columns * rows).round().astype(int).tolist())
        size = (width, max(1, round(width * reader.height / reader.width)))
        frames = [(frame.time_seconds, _resized(frame.rgb, size)) for frame in reader if frame.index in wanted]
    return grid([rgb for _, rgb in frames], columns, [f"{time:.2f} s" for time, _ in frames])


def face_sheet(fit: "Fit", model: "FaceModel", photo: Rgb | None = None, side: int = 384) -> Rgb:
    """A fitted head from five sides, at rest above and with its expression below.

    Args:
        photo: the picture that the head was fitted to, for its texture; without it the head is plain.
    """
    texture = None
    if photo is not None:
        from .texture import uv_texture

        texture = uv_texture([photo], [fit], model).rgb
    yaws = (-70, -35, 0, 35, 70)
    poses = [(yaw, expression) for expression in (np.zeros_like(fit.expression), fit.expression) for yaw in yaws]
    views = [head_view(model, fit.identity, expression, yaw, side, texture) for yaw, expression in poses]
    labels = [f"{'at rest' if not expression.any() else 'as in the photo'}, {yaw:+d}°" for yaw, expression in poses]
    return grid(views, len(yaws), labels)


def head_view(model: "FaceModel", identity: NDArray[np.floating] | None, expression: NDArray[np.floating] | None,
              yaw: float = 0.0, side: int = 256, texture: Rgb | None = None) -> Rgb:
    """A head (side, side, 3) on a plain ground, turned by `yaw` degrees to the subject's left."""
    from .camera import Camera, project
    from .shade import shade_head

    camera = Camera.for_image(side, side)
    distance = camera.focal * HEAD_HEIGHT_METRES / side
    rotation = np.array([0.0, -np.radians(yaw), 0.0])
    points = project(model.vertices(identity, expression), rotation,
                     np.array([0.0, -_FACE_BELOW_EYES, distance]), camera)
    rgba = shade_head(model, points, side, side, texture).astype(np.float32)
    alpha = rgba[..., 3:] / 255
    ground = np.array(BACKGROUND, np.float32)
    return np.asarray(rgba[..., :3] * alpha + ground * (1 - alpha) + 0.5).astype(np.uint8)


def _resized(rgb: Rgb, size: tuple[int, int]) -> Rgb:
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))
