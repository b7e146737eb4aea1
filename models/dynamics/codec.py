# SPDX-License-Identifier: Apache-2.0
"""Motions as the states that the network sees, and back; numpy alone.

A state has D numbers of about unit size: the head's rotation (3, axis-angle), its place (3: shift to the right and
down in metres at the head, and logarithm of the size in the picture, all since a frame of reference, so that the
camera does not matter), then principal components of the expression, region by region: eyes, brows, mouth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.channels import CHANNELS
from ...core.errors import BadInput
from ...core.motion import Motion
from ...core.retarget import expressions_on
from ...core.rotations import multiply, quaternion, vector

Floats = NDArray[np.float32]
Array = NDArray[np.float64]

FPS = 30.0
"""Frames per second of the states"""
POSE = 6
GROUPS = ("pose", "eyes", "brows", "mouth")
COMPONENTS = {"eyes": 8, "brows": 4, "mouth": 16}
_REGION_GROUP = {"eyes": "eyes", "brows": "brows"}
LIMIT = 6.0
"""States are held within this; real ones stay within half of it"""


@dataclass(frozen=True, eq=False)
class Codec:
    """How states are made: `encode` (E, C) and `decode` (C, E) for expressions about `mean` (E,), scales of the pose
    (6,) and of a frame's step (D,), and the group (D,) that each number of a state belongs to."""

    encode: Floats
    decode: Floats
    mean: Floats
    pose_scale: Floats
    step_scale: Floats
    group: NDArray[np.int32]

    @property
    def size(self) -> int:
        """D"""
        return len(self.group)

    def states(self, motion: Motion, names: tuple[str, ...], reference: int = -1) -> Floats:
        """A motion's states (T, D); its place is counted from the frame `reference`.

        Raises:
            BadInput: the motion has a channel that is not among the names.
        """
        place = placement(motion.translation, motion.translation[reference])
        pose = np.concatenate([unwrapped(motion.rotation), place], 1)
        expression = (expressions_on(motion, names) - self.mean) @ self.encode
        return np.concatenate([pose / self.pose_scale, expression], 1).astype(np.float32)

    def expression(self, states: NDArray[np.floating]) -> Floats:
        """Expressions (..., E) of states (..., D), not yet held within 0..1."""
        return np.asarray(states[..., POSE:] @ self.decode + self.mean, np.float32)

    def pose(self, states: NDArray[np.floating], reference: NDArray[np.floating]) -> tuple[Floats, Floats]:
        """Rotation (..., 3) and translation (..., 3) in metres, for the place (3,) of the frame of reference."""
        pose = states[..., :POSE] * self.pose_scale
        return np.asarray(pose[..., :3], np.float32), unplaced(pose[..., 3:], reference)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {f"codec.{f.name}": getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Codec":
        """The inverse of `arrays`.

        Raises:
            BadInput: one is missing or they do not belong together.
        """
        try:
            codec = cls(**{f.name: arrays[f"codec.{f.name}"] for f in fields(cls)})
        except KeyError as error:
            raise BadInput(f"The weights lack {error.args[0]}; they are not those of this network.") from error
        e, c = codec.encode.shape
        sound = codec.decode.shape == (c, e) and codec.mean.shape == (e,) and codec.pose_scale.shape == (POSE,) and \
            codec.step_scale.shape == codec.group.shape == (POSE + c,)
        if not sound:
            raise BadInput("The weights' tables do not belong together; use a file that was written by the training.")
        return codec


def placement(translation: NDArray[np.floating], reference: NDArray[np.floating]) -> Array:
    """Shift in metres at the head and log size (..., 3) since the place (3,) of reference."""
    t, first = np.asarray(translation, np.float64), np.asarray(reference, np.float64)
    shift = (t[..., :2] / t[..., 2:] - first[:2] / first[2]) * first[2]
    return np.concatenate([shift, np.log(first[2] / t[..., 2:])], -1)


def unplaced(place: NDArray[np.floating], reference: NDArray[np.floating]) -> Floats:
    """The inverse of `placement`: metres (..., 3) in camera space."""
    first = np.asarray(reference, np.float64)
    z = first[2] * np.exp(-np.clip(np.asarray(place, np.float64)[..., 2:], -3, 3))
    xy = (place[..., :2] / first[2] + first[:2] / first[2]) * z
    return np.concatenate([xy, z], -1).astype(np.float32)


def unwrapped(rotation: NDArray[np.floating]) -> Array:
    """Axis-angle rotations (T, 3) without the jump at half a turn: each is the one nearest to the one before."""
    r = np.array(rotation, np.float64)
    for i in range(1, len(r)):
        angle = np.linalg.norm(r[i])
        if angle > 2.0:
            other = r[i] * (1 - 2 * np.pi / angle)
            if np.linalg.norm(other - r[i - 1]) < np.linalg.norm(r[i] - r[i - 1]):
                r[i] = other
    return r


def turned(rotation: NDArray[np.floating], by: NDArray[np.floating]) -> Array:
    """Rotations (..., 3) with another rotation (3,) after them, axis-angle."""
    return vector(multiply(quaternion(by), quaternion(rotation)))


def group_of_channels(names: tuple[str, ...]) -> dict[str, NDArray[np.intp]]:
    """Places of the channels of eyes, of brows, and of the rest under "mouth"."""
    region = {channel.name: _REGION_GROUP.get(channel.region, "mouth") for channel in CHANNELS}
    return {group: np.array([i for i, n in enumerate(names) if region.get(n, "mouth") == group], np.intp)
            for group in GROUPS[1:]}


def fit_codec(expressions: NDArray[np.floating], effects: NDArray[np.floating], names: tuple[str, ...],
              poses: NDArray[np.floating], steps: NDArray[np.bool_]) -> Codec:
    """Principal components of expressions (N, E), each channel weighted by its effect (E,) on the surface, and scales.

    Args:
        poses: (N, 6) rotations and places about each clip's own mean.
        steps: (N,) rows that follow the row before them in time.
    """
    mean = expressions.mean(0)
    blocks, groups = [], [np.zeros(POSE, np.int32)]
    encode, decode = [], []
    for number, (group, columns) in enumerate(group_of_channels(names).items(), 1):
        weight = effects[columns]
        u, s, axes = np.linalg.svd((expressions[:, columns] - mean[columns]) * weight, full_matrices=False)
        count = min(COMPONENTS[group], len(columns))
        scale = np.maximum(s[:count] / np.sqrt(len(expressions)), 1e-6)
        into, back = np.zeros((len(names), count)), np.zeros((count, len(names)))
        into[columns] = (weight[:, None] * axes[:count].T) / scale
        back[:, columns] = axes[:count] * scale[:, None] / weight
        encode.append(into)
        decode.append(back)
        blocks.append(u)
        groups.append(np.full(count, number, np.int32))
    into = np.concatenate(encode, 1)
    pose_scale = poses.std(0)
    states = np.concatenate([poses / pose_scale, (expressions - mean) @ into], 1)
    step_scale = np.diff(states, axis=0)[steps[1:]].std(0)
    f32 = np.float32
    return Codec(into.astype(f32), np.concatenate(decode).astype(f32), mean.astype(f32), pose_scale.astype(f32),
                 step_scale.astype(f32), np.concatenate(groups))
