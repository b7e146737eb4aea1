# SPDX-License-Identifier: Apache-2.0
"""What the judge says of made motion, and of real motion put in its place."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ....core.evaluate.report import plain
from ....core.motion import Motion
from ....core.motion_edit import mirror
from ..codec import FPS, placement, unplaced
from ..corpus import Clip, split_of
from ..files import Network
from ..predict import part, predict
from . import baselines, classifier
from .classifier import Windows

Continued = Callable[[Motion, int, int], list[Motion]]
"""Pieces that go on from a motion's first frames: the motion, how many frames, a number"""
LONGEST, DRAWS, SEEDS = 300, 3, 2
_SEEN = 10


def judged(clips: Sequence[Clip], network: Network) -> dict[str, float | None]:
    """Accuracy of the judge on real windows against made ones of each kind, all of persons who were not learned from:
    what is made draws on those who were.

    Of what is drawn, the mean over several draws; `tested` asks only about windows of the persons kept for testing, of
    whom not even the mean is known; and `learned from` is real motion of the persons in the bank, put in the place of
    what is made: who knows nobody else, and changes nothing, is told this often.
    """
    known = [c for c in clips if len(c.motion) >= _SEEN + 2 * FPS and c.person not in network.persons]
    bank = [c.motion for c in clips if c.person in network.persons and len(c.motion) >= classifier.WINDOW]
    ways: dict[str, Continued] = {
        "mien": lambda m, n, s: [predict(m, n, seed=s, network=network)],
        "learned from": lambda m, n, s: _of_others(bank, n, s),
        "hold last": lambda m, n, s: [baselines.hold(m, n)],
        "linear, damped": lambda m, n, s: [baselines.linear(m, n, 0.95)]}
    real = [(c.person, w) for c in known for w in classifier.windows(centred(c.motion), network.codec)]
    tested = {c.person for c in known if split_of(c.person) == "test"}
    out: dict[str, float | None] = {}
    for name, way in ways.items():
        if name == "learned from" and not bank:
            continue
        drawn = [_windows(known, network, way, d) for d in range(DRAWS if name in ("mien", "learned from") else 1)]
        out[name] = _mean(real, drawn, None)
        if name == "mien":
            out["mien, tested"] = _mean(real, drawn, tested)
    return out


def _mean(real: Windows, drawn: Sequence[Windows], asked: set[str] | None) -> float | None:
    return plain(float(np.mean([classifier.accuracy(real, made, seed, asked) for made in drawn
                                for seed in range(SEEDS)])))


def _windows(known: Sequence[Clip], network: Network, way: Continued, draw: int) -> Windows:
    found: Windows = []
    for i, clip in enumerate(known):
        for made in way(part(clip.motion, 0, _SEEN), min(len(clip.motion), LONGEST), i + 1000 * draw):
            found += [(clip.person, w) for w in classifier.windows(centred(made), network.codec)]
    return found


def _of_others(bank: Sequence[Motion], frames: int, seed: int) -> list[Motion]:
    """Stretches of real motions, as many as make so many frames."""
    random = np.random.default_rng(seed)
    out: list[Motion] = []
    while frames >= classifier.WINDOW:
        motion = bank[int(random.integers(len(bank)))]
        count = min(frames, len(motion))
        first = int(random.integers(len(motion) - count + 1))
        piece = part(motion, first, first + count)
        out.append(mirror(piece) if random.random() < 0.5 else piece)
        frames -= count
    return out


def centred(motion: Motion) -> Motion:
    """The motion with places counted from its own mean, so that where the face is does not tell."""
    home = motion.translation.mean(0)
    return replace(motion, translation=unplaced(placement(motion.translation, home), home))
