# SPDX-License-Identifier: Apache-2.0
"""Whether long motion looks alive: blinks, the spectrum, the range, drift."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.motion import Motion
from ..codec import FPS, unwrapped

Array = NDArray[np.float64]

CLOSED, OPENED = 0.4, 0.3
"""A blink: the lids' mean rises above the first, counted from the person's open eyes, after it was below the second"""
OCTAVES = ((0.3125, 0.625), (0.625, 1.25), (1.25, 2.5), (2.5, 5.0))
"""Hertz"""
_SEGMENT = 96
MOUTH = ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthSmileLeft", "mouthSmileRight",
         "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthShrugLower",
         "mouthRollLower")
STUCK = 0.25
"""A channel that real motion moves is stuck if it moves less than this share of that"""


def blinks(motion: Motion) -> int:
    """How often both eyes close and open."""
    lids = [motion.channels.index(f"eyeBlink{side}") for side in ("Left", "Right")]
    shut = motion.expression[:, lids].mean(1)
    shut = shut - np.percentile(shut, 20)
    count, was_open = 0, True
    for value in shut:
        if was_open and value > CLOSED - 0.1:
            count, was_open = count + 1, False
        elif value < OPENED - 0.1:
            was_open = True
    return count


def blink_rate(motions: Sequence[Motion]) -> float:
    """Blinks a minute over motions of one person."""
    minutes = sum(len(m) / m.fps for m in motions) / 60
    return sum(blinks(m) for m in motions) / minutes


def spectrum(values: Array) -> Array | None:
    """Power of a motion's channels (T, C) in each octave (4, C) by Welch's method; None if it is too short."""
    if len(values) < _SEGMENT:
        return None
    window = np.hanning(_SEGMENT)[:, None]
    ramp = np.linspace(-1, 1, _SEGMENT)[:, None]
    total, count = np.zeros((_SEGMENT // 2 + 1, values.shape[1])), 0
    for start in range(0, len(values) - _SEGMENT + 1, _SEGMENT // 2):
        piece = values[start:start + _SEGMENT]
        piece = piece - piece.mean(0)
        piece = piece - ramp * (ramp * piece).sum(0) / (ramp * ramp).sum()
        total += np.abs(np.fft.rfft(piece * window, axis=0)) ** 2
        count += 1
    hertz = np.fft.rfftfreq(_SEGMENT, 1 / FPS)
    bands = [total[(hertz >= low) & (hertz < high)].mean(0) for low, high in OCTAVES]
    return np.stack(bands) / count


def channels_of(motion: Motion) -> dict[str, Array]:
    """What spectra are taken of: rotation (T, 3), and the mouth (T, C)."""
    mouth = [motion.channels.index(name) for name in MOUTH]
    return {"pose": unwrapped(motion.rotation), "mouth": motion.expression[:, mouth].astype(np.float64)}


def spectra(motions: Sequence[Motion]) -> dict[str, Array]:
    """Mean power by octave, all channels of the head's rotation or of the mouth together (4,)."""
    out = {}
    for name in ("pose", "mouth"):
        found = [s.sum(1) for m in motions if (s := spectrum(channels_of(m)[name])) is not None]
        out[name] = np.mean(found, 0)
    return out


def liveliness(real: Sequence[tuple[str, Motion]], made: Sequence[Motion]) -> dict[str, Any]:
    """Made motions, each a minute, against real ones with their persons."""
    persons = {person: [m for p, m in real if p == person] for person, _ in real}
    long_enough = [own for own in persons.values() if sum(len(m) / m.fps for m in own) >= 5]
    rates = [blink_rate(own) for own in long_enough]
    own_rates = [blink_rate([m]) for m in made]
    low, high = np.percentile(rates, (5, 95))
    power, theirs = spectra(made), spectra([m for _, m in real])
    spread = np.concatenate([m.expression - m.expression.mean(0) for _, m in real]).std(0)
    moving = spread > 0.02
    own_spread = np.mean([m.expression.std(0) for m in made], 0)
    drift = [np.degrees(np.linalg.norm(unwrapped(m.rotation)[len(m) // 2:].mean(0) - unwrapped(m.rotation)[0]))
             for m in made]
    later = [np.degrees(np.linalg.norm(unwrapped(m.rotation)[-len(m) // 4:].mean(0)
                                       - unwrapped(m.rotation)[:len(m) // 4].mean(0))) for m in made]
    names = made[0].channels
    return {
        "blinks_per_minute": float(np.mean(own_rates)), "blinks_each": [float(r) for r in own_rates],
        "blinks_within_share": float(np.mean([low <= r <= high for r in own_rates])),
        "blinks_real_5_95": [float(low), float(high)], "blinks_real_mean": float(np.mean(rates)),
        **{f"power_{name}": [float(r) for r in power[name] / theirs[name]] for name in power},
        "stuck": [names[i] for i in np.flatnonzero(moving & (own_spread < STUCK * spread))],
        "out_of_range": int(sum(((m.expression < 0) | (m.expression > 1)).sum() for m in made)),
        "drift_degrees": float(np.max(later)), "away_degrees": float(np.max(drift)),
    }
