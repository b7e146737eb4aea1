# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames as PNG files, each whole or not there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.errors import CannotWrite
from .fingerprint import Fingerprints, fingerprint
from .plan import RenderPlan
from .png import PngKind, whole_png, write_png
from .scene_copy import frame_size, hidden, scene_copy

Progress = Callable[[int, int], None]
"""Called with the frames that are there and all that are to be"""


@dataclass
class FrameCount:
    """What became of the frames of a run."""

    rendered: int = 0
    kept: int = 0


def render_frames(plan: RenderPlan, copy: bpy.types.Scene, plane: bpy.types.Object | None,
                  progress: Progress) -> FrameCount:
    """Render a prepared copy of the scene into the plan's folder.

    Raises:
        CannotWrite: a frame could not be rendered or written; those before it stay.
    """
    width, height = frame_size(copy, plan)
    wanted = PngKind(width, height, 8, 4 if plan.background == "TRANSPARENT" else 3)
    fingerprints, count = Fingerprints.of(plan), FrameCount()
    progress(0, len(plan))
    with _way_to_render(plan, copy, plane) as render_to:
        for done, frame in enumerate(plan.frames, start=1):
            copy.frame_set(frame)
            path, now = plan.frame_path(frame), fingerprint(copy)
            if plan.keep and fingerprints.same(frame, now) and whole_png(path) == wanted:
                count.kept += 1
            else:
                _render_frame(render_to, path, wanted)
                fingerprints.note(frame, now)
                count.rendered += 1
            progress(done, len(plan))
    return count


def unfinished_path(path: Path) -> Path:
    """Where a frame is until it is whole."""
    return path.with_name(".unfinished.png")


def _render_frame(render_to: Callable[[Path], None], path: Path, wanted: PngKind) -> None:
    unfinished = unfinished_path(path)
    try:
        render_to(unfinished)
        if whole_png(unfinished) != wanted:
            raise CannotWrite(f"{path.name} could not be written whole; is there room on the disk?")
        unfinished.replace(path)
    except (OSError, RuntimeError) as error:
        raise CannotWrite(f"{path.name} could not be rendered: {str(error).strip()}") from error
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _way_to_render(plan: RenderPlan, copy: bpy.types.Scene,
                   plane: bpy.types.Object | None) -> Iterator[Callable[[Path], None]]:
    """How the current frame of the copy gets into a file."""
    if plan.background == "TRANSPARENT":
        with hidden([plane] if plane else []):
            yield lambda path: _render_still(copy, path)
    elif plane is not None and copy.render.engine == "BLENDER_WORKBENCH":
        with _backdrop_scene(copy, plane) as behind:
            yield lambda path: _render_in_two(copy, behind, plane, path)
    else:
        yield lambda path: _render_still(copy, path)


def _render_still(scene: bpy.types.Scene, path: Path) -> None:
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True, scene=scene.name)


@contextmanager
def _backdrop_scene(copy: bpy.types.Scene, plane: bpy.types.Object) -> Iterator[bpy.types.Scene]:
    """Only the picture behind the head; Workbench would light it as it lights the head."""
    with scene_copy(copy) as behind:
        for child in list(behind.collection.children):
            behind.collection.children.unlink(child)
        for thing in list(behind.collection.objects):
            behind.collection.objects.unlink(thing)
        for thing in (copy.camera, plane):
            behind.collection.objects.link(thing)
        behind.display.shading.light, behind.display.shading.color_type = "FLAT", "TEXTURE"
        behind.render.use_compositing = False
        yield behind


def _render_in_two(copy: bpy.types.Scene, behind: bpy.types.Scene, plane: bpy.types.Object,
                   path: Path) -> None:
    """The head with Workbench's lights over the picture behind it without."""
    opaque = copy.render.film_transparent
    behind.frame_set(copy.frame_current)
    _render_still(behind, path)
    below = _pixels(path)[..., :3]
    try:
        copy.render.film_transparent, copy.render.image_settings.color_mode = True, "RGBA"
        with hidden([plane]):
            _render_still(copy, path)
    finally:
        copy.render.film_transparent, copy.render.image_settings.color_mode = opaque, "RGB"
    above = _pixels(path)
    cover = above[..., 3:]
    mixed = above[..., :3] * cover + below * (1 - cover)
    write_png(path, np.rint(mixed * 255).astype(np.uint8)[::-1])


def _pixels(path: Path) -> NDArray[np.float32]:
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
