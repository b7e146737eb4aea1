# SPDX-License-Identifier: Apache-2.0
"""The square of the photo in which the network paints, and what it is told of each frame."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ...core.camera import project
from ...core.face_square import FaceSquare
from ...core.playback.stage import Played, Stage
from ..faces.views import Moved, Seen, see
from .pasting import Place

Floats = NDArray[np.float32]

LANDMARKS = "mesh478"
_CHUNK = 256


class Canvas:
    """The square of the photo in which all of the performance takes place, and the photo's head in it."""

    def __init__(self, stage: Stage, size: int, square: FaceSquare, step: int = 4, screen: bool = False) -> None:
        """`step` and `screen`: see `views.see`."""
        source = stage.source
        height, width = source.photo.shape[:2]
        self.size, self.square = size, square
        self.place = Place.of(self.square, size, width, height)
        self.seen: Seen = see(self.square.cut(source.photo, size), self._inside(source.view.points),
                              source.view.scale * size / self.square.side, source.model, step, screen=screen)

    @classmethod
    def of(cls, stage: Stage, size: int) -> "Canvas":
        """The square around all of the performance, inside the photo."""
        height, width = stage.source.photo.shape[:2]
        return cls(stage, size, _square_of(stage).within(width, height))

    def groups(self, frames: Iterator[Played], count: int) -> Iterator[list[tuple[Played, Moved]]]:
        """Frames, `count` at a time, with what the network is told of each."""
        while group := [(played, self.moved(played)) for played in islice(frames, count)]:
            yield group

    def moved(self, played: Played) -> Moved:
        """What the fit says of the frame, `warped` as the mesh shows it."""
        shown = np.ascontiguousarray(self.square.cut(played.rgb, self.size).transpose(2, 0, 1))
        return replace(self.seen.moved(self._inside(played.vertices)), warped=shown)

    def _inside(self, points: Floats) -> Floats:
        return self.square.points(points, self.size)


def _square_of(stage: Stage) -> FaceSquare:
    """Around the landmarks of the photo and of every frame, as the network's training has it."""
    source, acted = stage.source, stage.performance
    low, high = _extent(source.model.points(LANDMARKS, source.view.points)[..., :2])
    rest = source.model.points(LANDMARKS, source.rest)
    for start in range(0, len(acted.rotation), _CHUNK):
        part = slice(start, start + _CHUNK)
        first, last = _extent(project(rest, acted.rotation[part], acted.translation[part], source.fit.camera)[..., :2])
        low, high = np.minimum(low, first), np.maximum(high, last)
    return FaceSquare.around(np.stack([low, high]))


def _extent(points: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    flat = points.reshape(-1, 2)
    return flat.min(0), flat.max(0)
