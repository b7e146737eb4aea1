# SPDX-License-Identifier: Apache-2.0
"""The LSTM of the dynamics with numpy alone, as it runs inside Blender; `network` is the same in torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .codec import LIMIT, Codec
from .config import CALM, HOMEWARD, LEASH, LEASH_PULL, STEEP, TIMER, WARMING, Config, timer

Floats = NDArray[np.float32]

MIN_LOG, MAX_LOG = -3.5, 2.0


@dataclass(frozen=True, eq=False)
class Target:
    """Where a roll-out goes: `state` (D,), and its `step` (D,) in units of the step scale if that is known."""

    state: Floats
    step: Floats | None = None


@dataclass(frozen=True, eq=False)
class Noise:
    """Random numbers of T steps: `uniform` (T, G) in 0..1 chooses components, `normal` (T, D) moves in them."""

    uniform: Floats
    normal: Floats

    @classmethod
    def of(cls, seed: int, frames: int, config: Config) -> "Noise":
        random = np.random.default_rng(seed)
        both = random.random((frames, config.groups)), random.standard_normal((frames, config.state))
        return cls(*(part.astype(np.float32) for part in both))


class Runtime:
    """The network with its weights, ready to roll out one sequence."""

    def __init__(self, config: Config, codec: Codec, weights: dict[str, Floats]) -> None:
        self.config, self.codec, self.weights = config, codec, weights
        self._leash = np.asarray(LEASH, np.float32)[codec.group]
        self._pull = np.asarray(LEASH_PULL, np.float32)[codec.group]
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

    def roll_out(self, observed: Floats, anchor: Floats, frames: int, temperature: float, noise: Noise,
                 target: Target | None = None) -> Floats:
        """States (frames, D) that follow the observed ones (k + 1, D); `anchor` (D,) is where the face is at home."""
        d, h, scale = self.config.state, self.config.hidden, self.codec.step_scale
        read = np.zeros(self.config.inputs + h, np.float32)
        cell, out = np.zeros(h, np.float32), np.empty((frames, d), np.float32)
        steps = np.zeros_like(observed)
        steps[1:] = np.diff(observed, axis=0) / scale
        for state, step in zip(observed[:-1], steps[:-1], strict=True):
            self._read(read, state, step, anchor)
            cell = self._advance(read, cell)
        clock = _clock(frames, target)
        lively = liveliness(self.weights["liveliness"], len(observed), frames)
        homes = home_line(anchor, frames, target)
        state, step = observed[-1], steps[-1]
        for t in range(frames):
            pace = self._read(read, state, step, anchor, target, clock[t], frames - t)
            cell = self._advance(read, cell)
            going = self._going(state - anchor, step, pace)
            step = self._step(read[-h:], going, temperature, noise.uniform[t],
                              noise.normal[t] * lively[t])
            state = out[t] = self._leashed(state + step * scale, homes[t])
        return out

    def _leashed(self, state: Floats, home: Floats) -> Floats:
        """A state (D,) that has strayed too far is drawn back a little."""
        away = state - home
        over = away - np.clip(away, -self._leash, self._leash)
        return np.asarray(np.clip(state - self._pull * over, -LIMIT, LIMIT), np.float32)

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

    def _going(self, away: Floats, step: Floats, pace: Floats) -> Floats:
        """Steps (2, D) that go on, to the target, and home: of the expectation and of the mixtures."""
        w = self.weights
        return np.asarray(w["momentum"] * step + w["pull"] * pace - np.float32(HOMEWARD) * w["home"] * np.tanh(away))

    def _step(self, hidden: Floats, going: Floats, temperature: float, uniform: Floats, normal: Floats) -> Floats:
        """The expected step at temperature 0, one that is drawn at 1, between them between, and wider above."""
        c, w = self.config, self.weights
        d, k, g = c.state, c.mixtures, c.groups
        said = w["head.weight"] @ hidden + w["head.bias"]
        expected = said[:d] + going[0]
        if temperature == 0:
            return np.asarray(expected)
        logits = said[d:d + k * g].reshape(k, g)
        means = said[d + k * g:d + k * (g + d)].reshape(k, d) + going[1]
        logs = np.clip(said[d + k * (g + d):].reshape(k, d), MIN_LOG, MAX_LOG)
        weights = np.exp(logits - logits.max(0))
        passed = np.cumsum(weights / weights.sum(0), 0) < uniform
        chosen = np.minimum(passed.sum(0), k - 1)[self.codec.group]
        here = np.arange(d)
        deviation = np.exp(logs[chosen, here]) * np.float32(max(temperature, 1.0))
        drawn = means[chosen, here] + deviation * normal
        return np.asarray(expected + np.float32(min(temperature, 1.0)) * (drawn - expected))


def home_line(anchor: Floats, frames: int, target: Target | None) -> Floats:
    """Where the face is at home (frames, D): at the anchor, or on the way from it to the target."""
    homes = np.repeat(np.asarray(anchor, np.float32)[None], frames, 0)
    if target is not None:
        t = np.arange(1, frames + 1, dtype=np.float32)[:, None] / np.float32(frames)
        homes = homes + t * t * (3 - 2 * t) * (target.state - anchor)
    return homes


def liveliness(factor: Floats, observed: int, frames: int) -> Floats:
    """Factors (frames, D) on the deviations of what is drawn, growing with the frames that the LSTM has seen."""
    share = np.minimum(1, (np.arange(frames, dtype=np.float32)[:, None] + observed) / np.float32(WARMING))
    return np.asarray(CALM + (factor - CALM) * share, np.float32)


def _clock(frames: int, target: Target | None) -> Floats:
    left = np.arange(frames, 0, -1, dtype=np.float32)
    aimed = np.full(frames, target is not None, np.float32)
    known = np.full(frames, target is not None and target.step is not None, np.float32)
    return timer(left, np.full(frames, frames, np.float32), aimed, known)
