# SPDX-License-Identifier: GPL-3.0-or-later
"""Photos and videos that are dropped into the 3D view."""

import bpy

from .face_from_photo import PHOTO_SUFFIXES
from .track_video import VIDEO_SUFFIXES


class _Dropped:
    """Mixin: what may be dropped into a 3D view."""

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """Whether the mouse is over a 3D view."""
        return context.area is not None and context.area.type == "VIEW_3D"


class MIEN_FH_photo(_Dropped, bpy.types.FileHandler):
    """Face from Photo"""

    bl_idname = "MIEN_FH_photo"
    bl_label = "Face from Photo"
    bl_import_operator = "mien.face_from_photo"
    bl_file_extensions = ";".join(PHOTO_SUFFIXES)


class MIEN_FH_video(_Dropped, bpy.types.FileHandler):
    """Track Video"""

    bl_idname = "MIEN_FH_video"
    bl_label = "Track Video"
    bl_import_operator = "mien.track_video"
    bl_file_extensions = ";".join(VIDEO_SUFFIXES)


CLASSES: tuple[type, ...] = (MIEN_FH_photo, MIEN_FH_video)
