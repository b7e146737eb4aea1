# SPDX-License-Identifier: Apache-2.0
"""What keeps a prediction alive: blocks of what real faces did unexpectedly; numpy alone.

A block bootstrap of innovations (Künsch 1989, *The Jackknife and the Bootstrap for General Stationary Observations*):
instead of independent noise, the roll-out is driven by stretches of real motion less what the network's momentum would
have said, seconds long, of one person after another, each group of numbers by itself. Blinks, rhythm and jumps so come
as people make them. A stretch begins where it fits the one before (Kovar, Gleicher & Pighin 2002, *Motion Graphs*).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from .codec import LIMIT, POSE, Codec

Floats = NDArray[np.float32]
Array = NDArray[np.float64]
Random = np.random.Generator

LEVELS = 32767 / LIMIT
"""Levels that a unit of a stored state has"""
SHORTEST = 30
"""Frames of the shortest clip"""
RECENT = 11
"""Frames by which it is judged how lively a face is"""


STREAMS = ((0,), (1,), (2, 3))
"""Groups of numbers whose stretches are drawn together: the pose; the eyes; brows and mouth, which speak together"""


@dataclass(frozen=True)
class Manner:
    """How courses are drawn; by group of numbers where there are four, in frames where nothing else is said."""

    pulse: tuple[float, ...] = (-0.4, 0.0, 0.0)
    """Means of the logarithms of the tempi, by stream"""
    tempo: float = 0.2
    gain: tuple[float, ...] = (0.25, 0.3, 0.3, 0.3)
    """Spreads of logarithms"""
    mean: tuple[float, ...] = (0.6, 0.05, -0.4, -0.35)
    """Means of the logarithms of the gains: the persons of the bank grimace more than most, and move the head less"""
    alike: float = 0.5
    """How near, in logarithms, the first stretch's liveliness is to that of the observed frames"""
    least: int = 75
    shortest: int = 150
    longest: int = 300
    """Of a stretch, unless its clip ends"""
    near: int = 4
    """Around a place in which the best start, and the calmest end, are looked for"""
    pace: float = 0.3
    """Weight of steps, in units of their scale, against states when starts are compared"""
    settle: tuple[float, ...] = (40.0, 30.0, 45.0, 45.0)
    """In which the way from where the face is to where the stretch was fades"""


MANNER = Manner()


@dataclass(frozen=True, eq=False)
class Course:
    """T frames of innovations (T, D), in units of the step scale, and the `line` (T, D) of states that they follow."""

    innovations: Floats
    line: Floats


@dataclass(frozen=True, eq=False)
class Bank:
    """Real motions one after the other, as states (N, D) whose poses are counted from each clip's mean."""

    states: Floats
    lengths: NDArray[np.int32]
    codec: Codec

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], codec: Codec) -> "Bank":
        """From a file's arrays, the states in `LEVELS`.

        Raises:
            BadInput: they are missing or do not belong together.
        """
        try:
            states, lengths = arrays["bank.states"], arrays["bank.lengths"]
        except KeyError as error:
            raise BadInput(f"The weights lack {error.args[0]}; they are not those of this network.") from error
        if states.ndim != 2 or states.shape[1] != codec.size or lengths.ndim != 1 or not len(lengths) \
                or lengths.min() < SHORTEST or lengths.sum() != len(states):
            raise BadInput("The weights' stretches of motion are damaged; fetch the file again.")
        return cls(states.astype(np.float32) / np.float32(LEVELS), lengths, codec)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The inverse of `from_arrays`."""
        levels = np.rint(np.clip(self.states, -LIMIT, LIMIT) * LEVELS)
        return {"bank.states": levels.astype(np.int16), "bank.lengths": self.lengths.astype(np.int32)}

    @cached_property
    def ends(self) -> NDArray[np.int_]:
        """(C,) the frame after each clip."""
        return np.cumsum(self.lengths)

    @cached_property
    def origin(self) -> Floats:
        """(D,) the state of no expression and of the mean pose, about which gains act."""
        return np.concatenate([np.zeros(POSE), -self.codec.mean @ self.codec.encode]).astype(np.float32)

    @cached_property
    def liveliness(self) -> Floats:
        """(N, G) logarithm of how much each group has moved in the last frames."""
        parts = np.split(self.states, self.ends[:-1])
        return np.concatenate([_recent(part, self.codec.group) for part in parts])

    def stretch(self, first: float, frames: int, tempo: float, columns: NDArray[np.intp]) -> Floats:
        """States (frames, d) from a place on, at a tempo, between samples by cubics (Catmull & Rom 1974)."""
        at = first + tempo * np.arange(frames)
        i = np.floor(at).astype(int)
        t = (at - i)[:, None]
        a, b, c, d = (self.states[np.clip(i + k, 0, len(self.states) - 1)][:, columns] for k in (-1, 0, 1, 2))
        return np.asarray(b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))),
                          np.float32)


def _recent(states: Floats, group: NDArray[np.int32]) -> Floats:
    """Logarithm of the mean deviation of each group's numbers over the last frames (T, G)."""
    x = states.astype(np.float64)
    first = np.maximum(np.arange(len(x)) - RECENT + 1, 0)
    last = np.maximum(np.arange(len(x)), min(4, len(x) - 1)) + 1
    count = (last - first)[:, None]
    sums = [np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(p, 0)]) for p in (x, x * x)]
    mean, square = ((s[last] - s[first]) / count for s in sums)
    share = np.eye(group.max() + 1)[group]
    spread = np.sqrt(np.maximum(square - mean * mean, 0) @ share / share.sum(0))
    return np.asarray(np.log(spread + 0.02), np.float32)


