# SPDX-License-Identifier: Apache-2.0
"""Options of how frames are drawn: by the mesh alone, or by a network on top of it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..face_model import FaceModel
    from ..playback import Renderer


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
