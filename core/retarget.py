# SPDX-License-Identifier: Apache-2.0
"""One face's motion on another face: the rules that the command, the add-on and the networks share.

Relative: what changed since the driver's neutral is added to the face's own; what one of two opposite ways (looks,
sideways jaw and mouth) cannot give back goes on to the other. Absolute: the driver's numbers are taken as they are.
Both ways the face keeps its own place and size: it is shifted, in metres at the head, and scaled as much as the driver
since the frame of reference, the motion's first frame that has a face. A motion of the very face, seen by its own
camera, says the place too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .camera import rotation_matrix, rotation_vector
from .channels import CHANNELS, REGIONS
from .errors import BadInput
from .motion import Motion

Floats = NDArray[np.float32]

REST_PERCENTILE = 10.0
"""A face at rest: a motion's values below which this share of its frames lies"""
FULL_PERCENTILE = 95.0
"""A face at full effect; higher ones would be single frames"""
_LEAST_AMPLITUDE = 0.05
"""A region that moves less than this says nothing about how strongly a face moves"""
_GAIN_RANGE = (1 / 3, 3.0)
_REACH = (0.6, 1.6)
"""Bounds of the factor that brings a face to its own end of a movement"""
_REGION = {channel.name: channel.region for channel in CHANNELS}
_WAYS = (*((f"eyeLookIn{side}", f"eyeLookOut{side}") for side in ("Left", "Right")),
         *((f"eyeLookUp{side}", f"eyeLookDown{side}") for side in ("Left", "Right")),
         ("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"))
"""Pairs of channels that are the two ways of one movement through its middle"""


@dataclass(frozen=True, eq=False)
class Performance:
    """T frames of coefficients for a face, in its own camera."""

    expression: Floats
    """(T, E) 0..1"""
    rotation: Floats
    """(T, 3) axis-angle, radians"""
    translation: Floats
    """(T, 3) metres"""


@dataclass(frozen=True)
class Rules:
    """How a motion is put on another face."""

    relative: bool = True
    gains: Mapping[str, float] = field(default_factory=dict)
    """Factors by region or by channel, the channel's before its region's; 1 where nothing is said"""
    rotation_gain: float = 1.0
    """Factor on the turns since the frame of reference"""
    translation_gain: float = 1.0
    """Factor on the shifts since the frame of reference, and on the logarithm of the change of size"""
    own_place: bool = True
    """Whether the face keeps its own place and size; else it is where the motion says, in the face's own camera"""


def suited(driver: Motion, rules: Rules, *, calibrate: bool = False,
           match: Motion | None = None) -> tuple[Motion, Rules]:
    """The driver and the rules to `retarget` by, when people differ in how they are at rest and how much they move.

    Args:
        calibrate: take away what the driver is like at rest (`calibrated`).
        match: a motion of the face's own; regions become as lively as in it (`amplitude_gains`), on top of the gains.
    """
    if calibrate:
        driver = calibrated(driver)
    if match is not None:
        found = amplitude_gains(driver, match)
        rules = replace(rules, gains={**rules.gains, **{r: g * rules.gains.get(r, 1.0) for r, g in found.items()}})
    return driver, rules


def retarget(motion: Motion, names: Sequence[str], expression: NDArray[np.floating], rotation: NDArray[np.floating],
             translation: NDArray[np.floating], rules: Rules = Rules(), *, neutral: NDArray[np.floating] | None = None,
             ends: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None) -> Performance:
    """A motion on a face with channels `names`, whose own expression (E,) and pose (3,), (3,) are given.

    Args:
        neutral: (E,) the driver's expression that stands for the face's own in a relative transfer; None is the one at
            the frame of reference.
        ends: (E,) each, the values with which the driver and the face come to the same end of a movement, 1 where
            none is known: eyes that are shut (`shutting`). What takes the driver from its neutral to its end
            takes the face, in a relative transfer, from its own expression to its own end.

    Raises:
        BadInput: the motion has a channel that is not among the names, or a gain is for no region or channel.
    """
    first = reference_frame(motion)
    driver, gain = expressions_on(motion, names), channel_gains(names, rules.gains)
    rest = driver[first] if neutral is None else np.asarray(neutral, np.float32)
    if rules.relative:
        own = np.asarray(expression)
        change = driver - rest if ends is None else (driver - rest) * _reach(driver, rest, own, *ends)
        changed = own + change if np.all(gain == 1) else own + change * gain
        most = np.maximum(own, 1 if ends is None else np.maximum(ends[1], 1))
        moved = np.clip(_carried_through(changed, names), 0, most)
    else:
        moved = driver if np.all(gain == 1) else driver * gain
    turned = _turned(motion.rotation, rotation, first, rules)
    placed_at = motion.translation if not rules.own_place else placed(
        translation, motion.translation, first, rules.translation_gain)
    return Performance(np.asarray(moved, np.float32), turned, placed_at)


def _reach(driver: Floats, rest: Floats, own: NDArray[np.floating], driver_end: NDArray[np.floating],
           own_end: NDArray[np.floating]) -> NDArray[np.floating]:
    """Factors (T, E) on changes by which a face comes to its end of a movement with the driver."""
    there = (driver_end != own_end) | (own_end != 1)
    on = (own_end - own) / np.maximum(driver_end - rest, 1e-3)
    each = np.where(driver > rest, on, own_end / driver_end)
    return np.where(there, np.clip(each, *_REACH), 1.0)


