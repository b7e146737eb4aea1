# SPDX-License-Identifier: Apache-2.0
"""The LSTM of the dynamics in torch: for training and for large batches. `runtime` is the same in numpy."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .config import HOMEWARD, STEEP, Config

MIN_LOG, MAX_LOG = -3.5, 2.0


@dataclass
class Aim:
    """Where B sequences go: `state` (B, D), its `step` (B, D), zero where not known, and `timer` (B, T, 5) or (B, 5);
    all zero without a target. `left` (B, T) or (B,) frames."""

    state: Tensor
    step: Tensor
    timer: Tensor
    left: Tensor

    def at(self, frame: int) -> "Aim":
        return Aim(self.state, self.step, self.timer[:, frame], self.left[:, frame])


@dataclass
class Step:
    """What the network says of the next step, in units of the codec's step scale: its expectation (..., D), and a
    mixture for every group: logits (..., K, G), means and log deviations (..., K, D)."""

    expected: Tensor
    logits: Tensor
    means: Tensor
    log_deviations: Tensor


class Dynamics(nn.Module):
    """One frame's state to a density of the step to the next (mixture density network, Bishop 1994; for sequences
    Graves 2013, arXiv 1308.0850)."""

    step_scale: Tensor
    member: Tensor

    def __init__(self, config: Config, step_scale: np.ndarray, group: np.ndarray, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        self.lstm = nn.LSTM(config.inputs, config.hidden, batch_first=True)
        self.head = nn.Linear(config.hidden, config.outputs)
        self.momentum = nn.Parameter(torch.full((2, config.state), 0.7))
        self.pull = nn.Parameter(torch.full((2, config.state), 0.5))
        self.home = nn.Parameter(torch.full((2, config.state), 0.1))
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("step_scale", torch.as_tensor(np.array(step_scale)), persistent=False)
        member = np.eye(config.groups, dtype=np.float32)[np.asarray(group)]
        self.register_buffer("member", torch.as_tensor(member), persistent=False)
        with torch.no_grad():
            self.head.weight *= 0.1
            self.head.bias.zero_()

    def inputs(self, state: Tensor, step: Tensor, anchor: Tensor, aim: Aim) -> tuple[Tensor, Tensor]:
        """What is read (..., inputs), and the step (..., D) that would reach the target in time at an even pace."""
        aimed = aim.timer[..., :1]
        away = (aim.state - state) * aimed
        pace = STEEP * torch.tanh(away / (aim.left[..., None] * self.step_scale * STEEP))
        own = aim.step * aim.timer[..., 1:2]
        return torch.cat([state - anchor, state, step, away, pace, own.expand_as(pace), aim.timer], -1), pace

    def going(self, which: int | slice, read: Tensor, step: Tensor, pace: Tensor) -> Tensor:
        """Steps that go on, to the target, and home to the anchor, each number by itself: of the expectation (0), or
        of the mixtures (slice(1, 2)), which then stand in a dimension of their own."""
        away = read[..., :self.config.state]
        if isinstance(which, slice):
            away, step, pace = away[..., None, :], step[..., None, :], pace[..., None, :]
        back = -HOMEWARD * self.home[which] * torch.tanh(away)
        return self.momentum[which] * step + self.pull[which] * pace + back

    def forward(self, read: Tensor, step: Tensor, pace: Tensor,
                memory: tuple[Tensor, Tensor] | None = None) -> tuple[Step, tuple[Tensor, Tensor]]:
        """Sequences (B, T, ·) to `Step`s (B, T, ·) and the memory after them."""
        hidden, memory = self.lstm(read, memory)
        return self.step_of(self.dropout(hidden), read, step, pace), memory

    def step_of(self, hidden: Tensor, read: Tensor, step: Tensor, pace: Tensor) -> Step:
        c = self.config
        k = c.mixtures
        parts = self.head(hidden).split([c.state, k * c.groups, k * c.state, k * c.state], -1)
        shape = (*hidden.shape[:-1], c.mixtures, -1)
        return Step(parts[0] + self.going(0, read, step, pace), parts[1].reshape(shape),
                    parts[2].reshape(shape) + self.going(slice(1, 2), read, step, pace),
                    parts[3].reshape(shape).clamp(MIN_LOG, MAX_LOG))

    def expected(self, hidden: Tensor, read: Tensor, step: Tensor, pace: Tensor) -> Tensor:
        """The expectation of `step_of` alone."""
        d = self.config.state
        said = nn.functional.linear(hidden, self.head.weight[:d], self.head.bias[:d])
        return said + self.going(0, read, step, pace)

    def log_density(self, said: Step, step: Tensor) -> Tensor:
        """Of steps (..., D), one number each group (..., G)."""
        z = (step[..., None, :] - said.means) * torch.exp(-said.log_deviations)
        each = -0.5 * z * z - said.log_deviations - 0.9189385
        return torch.logsumexp(torch.log_softmax(said.logits, -2) + each @ self.member, -2)

    def draw(self, said: Step, temperature: float, uniform: Tensor, normal: Tensor) -> Tensor:
        """A step (B, D) from random numbers (B, G) in 0..1 and (B, D) normal, from the mixtures: what
        training draws."""
        weights = torch.softmax(said.logits, -2)
        chosen = (torch.cumsum(weights, -2) < uniform[..., None, :]).sum(-2).clamp(max=self.config.mixtures - 1)
        index = (chosen.to(self.member.dtype) @ self.member.T).round().long()[..., None, :]
        mean = torch.gather(said.means, -2, index)[..., 0, :]
        deviation = torch.exp(torch.gather(said.log_deviations, -2, index)[..., 0, :])
        share, spread = min(temperature, 1.0), max(temperature, 1.0)
        return said.expected + share * (mean + deviation * spread * normal - said.expected)
