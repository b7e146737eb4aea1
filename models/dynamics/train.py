# SPDX-License-Identifier: Apache-2.0
"""Training of the dynamics network by Lightning Fabric: one process or many, and resumed as if never stopped."""

from importlib import import_module
from pathlib import Path
from typing import Any

from ...core.errors import MissingPart
from ...core.progress import Progress
from .corpus import SHIPPED, load_corpus
from .curves import plot
from .plan import Plan
from .plan import plan_of as plan_of
from .run import Run


def train(output: Path, places: list[Path], plan: Plan, *, held_out: list[Path] | None = None, devices: int = 1,
          accelerator: str = "auto", precision: Any = "32-true", stop_at: int | None = None,
          progress: Progress | None = None) -> None:
    """Train, or go on training, and write the averaged weights; curves lie beside them (.csv, .png).

    The persons to check on while training are those of `places`, and of `held_out`, that are kept for choosing.
    A checkpoint `<output>.checkpoint.pt` makes it go on after an interruption, on a CPU to the same bits.

    Raises:
        MissingPart: torch or Lightning Fabric are not installed.
        BadInput: there are no motions to learn from.
    """
    Fabric = _fabric()
    fabric = Fabric(accelerator=accelerator, devices=devices, precision=precision)
    fabric.launch()
    run = Run(fabric, load_corpus(places or [SHIPPED]), plan, load_corpus(held_out or []))
    checkpoint = output.with_suffix(".checkpoint.pt")
    if checkpoint.exists():
        run.load(checkpoint)
    while run.step < (stop_at or plan.steps):
        run.advance()
        if progress:
            progress(run.step, plan.steps)
        if run.step % plan.check_every == 0 or run.step == plan.steps:
            run.check()
            if fabric.global_rank == 0:
                run.save(checkpoint)
                run.curves(output.with_suffix(".csv"))
    if run.step == plan.steps and fabric.global_rank == 0:
        run.write(output)
        plot(output.with_suffix(".csv"), output.with_suffix(".png"))
        checkpoint.unlink(missing_ok=True)


def _fabric() -> Any:
    """Lightning's Fabric, from the package that has all of Lightning or from the one that has only it."""
    for name in ("lightning.fabric", "lightning_fabric"):
        try:
            return import_module(name).Fabric
        except ImportError:
            continue
    raise MissingPart("Training needs Lightning Fabric: pip install 'mien[neural]'.")
