# SPDX-License-Identifier: Apache-2.0
"""What keeps a prediction alive: blocks of what real faces did unexpectedly; numpy alone.

A block bootstrap of innovations (Künsch 1989, *The Jackknife and the Bootstrap for General Stationary Observations*):
instead of independent noise, the roll-out is driven by stretches of real motion less what the network's momentum would
have said, seconds long, of one person after another, each group of numbers by itself. Blinks, rhythm and jumps so come
as people make them. A stretch begins where it fits the one before (Kovar, Gleicher & Pighin 2002, *Motion Graphs*).
All stretches of a course are given one person's manner (see `styles`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bank import Bank
from .codec import POSE
from .styles import POSE_FLOOR, Style, dressed, liveliness

Floats = NDArray[np.float32]
Array = NDArray[np.float64]
Random = np.random.Generator

STREAMS = ((0,), (1,), (2, 3))
"""Groups of numbers whose stretches are drawn together"""


@dataclass(frozen=True)
class Manner:
    """How courses are drawn; by group of numbers where there are four, in frames where nothing else is said."""

    tempo: float = 0.1
    """Spread of the logarithms of the tempi"""
    sway: float = 0.15
    """Spread of the logarithm of what a tempo is multiplied by from one second to the next"""
    alike: float = 0.5
    """How near, in logarithms, the style and the first stretch are to the liveliness of the observed frames"""
    styles: int = 4
    """Among which the one like the observed frames is chosen"""
    least: int = 150
    shortest: int = 150
    longest: int = 300
    """Of a stretch, unless its clip ends"""
    context: int = 400
    """Frames by which it is judged in what manner a stretch moves"""
    near: int = 4
    """Around a place in which the best start, and the calmest end, are looked for"""
    pace: float = 0.3
    """Weight of steps, in units of their scale, against states when starts are compared"""
    settle: tuple[float, ...] = (30.0, 30.0, 45.0, 45.0)
    """In which the way from where the face is to where the stretch was fades"""


MANNER = Manner()
_SECOND = 31


@dataclass(frozen=True, eq=False)
class Course:
    """T frames of innovations (T, D), in units of the step scale, and the `line` (T, D) of states that they follow."""

    innovations: Floats
    line: Floats


def draw_course(bank: Bank, observed: Floats, anchor: Floats, frames: int, seed: int, momentum: Floats,
                manner: Manner = MANNER) -> Course:
    """A course from observed states (k + 1, D) on, about an anchor (D,), for a network with a momentum (D,)."""
    group, scale = bank.codec.group, bank.codec.step_scale
    made, line = np.empty((frames, len(scale)), np.float32), np.empty((frames, len(scale)), np.float32)
    step = (observed[-1] - observed[-2]) / scale if len(observed) > 1 else np.zeros_like(scale)
    lively = liveliness(observed, group)[-1] if len(observed) > 4 else None
    home = np.where(np.arange(len(scale)) < POSE, anchor, 0).astype(np.float32)
    manners = _Manners(bank, manner, np.random.default_rng([seed, len(STREAMS)]), lively)
    for number, groups in enumerate(STREAMS):
        random = np.random.default_rng([seed, number])
        stream = _Stream(bank, manner, random, groups, manners, lively)
        c, at = stream.columns, 0
        for states in stream.blocks(observed[-1, c] - home[c], step[c], frames):
            steps = np.diff(states, axis=0) / scale[c]
            n = min(len(steps) - 1, frames - at)
            made[at:at + n, c] = (steps[1:] - momentum[c] * steps[:-1])[:n]
            line[at:at + n, c] = states[2:2 + n] + home[c]
            at += n
    return Course(made, line)


class _Manners:
    """The styles of a course's stretches, the same for all streams: the first one is such that the observed liveliness
    (G,) would be usual, the next ones wander."""

    def __init__(self, bank: Bank, manner: Manner, random: Random, lively: Floats | None) -> None:
        self.styles, self.random = bank.styles, random
        drawn = [bank.styles.draw(random) for _ in range(1 if lively is None else manner.styles)]
        far = np.array([0 if lively is None else np.square((s.lively - lively) / manner.alike).mean() for s in drawn])
        passed = np.cumsum(np.exp(-0.5 * far) + 1e-6)
        self.drawn = [drawn[min(int(np.searchsorted(passed, random.random() * passed[-1])), len(drawn) - 1)]]

    def __getitem__(self, number: int) -> Style:
        while number >= len(self.drawn):
            self.drawn.append(self.styles.draw(self.random, self.drawn[-1]))
        return self.drawn[number]


class _Stream:
    """Stretches for some groups of numbers, one after the other."""

    def __init__(self, bank: Bank, manner: Manner, random: Random, groups: tuple[int, ...], manners: _Manners,
                 lively: Floats | None) -> None:
        self.bank, self.manner, self.random, self.manners, self.lively = bank, manner, random, manners, lively
        self.style = manners[0]
        self.groups, codec = np.array(groups), bank.codec
        self.columns = np.flatnonzero(np.isin(codec.group, self.groups))
        own = codec.group[self.columns]
        self.settle, self.posed = np.array(manner.settle)[own], 0 in groups
        self.scale, self.origin = codec.step_scale[self.columns], bank.origin[self.columns]
        into = codec.encode[:, self.columns - POSE] if not self.posed else codec.encode[:, :0]
        self.channels = np.flatnonzero(np.abs(into).max(1, initial=0) > 0)
        self.encode = into[self.channels]
        self.decode = codec.decode[self.columns - POSE][:, self.channels] if not self.posed else self.encode.T
        self.mean = codec.mean[self.channels]

    def blocks(self, state: Floats, step: Floats, frames: int) -> Iterator[Floats]:
        """States (n + 2, d), of which the second is where the face is, until there are `frames` after it."""
        lively, made, number = self.lively, 0, 0
        while made < frames:
            self.style, number = self.manners[number], number + 1
            raw = self._read(self._place(state, step, lively))
            raw = raw[:self._calmest(raw, len(raw) - 2) + 2]
            fade = np.exp(-np.arange(-1, len(raw) - 1)[:, None] / self.settle).astype(np.float32)
            if self.posed:
                # No stretch draws the head away for good: with its beginning it is at home on the mean.
                mean = fade[2:].mean(0)
                raw = raw - (raw[2:].mean(0) + (state - raw[1]) * mean) / np.maximum(1 - mean, np.float32(0.5))
            block = raw + (state - raw[1]) * fade
            yield block
            state, step, lively = block[-1], (block[-1] - block[-2]) / self.scale, None
            made += len(block) - 2

    def _read(self, first: int) -> Floats:
        """States (n + 2, d) from the frame before the first on, until there are enough or their clip ends; the tempo
        varies."""
        manner, random, ends = self.manner, self.random, self.bank.ends
        count = int(random.integers(manner.shortest, manner.longest + 1)) + 2
        bump = np.hanning(_SECOND + 2)[1:-1]
        sway = np.convolve(random.normal(size=count + _SECOND - 1), bump / np.sqrt(np.square(bump).sum()), "valid")
        tempo = np.exp(manner.tempo * random.normal() + manner.sway * sway)
        at = first + np.cumsum(tempo) - tempo[0] - tempo[1]
        clip = int(np.searchsorted(ends, first, "right"))
        at = at[:max(4, int(np.searchsorted(at, ends[clip] - 2)))]
        # Its manner is told by more than the stretch, or every short one would be made alike.
        end = min(int(ends[clip]), max(int(at[-1]) + 3, first + manner.context))
        begin = max(int(ends[clip] - self.bank.lengths[clip]), min(first - 2, end - manner.context))
        return between(self._dressed(self.bank.states[begin:end, self.columns]), at - begin)

    def _dressed(self, states: Floats) -> Floats:
        """A stretch's states (T, d) in the manner of the style."""
        if self.posed:
            return dressed(states, self.style.pose, floor=POSE_FLOOR).astype(np.float32)
        channels = np.clip(states @ self.decode + self.mean, 0, 1)
        return np.asarray((dressed(channels, self.style.channels[:, self.channels], 0, 1) - self.mean) @ self.encode,
                          np.float32)

    def _place(self, state: Floats, step: Floats, lively: Floats | None) -> int:
        """Where a stretch begins: a random place of a random clip, or one as lively as wanted, moved a little to
        fit."""
        bank, manner = self.bank, self.manner
        starts, free = bank.ends - bank.lengths, np.maximum(bank.lengths - manner.least, 1)
        places = np.repeat(starts + 1 - np.cumsum(free) + free, free) + np.arange(free.sum())
        weight = 1 / np.repeat(free, free) ** 0.5
        louder = self.style.lively - bank.usual
        if lively is not None:
            found = bank.liveliness[places] + np.repeat(louder, free, 0)
            far = (found - lively)[:, self.groups].mean(1) / manner.alike
            weight = weight * (np.exp(-0.5 * far * far) + 1e-6)
        passed = np.cumsum(weight)
        place = int(places[min(int(np.searchsorted(passed, self.random.random() * passed[-1])), len(places) - 1)])
        clip = int(np.searchsorted(bank.ends, place, "right"))
        low = max(place - manner.near, int(starts[clip]) + 1)
        high = max(low + 1, min(place + manner.near + 1, int(bank.ends[clip]) - manner.least))
        gain = np.float32(np.exp(np.clip(louder[clip, self.groups].mean(), -1, 1)))
        states = gain * bank.states[low - 1:high, self.columns] + (1 - gain) * self.origin
        steps = np.diff(states, axis=0) / self.scale
        apart = np.linalg.norm(states[1:] - state, axis=1) + manner.pace * np.linalg.norm(steps - step, axis=1)
        return low + int(np.argmin(apart))

    def _calmest(self, states: Floats, count: int) -> int:
        """The frame count near the end of a stretch at which it moves least."""
        speed = np.linalg.norm(np.diff(states[2:], axis=0) / self.scale, axis=1)
        near = 2 * self.manner.near
        first = len(speed) - near - 1
        return first + int(np.argmin(speed[first:])) + 2 if first > 0 else count


def between(values: Floats, at: Array) -> Floats:
    """Values (n, d) of rows (T, d) at places (n,) between them, by cubics (Catmull & Rom 1974)."""
    i = np.floor(at).astype(int)
    t = (at - i)[:, None].astype(np.float32)
    a, b, c, d = (values[np.clip(i + k, 0, len(values) - 1)] for k in (-1, 0, 1, 2))
    return np.asarray(b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))), np.float32)
