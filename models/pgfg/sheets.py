# SPDX-License-Identifier: Apache-2.0
"""Sample sheets and curves of a training."""

import csv
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...core.files import atomic_write
from ...core.image import write_image
from .generators import Batch, bytes_of, units

ROWS = 8


@torch.no_grad()
def sheet(net: nn.Module, batch: Batch) -> NDArray[np.uint8]:
    """Rows of source, truth, the mesh's picture, what the net makes, where it paints, and the prior's mosaic."""
    some = units({name: value[:ROWS] for name, value in batch.items()})
    made, mask, *_ = net(some)
    columns = [some["source"], some["target"], some["warped"], made, (2 * mask - 1).expand_as(made),
               2 * some["prior_target"][:, :3] - 1]
    rows = torch.cat([bytes_of(c) for c in columns], 3).permute(0, 2, 3, 1)
    return np.asarray(torch.cat(list(rows), 0).cpu().numpy())


def write_sheet(path: Path, net: nn.Module, batch: Batch) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, sheet(net, batch))


def write_table(path: Path, rows: list[dict[str, float]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows({k: f"{v:.6g}" for k, v in row.items()} for row in rows)


def plot(path: Path, rows: list[dict[str, float]]) -> None:
    """The curves: losses of training, and measures on persons kept apart beside the mesh's."""
    from matplotlib.figure import Figure

    losses = [n for n in dict.fromkeys(k for r in rows for k in r) if n.startswith("train ")]
    measures = [n for n in ("L1", "mouth", "eyes", "CSIM") if f"held out {n}" in rows[-1]]
    figure = Figure(figsize=(3 * max(len(measures), 1), 5), layout="constrained")
    upper = figure.add_subplot(2, 1, 1)
    for name in losses:
        upper.plot(*_line(rows, name), label=name[6:])
    upper.set_yscale("symlog", linthresh=1e-3)
    upper.legend(fontsize=7, ncols=4)
    for i, name in enumerate(measures):
        axes = figure.add_subplot(2, len(measures), len(measures) + i + 1)
        for label, key in (("network", f"held out {name}"), ("mesh", f"held out mesh {name}")):
            axes.plot(*_line(rows, key), label=label)
        axes.set_title(name)
        axes.legend(fontsize=7)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _line(rows: list[dict[str, float]], name: str) -> tuple[list[float], list[float]]:
    here = [(r["step"], r[name]) for r in rows if name in r]
    return [a for a, _ in here], [b for _, b in here]


def means(found: list[dict[str, Tensor]]) -> dict[str, float]:
    """Averages of what was logged, each name over the steps that had it."""
    names = dict.fromkeys(name for one in found for name in one)
    return {n: float(torch.stack([f[n].detach().float() for f in found if n in f]).mean()) for n in names}
