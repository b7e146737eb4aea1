# SPDX-License-Identifier: Apache-2.0
"""When a person's eyes are shut: narrow eyes are before wide ones, by the same channel."""

import numpy as np
from numpy.typing import NDArray

from ..face_model import FaceModel

Floats = NDArray[np.float32]

_SCHEME = "mesh478"
_RIMS = {"eyeBlinkRight": ((160, 159, 158), (144, 145, 153)), "eyeBlinkLeft": ((387, 386, 385), (373, 374, 380))}
"""Landmarks of the upper and the lower rim in the middle of each eye, by the channel that shuts it"""
_LEAST_WAY = 1e-3
"""Metres between the rims that a channel at 1 closes at least, if it is to be one that shuts the eye"""
_RANGE = (0.5, 1.5)


def shut_at(model: FaceModel, identity: NDArray[np.floating]) -> Floats:
    """The values (E,) of the channels that shut an eye at which a person's (S,) rims meet; 1 for every other channel.

    Models without landmarks or channels of eyelids get 1 throughout. Values lie in 0.5..1.5.
    """
    out = np.ones(len(model.expression_names), np.float32)
    if _SCHEME not in model.embeddings:
        return out
    rest = model.points(_SCHEME, model.vertices(identity, np.zeros_like(out)))
    for name, rims in _RIMS.items():
        if name in model.expression_names:
            i = model.expression_names.index(name)
            way = -_opening(model.points(_SCHEME, model.expression_basis[i]), rims)
            if way > _LEAST_WAY:
                out[i] = np.clip(_opening(rest, rims) / way, *_RANGE)
    return out


def _opening(points: NDArray[np.floating], rims: tuple[tuple[int, ...], tuple[int, ...]]) -> float:
    """How much higher, in metres, the upper rim is than the lower one."""
    upper, lower = rims
    return float((points[list(upper), 1] - points[list(lower), 1]).mean())
