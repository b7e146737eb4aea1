# SPDX-License-Identifier: Apache-2.0
"""Pieces of real motion to be predicted, and the distance of a prediction from what came."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....core.motion import Motion
from ..codec import placement
from ..corpus import Clip
from ..predict import part
from ..surface import Surface

Array = NDArray[np.float64]

EVERY = 20
"""Frames from one piece of a clip to the next"""


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of a clip: what is observed, what came then, and what came after that."""

    person: str
    observed: Motion
    truth: Motion
    after: Motion | None


def pieces(clips: Sequence[Clip], observed: int, frames: int, after: int = 0) -> Iterator[Piece]:
    """Every so-manieth part of `observed` + `frames` + `after` frames; the first frame predicted is the same for
    any number of observed ones up to ten."""
    for clip in clips:
        m = clip.motion
        for k in range(10, len(m) - frames - after + 1, EVERY):
            rest = part(m, k + frames, k + frames + after) if after else None
            yield Piece(clip.person, part(m, k - observed, k), part(m, k, k + frames), rest)


def distance(surface: Surface, made: Motion, truth: Motion) -> tuple[Array, Array]:
    """Of each frame (T,): mean distance of the surface in millimetres, and Euclidean distance of the coefficients
    (expression, rotation in radians, place)."""
    home = truth.translation[0]
    places = [placement(m.translation, home) for m in (made, truth)]
    points = [surface.points(m.expression, m.rotation, p) for m, p in zip((made, truth), places, strict=True)]
    numbers = [np.concatenate([m.expression, m.rotation, p], 1) for m, p in zip((made, truth), places, strict=True)]
    apart = np.linalg.norm(points[0] - points[1], axis=-1).mean(-1)
    return np.asarray(apart, np.float64), np.linalg.norm(numbers[0] - numbers[1], axis=-1)
