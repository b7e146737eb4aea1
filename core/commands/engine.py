# SPDX-License-Identifier: Apache-2.0
"""Serve Blender, or another program, on standard input and output (see core/engine/protocol.py)."""

import argparse
import sys

from ..errors import BadInput

HELP = "serve Blender on standard input and output"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none: what is to be done comes by the protocol."""


def run(options: argparse.Namespace) -> None:
    if sys.stdin.isatty():
        raise BadInput("The engine is started by Blender or by another program, not by hand; see mien --help.")
    from ..engine.server import serve

    serve()
