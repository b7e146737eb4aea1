# SPDX-License-Identifier: Apache-2.0
"""Bringing the fitted surface onto the eyes and lips that the photo shows."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..face_model import FaceModel
from ..fitting.schemes import scheme_of

if TYPE_CHECKING:
    from ..fitting import Fit

Array = NDArray[np.float64]

_SCHEME = "mesh478"
_GROUPS = ("lids_right", "lids_left", "iris_right", "iris_left", "lips_inner", "lips_outer")
_REACH = 0.006
"""Metres over which a landmark pulls the surface along"""
_STIFF = 0.1
"""Variance of the landmarks' errors, of that of the correction: what single points say alone is not believed"""


def registered(fit: "Fit", model: FaceModel) -> "Fit":
    """The fit whose surface passes, in the image, through the landmarks of lids, irises and lips.

    A model of few coefficients leaves a pixel or two between its lids and those in the photo: skin would be taken
    for the eye, and lashes for skin. The differences are spread by Gaussian process regression (Rasmussen and
    Williams 2006, eq. 2.23) over the surface at rest; depth and coefficients stay.
    """
    seen = fit.landmarks_478
    if _SCHEME not in model.embeddings or len(seen) != len(model.points(_SCHEME, model.mean)):
        return fit
    members = scheme_of(_SCHEME, len(seen)).members()
    chosen = np.concatenate([members[name] for name in _GROUPS if name in members])
    chosen = chosen[np.isfinite(seen[chosen]).all(1)]
    if not len(chosen):
        return fit
    at = model.points(_SCHEME, model.mean)[chosen].astype(np.float64)
    away = (seen[chosen] - model.points(_SCHEME, fit.vertices_image)[chosen])[:, :2].astype(np.float64)
    weights = np.linalg.solve(_near(at, at) + _STIFF * np.eye(len(at)), away)
    vertices = fit.vertices_image.copy()
    vertices[:, :2] += _near(model.mean.astype(np.float64), at) @ weights
    return replace(fit, vertices_image=vertices)


def _near(a: Array, b: Array) -> Array:
    """How alike the corrections of points (N, 3) and (M, 3) are: (N, M), 0..1."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.asarray(np.exp(-np.maximum(squares, 0) / (2 * _REACH**2)))
