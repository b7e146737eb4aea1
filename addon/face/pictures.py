# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures that are kept in the .blend file."""

from pathlib import Path

import bpy

from ...core.errors import BadInput


def packed_image(path: Path, name: str) -> bpy.types.Image:
    """A new image of this name, its file inside the .blend.

    Raises:
        BadInput: Blender cannot read the file.
    """
    try:
        image = bpy.data.images.load(str(path), check_existing=False)
    except RuntimeError as error:
        raise BadInput(f"Blender cannot read {path}; choose another picture.") from error
    image.name = name
    image.pack()
    # The file may be temporary; a relative path of its own is where “Unpack” will put it.
    image.filepath_raw = f"//{bpy.path.clean_name(name)}{path.suffix.lower()}"
    return image
