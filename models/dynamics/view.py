# SPDX-License-Identifier: Apache-2.0
"""A motion as the network sees it, and what the network made as a motion again; numpy alone."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...core.motion import Motion
from ...core.resampling import resample
from ...core.retarget import expressions_on
from ...core.rotations import multiply, quaternion, vector
from .codec import FPS, LIMIT, placement, unwrapped
from .files import Network
from .runtime import Target

Floats = NDArray[np.float32]
Array = NDArray[np.float64]

OBSERVED = 30
"""So many last frames, at the network's rate, are read: a second"""
_SETTLE = 1.0
"""Seconds in which what the components cannot say of the last observed frame fades"""
_HOME = 0.5
"""Radians from the frame that the network is used to looking from, within which rotations are left as they are"""


def part(motion: Motion, first: int, last: int) -> Motion:
    """Frames `first` to `last`, exclusive."""
    return replace(motion, expression=motion.expression[first:last], rotation=motion.rotation[first:last],
                   translation=motion.translation[first:last], confidence=motion.confidence[first:last])


@dataclass(frozen=True, eq=False)
class View:
    """A motion as the network sees it: at its rate, turned so that the head's habitual direction is a usual one."""

    source: Motion
    network: Network
    states: Floats
    anchor: Floats
    turn: Array
    """(4,) quaternion that was taken from the rotations"""
    place: Floats
    """(3,) translation of the frame of reference"""
    expression: Floats
    rotation: Floats
    """What the last observed frame has: (E,), (3,)"""

    @classmethod
    def of(cls, motion: Motion, network: Network) -> "View":
        seen = _backwards(part(motion, max(0, len(motion) - int(OBSERVED / FPS * motion.fps) - 2), len(motion)))
        codec = network.codec
        direction = seen.rotation.mean(0, dtype=np.float64)
        angle = float(np.linalg.norm(direction))
        away = direction * max(0.0, 1 - _HOME / angle) if angle > 0 else direction
        turn = quaternion(away)
        rotation = vector(multiply(_inverse(turn), quaternion(seen.rotation)))
        placed = replace(seen, rotation=rotation.astype(np.float32))
        states = np.clip(codec.states(placed, network.channels), -LIMIT, LIMIT)[-OBSERVED:]
        last = expressions_on(part(motion, len(motion) - 1, len(motion)), network.channels)[0]
        return cls(motion, network, np.asarray(states, np.float32), states.mean(0), turn, motion.translation[-1], last,
                   motion.rotation[-1])

    def states_of(self, target: Motion) -> Floats:
        """The first frames (N, D) of another motion of the face, seen from here."""
        codec, start = self.network.codec, self.states[-1]
        seen = resample(part(target, 0, int(target.fps / 2) + 2), FPS)
        rotation = vector(multiply(_inverse(self.turn), quaternion(seen.rotation)))
        known = unwrapped(np.concatenate([(start[:3] * codec.pose_scale[:3])[None], rotation]))[1:]
        pose = np.concatenate([known, placement(seen.translation, self.place)], 1) / codec.pose_scale
        coded = (expressions_on(seen, self.network.channels) - codec.mean) @ codec.encode
        return np.asarray(np.clip(np.concatenate([pose, coded], 1), -LIMIT, LIMIT), np.float32)

    def goal(self, target: Motion) -> Target:
        """The target's first frame as a state, and its step where it has more frames."""
        states = self.states_of(target)
        if len(states) < 2:
            return Target(states[0])
        return Target(states[0], np.clip((states[1] - states[0]) / self.network.codec.step_scale, -LIMIT, LIMIT))

    def motion(self, states: Floats, times: Array, frames: int, target: Motion | None) -> Motion:
        """States (N, D), the first one that of the last observed frame, at times (frames,) as a motion that begins
        where the source ends and ends exactly where the target is."""
        net, source = self.network, self.source
        codec = net.codec
        sampled = _sampled(states, times)
        rotation, translation = codec.pose(sampled, self.place)
        share = np.arange(1, frames + 1) / frames
        if target is None:
            rest = np.exp(-np.arange(1, frames + 1) / (source.fps * _SETTLE))
            left, right = rest, np.zeros(frames)
        else:
            left, right = 1 - share, share
        expression, first, last = (codec.expression(part) for part in (sampled, states[0], states[-1]))
        expression = expression + left[:, None] * (self.expression - first)
        turned = vector(multiply(self.turn, quaternion(rotation)))
        begun = vector(multiply(self.turn, quaternion(codec.pose(states[0], self.place)[0])))
        turned += left[:, None] * _near(self.rotation, begun)
        if target is not None:
            wanted = expressions_on(part(target, 0, 1), net.channels)[0]
            expression += right[:, None] * (wanted - last)
        low, high = np.minimum(0, self.expression), np.maximum(1, self.expression) - 1
        low, high = left[:, None] * low, 1 + left[:, None] * high
        if target is not None:
            low, high = low + right[:, None] * np.minimum(0, wanted), high + right[:, None] * np.maximum(0, wanted - 1)
        expression = np.clip(expression, low, high)
        if target is not None:
            expression[-1], turned[-1], translation[-1] = wanted, target.rotation[0], target.translation[0]
        back = [net.channels.index(name) for name in source.channels]
        return replace(source, expression=np.asarray(expression[:, back], np.float32),
                       rotation=turned.astype(np.float32), translation=translation,
                       confidence=np.ones(frames, np.float32))


def _near(wanted: NDArray[np.floating], have: NDArray[np.floating]) -> Array:
    """What is missing between two rotation vectors that mean nearly the same; zero when they only look apart."""
    gap = np.asarray(wanted, np.float64) - have
    return gap if np.linalg.norm(gap) < 1 else np.zeros(3)


def _inverse(turn: Array) -> Array:
    return np.asarray(turn * np.array([1.0, -1, -1, -1]))


def _backwards(motion: Motion) -> Motion:
    """The motion at the network's rate, sampled so that its last frame is a sample."""
    if motion.fps == FPS:
        return motion
    flipped = resample(replace(motion, expression=motion.expression[::-1], rotation=motion.rotation[::-1],
                               translation=motion.translation[::-1], confidence=motion.confidence[::-1]), FPS)
    return replace(flipped, expression=flipped.expression[::-1], rotation=flipped.rotation[::-1],
                   translation=flipped.translation[::-1], confidence=flipped.confidence[::-1])


def _sampled(states: Floats, times: Array) -> Floats:
    """States (N, D) at times (T,) in frames, between samples by cubics through them (Catmull & Rom 1974)."""
    whole = np.rint(times)
    if np.abs(times - whole).max() < 1e-6:
        return np.asarray(states[np.minimum(whole.astype(int), len(states) - 1)])
    padded = np.concatenate([2 * states[:1] - states[1:2], states, 2 * states[-1:] - states[-2:-1]])
    i = np.clip(np.floor(times).astype(int), 0, len(states) - 2)
    t = np.clip(times - i, 0, 1)[:, None]
    a, b, c, d = (padded[i + k] for k in range(4))
    mixed = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.asarray(mixed, np.float32)
