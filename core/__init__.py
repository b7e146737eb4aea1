# SPDX-License-Identifier: Apache-2.0
"""Faces as numbers: no bpy anywhere, torch only where a network runs.

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .camera import Camera as Camera
    from .errors import BadInput as BadInput
    from .errors import CannotWrite as CannotWrite
    from .errors import MienError as MienError
    from .errors import MissingPart as MissingPart
    from .errors import NoFaceFound as NoFaceFound
    from .face_model import FaceModel as FaceModel
    from .fit import Fit as Fit
    from .fitting import fit_photo as fit_photo
    from .fitting import fit_photos as fit_photos
    from .fitting import track_video as track_video
    from .image import read_image as read_image
    from .model_files import default_model as default_model
    from .model_files import load_model as load_model
    from .motion import Motion as Motion
    from .motion_files import load_motion as load_motion
    from .motion_files import save_motion as save_motion
    from .playback import animate as animate

_HOMES = {
    "camera": ("Camera",),
    "errors": ("BadInput", "CannotWrite", "MienError", "MissingPart", "NoFaceFound"),
    "face_model": ("FaceModel",),
    "fit": ("Fit",),
    "fitting": ("fit_photo", "fit_photos", "track_video"),
    "image": ("read_image",),
    "model_files": ("default_model", "load_model"),
    "motion": ("Motion",),
    "motion_files": ("load_motion", "save_motion"),
    "playback": ("animate",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
