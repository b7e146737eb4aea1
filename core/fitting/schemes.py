# SPDX-License-Identifier: Apache-2.0
"""What the numbers of a landmark scheme mean to a fit: groups, how far each is to be trusted, telling differences."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Differences between landmarks that say more than the places: `first` − `second` (P,), in millimetres."""

    first: tuple[int, ...]
    second: tuple[int, ...]
    sigma: float
    shut: float = 0.0
    """The gap that the detector still shows where there is none"""


@dataclass(frozen=True)
class Scheme:
    """One numbering of landmarks. σ is the standard deviation of the detector's error in millimetres."""

    name: str
    count: int
    groups: Mapping[str, tuple[int, ...]]
    """Disjoint; what is in none is called `surface`"""
    sigma: Mapping[str, float]
    surface_sigma: float
    pairs: Mapping[str, Pairs] = field(default_factory=dict)
    surface_step: int = 1
    """One of so many surface landmarks is used, with the weight of all"""

    def members(self) -> dict[str, Index]:
        """Every group with its landmarks, `surface` last."""
        rest = np.setdiff1d(np.arange(self.count), [i for group in self.groups.values() for i in group])
        members = {name: np.asarray(group, np.int64) for name, group in self.groups.items()}
        return members | ({"surface": rest.astype(np.int64)} if rest.size else {})

    def sigmas(self) -> Array:
        """(count,) millimetres."""
        values = np.full(self.count, self.surface_sigma)
        for name, group in self.groups.items():
            values[list(group)] = self.sigma[name]
        return values


_OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176,
         149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
_LIPS_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409)
_LIPS_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415)
_LIDS_RIGHT = (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173)
_LIDS_LEFT = (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398)
_BROWS = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107, 276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
_NOSE = (168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 98, 97, 326, 327, 294, 278, 344, 440, 275, 45, 220, 115, 48, 64)

MESH478 = Scheme(
    "mesh478", 478,
    {"lids_right": _LIDS_RIGHT, "lids_left": _LIDS_LEFT, "lips_inner": _LIPS_INNER, "lips_outer": _LIPS_OUTER,
     "brows": _BROWS, "nose": _NOSE, "outline": _OVAL, "iris_right": (468, 469, 470, 471, 472),
     "iris_left": (473, 474, 475, 476, 477)},
    {"lids_right": 1.2, "lids_left": 1.2, "lips_inner": 1.5, "lips_outer": 1.8, "brows": 2.2, "nose": 2.0,
     "outline": 6.0, "iris_right": 2.5, "iris_left": 2.5},
    4.0,
    {"lid_right": Pairs((160, 159, 158), (144, 145, 153), 0.2, 1.2),
     "lid_left": Pairs((387, 386, 385), (373, 374, 380), 0.2, 1.2),
     "lid_corners": Pairs((246, 161, 157, 173, 466, 388, 384, 398), (7, 163, 154, 155, 249, 390, 381, 382), 0.8,
                          0.8),
     "lips": Pairs((191, 80, 81, 82, 13, 312, 311, 310, 415), (95, 88, 178, 87, 14, 317, 402, 318, 324), 0.55),
     "gaze_right": Pairs((468, 468), (33, 133), 0.7),
     "gaze_left": Pairs((473, 473), (263, 362), 0.7)}, surface_step=3)

IBUG68 = Scheme(
    "ibug68", 68,
    {"outline": tuple(range(17)), "brows": tuple(range(17, 27)), "nose": tuple(range(27, 36)),
     "lids_right": tuple(range(36, 42)), "lids_left": tuple(range(42, 48)), "lips_outer": tuple(range(48, 60)),
     "lips_inner": tuple(range(60, 68))},
    {"outline": 4.0, "brows": 2.0, "nose": 1.5, "lids_right": 1.2, "lids_left": 1.2, "lips_outer": 1.5,
     "lips_inner": 1.5}, 2.0,
    {"lid_right": Pairs((37, 38), (41, 40), 0.5), "lid_left": Pairs((43, 44), (47, 46), 0.5),
     "lips": Pairs((61, 62, 63), (67, 66, 65), 0.6)})

EXACT68 = Scheme(
    "exact68", 68, IBUG68.groups,
    {"outline": 1.5, "brows": 4.0, "nose": 2.0, "lids_right": 3.0, "lids_left": 3.0, "lips_outer": 1.5,
     "lips_inner": 10.0}, 2.0)
"""The same points where no detector errs: σ, up to one factor, is what the modes of an identity cannot show of them.
Shut lips and thin lids tell little of the face around them, the outline much."""

_SCHEMES = {scheme.name: scheme for scheme in (MESH478, IBUG68, EXACT68)}


def scheme_of(name: str, count: int) -> Scheme:
    """The scheme by its name; one that is not known has `count` landmarks of equal worth."""
    return _SCHEMES.get(name, Scheme(name, count, {}, {}, 2.0))
