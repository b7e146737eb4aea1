# SPDX-License-Identifier: Apache-2.0
"""Options of how frames are drawn: by the mesh alone, or by a network on top of it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..face_model import FaceModel
    from ..playback import Renderer

MOST_PIXELS = 12_600_000
"""Of a video's frame: what phones' cameras take, and more than screens show; larger ones cost gigabytes and minutes"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--renderer", choices=("mesh", "pgfg", "auto"), default="auto",
                        help="mesh: the photo is moved by the fitted head; pgfg: a network paints the face on top of "
                        "that; auto (default): pgfg where there are weights for it, else mesh")
    parser.add_argument("--weights", type=Path, metavar="FILE",
                        help="the network's, .safetensors, made by `mien train pgfg`")


def chosen(options: argparse.Namespace, model: "FaceModel") -> "Renderer":
    """Raises:
        BadInput, MissingPart: see `playback.renderer_named`.
    """
    from ..playback import renderer_named

    return renderer_named(options.renderer, model, options.weights)


def photo_for_video(path: Path) -> tuple[NDArray[np.uint8], list[str]]:
    """The photo (H, W, 3), made smaller where a video of its size could not be played, and what to say of that.

    Raises:
        BadInput: it cannot be read.
    """
    from ..image import read_image

    photo = read_image(path)
    height, width = photo.shape[:2]
    if height * width <= MOST_PIXELS:
        return photo, []
    from PIL import Image

    share = (MOST_PIXELS / (height * width)) ** 0.5
    size = int(width * share), int(height * share)
    smaller = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0))
    return smaller, [f"the photo has {height * width / 1e6:.0f} million pixels; the video is {size[0]}x{size[1]}"]
