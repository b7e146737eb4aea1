# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine needs to move a head's photo, as files in a private folder."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core.motion_files import save_motion
from ..face.identity import identity_of
from ..face.kept_fit import write_fit, write_photo
from ..face.models import engine_path
from .photo_motion import photo_motion

_SAME_IDENTITY = 1e-3
_RESHAPED = ("The face was reshaped since its photo was fitted; the frames show the photo's own shape, moved as the "
             "curves say.")


@dataclass(frozen=True)
class Ingredients:
    """A private folder, and the job's parameters that name its files."""

    folder: Path
    params: Mapping[str, Any]
    size: tuple[int, int]
    """Of the photo, width and height"""
    remarks: list[str] = field(default_factory=list)

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def gather(head: bpy.types.Object, scene: bpy.types.Scene, first: int, last: int) -> Ingredients:
    """The photo, its fit and the motion of a head from one frame to another.

    Raises:
        BadInput: the head was not made from a photo, the photo is gone, or its animation cannot be read. Nothing is
            left then.
    """
    folder = Path(tempfile.mkdtemp(prefix="mien-neural-", dir=bpy.app.tempdir or None))
    try:
        fit = write_fit(head.data, folder / "fit.npz")
        photo = write_photo(head.data, folder)
        save_motion(photo_motion(head, scene, fit, first, last), folder / "motion.npz")
        alike = np.allclose(identity_of(head.data), fit.identity, atol=_SAME_IDENTITY)
        params = {"photo": str(photo), "fit": str(folder / "fit.npz"), "motion": str(folder / "motion.npz"),
                  "model": engine_path(head), "consent": head.data.mien.consent.strip()}
        return Ingredients(folder, params, (fit.camera.width, fit.camera.height), [] if alike else [_RESHAPED])
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
