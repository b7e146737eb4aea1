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
_DEPTH_REACH, _DEPTH_SHARE = 0.02, 0.5
"""Metres over which a landmark's depth counts, and how far it is believed beside the model's"""


def registered(fit: "Fit", model: FaceModel) -> "Fit":
    """The fit whose surface passes, in the image, through the landmarks of lids, irises and lips.

    A model of few coefficients leaves a pixel or two between its lids and those in the photo: skin would be taken
    for the eye, and lashes for skin. The differences are spread by Gaussian process regression (Rasmussen and
    Williams 2006, eq. 2.23) over the surface at rest. Depth, which decides how features pass each other when the
    head turns, goes half the way to the landmarks'. Coefficients stay.
    """
    seen = fit.landmarks_478
    if _SCHEME not in model.embeddings or len(seen) != len(model.points(_SCHEME, model.mean)):
        return fit
    members = scheme_of(_SCHEME, len(seen)).members()
    chosen = np.concatenate([members[name] for name in _GROUPS if name in members])
    chosen = chosen[np.isfinite(seen[chosen]).all(1)]
    if not len(chosen):
        return fit
    away = (seen - model.points(_SCHEME, fit.vertices_image)).astype(np.float64)
    vertices = fit.vertices_image.copy()
    vertices[:, :2] += _spread(model, chosen, away[chosen, :2], _REACH)
    skin = np.concatenate([points for name, points in members.items() if not name.startswith("iris")])
    skin = np.unique(skin[np.isfinite(seen[skin]).all(1)])
    vertices[:, 2:] += _spread(model, skin, _depth_missing(fit, model, skin), _DEPTH_REACH)
    return replace(fit, vertices_image=vertices)


def _spread(model: FaceModel, chosen: NDArray[np.int64], away: Array, reach: float) -> Array:
    """Corrections (M, C) at chosen landmarks, carried over to all vertices (V, C)."""
    at = model.points(_SCHEME, model.mean)[chosen].astype(np.float64)
    weights = np.linalg.solve(_near(at, at, reach) + _STIFF * np.eye(len(at)), away)
    return np.asarray(_near(model.mean.astype(np.float64), at, reach) @ weights)


def _depth_missing(fit: "Fit", model: FaceModel, skin: NDArray[np.int64]) -> Array:
    """Pixels (M, 1) by which the surface should come nearer at these landmarks.

    The network's depths know neither the model's origin nor, exactly, its scale and the head's tilt: all are fitted.
    """
    ours = model.points(_SCHEME, fit.vertices_image)[skin].astype(np.float64)
    theirs = np.column_stack([fit.landmarks_478[skin].astype(np.float64), np.ones(len(skin))])
    there = theirs @ np.linalg.lstsq(theirs, ours[:, 2], rcond=None)[0]
    return np.asarray(_DEPTH_SHARE * (there - ours[:, 2])[:, None])


def _near(a: Array, b: Array, reach: float) -> Array:
    """How alike the corrections of points (N, 3) and (M, 3) are: (N, M), 0..1."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.asarray(np.exp(-np.maximum(squares, 0) / (2 * reach**2)))
