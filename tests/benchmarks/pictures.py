# SPDX-License-Identifier: Apache-2.0
"""The pictures and videos that are measured on: the portrait in the box, and a camera that moves about it."""

from collections.abc import Iterator
from pathlib import Path

import mien.core
import numpy as np
from mien.core.image import read_image
from mien.core.video import VideoWriter
from numpy.typing import NDArray
from PIL import Image

Rgb = NDArray[np.uint8]
PORTRAIT = Path(mien.core.__file__).parent / "demo_data/astronaut.jpg"


def portrait() -> Rgb:
    """512 x 512."""
    return read_image(PORTRAIT)


def moving_camera(width: int, height: int, frames: int) -> Iterator[Rgb]:
    """The portrait on a grey ground, slowly turning, nearing and drifting in the picture's plane."""
    photo = Image.fromarray(portrait())
    side = min(width, height)
    for t in np.arange(frames) / 30:
        angle, zoom = 0.15 * np.sin(1.3 * t), side / photo.width * (1.15 + 0.1 * np.sin(0.7 * t))
        cosine, sine = np.cos(angle) / zoom, np.sin(angle) / zoom
        middle = np.array([width / 2 + 0.04 * side * np.sin(2.1 * t), height / 2 + 0.03 * side * np.cos(1.7 * t)])
        x, y = np.array(photo.size) / 2 - [[cosine, sine], [-sine, cosine]] @ middle
        moved = photo.transform((width, height), Image.Transform.AFFINE, (cosine, sine, x, -sine, cosine, y),
                                Image.Resampling.BILINEAR, fillcolor=(96, 96, 96))
        yield np.asarray(moved)


def write_video(path: Path, width: int, height: int, frames: int) -> Path:
    with VideoWriter(path, 30.0, width, height) as video:
        for rgb in moving_camera(width, height, frames):
            video.write(rgb)
    return path
