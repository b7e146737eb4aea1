# SPDX-License-Identifier: Apache-2.0
"""Measure accuracy and quality on a data set; figures of other systems are printed beside."""

import argparse
import json
from pathlib import Path

from . import options as common

HELP = "accuracy and quality, measured on a data set"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("aflw2000", "ict", "clips", "dynamics"),
                        help="aflw2000: 68 points in photos; ict: shape from points; clips: tracking and reenactment; "
                             "dynamics: prediction and in-betweening")
    parser.add_argument("data", type=Path, metavar="DIR",
                        help="the folder (ict: also its npz; dynamics: of motions) of the data set")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures to this file as well")
    parser.add_argument("--identity-net", type=Path, metavar="ONNX",
                        help="clips: a face-recognition network for CSIM; without it CSIM is left out")
    parser.add_argument("--weights", type=Path, metavar="FILE",
                        help="dynamics: another network than the one in the box")
    parser.add_argument("--baseline", type=Path, metavar="FILE",
                        help="dynamics: a network trained with --deterministic, to compare with")


def run(options: argparse.Namespace) -> None:
    if options.json:
        common.check_outputs(options.json, suffixes={options.json: (".json",)})
    from ..evaluate import evaluate
    from ..files import atomic_write

    result = evaluate(options.what, options.data, identity_net=options.identity_net, weights=options.weights,
                      baseline=options.baseline, quiet=options.quiet)
    if options.json:
        with atomic_write(options.json) as path:
            path.write_text(json.dumps(result.figures, indent=1) + "\n")
    print(result.table)
