# SPDX-License-Identifier: Apache-2.0
"""The photo that is played on: no larger than a video can be."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera
from ..fit import Fit
from ..image import read_image

MOST_PIXELS = 12_600_000
"""Of a video's frame: what phones' cameras take, and more than screens show; larger ones cost gigabytes and minutes"""


def photo_for_video(path: str | os.PathLike[str]) -> tuple[NDArray[np.uint8], list[str]]:
    """The photo (H, W, 3), made smaller where a video of its size could not be played, and what to say of that.

    Raises:
        BadInput: it cannot be read.
    """
    photo = read_image(Path(path))
    height, width = photo.shape[:2]
    if height * width <= MOST_PIXELS:
        return photo, []
    from PIL import Image

    share = (MOST_PIXELS / (height * width)) ** 0.5
    size = int(width * share), int(height * share)
    smaller = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0))
    return smaller, [f"the photo has {height * width / 1e6:.0f} million pixels; the video is {size[0]}x{size[1]}"]


def fit_at(fit: Fit, width: int, height: int) -> Fit:
    """The fit for the same photo at another size; pose and coefficients stay.

    Where the sides do not shrink alike, by less than a pixel, the head goes with the photo's middle.
    """
    camera = fit.camera
    share = np.float32(max(width, height) / max(camera.width, camera.height))
    middle = np.array([camera.width / 2, camera.height / 2, 0], np.float32)
    there = np.array([width / 2, height / 2, 0], np.float32)
    vertices, few, many = (np.asarray((points - middle) * share + there, np.float32)
                           for points in (fit.vertices_image, fit.landmarks_68, fit.landmarks_478))
    return replace(fit, camera=Camera(width, height, float(camera.focal * share), camera.projection),
                   vertices_image=vertices, landmarks_68=few, landmarks_478=many)
