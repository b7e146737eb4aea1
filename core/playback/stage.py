# SPDX-License-Identifier: Apache-2.0
"""A photo with its performance: what every renderer starts from, frame by frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..face_model import FaceModel
from ..motion import Motion
from ..retarget import Rules
from .compose import compose
from .source import Source, prepare
from .surround import Surround, surround
from .transfer import Performance, transfer

if TYPE_CHECKING:
    from ..fitting import Fit

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Played:
    """One frame as the mesh shows it."""

    rgb: Bytes
    """(H, W, 3)"""
    vertices: Floats
    """(V, 3) the head, in pixels of the photo, z nearer = larger"""


@dataclass(frozen=True, eq=False)
class Stage:
    """A photo made ready, what surrounds the head in it, and what the head does."""

    source: Source
    net: Surround
    performance: Performance

    def frames(self, only: Sequence[int] | None = None) -> Iterator[Played]:
        """The photo moved by the fitted head, frame by frame, or `only` at these; nothing is kept of those before."""
        source, acted = self.source, self.performance
        for t in range(len(acted.expression)) if only is None else only:
            rotation, translation = acted.rotation[t], acted.translation[t]
            shape = source.shape(acted.expression[t])
            vertices = source.vertices(shape, rotation, translation)
            nodes = self.net.targets(source, vertices, rotation, translation)
            yield Played(compose(source, self.net, vertices, nodes, source.renewed(shape), source.shadow(shape),
                                 source.carried(shape)), vertices)


class Stages:
    """Sets stages; a photo that comes again, the same array with the same fit, is not made ready again."""

    def __init__(self) -> None:
        self._last: tuple[Bytes, Fit, FaceModel, Source, Surround] | None = None

    def set(self, photo: Bytes, fit: "Fit", motion: Motion, model: FaceModel, rules: Rules) -> Stage:
        """Do once what every frame needs.

        Raises:
            BadInput: the fit does not belong to the photo or the model, or the motion has unknown channels.
        """
        performance = transfer(fit, motion, model, rules)
        last = self._last
        if last is None or not (last[0] is photo and last[1] is fit and last[2] is model):
            source = prepare(photo, fit, model)
            last = self._last = photo, fit, model, source, surround(source)
        return Stage(last[3], last[4], performance)


def set_stage(photo: Bytes, fit: "Fit", motion: Motion, model: FaceModel, rules: Rules) -> Stage:
    """One stage; see `Stages.set`."""
    return Stages().set(photo, fit, motion, model, rules)
