# SPDX-License-Identifier: Apache-2.0
"""Drive the portrait in the box by the motion in the box; no network, no other file."""

import argparse
from pathlib import Path

from . import options as common

HELP = "drive the portrait in the box by the motion in the box"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, default=Path("mien-demo"), metavar="FOLDER",
                        help="where the results go (default: mien-demo)")
    common.add_json(parser)


def run(options: argparse.Namespace) -> None:
    from ..demo import run_demo

    results = run_demo(options.output, quiet=options.quiet)
    lines = [f"{what:14} {path}" for what, path in results.items()]
    common.report(options, {what: str(path) for what, path in results.items()}, "\n".join(lines))
