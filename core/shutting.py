# SPDX-License-Identifier: Apache-2.0
"""When a person's eyes are shut: narrow eyes are before wide ones, by the same channel."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .face_model import FaceModel
from .motion import Motion

Floats = NDArray[np.float32]

_SCHEME = "mesh478"
_RIMS = {"eyeBlinkRight": ((160, 159, 158), (144, 145, 153)), "eyeBlinkLeft": ((387, 386, 385), (373, 374, 380))}
"""Landmarks of the upper and the lower rim in the middle of each eye, by the channel that shuts it"""
_LEAST_WAY = 1e-3
"""Metres between the rims that a channel at 1 closes at least, if it is to be one that shuts the eye"""
_RANGE = (0.5, 1.5)


def shutting_ends(model: FaceModel, driver: Motion, identity: NDArray[np.floating],
                  names: Sequence[str]) -> tuple[Floats, Floats]:
    """The `ends` of `retarget` for channels `names` (E,): where a driver's eyes are shut, and where those of a face of
    this model (S,) are. A driver of another model, or a motion of nobody, counts as the mean face."""
    mean = np.zeros(len(model.identity_basis), np.float32)
    other = driver.identity if driver.model_hash == model.hash and driver.identity.shape == mean.shape else mean
    place = {name: i for i, name in enumerate(model.expression_names)}
    known = [(i, place[name]) for i, name in enumerate(names) if name in place]
    ends = np.ones((2, len(names)), np.float32)
    for row, person in zip(ends, (other, identity), strict=True):
        values = shut_at(model, person)
        for i, j in known:
            row[i] = values[j]
    return ends[0], ends[1]


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
