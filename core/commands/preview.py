# SPDX-License-Identifier: Apache-2.0
"""Draw a motion's curves, a face from several sides, or a contact sheet of a video."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from . import options as common

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HELP = "a picture of a motion, a face or a video"
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, help="a motion, a face (.npz) or a video")
    common.add_output(parser, "the picture, .png or .jpg")
    parser.add_argument("--photo", type=Path, help="the photo that a face was fitted to, for its texture")
    common.add_model(parser)


def run(options: argparse.Namespace) -> None:
    common.check_outputs(options.output, suffixes={options.output: (".png", ".jpg")})
    from ..image import write_image

    write_image(options.output, _picture(options))
    common.report(options, {}, str(options.output))


def _picture(options: argparse.Namespace) -> "NDArray[np.uint8]":
    from ..contact_sheet import face_sheet, video_sheet

    if options.source.suffix.lower() in VIDEO_SUFFIXES:
        return video_sheet(options.source)
    if _holds_a_face(options.source):
        from ..fit_files import load_fit
        from ..image import read_image

        model = common.chosen_model(options)
        photo = read_image(options.photo) if options.photo else None
        return face_sheet(load_fit(options.source, model), model, photo)
    from ..motion_files import load_motion
    from ..plots import plot_motion

    return plot_motion(load_motion(options.source))


def _holds_a_face(path: Path) -> bool:
    """Whether an .npz is a fitted face rather than a motion."""
    from ..npz_reader import read_arrays

    return path.suffix.lower() == ".npz" and "vertices_image" in read_arrays(path)
