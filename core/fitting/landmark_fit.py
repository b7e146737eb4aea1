# SPDX-License-Identifier: Apache-2.0
"""Fitting the face model to landmarks: one image, or several images of one person."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera, Projection
from ..errors import BadInput
from ..face_model import FaceModel
from ..fit import Fit
from ..threads import on_one_thread
from .landmark_model import LandmarkModel, landmark_model
from .observe import HIDDEN, centred, observe, starting_pose
from .priors import expression_prior
from .report import make_fit
from .solver import Face, Options, solve_face, solve_shared

Array = NDArray[np.float64]

@dataclass(frozen=True)
class Style:
    """How a fit weighs what it knows before: `noise` scales the detector's σ, the others the priors."""

    noise: float = 1.0
    identity_weight: float = 1.0
    expression_strength: float | Sequence[float] = 1.0
    """One for all images, or one for each"""
    hidden: float = HIDDEN
    """Weight of landmarks on the far side (see observe.py)"""


def fit_landmarks(points: NDArray[np.floating], width: int, height: int, model: FaceModel | None = None, *,
                  projection: Projection = "orthographic", identity: NDArray[np.floating] | None = None,
                  scheme: str = "mesh478", noise: float = 1.0, confidence: float = 1.0) -> Fit:
    """Fit a face model to the landmarks (L, 2 or 3) of one image, in its pixels (nearer is larger in depth).

    A given `identity` (S,) is kept; else it is estimated too. `noise` scales the detector's usual error (less for
    exact landmarks). NaN marks landmarks that are missing.

    Raises:
        BadInput: the landmarks do not have the scheme's shape, or too few are finite.
    """
    return fit_views([points], [(width, height)], model, projection=projection, identity=identity, scheme=scheme,
                     noise=noise, confidence=[confidence])[0]


@on_one_thread
def fit_views(points: Sequence[NDArray[np.floating]], sizes: Sequence[tuple[int, int]],
              model: FaceModel | None = None, *, projection: Projection = "orthographic",
              identity: NDArray[np.floating] | None = None, scheme: str = "mesh478", noise: float = 1.0,
              hidden: float = HIDDEN, confidence: Sequence[float] | None = None) -> list[Fit]:
    """As `fit_landmarks`, for several images of one person: one identity, a pose and an expression for each.

    `hidden` is the weight of landmarks on the far side of the head: 1 where they are exact like the others.
    """
    if not points or len(points) != len(sizes):
        raise BadInput("A fit needs at least one image's landmarks, and a size for each.")
    model = default_model_if_none(model)
    landmarks = landmark_model(model, scheme)
    cameras = [Camera.for_image(w, h, projection) for w, h in sizes]
    targets = [centred(p, c, landmarks.scheme.count) for p, c in zip(points, cameras, strict=True)]
    alpha, faces = solve_images(landmarks, targets, cameras, identity, Style(noise, hidden=hidden))
    trust = confidence if confidence is not None else [1.0] * len(points)
    return [make_fit(model, landmarks, f, alpha, c, s, t)
            for f, c, s, t in zip(faces, cameras, targets, trust, strict=True)]


def solve_images(landmarks: LandmarkModel, targets: Sequence[Array], cameras: Sequence[Camera],
                 identity: NDArray[np.floating] | None, style: Style) -> tuple[Array, list[Face]]:
    """Identity (S,) and every image's face; visibility is judged anew once the pose is known better."""
    strengths = np.broadcast_to(style.expression_strength, len(targets))
    priors = [expression_prior(landmarks.expression_names, float(s)) for s in strengths]
    faces = [Face(starting_pose(landmarks, t), np.zeros(len(priors[0].linear))) for t in targets]
    alpha = np.zeros(landmarks.identity.shape[1]) if identity is None else np.asarray(identity, np.float64)
    for iterations in (3, 9):
        seen = [observe(landmarks, t, f.pose, style.noise, style.hidden) for t, f in zip(targets, faces, strict=True)]
        options = Options(inverse_focal(cameras[0]), style.identity_weight, iterations)
        if identity is None:
            alpha, faces, _ = solve_shared(landmarks.joint, seen, faces, alpha, priors, options)
        else:
            shape = landmarks.of_person(alpha)
            faces = [solve_face(shape, s, f, p, options)[0] for s, f, p in zip(seen, faces, priors, strict=True)]
    return alpha, faces


def inverse_focal(camera: Camera) -> float:
    """q of kernels.py."""
    return 1 / camera.focal if camera.projection == "perspective" else 0.0


def default_model_if_none(model: FaceModel | None) -> FaceModel:
    """The model given, or the one in the box."""
    from ..model_files import default_model

    return model if model is not None else default_model()
