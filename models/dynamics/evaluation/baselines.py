# SPDX-License-Identifier: Apache-2.0
"""What the dynamics are measured against: simple ways to go on, and to fill a gap."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ....core.keys import Keys, evaluate
from ....core.motion import Motion, translation_from_vectors
from ..codec import Codec
from ..corpus import Clip

Array = NDArray[np.float64]

_BACK = 3
DAMPING = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95)


def of_vectors(like: Motion, vectors: NDArray[np.floating]) -> Motion:
    """A motion of coefficient vectors d_t (T, E + 6)."""
    e = len(like.channels)
    return replace(like, expression=np.clip(vectors[:, :e], 0, 1).astype(np.float32),
                   rotation=vectors[:, e:e + 3].astype(np.float32), translation=translation_from_vectors(vectors),
                   confidence=np.ones(len(vectors), np.float32))


def hold(observed: Motion, frames: int) -> Motion:
    """The last frame, again and again."""
    return of_vectors(observed, np.repeat(observed.vectors()[-1:], frames, 0))


def linear(observed: Motion, frames: int, damping: float) -> Motion:
    """The last pace goes on and dies away: each step is `damping` of the one before."""
    d = observed.vectors().astype(np.float64)
    back = min(_BACK, len(d) - 1)
    pace = (d[-1] - d[-1 - back]) / back if back else np.zeros(d.shape[1])
    way = np.cumsum(damping ** np.arange(1, frames + 1))
    return of_vectors(observed, d[-1] + way[:, None] * pace)


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Moments of the persons learned from, each with what followed it."""

    keys: Array
    """(N, K)"""
    futures: NDArray[np.float32]
    """(N, frames, E + 6) changes of d_t since the moment"""
    codec: Codec

    @classmethod
    def of(cls, clips: Sequence[Clip], codec: Codec, frames: int) -> "Neighbours":
        keys, futures = [], []
        for clip in clips:
            d, own = clip.motion.vectors(), codec.states(clip.motion, clip.motion.channels)
            for k in range(_BACK, len(d) - frames, 2):
                keys.append(_key(own[k - _BACK:k + 1], codec))
                futures.append(d[k + 1:k + 1 + frames] - d[k])
        return cls(np.array(keys), np.array(futures, np.float32), codec)

    def follow(self, observed: Motion, frames: int) -> Motion:
        """What followed the moment most like the last one, from here."""
        states = self.codec.states(observed, observed.channels)
        states = np.concatenate([np.repeat(states[:1], _BACK, 0), states])[-_BACK - 1:]
        nearest = int(np.square(self.keys - _key(states, self.codec)).sum(1).argmin())
        return of_vectors(observed, observed.vectors()[-1] + self.futures[nearest, :frames])


def _key(states: NDArray[np.floating], codec: Codec) -> Array:
    """What makes moments alike: rotation, expression and the pace of everything."""
    pace = (states[-1] - states[0]) / (_BACK * codec.step_scale)
    return np.concatenate([states[-1, :3], states[-1, 6:], pace])


def straight(start: Motion, end: Motion, frames: int) -> Motion:
    """The frames between two keys, on straight lines."""
    a, b = start.vectors()[-1].astype(np.float64), end.vectors()[0].astype(np.float64)
    share = np.arange(1, frames + 1)[:, None] / (frames + 1)
    return of_vectors(start, a + share * (b - a))


def bezier(start: Motion, end: Motion, frames: int) -> Motion:
    """The frames between two keys on Bézier curves with auto-clamped handles, as an animation program draws them.

    A key's slope is the mean of the slopes on its two sides, and zero where the curve turns there or where it has
    only one side.
    """
    a, b = start.vectors().astype(np.float64), end.vectors().astype(np.float64)
    length = frames + 1
    across = (b[0] - a[-1]) / length
    slopes = []
    for outer in (a[-1] - a[-2] if len(a) > 1 else None, b[1] - b[0] if len(b) > 1 else None):
        mean = np.zeros_like(across) if outer is None else 0.5 * (outer + across)
        slopes.append(np.zeros_like(across) if outer is None else np.where(outer * across > 0, mean, 0.0))
    columns = [evaluate(Keys(np.array([0.0, length]), np.array([p, q]), np.array([m, n]), np.array([m, n])),
                        np.arange(1, length))
               for p, q, m, n in zip(a[-1], b[0], *slopes, strict=True)]
    return of_vectors(start, np.stack(columns, 1))
