# SPDX-License-Identifier: GPL-3.0-or-later
"""A frame that the engine drew, as an image of the file, in an Image Editor."""

from pathlib import Path

import bpy

from ..face.pictures import packed_image

TAG = "mien_neural"
"""Custom property of an image that shows a face's frame"""


def keep_frame(path: Path, name: str) -> bpy.types.Image:
    """The picture in a file as the image of this name, packed; it takes the place of the one before.

    Raises:
        BadInput: Blender cannot read it.
    """
    image = packed_image(path, name)
    before = bpy.data.images.get(name)
    if before is not None and before != image and TAG in before and before.library is None:
        before.user_remap(image)
        bpy.data.images.remove(before)
        image.name = name
    image[TAG] = True
    return image


def show(context: bpy.types.Context, image: bpy.types.Image) -> None:
    """Show an image in the largest Image Editor, or in a window of its own where there is none."""
    if context.window is None or bpy.app.background:
        return
    area = _editor(context) or _new_window(context)
    if area is not None:
        area.spaces.active.image = image
        area.tag_redraw()


def _editor(context: bpy.types.Context) -> bpy.types.Area | None:
    areas = [area for window in context.window_manager.windows for area in window.screen.areas
             if area.type == "IMAGE_EDITOR"]
    return max(areas, key=lambda area: area.width * area.height, default=None)


def _new_window(context: bpy.types.Context) -> bpy.types.Area | None:
    before = set(context.window_manager.windows)
    bpy.ops.wm.window_new()
    fresh = [window for window in context.window_manager.windows if window not in before]
    if not fresh:
        return None
    area = fresh[0].screen.areas[0]
    area.type = "IMAGE_EDITOR"
    return area
