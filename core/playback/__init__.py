# SPDX-License-Identifier: Apache-2.0
"""Playing a motion on the face in a photo, without a network."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..face_model import FaceModel
from ..motion import Motion
from ..retarget import Rules
from .transfer import RELATIVE, Performance, transfer
from .writer import write_video

if TYPE_CHECKING:
    from ..fitting import Fit

__all__ = ["Performance", "animate", "transfer", "write_video"]


def animate(photo: NDArray[np.uint8], fit: "Fit", motion: Motion, model: FaceModel | None = None, *,
            rules: Rules = RELATIVE) -> Iterator[NDArray[np.uint8]]:
    """Frames (H, W, 3) uint8 RGB of the photo (H, W, 3) moved by a motion, at the motion's rate.

    The photo's own pixels are carried along by the fitted surface; a texture fills what the photo hides; hair, neck
    and background follow smoothly. A motion that stays at the fit's coefficients gives the photo itself.

    Args:
        rules: how the motion is put on the photo's face; by default its changes are added to the photo's own.

    Raises:
        BadInput: the fit does not belong to the photo or the model, or the motion has unknown channels.
    """
    from ..fitting.landmark_fit import default_model_if_none
    from .compose import compose
    from .source import prepare
    from .surround import surround

    model = default_model_if_none(model)
    performance = transfer(fit, motion, model, rules)
    source = prepare(photo, fit, model)
    net = surround(source)

    def frames() -> Iterator[NDArray[np.uint8]]:
        for expression, rotation, translation in zip(performance.expression, performance.rotation,
                                                     performance.translation, strict=True):
            shape = source.shape(expression)
            vertices = source.vertices(shape, rotation, translation)
            nodes = net.targets(source, vertices, rotation, translation)
            yield compose(source, net, vertices, nodes, source.renewed(shape), source.shadow(shape),
                          source.carried(shape))

    return frames()
