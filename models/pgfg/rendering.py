# SPDX-License-Identifier: Apache-2.0
"""The network as a renderer: the mesh makes the whole frame, the network paints the square around the face in it."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...core.ahead import one_ahead
from ...core.errors import BadInput
from ...core.face_model import FaceModel
from ...core.fit import Fit
from ...core.motion import Motion
from ...core.playback.stage import Played, Stages
from ...core.provenance.note import GENERATED_PARTS
from ...core.retarget import Rules
from .canvas import LANDMARKS, Canvas
from .files import GeneratorWeights
from .pasting import Trust
from .runtime import Painter

Bytes = NDArray[np.uint8]

_REGIONS = ("face", "lips", "eyelids_left", "eyelids_right")
_BATCH = 32
"""Frames at once on CUDA"""


def draws(model: FaceModel) -> bool:
    """Whether the network can draw heads of this model: it must know where lips, lids and landmarks are."""
    return LANDMARKS in model.embeddings and all(name in model.regions for name in _REGIONS)


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
        self._trust = Trust.read(weights.notes.get("trust"))
        self._stages = Stages()
        self._painter, self._batch = _painter(weights, threads)

    def frames(self, photo: Bytes, fit: Fit, motion: Motion, model: FaceModel, rules: Rules,
               only: Sequence[int] | None = None) -> Iterator[Bytes]:
        stage = self._stages.set(photo, fit, motion, model, rules)
        return self._painted(stage.frames(only), Canvas.of(stage, self.config.size))

    def _painted(self, frames: Iterator[Played], canvas: Canvas) -> Iterator[Bytes]:
        seen = canvas.seen
        self._painter.begin(np.ascontiguousarray(seen.picture.transpose(2, 0, 1)), seen.prior)
        for group in one_ahead(canvas.groups(frames, self._batch)):
            moved = [m for _, m in group]
            made = self._painter.layers(*(np.stack([getattr(m, name) for m in moved])
                                          for name in ("prior", "warped", "valid", "flow")))
            for (played, given), layers in zip(group, made, strict=True):
                yield canvas.place.paste(played.rgb, layers, given.warped, given.prior, self._trust)


def _painter(weights: GeneratorWeights, threads: int) -> tuple[Any, int]:
    """What runs the network, and how many frames it should be given at once."""
    if find_spec("torch") is not None and import_module("torch").cuda.is_available():
        runtime = import_module(".torch_runtime", __package__)
        return cast(Any, runtime.TorchPainter(weights)), _BATCH
    return Painter(weights, threads), 1
