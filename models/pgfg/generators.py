# SPDX-License-Identifier: Apache-2.0
"""A generator and a critic by configuration, and the whole way from a batch to pictures."""

from collections.abc import Mapping
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from .config import Config
from .discriminator import PatchCritic
from .faceanime import FaceAnimeCritic, FaceAnimeGenerator
from .network import MienGenerator, Painted, State

Batch = Mapping[str, Tensor]
"""The fields of `samples.Sample`, B of each, as `units` makes them"""


class Generator(Protocol):
    """What every generator can do; see `network.MienGenerator`."""

    config: Config

    def encode(self, source: Tensor, prior: Tensor) -> State: ...

    def move(self, state: State, flow: Tensor) -> State: ...

    def paint(self, state: State, prior: Tensor, base: Tensor, warped: Tensor, valid: Tensor) -> Painted: ...


class Whole(nn.Module):
    """A generator that goes from a batch to pictures in one call, as training across machines needs it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.net: nn.Module = FaceAnimeGenerator(config) if config.family == "faceanime" else MienGenerator(config)

    def forward(self, batch: Batch) -> Painted:
        """Pictures (B, 3, S, S), -1 … 1, masks (B, 1, S, S), what lies under them (B, 3, S, S); see `paint`."""
        net, planes = cast(Generator, self.net), self.config.planes
        state = net.encode(batch["source"], batch["prior_source"][:, :planes])
        base = batch[self.config.base]
        return net.paint(net.move(state, batch["flow"]), batch["prior_target"][:, :planes], base, batch["warped"],
                         batch["valid"])


def critic_of(config: Config) -> nn.Module:
    if config.family == "faceanime":
        return FaceAnimeCritic(config)
    return PatchCritic(config.planes, 3 * config.widths[0] // 2)


def units(batch: Batch) -> dict[str, Tensor]:
    """Bytes to what networks read: pictures to -1 … 1, priors and `valid` to 0 … 1; the rest as it is."""
    out = dict(batch)
    for name in ("source", "target", "warped"):
        out[name] = batch[name].float() / 127.5 - 1
    for name in ("prior_source", "prior_target", "valid"):
        out[name] = batch[name].float() / 255
    out["flow"] = batch["flow"].float()
    return out


def bytes_of(pictures: Tensor) -> Tensor:
    """Pictures -1 … 1 to uint8."""
    return torch.round((pictures.detach().float() + 1) * 127.5).clamp(0, 255).to(torch.uint8)
