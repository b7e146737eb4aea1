# SPDX-License-Identifier: Apache-2.0
"""Measure accuracy and quality on a data set; figures of other systems are printed beside."""

import argparse
import json
from pathlib import Path

from ..errors import BadInput
from . import options as common

HELP = "accuracy and quality, measured on a data set"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("aflw2000", "ict", "clips", "reenact", "dynamics"),
                        help="aflw2000: 68 points in photos; ict: shape from points; clips: tracking and reenactment; "
                             "reenact: renderers side by side at 256 pixels; dynamics: prediction and in-betweening")
    parser.add_argument("data", type=Path, metavar="DIR",
                        help="the folder (ict: also its npz; dynamics: of motions) of the data set")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures to this file as well")
    parser.add_argument("--identity-net", type=Path, metavar="ONNX",
                        help="clips, reenact: a face-recognition network for CSIM; without it CSIM is left out")
    parser.add_argument("--renderers", default="copy,mesh", metavar="LIST",
                        help="reenact: which, for example copy,mesh,pgfg=one.safetensors,pgfg=other.safetensors")
    parser.add_argument("--frames", type=int, default=None, metavar="N", help="reenact: of a clip (default 24)")
    parser.add_argument("--cross", action="store_true", help="reenact: every face driven by another person, too")
    parser.add_argument("--everyone", action="store_true",
                        help="reenact: people who were learned from, too; by clips.csv they are left out")
    parser.add_argument("--sheet", type=Path, metavar="PICTURE",
                        help="reenact: a row for each clip of source, what every renderer draws, and truth")
    parser.add_argument("--weights", type=Path, metavar="FILE",
                        help="dynamics: another network than the one in the box")
    parser.add_argument("--baseline", type=Path, metavar="FILE",
                        help="dynamics: a network trained with --deterministic, to compare with")


def run(options: argparse.Namespace) -> None:
    if options.json:
        common.check_outputs(options.json, suffixes={options.json: (".json",)})
    if options.sheet:
        common.check_outputs(options.sheet, suffixes={options.sheet: (".png", ".jpg")})
    if options.frames is not None and options.frames < 1:
        raise BadInput(f"--frames must be 1 or more, not {options.frames}.")
    from ..evaluate import evaluate
    from ..files import atomic_write

    result = evaluate(options.what, options.data, identity_net=options.identity_net, weights=options.weights,
                      baseline=options.baseline, renderers=options.renderers, pairs=options.frames,
                      cross=options.cross, everyone=options.everyone, sheet=options.sheet, quiet=options.quiet)
    if options.json:
        with atomic_write(options.json) as path:
            path.write_text(json.dumps(result.figures, indent=1) + "\n")
    print(result.table)
