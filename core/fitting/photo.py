# SPDX-License-Identifier: Apache-2.0
"""Photos to fits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..camera import Projection
from ..errors import BadInput, NoFaceFound
from ..face_model import FaceModel
from ..fit import Fit
from .landmark_fit import fit_views

Rgb = NDArray[np.uint8]


def fit_photo(rgb: Rgb, model: FaceModel | None = None, *, projection: Projection = "orthographic",
              face: int | None = None) -> Fit:
    """Find a face in a photo (H, W, 3) uint8 RGB and fit the face model to it.

    The default model is used unless another is given; it needs the landmarks `mesh478`. The most prominent
    face is taken unless `face` numbers another, from 0.

    Raises:
        NoFaceFound: there is no face.
        BadInput: the array is no picture, there is no face of that number, or the model has no such landmarks.
    """
    return fit_photos([rgb], model, projection=projection, face=face)[0]


def fit_photos(photos: Sequence[Rgb], model: FaceModel | None = None, *, projection: Projection = "orthographic",
               face: int | None = None) -> list[Fit]:
    """Fit one person in several photos: all share one identity, each has its own pose and expression.

    Raises:
        NoFaceFound: a photo has no face; the message says which.
        BadInput: see `fit_photo`.
    """
    from ..landmarks import landmarks_of

    found = []
    for number, rgb in enumerate(photos, 1):
        _check_picture(rgb)
        try:
            found.append(landmarks_of(rgb, face))
        except NoFaceFound as error:
            if len(photos) == 1:
                raise
            raise NoFaceFound(f"Photo {number} of {len(photos)}: {error}") from error
    return fit_views([f.points for f in found], [(p.shape[1], p.shape[0]) for p in photos], model,
                     projection=projection, confidence=[f.confidence for f in found])


def _check_picture(rgb: Rgb) -> None:
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        raise BadInput("A photo must be an array (height, width, 3) of uint8, red first; read_image gives one.")
