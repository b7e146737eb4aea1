# SPDX-License-Identifier: Apache-2.0
"""What the dynamics network is trained for."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .codec import LIMIT, POSE, Codec
from .network import Aim, Dynamics
from .samples import Batch
from .surface import Surface

DENSITY, ENERGY, COEFFICIENTS, VERTICES = 1.0, 2.0, 0.15, 0.03
"""Weights of the negative log density a number of the state, of the energy score of drawn roll-outs, and, of the
expected roll-out, of the Euclidean distance of states divided by √D and of the mean distance of vertices in
millimetres"""
INPUT_NOISE = 0.05
"""Standard deviation of what is added to states that are read, so that a roll-out's own errors are nothing new"""


@dataclass(frozen=True)
class Weights:
    density: float = DENSITY
    energy: float = ENERGY
    coefficients: float = COEFFICIENTS
    vertices: float = VERTICES


class SurfaceLoss(nn.Module):
    """Mean distance, in millimetres, of the surface that two states put into the picture."""

    decode: Tensor
    still: Tensor
    basis: Tensor
    scale: Tensor

    def __init__(self, codec: Codec, surface: Surface, count: int = 50) -> None:
        super().__init__()
        chosen = np.linspace(0, len(surface.mean) - 1, count).astype(int)
        still = surface.mean[chosen] + np.tensordot(codec.mean, surface.basis[:, chosen], 1)
        basis = np.tensordot(codec.decode, surface.basis[:, chosen], 1).reshape(len(codec.decode), -1)
        for name, value in (("still", still), ("basis", basis), ("scale", codec.pose_scale)):
            self.register_buffer(name, torch.as_tensor(np.ascontiguousarray(value, np.float32)))

    def points(self, states: Tensor) -> Tensor:
        """States (..., D) to (..., N, 3)."""
        pose = states[..., :POSE] * self.scale
        shape = self.still + (states[..., POSE:] @ self.basis).unflatten(-1, (-1, 3))
        turned = _turned(shape, pose[..., :3])
        moved = turned * torch.exp(pose[..., 5].clamp(-2, 2))[..., None, None]
        flat = torch.cat([pose[..., 3:5], torch.zeros_like(pose[..., :1])], -1)
        return moved + 1000 * flat[..., None, :]

    def forward(self, states: Tensor, truth: Tensor) -> Tensor:
        """(...,) millimetres."""
        return _length(self.points(states) - self.points(truth)).mean(-1)


def _turned(points: Tensor, rotation: Tensor) -> Tensor:
    """Points (..., N, 3) turned by axis-angle vectors (..., 3) (Rodrigues)."""
    angle = _length(rotation)[..., None, None]
    axis = (rotation[..., None, :] / angle).expand_as(points)
    along = (axis * points).sum(-1, keepdim=True) * axis
    return points * torch.cos(angle) + torch.linalg.cross(axis, points) * torch.sin(angle) \
        + along * (1 - torch.cos(angle))


def _length(vectors: Tensor) -> Tensor:
    return torch.sqrt(vectors.square().sum(-1) + 1e-8)


@dataclass
class Tensors:
    """A batch on the device."""

    states: Tensor
    valid: Tensor
    aim: Aim
    first: int

    @classmethod
    def of(cls, batch: Batch, device: torch.device) -> "Tensors":
        to = {name: torch.from_numpy(np.ascontiguousarray(getattr(batch, name), np.float32)).to(device)
              for name in ("states", "valid", "target", "target_step", "timer", "left")}
        aim = Aim(to["target"], to["target_step"], to["timer"], to["left"])
        return cls(to["states"], to["valid"], aim, batch.first)


def losses(net: Dynamics, surface: SurfaceLoss, batch: Tensors, weights: Weights, noise: float = INPUT_NOISE,
           frames: int | None = None) -> dict[str, Tensor]:
    """The parts of the loss and their weighted sum `loss`; `frames` limits the roll-out."""
    states, first = batch.states, batch.first
    steps = torch.zeros_like(states)
    steps[:, 1:] = (states[:, 1:] - states[:, :-1]) / net.step_scale
    anchor = states[:, :first + 1].mean(1, keepdim=True)
    memory = None
    if first:
        nobody = Aim(torch.zeros_like(states[:, 0, None]), torch.zeros_like(states[:, 0, None]),
                     batch.aim.timer.new_zeros(len(states), first, batch.aim.timer.shape[-1]),
                     batch.aim.left.new_ones(len(states), first))
        read, pace = net.inputs(states[:, :first], steps[:, :first], anchor, nobody)
        memory = net(read, steps[:, :first], pace)[1]
    out = {}
    if weights.density:
        out["density"] = _density(net, batch, steps, anchor, memory, noise)
    if weights.density and memory is not None:
        memory = memory[0].detach(), memory[1].detach()
    if weights.energy:
        out["energy"] = _energy(net, batch, steps[:, first], anchor[:, 0], memory, frames)
    rolled = roll_out(net, batch, steps[:, first], anchor[:, 0], memory, frames, teach_memory=not weights.density)
    count = rolled.shape[1]
    truth, valid = states[:, first + 1:first + 1 + count], batch.valid[:, 1:1 + count]
    total = valid.sum()
    out["coefficients"] = (_length(rolled - truth) * valid).sum() / total / states.shape[-1] ** 0.5
    if weights.vertices:
        out["vertices"] = (surface(rolled, truth) * valid).sum() / total
    out["loss"] = sum((getattr(weights, name) * value for name, value in out.items()), torch.zeros(()).to(states))
    return out


