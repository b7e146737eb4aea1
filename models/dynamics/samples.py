# SPDX-License-Identifier: Apache-2.0
"""Windows of the corpus for training, varied as real faces vary."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...core.motion import Motion
from ...core.motion_edit import mirror
from ...core.retarget import neutral_of
from .bank import Bank
from .codec import FPS, POSE, Codec, fit_codec, group_of_channels, placement, unwrapped
from .config import timer
from .corpus import Clip, at_rate
from .styles import Styles, fit_styles, liveliness, style_of
from .surface import Surface

Floats = NDArray[np.float32]

TEMPI = (1.0, 0.85, 1.18)
FUTURE = 60
OBSERVED = 30
"""Frames of a window: at most so many before the first predicted one, and so many of these"""
AIMED = 0.5
SHORTEST_AIM = 5
BESIDE = (0.2, -0.08, 0.25, 0.25)
"""By group of numbers: weight of a frame's neighbours. The eyes' quick movements were softened by resampling."""
MOST_OF_STYLE = 400
"""Frames of a clip that count for its person's style"""
_GAIN, _POSE_GAIN, _TILT, _NEUTRAL = 0.15, 0.15, 0.06, 0.02
"""Spread of the logarithms of gains, of offsets of the pose in radians, and of the neutral"""


@dataclass(frozen=True, eq=False)
class Track:
    """A clip's numbers: expression (T, E), rotation (T, 3), translation (T, 3), and the expression at rest (E,)."""

    expression: Floats
    rotation: Floats
    translation: Floats
    rest: Floats


@dataclass(frozen=True, eq=False)
class Batch:
    """B windows of `first` observed frames, then FUTURE + 1 from the last observed one on.

    States (B, first + FUTURE + 1, D); `valid` (B, FUTURE + 1) frames that exist and are not beyond the target; of the
    target the state and step (B, D), and the timer (B, FUTURE, 5), zero where there is none; `left` (B, FUTURE).
    """

    states: Floats
    first: int
    valid: Floats
    target: Floats
    target_step: Floats
    timer: Floats
    left: Floats


