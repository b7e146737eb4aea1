# SPDX-License-Identifier: Apache-2.0
"""Train a network: `mien train dynamics`. Needs the extra `neural`."""

import argparse
from importlib import import_module
from pathlib import Path

from . import options as common

HELP = "train a network"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("dynamics",), help="dynamics: what a face does next")
    parser.add_argument("data", type=Path, nargs="*", metavar="DIR",
                        help="motions made by `mien dataset motion`, folders or packed files; by default the ones in "
                             "the box")
    common.add_output(parser, "the weights, .safetensors; curves (.csv, .png) are written beside them, and a "
                              "checkpoint from which an interrupted training goes on")
    parser.add_argument("--held-out", type=Path, action="append", default=[], metavar="DIR",
                        help="more motions, only to check on while training")
    parser.add_argument("--everyone", action="store_true",
                        help="learn from every person, those kept for choosing and for testing too")
    parser.add_argument("--deterministic", action="store_true",
                        help="no density, no surface: the plain LSTM that `mien evaluate` compares with")
    parser.add_argument("--steps", type=int, default=None, metavar="N")
    parser.add_argument("--devices", type=int, default=1, metavar="N")
    parser.add_argument("--accelerator", default="auto", metavar="KIND", help="cpu, cuda, auto (default)")
    parser.add_argument("--precision", default="32-true", metavar="KIND", help="32-true (default), bf16-mixed, …")


def run(options: argparse.Namespace) -> None:
    common.check_outputs(options.output, suffixes={options.output: (".safetensors",)})
    from ..errors import BadInput, MissingPart
    from ..progress import progress_bar

    if options.steps is not None and options.steps < 1:
        raise BadInput(f"--steps must be 1 or more, not {options.steps}.")
    try:
        train = import_module("...models.dynamics.train", __package__)
    except ImportError as error:
        raise MissingPart("Training needs torch and Lightning Fabric: pip install 'mien[neural]'.") from error
    plan = train.plan_of(options.steps, everyone=options.everyone, deterministic=options.deterministic)
    with progress_bar("training", total=plan.steps, unit="steps", quiet=options.quiet) as progress:
        train.train(options.output, options.data, plan, held_out=options.held_out, devices=options.devices,
                    accelerator=options.accelerator, precision=options.precision, progress=progress)
    common.report(options, {"output": str(options.output)}, f"{options.output}: {plan.steps} steps")
