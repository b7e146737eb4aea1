# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the user's scene that settings may be changed in; it shares objects, materials and sounds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from ...core.errors import BadInput, MissingPart
from .. import compat
from .plan import RenderPlan

AA_LEVELS = (5, 8, 11, 16, 32)
"""Samples per pixel that Workbench offers"""
EVEN_STRENGTH = 0.9
"""With the gloss of skin on top a texture comes out about as bright as it is"""


@contextmanager
def scene_copy(scene: bpy.types.Scene) -> Iterator[bpy.types.Scene]:
    """The copy, removed when the block ends however it ends."""
    copy = scene.copy()
    try:
        yield copy
    finally:
        bpy.data.scenes.remove(copy)


@contextmanager
def hidden(objects: list[bpy.types.Object]) -> Iterator[None]:
    """Objects that are not rendered while the block runs."""
    seen = [thing for thing in objects if not thing.hide_render]
    for thing in seen:
        thing.hide_render = True
    try:
        yield
    finally:
        for thing in seen:
            thing.hide_render = False


@contextmanager
def even_light(copy: bpy.types.Scene) -> Iterator[None]:
    """White light from everywhere in place of the world and the lamps while the block runs."""
    world = bpy.data.worlds.new("Even Light")
    if world.node_tree is None:  # before Blender 5
        world.use_nodes = True
    sky = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    sky.inputs["Color"].default_value, sky.inputs["Strength"].default_value = (1.0, 1.0, 1.0, 1.0), EVEN_STRENGTH
    before, copy.world = copy.world, world
    try:
        with hidden([thing for thing in copy.objects if thing.type == "LIGHT"]):
            yield
    finally:
        copy.world = before
        bpy.data.worlds.remove(world)


def frame_size(scene: bpy.types.Scene, plan: RenderPlan) -> tuple[int, int]:
    """Width and height of the frames; H.264 with yuv420p takes even numbers only, odd ones lose a pixel."""
    share = scene.render.resolution_percentage / 100
    width, height = (max(int(side * share), 1) for side in (scene.render.resolution_x, scene.render.resolution_y))
    return (width, height) if plan.kind == "PNG" else (max(width // 2 * 2, 2), max(height // 2 * 2, 2))


def check_scene(scene: bpy.types.Scene, plan: RenderPlan) -> None:
    """See that the scene can be rendered here by the engine that was chosen.

    Raises:
        BadInput: there is no camera, or the engine is unknown.
        MissingPart: the engine needs what this machine lacks, or this Blender cannot write video.
    """
    if scene.camera is None:
        raise BadInput(f"The scene “{scene.name}” has no camera; add one, or make the head's stage.")
    if plan.kind == "MP4" and not compat.has_video():
        raise MissingPart("This Blender was built without FFmpeg and writes no video; choose a PNG sequence.")
    if plan.engine not in ("SCENE", *compat.engines()):
        raise BadInput(f"This Blender has no render engine {plan.engine}; choose one of "
                       f"{', '.join(compat.engines())}.")
    if engine_of(scene, plan) != "CYCLES" and not compat.can_draw():
        raise MissingPart("EEVEE and Workbench need libEGL, which is not here: install it (Debian: libegl1), "
                          "or render with Cycles.")


def engine_of(scene: bpy.types.Scene, plan: RenderPlan) -> str:
    """Blender's name of the engine that renders."""
    return scene.render.engine if plan.engine == "SCENE" else compat.engines()[plan.engine]


def prepare_for_frames(copy: bpy.types.Scene, plan: RenderPlan, *, photo_colours: bool) -> None:
    """Size, engine, samples and file format of the frames."""
    render = copy.render
    width, height = frame_size(copy, plan)
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    if plan.engine == "WORKBENCH" and render.engine != "BLENDER_WORKBENCH":
        # a texture from the photo holds the photo's light already
        copy.display.shading.light = "FLAT" if photo_colours else "STUDIO"
        copy.display.shading.color_type = "TEXTURE"
    render.engine = engine_of(copy, plan)
    _set_samples(copy, plan.samples)
    render.use_sequencer = render.use_multiview = render.use_border = False
    render.use_file_extension = render.use_overwrite = True
    render.use_placeholder = copy.use_preview_range = False
    copy.frame_step = 1
    render.film_transparent = render.film_transparent or plan.background == "TRANSPARENT"
    compat.set_file_format(render.image_settings, "IMAGE", "PNG")
    render.image_settings.color_mode = "RGBA" if plan.background == "TRANSPARENT" else "RGB"
    render.image_settings.color_depth = "8"
    if hasattr(copy, "cycles") and not compat.can_denoise():
        copy.cycles.use_denoising = False
    if photo_colours:
        set_plain_colours(copy)


def set_plain_colours(copy: bpy.types.Scene) -> None:
    """Colours of pictures come out as they went in."""
    settings: Any = copy.view_settings
    copy.display_settings.display_device = "sRGB"
    settings.view_transform, settings.look = "Standard", "None"
    settings.exposure, settings.gamma, settings.use_curve_mapping = 0.0, 1.0, False
    copy.render.dither_intensity = 0.0


def _set_samples(copy: bpy.types.Scene, samples: int) -> None:
    if not samples:
        return
    if hasattr(copy, "cycles"):
        copy.cycles.samples = samples
    copy.eevee.taa_render_samples = samples
    copy.display.render_aa = "OFF" if samples == 1 else str(min(AA_LEVELS, key=lambda level: abs(level - samples)))
