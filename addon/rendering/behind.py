# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture behind the head, rendered alone.

With the head it would be denoised, lit by Workbench, and blurred by the head's own filter; alone its colours and its
sharpness stay what they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from .. import compat
from .fingerprint import fingerprint
from .scene_copy import scene_copy

_SAMPLES = 16


class Backdrop:
    """A scene with nothing but the plane and the camera."""

    def __init__(self, scene: bpy.types.Scene, *, moving: bool) -> None:
        self._scene, self._moving = scene, moving
        self._last: tuple[str, NDArray[np.float32]] | None = None

    @classmethod
    @contextmanager
    def of(cls, copy: bpy.types.Scene, plane: bpy.types.Object) -> Iterator["Backdrop"]:
        """That of a prepared copy of the scene."""
        with scene_copy(copy) as alone:
            for child in list(alone.collection.children):
                alone.collection.children.unlink(child)
            for thing in list(alone.collection.objects):
                alone.collection.objects.unlink(thing)
            for thing in (copy.camera, plane):
                alone.collection.objects.link(thing)
            _set_plain(alone)
            yield cls(alone, moving=_plays(plane))

    def pixels(self, frame: int, path: Path) -> NDArray[np.float32]:
        """Pixels (H, W, 3) 0..1 at a frame, bottom row first; `path` is a file that may be written meanwhile."""
        self._scene.frame_set(frame)
        now = fingerprint(self._scene)
        if self._moving or self._last is None or self._last[0] != now:
            render_frame(self._scene, frame, path)
            self._last = now, pixels_of(path)[..., :3]
        return self._last[1]


def render_frame(scene: bpy.types.Scene, frame: int, path: Path) -> None:
    """One frame, as an animation of one: a still takes animated values from the scene that the window shows."""
    scene.frame_start = scene.frame_end = frame
    scene.render.filepath = compat.output_text(path.with_suffix(""))
    bpy.ops.render.render(animation=True, scene=scene.name)
    Path(scene.render.frame_path(frame=frame)).replace(path)


def pixels_of(path: Path) -> NDArray[np.float32]:
    """Pixels (H, W, 4) 0..1 of a picture, bottom row first, alpha not multiplied in."""
    image = bpy.data.images.load(str(path))
    try:
        image.alpha_mode = "CHANNEL_PACKED"
        width, height = image.size
        flat = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(flat)
        return flat.reshape(height, width, 4)
    finally:
        bpy.data.images.remove(image)


def _set_plain(scene: bpy.types.Scene) -> None:
    """No light, no denoising, no blur; the picture covers the frame."""
    scene.display.shading.light, scene.display.shading.color_type = "FLAT", "TEXTURE"
    scene.render.use_compositing = scene.render.use_motion_blur = False
    scene.eevee.taa_render_samples = _SAMPLES
    if hasattr(scene, "cycles"):
        scene.cycles.samples, scene.cycles.use_denoising = _SAMPLES, False
        scene.cycles.pixel_filter_type = "BOX"


def _plays(plane: bpy.types.Object) -> bool:
    """Whether the picture is a clip."""
    trees = [material.node_tree for material in plane.data.materials if material and material.node_tree]
    return any(getattr(node, "image", None) and node.image.source in ("MOVIE", "SEQUENCE")
               for tree in trees for node in tree.nodes)
