# SPDX-License-Identifier: Apache-2.0
"""Motion for a photo that nobody performed: what the face does next, on its own or to another photo's expression."""

import argparse
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .predict import add_choice

if TYPE_CHECKING:
    from ..face_model import FaceModel
    from ..fit import Fit
    from ..motion import Motion

FRAMES, FPS = 60, 30.0
HEAD_GAIN = 0.5
"""A head that goes on by itself moves half as far as people's do: of large turns a single photo shows nothing"""


def add_drivers(driver: Any) -> None:
    """Options that exclude one another and the other drivers."""
    driver.add_argument("--predict", type=int, metavar="N",
                        help="the face goes on by itself for N frames; its head moves half as far as people's do "
                        "(--gain rotation=1 --gain translation=1 for all of it)")
    driver.add_argument("--target", type=Path, metavar="PHOTO2",
                        help="the face goes to the expression and pose of the face in another photo")
    driver.add_argument("--idle", type=int, metavar="N", help="the face only blinks, looks and breathes; a loop of N "
                                                              "frames")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--frames", type=int, default=FRAMES, metavar="N",
                        help=f"--target: it is reached in N frames (default {FRAMES})")
    add_choice(parser)
    parser.add_argument("--amount", type=float, default=1.0, metavar="A", help="--idle: how much, 0 to 3 (default 1)")


def check(options: argparse.Namespace) -> None:
    """Find out before the photo is fitted.

    Raises:
        BadInput: a number of frames that cannot be made.
    """
    from ..errors import BadInput

    frames = next((n for n in (options.predict, options.idle) if n is not None), options.frames)
    if not 2 <= frames <= 20_000:
        raise BadInput(f"From 2 to 20000 frames can be made, not {frames}.")


def imagined(options: argparse.Namespace, model: "FaceModel", fit: "Fit") -> "Motion":
    """The motion that `--predict`, `--target` or `--idle` asks for; its first frame is the photo's own, so that a
    transfer relative to it gives the photo itself at the start."""
    tools = import_module("...models.dynamics.predict", __package__)
    start: Motion = tools.from_fit(fit, model.expression_names, FPS)
    if options.idle is not None:
        made = import_module("...models.dynamics.idle", __package__).idle_motion(
            start, options.idle, amount=options.amount, seed=options.seed)
    else:
        target = _target(options, model, start) if options.target else None
        made = tools.predict(start, options.predict or options.frames, target=target, seed=options.seed,
                             temperature=options.temperature)
    motion: Motion = tools.joined(start, made)
    return motion


def _target(options: argparse.Namespace, model: "FaceModel", start: "Motion") -> "Motion":
    """Expression and rotation of the face in the other photo, in the place of the first."""
    from ..fitting import fit_photo
    from ..image import read_image

    fit = fit_photo(read_image(options.target), model)
    return replace(start, expression=fit.expression[None], rotation=fit.rotation[None])
