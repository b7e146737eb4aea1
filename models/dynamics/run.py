# SPDX-License-Identifier: Apache-2.0
"""A training of the dynamics network and all that goes on with it."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...core.errors import BadInput
from ...core.files import atomic_write
from ...core.model_files import default_model
from .bridge import fit_bridge
from .codec import Codec
from .config import CAUTION, Config
from .corpus import Clip, split_of
from .curves import write_table
from .losses import SurfaceLoss, Tensors, losses
from .network import Dynamics
from .plan import Plan
from .samples import Windows, bank_of, codec_of, styles_of, variants
from .surface import Surface
from .weights import write_weights

SEED = 11


def chosen(clips: Sequence[Clip], more: Sequence[Clip], everyone: bool) -> tuple[list[Clip], list[Clip], list[Clip]]:
    """Clips that are learned from, those to check on, and those whose persons' styles are known: others than the first
    and not kept for testing, where there are such.

    Raises:
        BadInput: nobody may be learned from.
    """
    own = [c for c in clips if everyone or split_of(c.person) == "train"]
    if not own:
        raise BadInput("No person there may be learned from; give more motions, or learn from everyone.")
    known = {c.person for c in own}
    others = [c for c in [*clips, *more] if c.person not in known]
    return (own, [c for c in others if split_of(c.person) == "validation"] or own,
            [c for c in others if split_of(c.person) != "test"] or own)


class Run:
    """A training and all that goes on with it."""

    def __init__(self, fabric: Any, clips: list[Clip], plan: Plan, more: Sequence[Clip] = ()) -> None:
        self.fabric, self.plan, self.step = fabric, plan, 0
        own, others, moving = chosen(clips, more, plan.everyone)
        surface = Surface.of(default_model())
        self.codec, self.channels = codec_of(own, surface), own[0].motion.channels
        self.model_hash = own[0].motion.model_hash
        self.windows, held_out = Windows(own, self.codec), Windows(others, self.codec, varied=False)
        self.bridge = fit_bridge([self.codec.states(m, m.channels) for c in own for m in variants(c.motion)])
        self.bank = bank_of(own, self.codec, styles_of(moving, self.codec)).arrays()
        self.persons = sorted({c.person for c in own})
        fixed = np.random.default_rng(SEED)
        self.held_out = [held_out.batch(fixed, 128) for _ in range(2)]
        torch.manual_seed(SEED + fabric.global_rank)
        self.random = np.random.default_rng([SEED, fabric.global_rank])
        config = Config(self.codec.size, plan.hidden, plan.mixtures)
        net = Dynamics(config, self.codec.step_scale, self.codec.group, plan.dropout)
        optimizer = torch.optim.AdamW(net.parameters(), plan.rate, weight_decay=plan.decay)
        self.plain, self.config = net, config
        self.average = {k: v.detach().clone() for k, v in net.state_dict().items()}
        self.net, self.optimizer = fabric.setup(net, optimizer)
        for name in ("inputs", "log_density"):
            if hasattr(self.net, "mark_forward_method"):
                self.net.mark_forward_method(name)
        self.surface = SurfaceLoss(self.codec, surface).to(fabric.device)
        self.log: list[dict[str, float]] = []
        self.recent: list[dict[str, float]] = []

    def advance(self) -> None:
        """One step; the learning rate warms up, then falls as a cosine."""
        plan = self.plan
        rate = plan.rate * min(1.0, (self.step + 1) / 50) * (0.5 + 0.5 * math.cos(math.pi * self.step / plan.steps))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.net.train()
        batch = Tensors.of(self.windows.batch(self.random, plan.batch), self.fabric.device)
        # Roll-outs grow longer while the network learns to walk.
        frames = int(10 + 40 * min(1.0, 2 * self.step / plan.steps))
        parts = losses(self.plain, self.surface, batch, plan.weights, frames=frames)
        self.optimizer.zero_grad()
        self.fabric.backward(parts["loss"])
        self.fabric.clip_gradients(self.net, self.optimizer, max_norm=1.0)
        self.optimizer.step()
        self.step += 1
        keep = min(plan.average, self.step / (self.step + 9))
        with torch.no_grad():
            for name, value in self.plain.state_dict().items():
                self.average[name] = self.average[name].to(value).lerp_(value, 1 - keep)
        self.recent.append({name: float(value.detach()) for name, value in parts.items()})

    def check(self) -> None:
        """Losses on the persons who are not learned from, with the averaged weights."""
        here = {k: v.clone() for k, v in self.plain.state_dict().items()}
        self.plain.load_state_dict(self.average)
        self.plain.eval()
        with torch.no_grad():
            found = [losses(self.plain, self.surface, Tensors.of(b, self.fabric.device), self.plan.weights, noise=0.0)
                     for b in self.held_out]
        self.plain.load_state_dict(here)
        row = {"step": float(self.step)}
        for name in self.recent[0]:
            row[f"train {name}"] = float(np.mean([r[name] for r in self.recent]))
            row[f"held out {name}"] = float(np.mean([float(f[name]) for f in found]))
        self.recent.clear()
        self.log.append(row)

    def save(self, path: Path) -> None:
        state = {"net": self.plain.state_dict(), "optimizer": self.optimizer.state_dict(), "average": self.average,
                 "step": self.step, "log": self.log, "torch": torch.get_rng_state(),
                 "random": {k: str(v) for k, v in _flat(self.random).items()}}
        with atomic_write(path) as temporary:
            torch.save(state, temporary)

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True, map_location=self.fabric.device)
        self.plain.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.step, self.log = state["average"], state["step"], state["log"]
        torch.set_rng_state(state["torch"].cpu())
        numbers = {k: int(v) for k, v in state["random"].items()}
        self.random.bit_generator.state = {
            "bit_generator": "PCG64", "state": {"state": numbers["state"], "inc": numbers["inc"]},
            "has_uint32": numbers["has_uint32"], "uinteger": numbers["uinteger"]}

    def curves(self, path: Path) -> None:
        write_table(self.log, path)

    def write(self, path: Path) -> None:
        arrays = {k: v.detach().cpu().numpy() for k, v in self.average.items()}
        if self.plan.weights.density:
            careful(arrays, self.config.state)
        write_network(path, {**arrays, "bridge": self.bridge, **self.bank}, self.config, self.codec,
                      self.channels, self.model_hash, self.persons)


def careful(arrays: dict[str, np.ndarray], state: int) -> None:
    """Take most of the learned expectation back, and all of its way home (see CAUTION)."""
    for name in ("head.weight", "head.bias"):
        arrays[name] = np.concatenate([arrays[name][:state] * np.float32(CAUTION), arrays[name][state:]])
    arrays["home"] = arrays["home"] * np.array([[0], [1]], np.float32)


def write_network(path: str | os.PathLike[str], arrays: dict[str, np.ndarray], config: Config, codec: Codec,
                  channels: tuple[str, ...], model_hash: str, persons: list[str]) -> None:
    """Weights, codec and what they belong to, in one file."""
    notes = {"format": "mien dynamics", "version": "1", "config": config.text(), "channels": " ".join(channels),
             "model_hash": model_hash, "persons": " ".join(persons)}
    write_weights(path, {**arrays, **codec.arrays()}, notes)


def _flat(random: np.random.Generator) -> dict[str, int]:
    state: Any = random.bit_generator.state
    return {"state": state["state"]["state"], "inc": state["state"]["inc"], "has_uint32": state["has_uint32"],
            "uinteger": state["uinteger"]}
