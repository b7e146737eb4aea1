# SPDX-License-Identifier: Apache-2.0
"""Motion at other times."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput
from .motion import MAX_FRAMES, Motion
from .rotations import quaternion, slerp, vector

Array = NDArray[np.float64]


def resample(motion: Motion, fps: float) -> Motion:
    """The same motion at another frame rate, from its first frame to at most its last.

    Expressions and translation are interpolated linearly, rotations spherically, confidence is the nearest
    frame's. Frames are sampled, not averaged.

    Raises:
        BadInput: the rate is not between 0 and 1000 per second, or the result has too many frames.
    """
    if not 0 < fps <= 1000:
        raise BadInput(f"A frame rate of {fps} is not between 0 and 1000 per second.")
    count = int((len(motion) - 1) / motion.fps * fps + 1e-6) + 1
    if count > MAX_FRAMES:
        raise BadInput(f"At {fps} per second the motion has {count} frames; at most {MAX_FRAMES} are made.")
    source = np.arange(len(motion)) / motion.fps
    times = np.arange(count) / fps
    nearest = np.clip(np.rint(times * motion.fps).astype(int), 0, len(motion) - 1)
    return replace(motion, fps=fps, expression=linear(source, motion.expression, times),
                   rotation=spherical(source, motion.rotation, times),
                   translation=linear(source, motion.translation, times),
                   confidence=motion.confidence[nearest])


def linear(source: NDArray[np.floating], values: NDArray[np.floating],
           times: NDArray[np.floating]) -> NDArray[np.float32]:
    """Values (T, C) at ascending times (T,), interpolated to other times (N,); held before and after."""
    left, share = _neighbours(source, times)
    right = np.minimum(left + 1, len(values) - 1)
    mixed = values[left] * (1 - share)[:, None] + values[right] * share[:, None]
    return np.asarray(mixed, np.float32)


def spherical(source: NDArray[np.floating], rotation: NDArray[np.floating],
              times: NDArray[np.floating]) -> NDArray[np.float32]:
    """Axis-angle rotations (T, 3) at ascending times (T,), interpolated to other times (N,)."""
    left, share = _neighbours(source, times)
    turns = quaternion(rotation)
    right = np.minimum(left + 1, len(turns) - 1)
    mixed = vector(slerp(turns[left], turns[right], share))
    exact = share[:, None] == 0
    return np.where(exact, rotation[left], mixed).astype(np.float32)


def _neighbours(source: NDArray[np.floating], times: NDArray[np.floating]) -> tuple[NDArray[np.intp], Array]:
    """For each time the frame before it and the share, 0..1, of the way to the next."""
    place = np.interp(times, source, np.arange(len(source)))
    place = np.where(np.abs(place - np.rint(place)) < 1e-9, np.rint(place), place)
    left = np.floor(place).astype(np.intp)
    return left, np.asarray(place - left)
