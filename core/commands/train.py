# SPDX-License-Identifier: Apache-2.0
"""Train a network: `mien train dynamics`, `mien train pgfg`, `mien train identity`. Needs the extra `neural`."""

import argparse
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import BadInput, MissingPart
from . import options as common

HELP = "train a network"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("dynamics", "pgfg", "identity"),
                        help="dynamics: what a face does next; pgfg: photo and motion to frames; identity: whose face "
                             "it is, for teaching pgfg")
    parser.add_argument("data", type=Path, nargs="*", metavar="DIR",
                        help="dynamics: motions made by `mien dataset motion`, folders or packed files, by default the "
                             "ones in the box; else shards made by `mien dataset faces`")
    common.add_output(parser, "the weights, .safetensors; curves (.csv, .png) are written beside them, and a "
                              "checkpoint from which an interrupted training goes on")
    parser.add_argument("--steps", type=int, default=None, metavar="N")
    parser.add_argument("--devices", type=int, default=1, metavar="N")
    parser.add_argument("--accelerator", default="auto", metavar="KIND", help="cpu, cuda, auto (default)")
    parser.add_argument("--precision", default="32-true", metavar="KIND", help="32-true (default), bf16-mixed, …")
    _dynamics_arguments(parser.add_argument_group("dynamics"))
    _pgfg_arguments(parser.add_argument_group("pgfg and identity"))


def _dynamics_arguments(group: Any) -> None:
    group.add_argument("--held-out", type=Path, action="append", default=[], metavar="DIR",
                       help="more motions, only to check on while training")
    group.add_argument("--everyone", action="store_true",
                       help="learn from every person, those kept for choosing and for testing too")
    group.add_argument("--deterministic", action="store_true",
                       help="no density, no surface: the plain LSTM that `mien evaluate` compares with")


def _pgfg_arguments(group: Any) -> None:
    group.add_argument("--config", default="mien256", metavar="NAME",
                       help="mien256 (default), mien128, faceanime, faceanime16")
    group.add_argument("--minutes", type=float, default=None, metavar="N",
                       help="stop in time; the same command goes on from there")
    group.add_argument("--batch", type=int, default=None, metavar="N")
    group.add_argument("--check", type=int, default=None, metavar="STEPS",
                       help="measure on persons kept apart, and draw a sheet, every so many steps (default 500)")
    group.add_argument("--workers", type=int, default=0, metavar="N", help="processes that make pairs")
    group.add_argument("--places", type=int, default=4096, metavar="N",
                       help="pairs that the device holds while workers make new ones (default 4096)")
    group.add_argument("--nodes", type=int, default=1, metavar="N", help="machines, each with --devices")
    group.add_argument("--identity", type=Path, metavar="FILE",
                       help="the recognition network that keeps the person: of `mien train identity`, or an .onnx that "
                            "reads 112x112 pixels")
    group.add_argument("--start", type=Path, metavar="FILE", help="weights to begin from")
    group.add_argument("--weight", action="append", default=[], metavar="LOSS=NUMBER",
                       help="how much a loss counts; 0 leaves it out")
    group.add_argument("--trust", metavar="MOUTH,FACE,BROAD,BESIDE",
                       help="how far the network's detail is shown between the lips and on the face, what is broad on "
                            "the face, and its detail beside it, 0 to 1: less for one of little training")
    group.add_argument("--base", choices=("source", "warped"), default=None,
                       help="what the network paints on: the photo, or the photo moved by the mesh")
    group.add_argument("--plain-prior", action="store_true",
                       help="drive with the target's prior, not with the residual")
    group.add_argument("--interval", type=int, default=4, metavar="K", help="every K-th vertex colours the prior")
    group.add_argument("--synthetic", type=float, default=0.5, metavar="SHARE", help="of pairs of made-up people")


def run(options: argparse.Namespace) -> None:
    common.check_outputs(options.output, suffixes={options.output: (".safetensors",)})
    if options.steps is not None and options.steps < 1:
        raise BadInput(f"--steps must be 1 or more, not {options.steps}.")
    {"dynamics": _dynamics, "pgfg": _pgfg, "identity": _identity}[options.what](options)


def _dynamics(options: argparse.Namespace) -> None:
    from ..progress import progress_bar

    train = _module("...models.dynamics.train")
    plan = train.plan_of(options.steps, everyone=options.everyone, deterministic=options.deterministic)
    with progress_bar("training", total=plan.steps, unit="steps", quiet=options.quiet) as progress:
        train.train(options.output, options.data, plan, held_out=options.held_out, devices=options.devices,
                    accelerator=options.accelerator, precision=options.precision, progress=progress)
    common.report(options, {"output": str(options.output)}, f"{options.output}: {plan.steps} steps")


def _pgfg(options: argparse.Namespace) -> None:
    from ..progress import progress_bar

    train, plans = _module("...models.pgfg.train"), _module("...models.pgfg.plan")
    plan = plans.plan_for(options.config, steps=options.steps, batch=options.batch, base=options.base,
                          plain_prior=options.plain_prior, weights=_weights(options.weight), check=options.check,
                          trust=options.trust)
    recogniser = _module("...models.pgfg.identity").load_recogniser(options.identity) if options.identity else None
    pairs, held_out = _pairs(options, plan.config.size)
    with progress_bar("training", total=plan.steps, unit="steps", quiet=options.quiet) as progress:
        done = train.train(options.output, pairs, held_out, plan, recogniser=recogniser, start=options.start,
                           minutes=options.minutes, workers=options.workers, places=options.places,
                           devices=options.devices, nodes=options.nodes, accelerator=options.accelerator,
                           precision=options.precision, progress=progress)
    what = f"all {plan.steps} steps" if done else "not all steps yet; the same command goes on"
    common.report(options, {"output": str(options.output), "done": done}, f"{options.output}: {what}")


def _identity(options: argparse.Namespace) -> None:
    from ..progress import progress_bar

    train = _module("...models.pgfg.identity_training")
    pairs, held_out = _pairs(options, 128)
    steps = options.steps or 4000
    with progress_bar("training", total=steps, unit="steps", quiet=options.quiet) as progress:
        train.train_identity(options.output, pairs, held_out, steps=steps, batch=options.batch or 64,
                             minutes=options.minutes, workers=options.workers, places=options.places,
                             accelerator=options.accelerator, precision=options.precision, progress=progress)
    common.report(options, {"output": str(options.output)}, f"{options.output}: the recognition network")


def _pairs(options: argparse.Namespace, size: int) -> tuple[Any, Any]:
    """Pairs to learn from, and as they are, of persons kept apart, to check on."""
    if not options.data:
        raise BadInput("Give the folders of the shards to learn from, made by `mien dataset faces`.")
    pairs, options_of = _module("...models.faces.pairs"), _module("...models.faces.played").Options
    chosen = options_of(size=size, step=options.interval, synthetic=options.synthetic)
    apart = options_of(size=size, step=options.interval, augment=False)
    return (pairs.FacePairs.of(options.data, "train", chosen),
            pairs.FacePairs.of(options.data, "validation", apart))


def _weights(given: list[str]) -> dict[str, float]:
    try:
        return {name: float(number) for name, number in (text.split("=") for text in given)}
    except ValueError as error:
        raise BadInput("--weight needs a loss and a number, for example --weight adversarial=0.") from error


def _module(name: str) -> Any:
    try:
        return import_module(name, __package__)
    except ImportError as error:
        raise MissingPart("Training needs torch and Lightning Fabric: pip install 'mien[neural]'.") from error
