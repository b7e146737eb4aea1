# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture that a running job shows, as an icon for panels. It is no data-block, so undo and files know nothing."""

from pathlib import Path

import bpy.utils.previews
import numpy as np

from ...core.engine.protocol import PREVIEW_SIDE

CLASSES: tuple[type, ...] = ()

_NAME = "job"
_icons: "bpy.utils.previews.ImagePreviewCollection | None" = None
_shown: Path | None = None


def icon() -> int:
    """The icon's number, 0 when nothing is shown."""
    return int(_icons[_NAME].icon_id) if _icons is not None and _shown is not None and _NAME in _icons else 0


def show(path: Path | None) -> bool:
    """Show the array (H, W, 3) uint8 in a file, or nothing; returns whether the icon is another now."""
    global _shown
    if _icons is None or path == _shown:
        return False
    picture = _read(path) if path else None
    if path and picture is None:
        return False
    _shown = path
    if picture is not None:
        target = _icons[_NAME] if _NAME in _icons else _icons.new(_NAME)
        target.image_size = picture.shape[1::-1]
        target.image_pixels.foreach_set(picture.view(np.int32).ravel())
    return True


def _read(path: Path) -> np.ndarray | None:
    """A square picture (S, S, 4), bottom row first, transparent around what is in the file."""
    try:
        rgb = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        return None  # already replaced by the next one
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not 0 < max(rgb.shape[:2]) <= PREVIEW_SIDE:
        return None
    out = np.zeros((PREVIEW_SIDE, PREVIEW_SIDE, 4), np.uint8)
    height, width = rgb.shape[:2]
    top, left = (PREVIEW_SIDE - height) // 2, (PREVIEW_SIDE - width) // 2
    out[top:top + height, left:left + width, :3] = rgb[::-1]
    out[top:top + height, left:left + width, 3] = 255
    return out


def register() -> None:
    """Make room for the icon."""
    global _icons
    _icons = bpy.utils.previews.new()


def unregister() -> None:
    """Remove it."""
    global _icons, _shown
    if _icons is not None:
        bpy.utils.previews.remove(_icons)
    _icons = _shown = None
