# SPDX-License-Identifier: Apache-2.0
"""The network as a renderer: the mesh makes the whole frame, the network paints the square around the face in it."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...core.ahead import one_ahead
from ...core.camera import project
from ...core.errors import BadInput
from ...core.face_model import FaceModel
from ...core.face_square import FaceSquare
from ...core.fit import Fit
from ...core.motion import Motion
from ...core.playback.stage import Played, Stage, Stages
from ...core.provenance.note import GENERATED_PARTS
from ...core.retarget import Rules
from ..faces.views import Moved, Seen, see
from .files import GeneratorWeights
from .pasting import Place
from .runtime import Painter

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_LANDMARKS = "mesh478"
_REGIONS = ("face", "lips", "eyelids_left", "eyelids_right")
_BATCH = 32
"""Frames at once on CUDA"""
_CHUNK = 256


def draws(model: FaceModel) -> bool:
    """Whether the network can draw heads of this model: it must know where lips, lids and landmarks are."""
    return _LANDMARKS in model.embeddings and all(name in model.regions for name in _REGIONS)


class NeuralRenderer:
    """See `playback.renderers.Renderer`. By torch where CUDA is, in batches; else by onnxruntime, frame by frame."""

    name, source_type = "pgfg", GENERATED_PARTS

    def __init__(self, weights: GeneratorWeights, model: FaceModel, threads: int = 0) -> None:
        """Raises:
            BadInput: the model does not say where lips, lids and landmarks are.
            MissingPart: there is no graph for the weights' configuration.
        """
        if not draws(model):
            raise BadInput(f"The face model {model.name} does not say where lips, lids and landmarks are, which the "
                           "network needs; use the model in the box, or --renderer mesh.")
        self.config = weights.config
        self._stages = Stages()
        self._painter, self._batch = _painter(weights, threads)

    def frames(self, photo: Bytes, fit: Fit, motion: Motion, model: FaceModel, rules: Rules,
               only: Sequence[int] | None = None) -> Iterator[Bytes]:
        stage = self._stages.set(photo, fit, motion, model, rules)
        return self._painted(stage.frames(only), _Canvas(stage, self.config.size))

    def _painted(self, frames: Iterator[Played], canvas: "_Canvas") -> Iterator[Bytes]:
        seen = canvas.seen
        self._painter.begin(np.ascontiguousarray(seen.picture.transpose(2, 0, 1)), seen.prior)
        for group in one_ahead(canvas.groups(frames, self._batch)):
            moved = [m for _, m in group]
            made = self._painter.frames(*(np.stack([getattr(m, name) for m in moved])
                                          for name in ("prior", "warped", "valid", "flow")))
            for (played, given), picture in zip(group, made, strict=True):
                yield canvas.place.paste(played.rgb, picture, given.warped, given.valid)


class _Canvas:
    """The square of the photo in which all of the performance takes place, and the photo's head in it."""

    def __init__(self, stage: Stage, size: int) -> None:
        source = stage.source
        height, width = source.photo.shape[:2]
        self.size, self.square = size, _square_of(stage).within(width, height)
        self.place = Place.of(self.square, size, width, height)
        self.seen: Seen = see(self.square.cut(source.photo, size), self._inside(source.view.points),
                              source.view.scale * size / self.square.side, source.model)

    def groups(self, frames: Iterator[Played], count: int) -> Iterator[list[tuple[Played, Moved]]]:
        """Frames, `count` at a time, with what the network is told of each."""
        while group := [(played, self.moved(played)) for played in islice(frames, count)]:
            yield group

    def moved(self, played: Played) -> Moved:
        return self.seen.moved(self._inside(played.vertices))

    def _inside(self, points: Floats) -> Floats:
        return self.square.points(points, self.size)


def _square_of(stage: Stage) -> FaceSquare:
    """Around the landmarks of the photo and of every frame, as the network's training has it."""
    source, acted = stage.source, stage.performance
    low, high = _extent(source.model.points(_LANDMARKS, source.view.points)[..., :2])
    rest = source.model.points(_LANDMARKS, source.rest)
    for start in range(0, len(acted.rotation), _CHUNK):
        part = slice(start, start + _CHUNK)
        first, last = _extent(project(rest, acted.rotation[part], acted.translation[part], source.fit.camera)[..., :2])
        low, high = np.minimum(low, first), np.maximum(high, last)
    return FaceSquare.around(np.stack([low, high]))


def _extent(points: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    flat = points.reshape(-1, 2)
    return flat.min(0), flat.max(0)


def _painter(weights: GeneratorWeights, threads: int) -> tuple[Any, int]:
    """What runs the network, and how many frames it should be given at once."""
    if find_spec("torch") is not None and import_module("torch").cuda.is_available():
        runtime = import_module(".torch_runtime", __package__)
        return cast(Any, runtime.TorchPainter(weights)), _BATCH
    return Painter(weights, threads), 1
