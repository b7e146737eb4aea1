# SPDX-License-Identifier: Apache-2.0
"""What turns a photo and a motion into frames: the fitted mesh alone, or a network on top of it."""

import os
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, MissingPart
from ..face_model import FaceModel
from ..motion import Motion
from ..provenance.note import COMPOSITE
from ..retarget import Rules

if TYPE_CHECKING:
    from ..fitting import Fit

Rgb = NDArray[np.uint8]
NAMES = ("mesh", "pgfg", "auto")


class Renderer(Protocol):
    """One way to draw a performance at the photo's own size; a photo that comes again is ready sooner."""

    @property
    def name(self) -> str: ...

    @property
    def source_type(self) -> str:
        """What its frames are, a term of `provenance.note`"""

    def frames(self, photo: Rgb, fit: "Fit", motion: Motion, model: FaceModel, rules: Rules,
               only: Sequence[int] | None = None) -> Iterator[Rgb]:
        """Frames (H, W, 3) of the photo (H, W, 3), as `playback.animate` has them; memory does not grow with them.

        Args:
            only: numbers of the motion's frames that are wanted, each as it is among all of them.

        Raises:
            BadInput: at the call, before any frame: the fit, the motion or the model does not belong to the others.
        """


class MeshRenderer:
    """The photo's own pixels, carried along by the fitted head."""

    name, source_type = "mesh", COMPOSITE

    def __init__(self) -> None:
        from .stage import Stages

        self._stages = Stages()

    def frames(self, photo: Rgb, fit: "Fit", motion: Motion, model: FaceModel, rules: Rules,
               only: Sequence[int] | None = None) -> Iterator[Rgb]:
        stage = self._stages.set(photo, fit, motion, model, rules)
        return (played.rgb for played in stage.frames(only))


def renderer_named(name: str, model: FaceModel, weights: str | os.PathLike[str] | None = None,
                   threads: int = 0) -> Renderer:
    """The renderer `mesh`, `pgfg` or, as `auto`, the best that works here: the network where there are weights for it.

    Args:
        weights: of the network; None takes those in the box, where there are any.
        threads: processors that the network may take, 0 for all.

    Raises:
        BadInput: weights that are damaged or of something else, or a model that the network cannot draw.
        MissingPart: `pgfg` without weights.
    """
    if name not in NAMES:
        raise BadInput(f"There is no renderer {name!r}; choose one of {', '.join(NAMES)}.")
    if name == "mesh":
        if weights is not None:
            raise BadInput("The mesh renderer takes no weights; leave them out, or choose the renderer pgfg.")
        return MeshRenderer()
    files, rendering = (import_module(f"...models.pgfg.{part}", __package__) for part in ("files", "rendering"))
    shipped: Path = files.SHIPPED
    if weights is None and name == "auto" and not (shipped.exists() and rendering.draws(model)):
        return MeshRenderer()
    if weights is None and not shipped.exists():
        raise MissingPart("The renderer pgfg needs weights, and none are in the box: make them with `mien train "
                          "pgfg` and give them with --weights FILE, or take --renderer mesh.")
    return cast(Renderer, rendering.NeuralRenderer(files.load_generator(weights or shipped), model, threads))
