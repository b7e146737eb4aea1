# SPDX-License-Identifier: Apache-2.0
"""A face that only is there: it blinks, looks about a little, breathes; endless, and loopable; numpy alone.

Sums of sines whose periods divide the loop, and events counted around it, so that the last frame leads to the first.
Blinks close in about 0.1 s and open in about twice that (Evinger, Manning & Sibony 1991, *Eyelid Movements*); the
pauses between them are log-normal about 4 s. The eyes rest on a point for half a second to three, then jump to the
next.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.motion import MAX_FRAMES, Motion
from ...core.retarget import expressions_on
from ...core.rotations import multiply, quaternion, vector

Floats = NDArray[np.float32]
Array = NDArray[np.float64]

BLINK_PAUSE, BLINK_SPREAD, SHORTEST_PAUSE = 3.8, 0.45, 1.2
"""Median of the seconds between blinks, spread of their logarithm, and the fewest"""
CLOSING, SHUT, OPENING = 0.09, 0.03, 0.22
"""Seconds of a blink's parts"""
SWAY = np.radians([0.9, 1.5, 0.7])
"""Standard deviation of the head's pitch, yaw and roll, radians"""
SHIFT = np.array([0.0012, 0.0012, 0.002])
"""Standard deviation of the head's place, metres"""
GAZE, _JUMP = 0.10, 0.05
_BREATH = 0.27
_DRIFTS = {"browInnerUp": 0.03, "browDownLeft": 0.02, "browDownRight": 0.02, "mouthSmileLeft": 0.03,
           "mouthSmileRight": 0.03, "mouthPressLeft": 0.03, "mouthPressRight": 0.03, "eyeSquintLeft": 0.03,
           "eyeSquintRight": 0.03, "jawOpen": 0.012, "mouthRollLower": 0.02}
_PAIRED = 0.85
"""How alike the two sides of the face drift"""


@dataclass(frozen=True, eq=False)
class Idle:
    """What is added to a face: expression (T, E), rotation (T, 3) about the head's own axes, translation (T, 3)."""

    expression: Floats
    rotation: Floats
    translation: Floats


def idle(channels: tuple[str, ...], frames: int, fps: float, *, amount: float = 1.0, seed: int = 0) -> Idle:
    """T frames that can be repeated without a seam: the frame after the last one is the first.

    Args:
        amount: 0 none, 1 calm, 2 restless; blinks keep their depth, all else grows.

    Raises:
        BadInput: frames, fps, amount or seed out of range.
    """
    _check(frames, fps, amount, seed)
    random = np.random.default_rng(seed)
    seconds = frames / fps
    times = np.arange(frames) / fps
    add = dict.fromkeys(channels, np.zeros(frames))
    sway = np.stack([_waves(random, times, seconds, 0.05, 0.6) for _ in range(3)], 1) * SWAY
    shift = np.stack([_waves(random, times, seconds, 0.04, 0.4) for _ in range(3)], 1) * SHIFT
    breath = _breath(times, seconds)
    sway[:, 0] += breath * 0.006
    shift[:, 1] += breath * 0.0006
    look = _gaze(random, times, seconds)
    lids = _blinks(random, times, seconds)
    common = _waves(random, times, seconds, 0.03, 0.3)
    for name, size in _DRIFTS.items():
        own = _waves(random, times, seconds, 0.03, 0.3)
        add[name] = size * amount * (_PAIRED * common + (1 - _PAIRED ** 2) ** 0.5 * own)
    for name, values in _looks(look * amount).items():
        add[name] = values
    for side in ("Left", "Right"):
        follow = 0.35 * np.maximum(look[:, 1], 0) * amount
        add[f"eyeBlink{side}"] = (1.0 if amount > 0 else 0.0) * lids + follow
    expression = np.stack([add[name] for name in channels], 1) if channels else np.zeros((frames, 0))
    return Idle(expression.astype(np.float32), (sway * amount).astype(np.float32), (shift * amount).astype(np.float32))


def idle_motion(motion: Motion, frames: int, *, amount: float = 1.0, seed: int = 0) -> Motion:
    """The last frame of a motion, kept alive for `frames` frames at its rate.

    Raises:
        BadInput: as `idle`.
    """
    add = idle(motion.channels, frames, motion.fps, amount=amount, seed=seed)
    rest = expressions_on(motion, motion.channels)[-1]
    lids = np.array([name.startswith("eyeBlink") for name in motion.channels])
    # Lids that are half closed have only the rest of the way to go.
    scaled = np.where(lids, add.expression * (1 - np.clip(rest, 0, 1)), add.expression)
    turned = vector(multiply(quaternion(motion.rotation[-1]), quaternion(add.rotation)))
    place = motion.translation[-1] + add.translation * np.array([1, 1, motion.translation[-1, 2] / 10 + 1], np.float32)
    return replace(motion, expression=np.clip(rest + scaled, 0, 1).astype(np.float32),
                   rotation=turned.astype(np.float32), translation=place.astype(np.float32),
                   confidence=np.ones(frames, np.float32))