class Windows:
    """Draws batches of windows from clips."""

    def __init__(self, clips: Sequence[Clip], codec: Codec, varied: bool = True) -> None:
        self.codec, self.varied = codec, varied
        self.groups = group_of_channels(clips[0].motion.channels)
        self.tracks = [track_of(m) for clip in clips for m in (variants(clip.motion) if varied else [clip.motion])]
        share = np.array([min(len(t.rest) and len(t.expression), 300) for t in self.tracks], float)
        self.share = share / share.sum()

    def batch(self, random: np.random.Generator, size: int) -> Batch:
        first = int(random.integers(OBSERVED)) if self.varied else 9
        chosen = random.choice(len(self.tracks), size, p=self.share)
        parts = [self._window(random, self.tracks[i], first) for i in chosen]
        states, ends = np.stack([p[0] for p in parts]), np.array([p[1] for p in parts])
        return aimed_batch(random, self.codec, states, ends, first)

    def _window(self, random: np.random.Generator, track: Track, first: int) -> tuple[Floats, int]:
        """States of one window and how many frames after the last observed one exist."""
        length = first + 1 + FUTURE
        start = int(random.integers(max(1, len(track.expression) - first - FUTURE // 2)))
        frames = np.minimum(np.arange(start, start + length), len(track.expression) - 1)
        expression, rotation = track.expression[frames], track.rotation[frames]
        place = placement(track.translation[frames], track.translation[frames[first]])
        if self.varied:
            expression = self._varied(random, expression, track.rest)
            gain = np.exp(random.normal() * _POSE_GAIN)
            rotation = (rotation - rotation[first]) * gain + rotation[first] + random.normal(size=3) * _TILT
            place = place * gain
        pose = np.concatenate([rotation, place], 1) / self.codec.pose_scale
        coded = (expression - self.codec.mean) @ self.codec.encode
        exist = max(1, min(FUTURE, len(track.expression) - 1 - start - first))
        return np.concatenate([pose, coded], 1).astype(np.float32), exist

    def _varied(self, random: np.random.Generator, expression: Floats, rest: Floats) -> Floats:
        gain = np.ones(expression.shape[1])
        for columns in self.groups.values():
            gain[columns] = np.exp(random.normal() * _GAIN)
        shift = random.normal(size=expression.shape[1]) * _NEUTRAL
        return np.asarray(np.clip(rest + shift + (expression - rest) * gain, 0, 1), np.float32)


def aimed_batch(random: np.random.Generator, codec: Codec, states: Floats, ends: NDArray[np.int_],
                first: int) -> Batch:
    """A batch of windows of which a part has a target, at a random distance, its step known or not."""
    size, frames = len(states), np.arange(FUTURE + 1)
    room = np.maximum(ends, SHORTEST_AIM)
    length = (SHORTEST_AIM + random.random(size) * (np.minimum(room, FUTURE) - SHORTEST_AIM + 1)).astype(int)
    aimed = (random.random(size) < AIMED) & (ends >= SHORTEST_AIM)
    known = aimed & (random.random(size) < 0.5) & (length + 1 <= ends)
    last = np.where(aimed, length, ends)
    rows = np.arange(size)
    goal = states[rows, first + length]
    after = states[rows, np.minimum(first + length + 1, states.shape[1] - 1)] - goal
    left = np.maximum(length[:, None] - frames[None, :-1], 1).astype(np.float32)
    spread = np.broadcast_to(length[:, None], left.shape)
    clock = timer(left, spread, np.broadcast_to(aimed[:, None], left.shape),
                  np.broadcast_to(known[:, None], left.shape))
    return Batch(states, first, (frames[None] <= last[:, None]).astype(np.float32), goal * aimed[:, None],
                 (after / codec.step_scale * known[:, None]).astype(np.float32), clock, left)


def variants(motion: Motion) -> list[Motion]:
    """The motion at several tempi, each as it is and in a mirror."""
    played = [at_rate(replace(motion, fps=FPS * tempo), FPS) for tempo in TEMPI]
    return [m for one in played for m in (one, mirror(one))]


def styles_of(clips: Sequence[Clip], codec: Codec) -> Styles:
    """How the persons of clips, and their mirror images, move by and large; long clips count for more, to a point."""
    found, weight = [], []
    for motion in (m for clip in clips for m in (clip.motion, mirror(clip.motion))):
        states = codec.states(motion, motion.channels)
        states[:, :POSE] -= states[:, :POSE].mean(0)
        channels = np.clip(codec.expression(states), 0, 1)
        found.append(style_of(states[:, :POSE], channels, liveliness(states, codec.group)))
        weight.append(min(len(motion), MOST_OF_STYLE))
    return fit_styles(np.array(found), np.array(weight, float),
                      list(group_of_channels(clips[0].motion.channels).values()))


def bank_of(clips: Sequence[Clip], codec: Codec, styles: Styles) -> Bank:
    """The clips and their mirror images as stretches to draw from, with less of a tracker's tremble: three frames are
    weighed, by group of numbers."""
    parts = []
    for motion in (m for clip in clips for m in (clip.motion, mirror(clip.motion))):
        states = codec.states(motion, motion.channels)
        beside = np.asarray(BESIDE, np.float32)[codec.group]
        padded = np.concatenate([states[:1], states, states[-1:]])
        states = padded[1:-1] + beside * (padded[:-2] + padded[2:] - 2 * padded[1:-1])
        states[:, :POSE] -= states[:, :POSE].mean(0)
        parts.append(states)
    return Bank(np.concatenate(parts).astype(np.float32), np.array([len(p) for p in parts], np.int32), codec,
                styles)


def track_of(motion: Motion) -> Track:
    return Track(motion.expression, unwrapped(motion.rotation).astype(np.float32), motion.translation,
                 neutral_of(motion))


def codec_of(clips: Sequence[Clip], surface: Surface) -> Codec:
    """The codec fitted to clips and to their mirror images."""
    motions = [m for clip in clips for m in (clip.motion, mirror(clip.motion))]
    poses, fresh = [], []
    for motion in motions:
        pose = np.concatenate([unwrapped(motion.rotation), placement(motion.translation, motion.translation[0])], 1)
        poses.append(pose - pose.mean(0))
        fresh.append(np.arange(len(pose)) > 0)
    assert poses[0].shape[1] == POSE
    return fit_codec(np.concatenate([m.expression for m in motions]).astype(np.float64), surface.effects(),
                     motions[0].channels, np.concatenate(poses), np.concatenate(fresh))