def _carried_through(changed: NDArray[np.floating], names: Sequence[str]) -> NDArray[np.floating]:
    """Values (T, E) with what one of two opposite ways has below 0 added to the other."""
    place, out = {name: i for i, name in enumerate(names)}, changed
    for pair in _WAYS:
        if all(name in place for name in pair):
            ways = [place[name] for name in pair]
            if (changed[:, ways] < 0).any():
                out = out.copy() if out is changed else out
                out[:, ways] -= np.minimum(changed[:, ways[::-1]], 0)
    return out


def reference_frame(motion: Motion) -> int:
    """The motion's first frame that has a face."""
    return int(np.argmax(motion.confidence > 0))


def expressions_on(motion: Motion, names: Sequence[str], face: str = "") -> Floats:
    """The motion's channels (T, E) in the order of `names`; channels that the motion lacks stay 0.

    Raises:
        BadInput: the motion has a channel that is not among the names.
    """
    place = {name: i for i, name in enumerate(names)}
    unknown = [name for name in motion.channels if name not in place]
    if unknown:
        raise BadInput(f"The face model {face + ' ' if face else ''}has no expression '{unknown[0]}' that the motion "
                       "moves; use the model that the motion was made with.")
    out = np.zeros((len(motion), len(names)), np.float32)
    out[:, [place[name] for name in motion.channels]] = motion.expression
    return out


def channel_gains(names: Sequence[str], gains: Mapping[str, float]) -> Floats:
    """Factors (E,) for channels from a table by region or channel name.

    Raises:
        BadInput: an entry is neither a region nor one of the names, or its factor is not a finite number.
    """
    for key, factor in gains.items():
        if key not in REGIONS and key not in names:
            raise BadInput(f"There is no region or channel '{key}'; regions are {', '.join(REGIONS)}.")
        if not np.isfinite(factor):
            raise BadInput(f"The gain of {key} is not a number.")
    return np.array([gains.get(name, gains.get(_REGION.get(name, ""), 1.0)) for name in names], np.float32)


def neutral_of(motion: Motion) -> Floats:
    """The driver's expression at rest (E,): what each channel seldom falls below, over the frames with a face."""
    seen = motion.expression[motion.confidence > 0] if (motion.confidence > 0).any() else motion.expression
    return np.asarray(np.percentile(seen, REST_PERCENTILE, axis=0), np.float32)


def calibrated(motion: Motion, neutral: NDArray[np.floating] | None = None) -> Motion:
    """The motion with zero for the face at rest: `neutral` (E,), by default its own `neutral_of`, is taken away.

    The rest of the way to 1 is stretched, so that full effect stays full effect; nothing falls below 0 by it.
    """
    rest = np.clip(neutral_of(motion) if neutral is None else np.asarray(neutral, np.float32), 0, 0.9)
    values = (motion.expression - rest) / (1 - rest)
    return replace(motion, expression=np.maximum(values, np.minimum(motion.expression, 0)).astype(np.float32))


def amplitude_gains(driver: Motion, face: Motion) -> dict[str, float]:
    """Factors by region that make a driver as expressive as a face was in a motion of its own.

    The amplitude of a region is its channels' largest, from rest to full effect; factors lie in 1/3..3, and regions
    that hardly move in either motion get none.
    """
    own, other = _amplitudes(driver), _amplitudes(face)
    return {region: float(np.clip(other[region] / own[region], *_GAIN_RANGE)) for region in REGIONS
            if min(own.get(region, 0), other.get(region, 0)) >= _LEAST_AMPLITUDE}


def _amplitudes(motion: Motion) -> dict[str, float]:
    low, high = np.percentile(motion.expression, (REST_PERCENTILE, FULL_PERCENTILE), axis=0)
    out: dict[str, float] = {}
    for name, reach in zip(motion.channels, high - low, strict=True):
        region = _REGION.get(name, "")
        out[region] = max(out.get(region, 0.0), float(reach))
    return out


def _turned(driver: Floats, own: NDArray[np.floating], first: int, rules: Rules) -> Floats:
    """Rotations (T, 3): about the face's own head axes when relative."""
    if not rules.relative and rules.rotation_gain == 1:
        return driver
    turn = rotation_matrix(driver)
    change = turn[first].T @ turn
    if rules.rotation_gain != 1:
        change = rotation_matrix(rotation_vector(change) * rules.rotation_gain)
    start = rotation_matrix(own) if rules.relative else turn[first]
    return np.asarray(rotation_vector(start @ change), np.float32)


def placed(own: NDArray[np.floating], driver: Floats, first: int = 0, gain: float = 1.0) -> Floats:
    """Translations (T, 3) of a face that is at `own` (3,) in frame `first`: the driver's shift since then, measured in
    metres at the head, and its change of size."""
    place = driver.astype(np.float64)
    size = place[:, 2:] / place[first, 2]
    shift = (place[:, :2] / place[:, 2:] - place[first, :2] / place[first, 2]) * place[first, 2]
    if gain != 1:
        size, shift = size ** gain, shift * gain
    xy = (np.asarray(own[:2], np.float64) + shift) * size
    return np.asarray(np.concatenate([xy, float(own[2]) * size], 1), np.float32)
