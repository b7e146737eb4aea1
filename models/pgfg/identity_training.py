# SPDX-License-Identifier: Apache-2.0
"""Training of our recognition network: two pictures of one person are near, of others far (InfoNCE, van den Oord 2018).

Learns from the same pairs as the generators, so from people who are allowed, made-up ones above all.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...core.progress import Progress
from .augment import recoloured
from .feeding import Direct, Feeder, Pairs, Store
from .generators import units
from .identity import IdentityNet, crop_grid, save_identity
from .plan import SEED
from .sheets import write_table
from .train import fabric_class

SHARPNESS = 20.0
CHECK_EVERY = 200
RATE = 1e-3


def train_identity(output: Path, pairs: Pairs, held_out: Pairs, *, steps: int, batch: int = 64,
                   minutes: float | None = None, workers: int = 0, places: int = 4096, accelerator: str = "auto",
                   precision: Any = "32-true", progress: Progress | None = None) -> None:
    """Train in one piece and write the weights; the curve lies beside them (.csv)."""
    began = time.perf_counter()
    fabric = fabric_class()(accelerator=accelerator, devices=1, precision=precision)
    fabric.launch()
    torch.manual_seed(SEED)
    random = np.random.default_rng(SEED)
    feeder: Feeder = (Store(pairs, fabric.device, places, workers, SEED) if workers else Direct(pairs, fabric.device))
    plain = IdentityNet()
    net, optimizer = fabric.setup(plain, torch.optim.AdamW(plain.parameters(), RATE, weight_decay=0.02))
    apart = Direct(held_out, fabric.device).batch(np.random.default_rng(SEED), 64)
    log: list[dict[str, float]] = []
    try:
        for step in range(1, steps + 1):
            late = minutes is not None and time.perf_counter() - began > 60 * minutes - 5
            for group in optimizer.param_groups:
                group["lr"] = RATE * min(1.0, step / 100) * max(0.02, 1 - step / steps)
            net.train()
            loss = contrast(net, dict(feeder.batch(random, batch)))
            optimizer.zero_grad()
            fabric.backward(loss)
            fabric.clip_gradients(net, optimizer, max_norm=1.0)
            optimizer.step()
            if progress:
                progress(step, steps)
            if step % CHECK_EVERY == 0 or step == steps or late:
                log.append({"step": float(step), "train loss": float(loss.detach()), **recognition(net, apart)})
            if late:
                break
    finally:
        feeder.close()
    save_identity(output, plain)
    write_table(output.with_suffix(".csv"), log)


def crops(batch: dict[str, Tensor], which: str) -> Tensor:
    """Aligned faces (B, 3, 112, 112), -1 … 1, of `source` or `target`."""
    grid = crop_grid(batch[f"prior_{which}"])
    return functional.grid_sample(batch[which], grid, padding_mode="border", align_corners=False)


def contrast(net: Any, batch: dict[str, Tensor]) -> Tensor:
    """How badly sources find their own person among the targets, and the other way; colours vary between the two."""
    first, second = (units(recoloured(batch)) for _ in range(2))
    a, b = net(crops(first, "source"))[0], net(crops(second, "target").flip(-1))[0]
    near = SHARPNESS * a.float() @ b.float().T
    person = batch["person"]
    other = (person[:, None] == person[None]) & ~torch.eye(len(person), dtype=torch.bool, device=person.device)
    near = near.masked_fill(other, -1e4)
    wanted = torch.arange(len(near), device=near.device)
    return (functional.cross_entropy(near, wanted) + functional.cross_entropy(near.T, wanted)) / 2


@torch.no_grad()
def recognition(net: Any, batch: dict[str, Tensor]) -> dict[str, float]:
    """Mean cosine of pictures of the same person, and of different persons."""
    net.eval()
    one = units(batch)
    a, b = (net(crops(one, which))[0].float() for which in ("source", "target"))
    near, same = a @ b.T, batch["person"][:, None] == batch["person"][None]
    return {"same": float(near.diagonal().mean()), "others": float(near[~same].mean()) if (~same).any() else 0.0}