def _waves(random: np.random.Generator, times: Array, seconds: float, low: float, high: float) -> Array:
    """Smooth noise (T,) of unit variance between two frequencies in hertz, its power falling as in a held head, whole
    waves in the loop."""
    first, last = max(1, int(np.ceil(low * seconds))), max(1, int(high * seconds))
    waves = np.arange(first, max(first, last) + 1)
    power = (waves / seconds) ** -1.0
    # A loop too short for a wave this slow gets a smaller one.
    size = np.sqrt(power / power.sum()) * random.normal(size=(2, len(waves))) * min(1.0, high * seconds / first)
    angle = 2 * np.pi * times[:, None] * waves / seconds
    return np.asarray(np.cos(angle) @ size[0] + np.sin(angle) @ size[1])


def _breath(times: Array, seconds: float) -> Array:
    """A breath (T,), -1..1, as near to 16 a minute as whole waves in the loop allow; none in a loop of a moment."""
    count = round(_BREATH * seconds)
    return np.sin(2 * np.pi * count * times / seconds) if count else np.zeros(len(times))


def _around(times: Array, event: float, seconds: float) -> Array:
    """Seconds since an event (T,), the loop taken into account; negative in the second half of it."""
    return np.asarray((times - event + seconds / 2) % seconds - seconds / 2)


def _events(random: np.random.Generator, seconds: float, pauses: tuple[float, float, float]) -> Array:
    """Times of events in a loop whose pauses are log-normal: (median, spread, least)."""
    median, spread, least = pauses
    found, at = [], random.uniform(0.3, 1) * min(median, seconds / 2)
    while at < seconds:
        found.append(at)
        at += max(least, median * np.exp(spread * random.normal()))
    if len(found) > 1 and found[0] + seconds - found[-1] < least:
        found.pop()
    return np.array(found or [seconds / 2])


def _blinks(random: np.random.Generator, times: Array, seconds: float) -> Array:
    """How far the lids are closed (T,), 0..1."""
    shut = np.zeros(len(times))
    for event in _events(random, seconds, (BLINK_PAUSE, BLINK_SPREAD, SHORTEST_PAUSE)):
        since = _around(times, event, seconds)
        depth = 1 - abs(random.normal()) * 0.08
        down = _smooth(np.clip(1 + since / CLOSING, 0, 1))
        up = 1 - _smooth(np.clip((since - SHUT) / OPENING, 0, 1))
        shut = np.maximum(shut, depth * np.minimum(down, up))
    return shut


def _gaze(random: np.random.Generator, times: Array, seconds: float) -> Array:
    """Where the eyes look (T, 2): to the subject's left and down, in units of the channels; it jumps in 50 ms."""
    events = _events(random, seconds, (1.3, 0.6, 0.4))
    points = random.normal(size=(len(events), 2)) * np.array([GAZE, 0.6 * GAZE])
    points -= points.mean(0)
    now = np.searchsorted(events, times, "right") - 1
    since = (times - events[now]) % seconds
    jump = _smooth(np.clip(since / _JUMP, 0, 1))[:, None]
    here, before = points[now], points[(now - 1) % len(points)]
    return np.asarray(before + jump * (here - before))


def _looks(look: Array) -> dict[str, Array]:
    """The channels of a gaze (T, 2)."""
    left, down = look.T
    out = {"eyeLookOutLeft": left, "eyeLookInRight": left, "eyeLookInLeft": -left, "eyeLookOutRight": -left}
    for side in ("Left", "Right"):
        out[f"eyeLookDown{side}"], out[f"eyeLookUp{side}"] = down, -down
    return {name: np.maximum(values, 0) for name, values in out.items()}


def _smooth(t: Array) -> Array:
    return np.asarray(t * t * (3 - 2 * t))


def _check(frames: int, fps: float, amount: float, seed: int) -> None:
    if not 2 <= frames <= MAX_FRAMES:
        raise BadInput(f"An idle loop has 2 to {MAX_FRAMES} frames, not {frames}.")
    if not (np.isfinite(fps) and 0 < fps <= 1000):
        raise BadInput(f"A frame rate of {fps} is not between 0 and 1000 per second.")
    if not (np.isfinite(amount) and 0 <= amount <= 3):
        raise BadInput(f"The amount lies between 0 and 3; {amount} does not.")
    if seed < 0:
        raise BadInput(f"The seed must not be negative; {seed} is.")
