# SPDX-License-Identifier: Apache-2.0
"""A picture of what a generator is given: a photo's sparse priors at several intervals, moved several ways."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .contact_sheet import grid
from .face_model import FaceModel
from .face_square import FaceSquare
from .motion import Motion
from .playback import transfer
from .playback.compose import compose
from .playback.source import prepare
from .playback.surround import surround
from .sparse_texture import screen_prior, sparse_mesh, vertex_prior
from .texture import view_of

if TYPE_CHECKING:
    from .fitting import Fit

Rgb = NDArray[np.uint8]
Floats = NDArray[np.floating]

TARGETS = 4
_POSES = ((0.0, -0.45, 0.0), (0.0, 0.45, 0.0), (-0.25, 0.0, 0.1), (0.1, 0.15, -0.1))
_FACES: tuple[dict[str, float], ...] = (
    {"jawOpen": 0.6}, {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9}, {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    {"browInnerUp": 1.0, "mouthFunnel": 0.8})
_ROOM = 1.35
"""Side of the pictures over the longer side of the fitted head's box"""


def prior_sheet(photo: Rgb, fit: "Fit", model: FaceModel, steps: Sequence[int], motion: Motion | None = None, *,
                screen: bool = False, side: int = 256) -> Rgb:
    """The photo moved by the fitted head in the first row, then the priors of one interval in each row.

    The columns are the photo's own coefficients and four targets: frames of the motion, spread over it, or made-up
    poses and expressions.

    Args:
        steps: intervals k, in vertices, or in pixels of the shown pictures where `screen`.

    Raises:
        BadInput: an interval that leaves nothing, or the fit does not belong to the photo.
    """
    square = FaceSquare.around(fit.vertices_image, _ROOM)
    photo, fit = square.cut(photo, side), square.fit(fit, side)
    source = prepare(photo, fit, model)
    view, net = view_of(photo, source.fit, model), surround(source)
    rows, labels = [photo], ["photo"]
    moved = [view.points]
    for number, (expression, rotation, translation) in enumerate(_targets(fit, model, motion)):
        shape = source.shape(expression)
        vertices = source.vertices(shape, rotation, translation)
        rows.append(compose(source, net, vertices, net.targets(source, vertices, rotation, translation),
                            source.renewed(shape), source.shadow(shape), source.carried(shape)))
        labels.append(f"moved {number + 1}")
        moved.append(vertices)
    unit = "pixels" if screen else "vertices"
    for step in steps:
        prior = (screen_prior(photo, view, model, step) if screen
                 else vertex_prior(photo, view, sparse_mesh(model, step)))
        rows += [prior.draw(points, side, side) for points in moved]
        labels += [f"k = {step} {unit}", *[""] * TARGETS]
    return grid(rows, TARGETS + 1, labels)


def _targets(fit: "Fit", model: FaceModel, motion: Motion | None) -> list[tuple[Floats, Floats, Floats]]:
    """Expression, rotation and translation of each target."""
    if motion is not None:
        performance = transfer(fit, motion, model)
        chosen = np.linspace(0, len(motion) - 1, TARGETS + 1).round().astype(int)[1:]
        return [(performance.expression[i], performance.rotation[i], performance.translation[i]) for i in chosen]
    place = {name: i for i, name in enumerate(model.expression_names)}
    targets = []
    for pose, face in zip(_POSES, _FACES, strict=True):
        expression = np.array(fit.expression, np.float32)
        for name, value in face.items():
            if name in place:
                expression[place[name]] = value
        targets.append((expression, fit.rotation + np.array(pose), fit.translation))
    return targets
