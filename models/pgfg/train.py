# SPDX-License-Identifier: Apache-2.0
"""Training of generators by Lightning Fabric: in pieces, on one processor or many, resumed after a kill."""

import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from ...core.errors import BadInput, MissingPart
from ...core.progress import Progress
from .feeding import Direct, Feeder, Pairs, Store
from .files import load_generator
from .identity import Recogniser
from .plan import SEED, Plan
from .run import Run
from .sheets import plot, write_sheet, write_table

SAVE_EVERY = 120.0
"""Seconds after which a checkpoint is written at the latest: what a kill can cost"""


def train(output: Path, pairs: Pairs, held_out: Pairs, plan: Plan, *, recogniser: Recogniser | None = None,
          start: Path | None = None, minutes: float | None = None, stop_at: int | None = None, workers: int = 0,
          places: int = 4096, devices: int = 1, nodes: int = 1, accelerator: str = "auto",
          precision: Any = "32-true", progress: Progress | None = None) -> bool:
    """Train, or go on training; whether all steps of the plan are done.

    Beside the weights lie a table and a plot of the curves (.csv, .png), the latest sample sheet (.sheet.jpg) and
    those of every check (a folder), and `.checkpoint.pt`, from which the same call goes on, on a CPU without workers to
    the same bits.

    Args:
        minutes: stop in time and keep a checkpoint.
        stop_at: stop after this step and keep a checkpoint.
        workers: processes that make pairs into a store of so many `places` on the device; 0: pairs are made as
            they are needed.
        start: weights to begin from, where there is no checkpoint.

    Raises:
        MissingPart: Lightning Fabric is not installed.
        BadInput: pairs of another size, a checkpoint or weights of another configuration.
    """
    began = time.perf_counter()
    if pairs[0].size != plan.config.size:
        raise BadInput(f"The pairs are of {pairs[0].size} pixels, {plan.config.name} learns from {plan.config.size}.")
    fabric = fabric_class()(accelerator=accelerator, devices=devices, num_nodes=nodes, precision=precision)
    fabric.launch()
    if fabric.device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    feeder: Feeder = (Store(pairs, fabric.device, places, workers, SEED + 1 + fabric.global_rank) if workers
                      else Direct(pairs, fabric.device))
    try:
        run = Run(fabric, plan, feeder, held_out, recogniser)
        checkpoint = output.with_suffix(".checkpoint.pt")
        if checkpoint.exists():
            run.load(checkpoint)
        elif start is not None:
            run.begin_from(load_generator(start, plan.config.name).arrays)
        _steps(run, output, _limit(began, minutes), stop_at or plan.steps, progress)
    finally:
        feeder.close()
    return run.step >= plan.steps


def _limit(began: float, minutes: float | None) -> Callable[[float], bool]:
    """Whether so many more seconds would be too many."""
    return lambda more: minutes is not None and time.perf_counter() - began + more > 60 * minutes


def _steps(run: Run, output: Path, late: Callable[[float], bool], last: int, progress: Progress | None) -> None:
    saved, cost = time.perf_counter(), 5.0
    while run.step < min(last, run.plan.steps):
        run.advance()
        if progress:
            progress(run.step, run.plan.steps)
        done = run.step >= min(last, run.plan.steps) or _together(run, late(2 * cost + 3))
        check = done or run.step % run.plan.check_every == 0
        if check or _together(run, time.perf_counter() - saved > SAVE_EVERY):
            began = time.perf_counter()
            if check:
                run.check()
            if run.fabric.global_rank == 0:
                run.save(output.with_suffix(".checkpoint.pt"))
                if check:
                    _write(run, output)
            saved = time.perf_counter()
            cost = max(cost, saved - began)
        if done:
            return


def _together(run: Run, value: bool) -> bool:
    """What the first process finds, so that all stop and save at the same step."""
    return bool(run.fabric.broadcast(value)) if run.fabric.world_size > 1 else value


def _write(run: Run, output: Path) -> None:
    run.write(output)
    write_table(output.with_suffix(".csv"), run.log)
    plot(output.with_suffix(".png"), run.log)
    for path in (output.with_suffix(".sheet.jpg"), output.with_suffix(".sheets") / f"{run.step:07d}.jpg"):
        write_sheet(path, run.averaged, run.held_out)


def fabric_class() -> Any:
    """Lightning's Fabric, from the package that has all of Lightning or from the one that has only it."""
    for name in ("lightning.fabric", "lightning_fabric"):
        try:
            return import_module(name).Fabric
        except ImportError:
            continue
    raise MissingPart("Training needs Lightning Fabric: pip install 'mien[neural]'.")
