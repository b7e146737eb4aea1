# SPDX-License-Identifier: Apache-2.0
"""Track the face of a video: its motion on the face model's channels."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from . import options as common

if TYPE_CHECKING:
    from ..face_model import FaceModel
    from ..motion import Motion

HELP = "a video to motion (.npz, .csv, .json)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", type=Path)
    common.add_output(parser, "the motion: .npz, .csv (Live Link Face) or .json")
    parser.add_argument("--overlay", type=Path, metavar="MP4", help="the mesh drawn over the video")
    common.add_projection(parser)
    common.add_model(parser)
    common.add_json(parser)


def run(options: argparse.Namespace) -> None:
    suffixes: dict[Path, tuple[str, ...]] = {options.output: (".npz", ".csv", ".json")}
    if options.overlay:
        suffixes[options.overlay] = (".mp4",)
    common.check_outputs(options.output, options.overlay, suffixes=suffixes)
    from ..fitting import track_video
    from ..motion_files import save_motion
    from ..progress import progress_bar

    model = common.chosen_model(options)
    with progress_bar("tracking", unit="frames", quiet=options.quiet) as progress:
        motion = track_video(options.video, model, projection=options.projection, progress=progress)
    save_motion(motion, options.output)
    if options.overlay:
        _write_overlay(options, motion, model)
    _report(options, motion)


def _write_overlay(options: argparse.Namespace, motion: "Motion", model: "FaceModel") -> None:
    from ..overlay import overlay_video
    from ..progress import progress_bar

    with progress_bar("overlay", total=len(motion), unit="frames", quiet=options.quiet) as progress:
        overlay_video(options.video, motion, model, options.overlay, progress=progress)


def _report(options: argparse.Namespace, motion: "Motion") -> None:
    missing = int((motion.confidence == 0).sum())
    result = {"output": str(options.output), "frames": len(motion), "fps": motion.fps, "frames_without_face": missing}
    text = f"{options.output}: {len(motion)} frames at {motion.fps:g} per second"
    if missing:
        text += f"; no face in {missing} of them, bridged from their neighbours"
    common.report(options, result, text)
