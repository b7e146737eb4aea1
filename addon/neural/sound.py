# SPDX-License-Identifier: GPL-3.0-or-later
"""What is heard of a scene in a range of frames, as a file that the engine puts into the video."""

from pathlib import Path

import bpy

from .. import compat
from ..rendering.encode import add_clip, heard
from ..rendering.pictures import clip_sound, movie_behind, picture_behind


def may_be_heard(scene: bpy.types.Scene, first: int, last: int) -> bool:
    """Whether there is a sound strip in these frames, or a clip behind the face that may have sound."""
    if not compat.has_sound():
        return False
    editor = scene.sequence_editor
    return (editor is not None and heard(editor, first, last)) or movie_behind(scene)


def mix_sound(scene: bpy.types.Scene, first: int, last: int, path: Path) -> bool:
    """Write the sound of these frames, as Matroska with AAC; tells whether there is any.

    The scene is changed: this is for a copy of the file.
    """
    clip = None
    if movie_behind(scene):
        with picture_behind(scene, make=True) as plane:
            clip = clip_sound(plane)
    editor = scene.sequence_editor_create()
    if not (heard(editor, first, last) or add_clip(editor, first, last, clip)):
        return False
    scene.use_preview_range = False
    scene.frame_start, scene.frame_end = first, last
    if bpy.context.window is not None:
        bpy.context.window.scene = scene
    with bpy.context.temp_override(scene=scene):
        bpy.ops.sound.mixdown(filepath=str(path), container="MATROSKA", codec="AAC", bitrate=192)
    return path.exists()
