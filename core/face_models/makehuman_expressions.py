# SPDX-License-Identifier: Apache-2.0
"""The 52 ARKit expressions from the CC0 face units, put right where eyes and lids are concerned."""

import numpy as np

from ..camera import rotation_matrix
from ..channels import ARKIT52, mirror_index
from .makehuman_head import Head
from .makehuman_lids import find_lids, fit_sphere
from .makehuman_source import FACE_UNITS, Floats, Source

GAZE = {"Up": (-20.0, 0.0), "Down": (25.0, 0.0), "In": (0.0, 28.0), "Out": (0.0, 28.0)}
"""Degrees that the eyeball turns about x and y at coefficient 1. MakeHuman's eyeballs are larger than real ones,
so these carry the iris as far as about 40 degrees sideways do in life: the range of everyday gaze."""


def load_expressions(source: Source, head: Head) -> Floats:
    """Displacements (52, V, 3) in metres on the base mesh's head, in the order of ARKIT52.

    Left and right units differ a little in the source; each becomes the mean of itself and its partner's mirror image.
    """
    units = np.stack([head.offsets(source, f"{FACE_UNITS}{name}.target") for name in ARKIT52])
    reflected = units[mirror_index(ARKIT52)][:, head.mirror] * np.array([-1.0, 1.0, 1.0])
    return np.asarray((units + reflected) / 2)


def fit_blinks(units: Floats, head: Head, rest: Floats, mean: Floats) -> None:
    """Make the eyeBlink units close the mean head's eyes, in place."""
    for side, lids in find_lids(head, rest).items():
        unit = units[ARKIT52.index(f"eyeBlink{side.capitalize()}")]
        unit[:] = lids.fit_blink(unit, mean)


def turn_eyes(units: Floats, head: Head, rest: Floats) -> None:
    """Make the eyeballs of the eyeLook units turn about their centres, in place.

    The displacement is that of the full rotation, so that a whole unit leaves the ball a ball; half a unit is
    half the chord.
    """
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        ball = head.members(f"eye_{side.lower()}")
        centre, _ = fit_sphere(rest[ball])
        for direction, (pitch, yaw) in GAZE.items():
            toward = -sign if direction == "In" else sign
            turn = rotation_matrix(np.radians([pitch, toward * yaw, 0.0]))
            unit = units[ARKIT52.index(f"eyeLook{direction}{side}")]
            unit[ball] = (rest[ball] - centre) @ (turn - np.eye(3)).T
