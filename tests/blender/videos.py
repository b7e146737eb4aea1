# SPDX-License-Identifier: Apache-2.0
"""A head before a photo or a clip, small enough to render in a moment; and videos read back by Blender."""

from pathlib import Path

import bpy
import numpy as np
from mien.addon import compat
from mien.addon.face import backdrop, stage
from mien.addon.face import head as heads
from mien.addon.rendering.behind import render_frame
from mien.core.camera import Camera
from mien.core.model_files import default_model

WIDTH, HEIGHT = 64, 48
FRAMES = 4


def make_stage(folder: Path, *, picture: bool = True) -> bpy.types.Scene:
    """The current scene with a head that opens its mouth over frames 1 to 4, a sun, its camera, a photo behind it."""
    scene = bpy.context.scene
    head = heads.make_head(default_model(), name="Face", scene=scene)
    camera = stage.make_stage(head, Camera.for_image(WIDTH, HEIGHT, "perspective"), np.array([0, 0, 1.2]), scene)
    stage.set_frame(scene, camera)
    if picture:
        backdrop.show_behind(camera, backdrop.load_picture(str(write_photo(folder / "photo.png"))))
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 3.0, (1.2, 0.0, 0.3)
    scene.collection.objects.link(sun)
    key = head.data.shape_keys.key_blocks["jawOpen"]
    for frame in (1, FRAMES):
        key.value = (frame - 1) / (FRAMES - 1)
        key.keyframe_insert("value", frame=frame)
    scene.frame_start, scene.frame_end, scene.render.fps = 1, FRAMES, 25
    scene.frame_set(2)
    return scene


def photo() -> np.ndarray:
    """Pixels (H, W, 3) uint8 of the photo, top row first: colours that change slowly over the whole picture."""
    x, y = np.meshgrid(np.linspace(40, 220, WIDTH), np.linspace(30, 200, HEIGHT))
    return np.rint(np.stack([x, y, 255 - x], -1)).astype(np.uint8)


def write_photo(path: Path) -> Path:
    """The photo as a file."""
    from mien.addon.rendering.png import write_png

    write_png(path, photo())
    return path


def picture_of(path: Path) -> np.ndarray:
    """Pixels (H, W, 4) uint8 of a picture file, top row first."""
    image = bpy.data.images.load(str(path))
    image.alpha_mode = "CHANNEL_PACKED"
    width, height = image.size
    flat = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(flat)
    bpy.data.images.remove(image)
    return np.rint(flat.reshape(height, width, 4)[::-1] * 255).astype(np.uint8)


def video_facts(path: Path) -> tuple[int, tuple[int, int], float]:
    """Number of frames, size and frame rate, as Blender reads them."""
    clip = bpy.data.movieclips.load(str(path))
    facts = clip.frame_duration, tuple(clip.size), clip.fps
    bpy.data.movieclips.remove(clip)
    return facts


def video_frame(path: Path, frame: int, folder: Path) -> np.ndarray:
    """Pixels (H, W, 3) uint8 of one frame of a video, decoded by the sequencer; the first is 1."""
    scene = bpy.data.scenes.new("decode")
    _, (width, height), _ = video_facts(path)
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = width, height, 100
    scene.view_settings.view_transform = "Standard"
    compat.strips(scene.sequence_editor_create()).new_movie(
        name="video", filepath=str(path), channel=1, frame_start=1, fit_method="ORIGINAL")
    scene.render.image_settings.file_format = "PNG"
    scene.render.dither_intensity = 0
    render_frame(scene, frame, folder / "decoded.png")
    bpy.data.scenes.remove(scene)
    pixels = picture_of(folder / "decoded.png")[..., :3]
    (folder / "decoded.png").unlink()
    return pixels


BORDER = np.ones((HEIGHT, WIDTH), bool)
BORDER[:, 20:44] = False
"""Where the head is not"""
