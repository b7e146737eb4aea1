# SPDX-License-Identifier: Apache-2.0
"""Options of how a driver's motion is put on another face; their meaning is that of retarget.py."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..face_model import FaceModel
    from ..motion import Motion
    from ..retarget import Rules


def add_options(parser: argparse.ArgumentParser) -> None:
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--relative", dest="relative", action="store_true", default=True,
                     help="add the driver's changes to the photo's expression and pose (default)")
    way.add_argument("--absolute", dest="relative", action="store_false",
                     help="take the driver's expression and head rotation as they are")
    parser.add_argument("--gain", type=gain, action="append", default=[], metavar="NAME=FACTOR",
                        help="move a region (mouth, jaw, eyes, brows…) or a channel more or less; may be repeated; "
                        "rotation and translation are the head's")
    parser.add_argument("--calibrate", action="store_true", help="take away what the driver's face is like at rest")
    parser.add_argument("--match", type=Path, metavar="MOTION",
                        help="make the driver as expressive as this motion, one of the photo's own person")


def suited_to(options: argparse.Namespace, motion: "Motion", model: "FaceModel") -> "tuple[Motion, Rules]":
    """The motion and the rules to play it by.

    Raises:
        BadInput: a gain for what there is not, or a motion to match that cannot be read.
    """
    from ..motion_files import load_motion
    from ..retarget import Rules, channel_gains, suited

    gains = dict(options.gain)
    turns, shifts = gains.pop("rotation", 1.0), gains.pop("translation", 1.0)
    channel_gains(model.expression_names, gains)
    match = load_motion(options.match, model) if options.match else None
    rules = Rules(options.relative, gains, turns, shifts)
    return suited(motion, rules, calibrate=options.calibrate, match=match)


def gain(text: str) -> tuple[str, float]:
    """NAME=FACTOR; ValueError for anything else."""
    name, _, factor = text.partition("=")
    return name, float(factor)
