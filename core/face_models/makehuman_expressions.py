# SPDX-License-Identifier: Apache-2.0
"""The 52 ARKit expressions from the CC0 face units, put right where eyes and lids are concerned."""

import numpy as np

from ..camera import rotation_matrix
from ..channels import ARKIT52
from .makehuman_head import Head
from .makehuman_source import FACE_UNITS, Floats, Source

GAZE = {"Up": (-20.0, 0.0), "Down": (25.0, 0.0), "In": (0.0, 28.0), "Out": (0.0, 28.0)}
"""Degrees that the eyeball turns about x and y at coefficient 1. MakeHuman's eyeballs are larger than real ones,
so these carry the iris as far as about 40 degrees sideways do in life: the range of everyday gaze."""


def load_expressions(source: Source, head: Head) -> Floats:
    """Displacements (52, V, 3) in metres on the base mesh's head, in the order of ARKIT52."""
    units = np.zeros((len(ARKIT52), len(head.vertices), 3))
    for row, name in zip(units, ARKIT52, strict=True):
        vertices, offsets = source.target(f"{FACE_UNITS}{name}.target")
        place = np.searchsorted(head.vertices, vertices).clip(max=len(head.vertices) - 1)
        here = head.vertices[place] == vertices
        row[place[here]] = offsets[here]
    return units


def turn_eyes(units: Floats, head: Head, rest: Floats) -> None:
    """Make the eyeballs of the eyeLook units turn about their centres, in place.

    The displacement is that of the full rotation, so that a whole unit leaves the ball a ball; half a unit is
    half the chord.
    """
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        ball = head.members(f"eye_{side.lower()}")
        centre = eyeball_centre(rest[ball])
        for direction, (pitch, yaw) in GAZE.items():
            toward = -sign if direction == "In" else sign
            turn = rotation_matrix(np.radians([pitch, toward * yaw, 0.0]))
            unit = units[ARKIT52.index(f"eyeLook{direction}{side}")]
            unit[ball] = (rest[ball] - centre) @ (turn - np.eye(3)).T


def eyeball_centre(points: Floats) -> Floats:
    """Centre (3,) of the sphere that fits an eyeball's vertices best (linear least squares)."""
    rows = np.concatenate([2 * points, np.ones((len(points), 1))], 1)
    solution, *_ = np.linalg.lstsq(rows, (points**2).sum(1), rcond=None)
    return np.asarray(solution[:3])
