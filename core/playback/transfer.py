# SPDX-License-Identifier: Apache-2.0
"""From the driver's motion to the motion of the face in the photo."""

from ..face_model import FaceModel
from ..fit import Fit
from ..motion import Motion
from ..retarget import Performance, Rules, expressions_on, retarget
from ..shutting import shutting_ends

__all__ = ["ITS_OWN", "RELATIVE", "Performance", "transfer"]

RELATIVE = Rules()
"""The photo's own expression and pose, changed as the driver's change"""
ITS_OWN = Rules(relative=False, own_place=False)
"""The motion is the photo's own, in its own camera, and is taken as it is"""


def transfer(fit: Fit, motion: Motion, model: FaceModel, rules: Rules = RELATIVE) -> Performance:
    """Put a motion on a fitted face that keeps its own place and size in the photo (see retarget.py).

    Raises:
        BadInput: the motion has a channel that the face model lacks.
    """
    expressions_on(motion, model.expression_names, model.name)
    return retarget(motion, model.expression_names, fit.expression, fit.rotation, fit.translation, rules,
                    ends=shutting_ends(model, motion, fit.identity, model.expression_names))