def _density(net: Dynamics, batch: Tensors, steps: Tensor, anchor: Tensor,
             memory: tuple[Tensor, Tensor] | None, noise: float) -> Tensor:
    """Negative log density, a number of the state, of the true steps after the observed frames."""
    first = batch.first
    aim = Aim(batch.aim.state[:, None], batch.aim.step[:, None], batch.aim.timer, batch.aim.left)
    state = batch.states[:, first:-1]
    state = state + noise * torch.randn_like(state)
    read, pace = net.inputs(state, steps[:, first:-1], anchor, aim)
    said, _ = net(read, steps[:, first:-1], pace, memory)
    found = net.log_density(said, steps[:, first + 1:]).sum(-1) / batch.states.shape[-1]
    valid = batch.valid[:, 1:]
    return -(found * valid).sum() / valid.sum()


def _energy(net: Dynamics, batch: Tensors, step: Tensor, anchor: Tensor, memory: tuple[Tensor, Tensor] | None,
            frames: int | None) -> Tensor:
    """Energy score of roll-outs (Gneiting & Raftery 2007, *Strictly Proper Scoring Rules*, eq. 21), for every frame and
    group of numbers: two that are drawn lie as near to what came as they are far from each other. A density of single
    steps alone lets small faults add up until a roll-out is where no face ever was."""
    count, half = frames or batch.aim.timer.shape[1], len(step)
    aim = Aim(*(torch.cat([part, part]) for part in (batch.aim.state, batch.aim.step, batch.aim.timer, batch.aim.left)))
    state, step, anchor = (torch.cat([part, part]) for part in (batch.states[:, batch.first], step, anchor))
    if memory is not None:
        memory = torch.cat([memory[0]] * 2, 1), torch.cat([memory[1]] * 2, 1)
    drawn = []
    for t in range(count):
        read, pace = net.inputs(state, step, anchor, aim.at(t))
        hidden, memory = net.lstm(read[:, None], memory)
        said = net.step_of(net.dropout(hidden[:, 0]), read, step, pace)
        uniform = torch.rand(2 * half, net.config.groups).to(state)
        step = net.draw(said, 1.0, uniform, torch.randn(state.shape).to(state))
        state = (state + step * net.step_scale).clamp(-LIMIT, LIMIT)
        drawn.append(state)
    rolled = torch.stack(drawn, 1)
    one, two = rolled[:half], rolled[half:]
    truth = batch.states[:, batch.first + 1:batch.first + 1 + count]
    share = net.member / net.member.sum(0)
    def apart(a: Tensor, b: Tensor) -> Tensor:
        return torch.sqrt((a - b).square() @ share + 1e-6).mean(-1)

    score = 0.5 * (apart(one, truth) + apart(two, truth)) - 0.5 * apart(one, two)
    valid = batch.valid[:, 1:1 + count]
    return (score * valid).sum() / valid.sum()


def roll_out(net: Dynamics, batch: Tensors, step: Tensor, anchor: Tensor, memory: tuple[Tensor, Tensor] | None,
             frames: int | None = None, teach_memory: bool = True) -> Tensor:
    """The expected states (B, frames, D): every step starts where the one before it led.

    Without `teach_memory` the LSTM is left as the density makes it, and only what is read from it learns: taught by
    both, it soon knows the futures of the persons learned from by heart, and does worse for others.
    """
    state, out = batch.states[:, batch.first], []
    for t in range(frames or batch.aim.timer.shape[1]):
        read, pace = net.inputs(state, step, anchor, batch.aim.at(t))
        with torch.set_grad_enabled(teach_memory and torch.is_grad_enabled()):
            hidden, memory = net.lstm(read[:, None], memory)
        step = net.expected(net.dropout(hidden[:, 0]), read, step, pace)
        state = (state + step * net.step_scale).clamp(-LIMIT, LIMIT)
        out.append(state)
    return torch.stack(out, 1)
