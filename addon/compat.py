# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Blender's versions differ, outside curves: engines, file formats, the sequencer, sound.

Tested on 4.2, 4.5, 5.0 and 5.2. Whether a name exists is asked of Blender, not concluded from its version.
"""

import ctypes
import sys
from pathlib import Path
from typing import Any, Literal

import bpy

Media = Literal["IMAGE", "VIDEO"]
EEVEE_NAMES = ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT")


def engines() -> dict[str, str]:
    """Render engines of this Blender: our names CYCLES, EEVEE and WORKBENCH to its own, those that it has."""
    found = {"WORKBENCH": "BLENDER_WORKBENCH", "EEVEE": eevee_engine()}
    if hasattr(bpy.types.Scene, "cycles"):
        found["CYCLES"] = "CYCLES"
    return found


def eevee_engine() -> str:
    """EEVEE's own name: BLENDER_EEVEE_NEXT up to 4.5, BLENDER_EEVEE from 5.0 on."""
    known = bpy.types.RenderSettings.bl_rna.properties["engine"].enum_items
    listed = [item.identifier for item in known]
    return next((name for name in EEVEE_NAMES if name in listed), EEVEE_NAMES[bpy.app.version < (5, 0, 0)])


def can_denoise() -> bool:
    """Whether Cycles was built with its denoiser (Debian's 4.3 was not, and fails where it is asked to)."""
    try:
        import _cycles
    except ImportError:
        return False
    return bool(getattr(_cycles, "with_openimagedenoise", True))


def set_file_format(settings: bpy.types.ImageFormatSettings, media: Media, file_format: str) -> None:
    """Choose a file format; from 5.0 on it must be of the kind of media that is chosen before."""
    if hasattr(settings, "media_type"):
        settings.media_type = media
    settings.file_format = file_format


def strips(editor: bpy.types.SequenceEditor) -> Any:
    """The strips of a sequencer: `sequences` up to 4.3, `strips` after."""
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def all_strips(editor: bpy.types.SequenceEditor) -> Any:
    """Its strips with those inside meta strips."""
    return editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all


def strip_range(strip: Any) -> tuple[int, int]:
    """First frame of a strip and the frame after its last."""
    if hasattr(strip, "left_handle"):
        return int(strip.left_handle), int(strip.right_handle)
    return int(strip.frame_final_start), int(strip.frame_final_end)


def has_sound() -> bool:
    """Whether this Blender was built with its sound library (the 4.2 module was not)."""
    return bool(bpy.app.build_options.audaspace)


def has_video() -> bool:
    """Whether this Blender can write video."""
    return bool(bpy.app.build_options.codec_ffmpeg)


def can_draw() -> bool:
    """Whether EEVEE and Workbench can draw here.

    Without a window Blender on Linux opens libEGL, and when that is missing it ends the whole process.
    """
    if not (bpy.app.background and sys.platform.startswith("linux")):
        return True
    try:
        ctypes.CDLL("libEGL.so.1")
    except OSError:
        return False
    return True


def is_module() -> bool:
    """Whether Blender runs as a module of Python's, not as a program."""
    return bool(getattr(bpy.app, "module", not bpy.app.binary_path))


def file_path_options() -> set[str]:
    """Options of a property that takes a file's path and understands `//`; it must say so from 4.5 on."""
    known = "is_path_supports_blend_relative" in bpy.types.Property.bl_rna.properties
    return {"PATH_SUPPORTS_BLEND_RELATIVE"} if known else set()


def output_text(path: Path) -> str:
    """A path as `RenderSettings.filepath` takes it: from 5.0 on, braces in it are templates unless doubled."""
    known = bpy.types.Property.bl_rna.properties
    templates = "is_path_supports_templates" in known and \
        bpy.types.RenderSettings.bl_rna.properties["filepath"].is_path_supports_templates
    return str(path).replace("{", "{{").replace("}", "}}") if templates else str(path)
