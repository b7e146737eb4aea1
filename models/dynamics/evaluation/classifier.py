# SPDX-License-Identifier: Apache-2.0
"""A small judge that learns to tell real motion from made motion in windows of two seconds."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from ....core.motion import Motion
from ..codec import POSE, Codec

Array = NDArray[np.float64]

Windows = list[tuple[str, Array]]
"""What the judge sees of windows, each with the person it belongs to"""
WINDOW = 60
HIDDEN, ROUNDS, RATE, DECAY = 24, 400, 0.02, 3e-3


def features(motion: Motion, codec: Codec, start: int) -> Array:
    """What the judge sees of one window: of every number of the state how far it moves, how fast, how much the pace
    changes, the largest step, how often it turns, and its power in four bands; positions do not tell."""
    states = codec.states(motion, motion.channels)[start:start + WINDOW].astype(np.float64)
    step = np.diff(states, axis=0) / codec.step_scale
    turn = np.diff(step, axis=0)
    power = np.abs(np.fft.rfft((states - states.mean(0)) * np.hanning(WINDOW)[:, None], axis=0)) ** 2
    bands = [power[a:b].mean(0) for a, b in ((1, 3), (3, 6), (6, 12), (12, 30))]
    small = 1e-4
    parts = [np.log(states.std(0) + small), np.log(step.std(0) + small), np.log(turn.std(0) + small),
             np.log(np.abs(step).max(0) + small), (step[1:] * step[:-1] < 0).mean(0),
             *(np.log(band + small ** 2) for band in bands)]
    assert states.shape[1] > POSE
    return np.concatenate(parts)


def windows(motion: Motion, codec: Codec) -> list[Array]:
    return [features(motion, codec, s) for s in range(0, len(motion) - WINDOW + 1, WINDOW // 2)]


def accuracy(real: Sequence[tuple[str, Array]], made: Sequence[tuple[str, Array]], seed: int = 0,
             asked: Collection[str] | None = None) -> float:
    """How often the judge is right about persons it has not seen, real and made alike often, by five-fold crossing.

    Both are windows with the person each belongs to. Where persons to be `asked` about are named, it learns from all
    and is asked about theirs alone.
    """
    persons = sorted({p for p, _ in [*real, *made]})
    order = np.random.default_rng(seed).permutation(len(persons))
    fold = {persons[i]: n % 5 for n, i in enumerate(order)}
    x = np.array([f for _, f in [*real, *made]])
    y = np.array([1.0] * len(real) + [0.0] * len(made))
    folds = np.array([fold[p] for p, _ in [*real, *made]])
    wanted = np.array([asked is None or p in asked for p, _ in [*real, *made]])
    right = []
    for held in range(5):
        known, new = folds != held, (folds == held) & wanted
        if new.any() and len(set(y[known])) == 2:
            guess = _Judge(x[known], y[known], seed).guess(x[new]) > 0.5
            good = guess == (y[new] > 0.5)
            right.append(np.mean([good[y[new] == v].mean() for v in (0, 1) if (y[new] == v).any()]))
    return float(np.mean(right))


class _Judge:
    """A network with one hidden layer, trained by Adam (Kingma & Ba 2015); both kinds weigh the same."""

    def __init__(self, x: Array, y: Array, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.mean, self.scale = x.mean(0), x.std(0) + 1e-6
        x = (x - self.mean) / self.scale
        self.w = [random.normal(size=(x.shape[1], HIDDEN)) / x.shape[1] ** 0.5, np.zeros(HIDDEN),
                  random.normal(size=HIDDEN) / HIDDEN ** 0.5, np.zeros(())]
        weight = np.where(y > 0.5, 0.5 / max(y.sum(), 1), 0.5 / max((1 - y).sum(), 1))
        first, second = [np.zeros_like(w) for w in self.w], [np.zeros_like(w) for w in self.w]
        for t in range(1, ROUNDS + 1):
            for i, g in enumerate(self._slopes(x, y, weight)):
                first[i] = 0.9 * first[i] + 0.1 * g
                second[i] = 0.999 * second[i] + 0.001 * g * g
                step = first[i] / (1 - 0.9 ** t) / (np.sqrt(second[i] / (1 - 0.999 ** t)) + 1e-8)
                self.w[i] = self.w[i] - RATE * (1 - t / ROUNDS) * (step + DECAY * self.w[i])

    def _slopes(self, x: Array, y: Array, weight: Array) -> list[Array]:
        hidden = np.tanh(x @ self.w[0] + self.w[1])
        wrong = weight * (_logistic(hidden @ self.w[2] + self.w[3]) - y)
        back = wrong[:, None] * self.w[2] * (1 - hidden ** 2)
        return [x.T @ back + DECAY * self.w[0], back.sum(0), hidden.T @ wrong, np.asarray(wrong.sum())]

    def guess(self, x: Array) -> Array:
        hidden = np.tanh((x - self.mean) / self.scale @ self.w[0] + self.w[1])
        return _logistic(hidden @ self.w[2] + self.w[3])


def _logistic(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(x / 2)))
