# SPDX-License-Identifier: Apache-2.0
"""Draw a motion's curves, a face from several sides, a contact sheet of a video, or a photo's sparse priors."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from . import options as common

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HELP = "a picture of a motion, a face, a video, or of a photo's sparse priors"
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, nargs="+", metavar="[priors] FILE",
                        help="a motion, a face (.npz) or a video; or the word priors and a photo")
    common.add_output(parser, "the picture, .png or .jpg")
    parser.add_argument("--photo", type=Path, help="the photo that a face was fitted to, for its texture")
    priors = parser.add_argument_group("priors: what a generator is given of a photo")
    priors.add_argument("--motion", type=Path, metavar="FILE", help="a motion whose frames are the targets")
    priors.add_argument("-k", dest="steps", default="1,2,3,4,6", metavar="K,...",
                        help="intervals of the samples (default %(default)s)")
    priors.add_argument("--screen", action="store_true", help="intervals in pixels instead of vertices")
    priors.add_argument("--face", type=int, metavar="N", help="the N-th face, from 0, the most prominent one")
    common.add_model(parser)


def run(options: argparse.Namespace) -> None:
    common.check_outputs(options.output, suffixes={options.output: (".png", ".jpg")})
    from ..image import write_image

    write_image(options.output, _picture(options))
    common.report(options, {}, str(options.output))


def _picture(options: argparse.Namespace) -> "NDArray[np.uint8]":
    from ..contact_sheet import face_sheet, video_sheet

    if str(options.source[0]) == "priors" and len(options.source) == 2:
        return _priors(options, options.source[1])
    if len(options.source) > 1:
        from ..errors import BadInput

        raise BadInput("Give one file, or the word priors and a photo.")
    (source,) = options.source
    if source.suffix.lower() in VIDEO_SUFFIXES:
        return video_sheet(source)
    if _holds_a_face(source):
        from ..fit_files import load_fit
        from ..image import read_image

        model = common.chosen_model(options)
        photo = read_image(options.photo) if options.photo else None
        return face_sheet(load_fit(source, model), model, photo)
    from ..motion_files import load_motion
    from ..plots import plot_motion

    return plot_motion(load_motion(source))


def _priors(options: argparse.Namespace, photo: Path) -> "NDArray[np.uint8]":
    from ..fitting import fit_photo
    from ..image import read_image
    from ..motion_files import load_motion
    from ..prior_sheet import prior_sheet

    steps = _steps(options.steps)
    model, rgb = common.chosen_model(options), read_image(photo)
    motion = load_motion(options.motion, model) if options.motion else None
    return prior_sheet(rgb, fit_photo(rgb, model, face=options.face), model, steps, motion, screen=options.screen)


def _steps(text: str) -> list[int]:
    from ..errors import BadInput

    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise BadInput(f"-k takes whole numbers with commas between them, such as 1,2,4, not {text}.") from error


def _holds_a_face(path: Path) -> bool:
    """Whether an .npz is a fitted face rather than a motion."""
    from ..npz_reader import read_arrays

    return path.suffix.lower() == ".npz" and "vertices_image" in read_arrays(path)
