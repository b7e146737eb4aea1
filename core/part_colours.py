# SPDX-License-Identifier: Apache-2.0
"""What colour the parts of a head are where no photo says it."""

import numpy as np
from numpy.typing import NDArray

from .face_model import FaceModel

Floats = NDArray[np.float32]

PART_COLOURS = {"skin": (0.80, 0.61, 0.51), "eye": (0.93, 0.92, 0.90), "teeth": (0.93, 0.90, 0.83),
                "tongue": (0.60, 0.30, 0.29), "lashes": (0.10, 0.08, 0.07), "mouth": (0.50, 0.22, 0.20),
                "sockets": (0.35, 0.18, 0.16)}
"""sRGB albedo by the first word of a part's name; unknown parts look like skin"""
LIP_COLOUR, BROW_COLOUR = (0.68, 0.38, 0.36), (0.36, 0.25, 0.19)
IRIS_COLOUR, LIMBUS_COLOUR = (0.36, 0.42, 0.40), (0.13, 0.14, 0.14)
IRIS_ANGLE, PUPIL_ANGLE = 0.46, 0.19
"""Half angles in radians as seen from the eyeball's centre: a 5.5 mm iris on a 12 mm ball"""


def vertex_colours(model: FaceModel) -> Floats:
    """sRGB albedo (V, 3) in 0..1 from parts and the regions lips and brows."""
    colours = np.tile(colour(PART_COLOURS["skin"]), (model.vertex_count, 1))
    for region, tint in (("lips", LIP_COLOUR), ("brows", BROW_COLOUR)):
        if region in model.regions:
            weight = (0.55 * model.regions[region])[:, None]
            colours = mix(colours, colour(tint), weight)
    for index, name in enumerate(model.part_names):
        first = name.split("_", maxsplit=1)[0]
        if first in PART_COLOURS and first != "skin":
            colours[np.unique(model.triangles[model.triangle_part == index])] = PART_COLOURS[first]
    return colours


def eyeball_angles(model: FaceModel, part: int, points: Floats) -> Floats:
    """How far points (N, 3) of the rest shape are from the axis of an eyeball, seen from its centre: (N,) radians.

    At rest both eyes look straight ahead.
    """
    ball = model.mean[np.unique(model.triangles[model.triangle_part == part])]
    at = points - (ball.min(0) + ball.max(0)) / 2
    return np.asarray(np.arctan2(np.hypot(at[:, 0], at[:, 1]), at[:, 2]), np.float32)


def colour(rgb: tuple[float, float, float]) -> Floats:
    """A colour (3,) to calculate with."""
    return np.array(rgb, np.float32)


def mix(a: Floats, b: Floats, weight: Floats | float) -> Floats:
    """From a (weight 0) to b (weight 1)."""
    return np.asarray(a + (b - a) * weight, np.float32)