def draw_course(bank: Bank, observed: Floats, anchor: Floats, frames: int, seed: int, momentum: Floats,
                manner: Manner = MANNER) -> Course:
    """A course from observed states (k + 1, D) on, about an anchor (D,), for a network with a momentum (D,)."""
    group, scale = bank.codec.group, bank.codec.step_scale
    made, line = np.empty((frames, len(scale)), np.float32), np.empty((frames, len(scale)), np.float32)
    step = (observed[-1] - observed[-2]) / scale if len(observed) > 1 else np.zeros_like(scale)
    lively = _recent(observed, group)[-1] if len(observed) > 4 else None
    home = np.where(np.arange(len(scale)) < POSE, anchor, 0).astype(np.float32)
    for number, groups in enumerate(STREAMS):
        random = np.random.default_rng([seed, number])
        stream = _Stream(bank, manner, random, number, None if lively is None else lively[list(groups)])
        c, at = stream.columns, 0
        for states in stream.blocks(observed[-1, c] - home[c], step[c], frames):
            steps = np.diff(states, axis=0) / scale[c]
            n = min(len(steps) - 1, frames - at)
            made[at:at + n, c] = (steps[1:] - momentum[c] * steps[:-1])[:n]
            line[at:at + n, c] = states[2:2 + n] + home[c]
            at += n
    return Course(made, line)


class _Stream:
    """Stretches for some groups of numbers, one after the other."""

    def __init__(self, bank: Bank, manner: Manner, random: Random, number: int,
                 lively: Floats | None) -> None:
        self.bank, self.manner, self.random, self.lively = bank, manner, random, lively
        self.groups, self.pulse = np.array(STREAMS[number]), manner.pulse[number]
        self.columns = np.flatnonzero(np.isin(bank.codec.group, self.groups))
        own = bank.codec.group[self.columns]
        spread = random.normal(size=int(own.max()) + 1) * np.array(manner.gain)[:own.max() + 1]
        self.gain = np.exp(np.array(manner.mean)[own] + spread[own]).astype(np.float32)
        self.settle, self.posed = np.array(manner.settle)[own], own == 0
        self.scale, self.origin = bank.codec.step_scale[self.columns], bank.origin[self.columns]

    def blocks(self, state: Floats, step: Floats, frames: int) -> Iterator[Floats]:
        """States (n + 2, d), of which the second is where the face is, until there are `frames` after it."""
        manner, lively, made = self.manner, self.lively, 0
        while made < frames:
            tempo = float(np.exp(self.pulse + manner.tempo * self.random.normal()))
            first = self._place(state, step, lively)
            clip = int(np.searchsorted(self.bank.ends, first, "right"))
            room = int((self.bank.ends[clip] - 2 - first) / tempo)
            count = max(2, min(room, int(self.random.integers(manner.shortest, manner.longest + 1))))
            raw = self.bank.stretch(first - tempo, count + 2, tempo, self.columns)
            count = self._calmest(raw, count)
            raw = self.gain * raw[:count + 2] + (1 - self.gain) * self.origin
            # No stretch draws the head away for good.
            raw[:, self.posed] -= raw[:, self.posed].mean(0)
            fade = np.exp(-np.arange(-1, count + 1)[:, None] / self.settle).astype(np.float32)
            block = raw + (state - raw[1]) * fade
            yield block
            state, step, lively, made = block[-1], (block[-1] - block[-2]) / self.scale, None, made + count

    def _place(self, state: Floats, step: Floats, lively: Floats | None) -> int:
        """Where a stretch begins: a random place of a random clip, or one as lively as wanted, moved a little to
        fit."""
        bank, manner = self.bank, self.manner
        starts, free = bank.ends - bank.lengths, np.maximum(bank.lengths - manner.least, 1)
        places = np.repeat(starts + 1 - np.cumsum(free) + free, free) + np.arange(free.sum())
        weight = 1 / np.repeat(free, free)
        if lively is not None:
            far = (bank.liveliness[places][:, self.groups] - lively).mean(1) / manner.alike
            weight = weight * (np.exp(-0.5 * far * far) + 1e-6)
        passed = np.cumsum(weight)
        place = int(places[min(int(np.searchsorted(passed, self.random.random() * passed[-1])), len(places) - 1)])
        clip = int(np.searchsorted(bank.ends, place, "right"))
        low = max(place - manner.near, int(starts[clip]) + 1)
        high = max(low + 1, min(place + manner.near + 1, int(bank.ends[clip]) - manner.least))
        states = self.gain * bank.states[low - 1:high, self.columns] + (1 - self.gain) * self.origin
        steps = np.diff(states, axis=0) / self.scale
        apart = np.linalg.norm(states[1:] - state, axis=1) + manner.pace * np.linalg.norm(steps - step, axis=1)
        return low + int(np.argmin(apart))

    def _calmest(self, states: Floats, count: int) -> int:
        """The frame count near the end of a stretch at which it moves least."""
        speed = np.linalg.norm(np.diff(states[2:], axis=0) / self.scale, axis=1)
        near = 2 * self.manner.near
        first = len(speed) - near - 1
        return first + int(np.argmin(speed[first:])) + 2 if first > 0 else count
