# SPDX-License-Identifier: Apache-2.0
"""The curves of a training, as a table and as a picture."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ...core.files import atomic_write

NAMES = ("density", "energy", "coefficients", "vertices", "loss")


def write_table(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Rows with the same columns as CSV."""
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows({k: f"{v:.6g}" for k, v in row.items()} for row in rows)


def plot(table: Path, picture: Path) -> None:
    """The curves of a training."""
    from matplotlib.figure import Figure

    with table.open(newline="") as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    names = [n for n in NAMES if f"train {n}" in rows[0]]
    figure = Figure(figsize=(3.2 * len(names), 2.8), layout="constrained")
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        for kind in ("train", "held out"):
            axes.plot([r["step"] for r in rows], [r[f"{kind} {name}"] for r in rows], label=kind)
        axes.set_title(name)
        axes.set_xlabel("step")
    axes.legend()
    with atomic_write(picture) as temporary:
        figure.savefig(temporary, dpi=120)
