# SPDX-License-Identifier: Apache-2.0
"""Many roll-outs at once, by torch: the same result as `runtime`, for studies and for a GPU."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .codec import LIMIT
from .config import TIMER, timer
from .courses import Course
from .files import Network
from .network import Aim, Dynamics
from .runtime import Target, homes_of

Floats = NDArray[np.float32]


def network_of(network: Network) -> Dynamics:
    """The torch network with the weights of a file."""
    runtime = network.runtime
    net = Dynamics(runtime.config, runtime.codec.step_scale, runtime.codec.group)
    net.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in runtime.weights.items()})
    net.eval()
    return net


@torch.no_grad()
def roll_out(net: Dynamics, observed: Floats, anchor: Floats, frames: int, temperature: float,
             courses: list[Course] | None = None, targets: list[Target] | None = None) -> Floats:
    """States (B, frames, D) that follow the observed ones (B, k + 1, D), about anchors (B, D)."""
    device = net.step_scale.device
    seen, home = torch.as_tensor(observed, device=device), torch.as_tensor(anchor, device=device)
    steps = torch.zeros_like(seen)
    steps[:, 1:] = (seen[:, 1:] - seen[:, :-1]) / net.step_scale
    aim = _aim(len(seen), frames, net, targets)
    memory = None
    if seen.shape[1] > 1:
        before = seen.shape[1] - 1
        zero = torch.zeros_like(seen[:, :1])
        nobody = Aim(zero, zero, seen.new_zeros(len(seen), before, TIMER), seen.new_ones(len(seen), before))
        read, _ = net.inputs(seen[:, :-1], steps[:, :-1], home[:, None], nobody)
        memory = net.lstm(read)[1]
    state, step = seen[:, -1], steps[:, -1]
    group = net.member.argmax(1).cpu().numpy().astype(np.int32)
    found = [homes_of(group, a, frames, temperature, courses[i] if courses else None, targets[i] if targets else None)
             for i, a in enumerate(np.asarray(anchor))]
    homes = torch.as_tensor(np.stack([f[0] for f in found]), device=device)
    leash, pull = (torch.as_tensor(found[0][k], device=device) for k in (1, 2))
    drive = None
    if courses and temperature > 0:
        drive = temperature * torch.as_tensor(np.stack([c.innovations for c in courses]), device=device)
    out: list[Tensor] = []
    for t in range(frames):
        read, pace = net.inputs(state, step, home, aim.at(t))
        hidden, memory = net.lstm(read[:, None], memory)
        step = net.expected(hidden[:, 0], read, step, pace)
        if drive is not None:
            step = step + drive[:, t]
        away = state + step * net.step_scale - homes[:, t]
        over = away - torch.maximum(torch.minimum(away, leash), -leash)
        state = (homes[:, t] + away - pull * over).clamp(-LIMIT, LIMIT)
        out.append(state)
    return np.asarray(torch.stack(out, 1).cpu().numpy())


def _aim(count: int, frames: int, net: Dynamics, targets: list[Target] | None) -> Aim:
    d, device = net.config.state, net.step_scale.device
    left = np.broadcast_to(np.arange(frames, 0, -1, dtype=np.float32), (count, frames))
    aimed = np.full((count, frames), targets is not None, np.float32)
    known = np.zeros((count, frames), np.float32)
    state, step = np.zeros((count, d), np.float32), np.zeros((count, d), np.float32)
    for i, target in enumerate(targets or []):
        state[i] = target.state
        if target.step is not None:
            step[i], known[i] = target.step, 1
    clock = timer(left, np.full_like(left, frames), aimed, known)
    arrays = (state, step, clock, np.ascontiguousarray(left))
    return Aim(*(torch.as_tensor(a, device=device) for a in arrays))
