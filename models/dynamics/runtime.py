# SPDX-License-Identifier: Apache-2.0
"""The LSTM of the dynamics with numpy alone, as it runs inside Blender; `network` is the same in torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .codec import LIMIT, Codec
from .config import FOLLOW, HOMEWARD, LEASH, LEASH_PULL, STEEP, TIMER, Config, timer
from .courses import Course

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Target:
    """Where a roll-out goes: `state` (D,), and its `step` (D,) in units of the step scale if that is known."""

    state: Floats
    step: Floats | None = None


class Runtime:
    """The network with its weights, ready to roll out one sequence."""

    def __init__(self, config: Config, codec: Codec, weights: dict[str, Floats]) -> None:
        self.config, self.codec, self.weights = config, codec, weights
        # One product a frame: input and memory side by side, both biases in one.
        self._both = np.ascontiguousarray(
            np.concatenate([weights["lstm.weight_ih_l0"], weights["lstm.weight_hh_l0"]], 1))
        self._bias = weights["lstm.bias_ih_l0"] + weights["lstm.bias_hh_l0"]
        # sigmoid(x) = (1 + tanh(x / 2)) / 2, so that one tanh serves all four gates.
        h = config.hidden
        half = np.full(4 * h, 0.5, np.float32)
        half[2 * h:3 * h] = 1
        self._both *= half[:, None]
        self._bias = self._bias * half

    def roll_out(self, observed: Floats, anchor: Floats, frames: int, temperature: float,
                 course: Course | None = None, target: Target | None = None) -> Floats:
        """States (frames, D) that follow the observed ones (k + 1, D); `anchor` (D,) is where the face is at home, and
        the `course` drives it above temperature 0."""
        d, h, scale = self.config.state, self.config.hidden, self.codec.step_scale
        read = np.zeros(self.config.inputs + h, np.float32)
        cell, out = np.zeros(h, np.float32), np.empty((frames, d), np.float32)
        steps = np.zeros_like(observed)
        steps[1:] = np.diff(observed, axis=0) / scale
        for state, step in zip(observed[:-1], steps[:-1], strict=True):
            self._read(read, state, step, anchor)
            cell = self._advance(read, cell)
        clock = _clock(frames, target)
        homes, leash, pull = homes_of(self.codec.group, anchor, frames, temperature, course, target)
        state, step = observed[-1], steps[-1]
        for t in range(frames):
            pace = self._read(read, state, step, anchor, target, clock[t], frames - t)
            cell = self._advance(read, cell)
            step = self._expected(read[-h:], state - anchor, step, pace)
            if course is not None and temperature > 0:
                step = step + np.float32(temperature) * course.innovations[t]
            away = state + step * scale - homes[t]
            over = away - np.clip(away, -leash, leash)
            state = out[t] = np.clip(homes[t] + away - pull * over, -LIMIT, LIMIT)
        return out

    def _read(self, read: Floats, state: Floats, step: Floats, anchor: Floats, target: Target | None = None,
              clock: Floats | None = None, left: int = 1) -> Floats:
        """Fill in what is read at a frame; gives the even pace (D,) towards the target."""
        d = self.config.state
        read[:d] = state - anchor
        read[d:2 * d] = state
        read[2 * d:3 * d] = step
        read[3 * d:6 * d + TIMER] = 0
        if target is None or clock is None:
            return read[4 * d:5 * d]
        away = target.state - state
        read[3 * d:4 * d] = away
        read[4 * d:5 * d] = np.float32(STEEP) * np.tanh(away / (np.float32(left * STEEP) * self.codec.step_scale))
        if target.step is not None:
            read[5 * d:6 * d] = target.step
        read[6 * d:6 * d + TIMER] = clock
        return read[4 * d:5 * d]

    def _advance(self, read: Floats, cell: Floats) -> Floats:
        """One step of the LSTM (Hochreiter & Schmidhuber 1997, with forget gates); its output replaces the old one at
        the end of `read`."""
        h = self.config.hidden
        gates = np.tanh(self._both @ read + self._bias)
        sigmoid = gates * np.float32(0.5) + np.float32(0.5)
        cell = sigmoid[h:2 * h] * cell + sigmoid[:h] * gates[2 * h:3 * h]
        read[-h:] = sigmoid[3 * h:] * np.tanh(cell)
        return cell

    def _expected(self, hidden: Floats, away: Floats, step: Floats, pace: Floats) -> Floats:
        """The expected step: what the LSTM says, and each number by itself, on, to the target, and home."""
        w, d = self.weights, self.config.state
        said = w["head.weight"][:d] @ hidden + w["head.bias"][:d]
        return np.asarray(said + w["momentum"][0] * step + w["pull"][0] * pace
                          - np.float32(HOMEWARD) * w["home"][0] * np.tanh(away))


def homes_of(group: NDArray[np.int32], anchor: Floats, frames: int, temperature: float, course: Course | None,
             target: Target | None) -> tuple[Floats, Floats, Floats]:
    """Where the face is drawn to (frames, D), beyond what distance (D,), and how much of the rest at a frame (D,)."""
    leash, pull = (np.asarray(v, np.float32)[group] for v in (LEASH, LEASH_PULL))
    homes = home_line(anchor, frames, target)
    if target is not None or course is None or temperature == 0:
        return homes, leash, pull
    # A quieter future stays nearer to home.
    share = np.float32(min(temperature, 1.0))
    return homes + share * (course.line - homes), (1 - share) * leash, share * np.float32(FOLLOW) + (1 - share) * pull


def home_line(anchor: Floats, frames: int, target: Target | None) -> Floats:
    """Where the face is at home (frames, D): at the anchor, or on the way from it to the target."""
    homes = np.repeat(np.asarray(anchor, np.float32)[None], frames, 0)
    if target is not None:
        t = np.arange(1, frames + 1, dtype=np.float32)[:, None] / np.float32(frames)
        homes = homes + t * t * (3 - 2 * t) * (target.state - anchor)
    return homes


def _clock(frames: int, target: Target | None) -> Floats:
    left = np.arange(frames, 0, -1, dtype=np.float32)
    aimed = np.full(frames, target is not None, np.float32)
    known = np.full(frames, target is not None and target.step is not None, np.float32)
    return timer(left, np.full(frames, frames, np.float32), aimed, known)
