# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine needs to move a head's photo, as files in a private folder."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core.motion_files import save_motion
from ..face.identity import identity_of
from ..face.kept_fit import write_fit, write_photo
from ..face.models import engine_path
from ..motion.head_motion import check_head, motion_channels
from ..motion.sampling import needs_evaluation
from ..rendering.launch import launch_child
from ..rendering.process import RenderProcess
from .photo_motion import photo_motion
from .sound import may_be_heard

_SAME_IDENTITY = 1e-3
_MANY = 1000
"""Frames of curves that are read elsewhere, for they take a tenth of a second here"""
_SOUND = "sound.mka"
_RESHAPED = ("The face was reshaped since its photo was fitted; the frames show the photo's own shape, moved as the "
             "curves say.")


@dataclass(frozen=True)
class Ingredients:
    """A private folder, and the job's parameters that name its files."""

    folder: Path
    params: Mapping[str, Any]
    size: tuple[int, int]
    """Of the photo, width and height"""
    remarks: tuple[str, ...]
    preparation: Callable[[], RenderProcess] | None
    """Another Blender that makes the files which are not there yet"""

    def all_params(self) -> dict[str, Any]:
        """The parameters when all files are there."""
        sound = self.folder / _SOUND
        return {**self.params, "sound": str(sound)} if sound.exists() else dict(self.params)

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def gather(head: bpy.types.Object, scene: bpy.types.Scene, first: int, last: int, *,
           sound: bool = False) -> Ingredients:
    """The photo, its fit and the motion of a head from one frame to another, with `sound` what is heard meanwhile.

    What would keep Blender waiting is left to another Blender: sound, and animation that is not in the curves alone.

    Raises:
        BadInput: the head was not made from a photo, the photo is gone, or its animation cannot be read. Nothing is
            left then.
    """
    folder = Path(tempfile.mkdtemp(prefix="mien-neural-", dir=bpy.app.tempdir or None))
    try:
        fit = write_fit(head.data, folder / "fit.npz")
        photo = write_photo(head.data, folder)
        check_head(head)
        later = last - first >= _MANY or (last > first and needs_evaluation(head, motion_channels(head)))
        if not later:
            save_motion(photo_motion(head, scene, fit, first, last), folder / "motion.npz")
        sound = sound and may_be_heard(scene, first, last)
        order = {"head": head.name, "library": head.library is not None, "scene": scene.name, "first": first,
                 "last": last, "target": str(folder), "motion": later, "sound": _SOUND if sound else ""}
        alike = np.allclose(identity_of(head.data), fit.identity, atol=_SAME_IDENTITY)
        params = {"photo": str(photo), "fit": str(folder / "fit.npz"), "motion": str(folder / "motion.npz"),
                  "model": engine_path(head), "consent": head.data.mien.consent.strip()}
        return Ingredients(folder, params, (fit.camera.width, fit.camera.height), () if alike else (_RESHAPED,),
                           partial(launch_child, order, "neural.child") if later or sound else None)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
