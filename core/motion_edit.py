# SPDX-License-Identifier: Apache-2.0
"""Changes to a motion: gain, offset, mirror, smooth; on some channels, on a range of frames with soft borders."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .channels import REGIONS, channels_of, mirror_index
from .errors import BadInput
from .motion import Motion
from .rotations import quaternion, slerp, vector

Array = NDArray[np.float64]

KEPT_MOVEMENT = 0.08
"""What smoothing takes away at most half of when it keeps blinks: quicker movements this large are left, smaller are
noise"""
_SIDE = np.array([-1, 1, 1], np.float32)
_REACH = 4.0
"""Standard deviations at which the Gaussian is cut off"""
_LITTLE = 1e-3
"""Of a frame: rounding of a time given in float32 must not add a frame"""


def selected(channels: Sequence[str], wanted: Iterable[str] | None) -> NDArray[np.bool_]:
    """Which channels (E,) are meant by names of channels and regions; None means all.

    Raises:
        BadInput: a name is neither a region nor one of the channels.
    """
    if wanted is None:
        return np.ones(len(channels), bool)
    names: set[str] = set()
    for name in wanted:
        if name not in REGIONS and name not in channels:
            raise BadInput(f"There is no channel or region '{name}'; regions are {', '.join(REGIONS)}.")
        names |= set(channels_of(name)) if name in REGIONS else {name}
    return np.array([channel in names for channel in channels], bool)


def range_weights(frames: ArrayLike, start: float = -np.inf, end: float = np.inf, soft: float = 0.0) -> Array:
    """How much frames (T,) are changed: 1 from `start` to `end`, 0 outside; the first and last `soft` frames inside
    rise and fall smoothly, the outermost of them least but not zero."""
    f = np.asarray(frames, np.float64)
    inside = np.minimum(f - start, end - f)
    t = np.clip((inside + 1) / (max(soft, 0.0) + 1), 0, 1)
    return np.asarray(np.where(inside >= -1e-6, t * t * (3 - 2 * t), 0.0))


def gain(motion: Motion, factor: float, wanted: Iterable[str] | None = None, *, about: float = 0.0,
         weight: ArrayLike = 1.0) -> Motion:
    """Multiply channels' distance from `about`; `weight` (T,) 0..1 says how much, frame by frame."""
    _check(factor, "gain")
    amount = 1 + (factor - 1) * _columns(motion, wanted, weight)
    return replace(motion, expression=(about + (motion.expression - about) * amount).astype(np.float32))


def offset(motion: Motion, amount: float, wanted: Iterable[str] | None = None, *, weight: ArrayLike = 1.0) -> Motion:
    """Add a number to channels; `weight` (T,) 0..1 says how much, frame by frame."""
    _check(amount, "offset")
    changed = motion.expression + amount * _columns(motion, wanted, weight)
    return replace(motion, expression=changed.astype(np.float32))


def mirror(motion: Motion, wanted: Iterable[str] | None = None, *, pose: bool = True,
           weight: ArrayLike = 1.0) -> Motion:
    """Exchange left and right: each channel with its partner and, with `pose`, the head's turns and place.

    A channel is exchanged when it or its partner is wanted.
    """
    partner = mirror_index(motion.channels)
    chosen = selected(motion.channels, wanted)
    share = _frames(motion, weight)[:, None] * (chosen | chosen[partner])
    expression = motion.expression + (motion.expression[:, partner] - motion.expression) * share
    edited = replace(motion, expression=expression.astype(np.float32))
    return _mixed_pose(edited, mirror_rotation(motion.rotation), motion.translation * _SIDE,
                       weight) if pose else edited


def mirror_rotation(rotation: NDArray[np.floating]) -> NDArray[np.floating]:
    """Axis-angle rotations (..., 3) seen in a mirror that exchanges left and right."""
    return np.asarray(rotation * -_SIDE)


def smooth(motion: Motion, sigma: float, wanted: Iterable[str] | None = None, *, keep_blinks: bool = True,
           pose: bool = True, weight: ArrayLike = 1.0) -> Motion:
    """Smooth by a Gaussian of `sigma` seconds that shifts nothing in time.

    Args:
        keep_blinks: large quick movements stay (see `KEPT_MOVEMENT`); else everything is smoothed alike.
        pose: the head's turns and place too.

    Raises:
        BadInput: sigma is negative or not a number.
    """
    if not (np.isfinite(sigma) and sigma >= 0):
        raise BadInput("The time to smooth over must be 0 seconds or more.")
    frames = sigma * motion.fps
    low = gaussian(motion.expression.astype(np.float64), frames)
    if keep_blinks:
        low = low + _quick(motion.expression - low, frames)
    share = _columns(motion, wanted, weight)
    edited = replace(motion, expression=(motion.expression + (low - motion.expression) * share).astype(np.float32))
    if not pose:
        return edited
    turns = quaternion(motion.rotation)
    turns[1:] *= np.cumprod(np.where((turns[1:] * turns[:-1]).sum(1) < 0, -1.0, 1.0))[:, None]
    turns = gaussian(turns, frames)
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    return _mixed_pose(edited, vector(turns), gaussian(motion.translation.astype(np.float64), frames), weight)


def gaussian(values: Array, sigma: float) -> Array:
    """Values (T, C) smoothed along T by a Gaussian of `sigma` frames; the ends are continued by point reflection, so
    that a straight line stays one."""
    reach = min(int(np.ceil(_REACH * sigma - _LITTLE)), len(values) - 1)
    if sigma < 1e-3 or reach < 1:
        return np.array(values, np.float64)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    before, after = 2 * values[0] - values[reach:0:-1], 2 * values[-1] - values[-2:-reach - 2:-1]
    padded = np.concatenate([before, values, after])
    return np.stack([np.convolve(column, kernel, "valid") for column in padded.T], 1)


def _quick(rest: Array, sigma: float) -> Array:
    """Of what smoothing would take away the part that belongs to large movements."""
    size = np.abs(rest)
    reach = max(1, int(np.ceil(2 * sigma - _LITTLE)))
    padded = np.pad(size, ((reach, reach), (0, 0)))
    near = np.max([padded[i:i + len(size)] for i in range(2 * reach + 1)], axis=0)
    return np.asarray(rest * near ** 4 / (near ** 4 + (KEPT_MOVEMENT / 2) ** 4))


def _columns(motion: Motion, wanted: Iterable[str] | None, weight: ArrayLike) -> Array:
    return _frames(motion, weight)[:, None] * selected(motion.channels, wanted)


def _frames(motion: Motion, weight: ArrayLike) -> Array:
    try:
        return np.broadcast_to(np.asarray(weight, np.float64), (len(motion),))
    except ValueError as error:
        raise BadInput(f"Weights for {np.shape(weight)} frames do not suit a motion of {len(motion)}.") from error


def _mixed_pose(motion: Motion, rotation: NDArray[np.floating], translation: NDArray[np.floating],
                weight: ArrayLike) -> Motion:
    share = _frames(motion, weight)
    turned = vector(slerp(quaternion(motion.rotation), quaternion(rotation), share))
    whole, none = share[:, None] == 1, share[:, None] == 0
    turned = np.where(none, motion.rotation, np.where(whole, rotation, turned))
    placed = motion.translation + (translation - motion.translation) * share[:, None]
    return replace(motion, rotation=turned.astype(np.float32), translation=placed.astype(np.float32))


def _check(number: float, what: str) -> None:
    if not np.isfinite(number):
        raise BadInput(f"The {what} is not a finite number.")
