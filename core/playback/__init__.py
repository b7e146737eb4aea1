# SPDX-License-Identifier: Apache-2.0
"""Playing a motion on the face in a photo, by the fitted mesh alone or by a network on top of it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..face_model import FaceModel
from ..motion import Motion
from ..retarget import Rules
from .renderers import MeshRenderer, Renderer, renderer_named
from .transfer import ITS_OWN, RELATIVE, Performance, transfer
from .writer import write_video

if TYPE_CHECKING:
    from ..fitting import Fit

__all__ = ["ITS_OWN", "MeshRenderer", "Performance", "Renderer", "animate", "renderer_named", "transfer", "write_video"]


def animate(photo: NDArray[np.uint8], fit: "Fit", motion: Motion, model: FaceModel | None = None, *,
            rules: Rules = RELATIVE, renderer: Renderer | None = None,
            only: Sequence[int] | None = None) -> Iterator[NDArray[np.uint8]]:
    """Frames (H, W, 3) uint8 RGB of the photo (H, W, 3) moved by a motion, at the motion's rate.

    The photo's own pixels are carried along by the fitted surface; a texture fills what the photo hides; hair, neck
    and background follow smoothly. A motion that stays at the fit's coefficients gives the photo itself. A network
    (`renderer_named("pgfg", …)`) paints the face's square on top of that.

    Args:
        rules: how the motion is put on the photo's face; by default its changes are added to the photo's own.
        renderer: by default the mesh alone.
        only: numbers of the frames that are wanted; by default all.

    Raises:
        BadInput: the fit does not belong to the photo or the model, or the motion has unknown channels.
    """
    from ..fitting.landmark_fit import default_model_if_none

    return (renderer or MeshRenderer()).frames(photo, fit, motion, default_model_if_none(model), rules, only)
