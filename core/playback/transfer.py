# SPDX-License-Identifier: Apache-2.0
"""From the driver's motion to the motion of the face in the photo."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..camera import rotation_matrix, rotation_vector
from ..errors import BadInput
from ..face_model import FaceModel
from ..motion import Motion

if TYPE_CHECKING:
    from ..fitting import Fit

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Performance:
    """T frames of coefficients for the face in the photo, in the photo's camera."""

    expression: Floats
    """(T, E) 0..1"""
    rotation: Floats
    """(T, 3) axis-angle, radians"""
    translation: Floats
    """(T, 3) metres"""


def transfer(fit: "Fit", motion: Motion, model: FaceModel, relative: bool = True) -> Performance:
    """Put a motion on a fitted face that keeps its own place and size in the photo.

    Relative: what changed since the motion's first frame that has a face is added to the photo's expression, and
    turned about the photo's head axes. Absolute: expression and rotation are the motion's. Both ways the head is
    shifted, in metres at the head, and scaled as much as the driver's since that frame.

    Raises:
        BadInput: the motion has a channel that the face model lacks.
    """
    first = int(np.argmax(motion.confidence > 0))
    driver = _expressions(motion, model)
    turn = rotation_matrix(motion.rotation)
    own = rotation_matrix(fit.rotation)
    if relative:
        expression = np.clip(fit.expression + driver - driver[first], 0, np.maximum(fit.expression, 1))
        rotation = np.asarray(rotation_vector(own @ turn[first].T @ turn), np.float32)
    else:
        expression, rotation = driver, motion.rotation
    return Performance(np.asarray(expression, np.float32), rotation,
                       _placed(fit.translation, motion.translation, first))


def _expressions(motion: Motion, model: FaceModel) -> Floats:
    """The motion's channels (T, E) in the model's order; channels that the motion lacks stay 0."""
    unknown = [name for name in motion.channels if name not in model.expression_names]
    if unknown:
        raise BadInput(f"The face model {model.name} has no expression '{unknown[0]}' that the motion moves; "
                       "use the model that the motion was made with.")
    out = np.zeros((len(motion), len(model.expression_names)), np.float32)
    out[:, [model.expression_names.index(name) for name in motion.channels]] = motion.expression
    return out


def _placed(own: NDArray[np.floating], driver: Floats, first: int) -> Floats:
    """Translations (T, 3): the driver's shift since `first`, measured in metres at the head, and its change of
    size."""
    place = driver.astype(np.float64)
    size = place[:, 2:] / place[first, 2]
    shift = (place[:, :2] / place[:, 2:] - place[first, :2] / place[first, 2]) * place[first, 2]
    xy = (np.asarray(own[:2], np.float64) + shift) * size
    return np.asarray(np.concatenate([xy, float(own[2]) * size], 1), np.float32)
