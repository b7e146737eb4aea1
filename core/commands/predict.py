# SPDX-License-Identifier: Apache-2.0
"""What a face does next: a motion or a fitted photo goes on, freely or to a target."""

import argparse
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from . import options as common

if TYPE_CHECKING:
    from ..motion import Motion

HELP = "a motion or a fit goes on (.npz, .csv, .json)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("start", type=Path, metavar="MOTION|FIT", help="a motion, or a photo's fit (.npz)")
    parser.add_argument("--frames", type=int, required=True, metavar="N", help="so many frames are made")
    parser.add_argument("--target", type=Path, metavar="MOTION|FIT",
                        help="the last frame made is this fit, or this motion's first frame")
    add_choice(parser)
    parser.add_argument("--append", action="store_true", help="write the start's own frames before the new ones")
    common.add_output(parser, "the motion: .npz, .csv (Live Link Face) or .json")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="another network than the one in the box")
    common.add_model(parser)
    common.add_json(parser)


def add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="another seed is another future (default 0)")
    parser.add_argument("--temperature", type=float, default=1.0, metavar="T",
                        help="0 the expected future, 1 as lively as real faces (default)")


def run(options: argparse.Namespace) -> None:
    common.check_outputs(options.output, suffixes={options.output: (".npz", ".csv", ".json")})
    from ..motion_files import save_motion

    tools = import_module("...models.dynamics.predict", __package__)
    files = import_module("...models.dynamics.files", __package__)
    start = motion_or_fit(options.start, options)
    target = motion_or_fit(options.target, options, start.fps) if options.target else None
    network = files.load_network(options.weights) if options.weights else None
    made = tools.predict(start, options.frames, target=target, seed=options.seed, temperature=options.temperature,
                         network=network)
    motion = tools.joined(start, made) if options.append else made
    save_motion(motion, options.output)
    notes = notes_on(start, target)
    result = {"output": str(options.output), "frames": len(motion), "fps": motion.fps, "notes": notes}
    lines = [f"{options.output}: {len(motion)} frames at {motion.fps:g} per second", *notes]
    common.report(options, result, "\n  ".join(lines))


def motion_or_fit(path: Path, options: argparse.Namespace, fps: float = 30.0) -> "Motion":
    """A motion of a motion's file, or of one frame of a fit's; on the chosen model's channels.

    Raises:
        BadInput: it is neither, or belongs to another face model.
    """
    from ..errors import BadInput
    from ..fit_files import load_fit
    from ..motion_files import load_motion

    model = common.chosen_model(options)
    if path.suffix.lower() == ".npz":
        try:
            fit = load_fit(path)
        except BadInput as not_a_fit:
            try:
                return load_motion(path)
            except BadInput as not_a_motion:
                raise not_a_motion from not_a_fit
        if fit.model_hash != model.hash:
            raise BadInput(f"{path.name} was fitted with the face model {fit.model}, not with {model.name}; fit the "
                           "photo again.")
        motion: Motion = import_module("...models.dynamics.predict", __package__).from_fit(
            fit, model.expression_names, fps)
        return motion
    return load_motion(path, model)


def notes_on(start: "Motion", target: "Motion | None") -> list[str]:
    """What a user should know: rates that were changed, a target of someone else."""
    import numpy as np

    notes: list[str] = []
    if target is None:
        return notes
    if len(target) > 1 and target.fps != start.fps:
        notes.append(f"the target's pace was read at {start.fps:g} per second instead of {target.fps:g}")
    if start.identity.shape != target.identity.shape or np.abs(start.identity - target.identity).max(initial=0) > 1:
        notes.append("the target is another person: expression and pose are its own, the identity stays the start's")
    return notes
