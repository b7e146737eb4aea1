# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames to a video, by Blender's own sequencer in a copy of the scene, with the scene's sound."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy

from ...core.errors import CannotWrite
from ...core.provenance.marking import mark
from .. import compat
from .plan import RenderPlan
from .provenance import provenance_of
from .scene_copy import frame_size, set_plain_colours

LAST_CHANNEL = 32
"""The highest that every version has"""


@dataclass(frozen=True)
class ClipSound:
    """A clip behind the head whose sound is the video's when the scene has none."""

    path: Path
    frame_start: int


def encode(plan: RenderPlan, copy: bpy.types.Scene, clip: ClipSound | None,
           progress: Callable[[int, int], None]) -> bool:
    """Make the plan's video from its frames, whole or not at all; tells whether it has sound.

    Args:
        copy: a copy of the scene; its strips are heard.
        progress: called with the frames that are written and all that are to be.

    Raises:
        CannotWrite: Blender could not write it, or not all of it.
    """
    editor = copy.sequence_editor_create()
    _add_pictures(plan, editor)
    sounds = set(bpy.data.sounds)
    sound = plan.sound and compat.has_sound() and (
        heard(editor, plan.frame_start, plan.frame_end) or add_clip(editor, plan.frame_start, plan.frame_end, clip))
    _set_format(plan, copy, sound=sound)
    plan.unfinished.unlink(missing_ok=True)
    try:
        with _told(copy, lambda written: progress(written, len(plan))):
            bpy.ops.render.render(animation=True, scene=copy.name)
        _check(plan, copy)
        mark(plan.unfinished, provenance_of(copy))
        plan.unfinished.replace(plan.output)
    except (OSError, RuntimeError) as error:
        raise CannotWrite(f"{plan.output} could not be written: {str(error).strip()}") from error
    finally:
        plan.unfinished.unlink(missing_ok=True)
        bpy.data.batch_remove(set(bpy.data.sounds) - sounds)
    return sound


def _add_pictures(plan: RenderPlan, editor: bpy.types.SequenceEditor) -> None:
    """The frames as a strip that hides every other strip's picture."""
    channel = min(max((strip.channel for strip in compat.strips(editor)), default=0) + 1, LAST_CHANNEL)
    paths = [plan.frame_path(frame) for frame in plan.frames]
    strip = compat.strips(editor).new_image(
        name="frames", filepath=str(paths[0]), channel=channel, frame_start=plan.frame_start, fit_method="ORIGINAL")
    for path in paths[1:]:
        strip.elements.append(path.name)
    strip.blend_type, strip.blend_alpha = "REPLACE", 1.0
    strip.colorspace_settings.name = "sRGB"


def heard(editor: bpy.types.SequenceEditor, first: int, last: int) -> bool:
    """Whether a sound strip lies in the frames."""
    for strip in compat.all_strips(editor):
        start, end = compat.strip_range(strip)
        if strip.type == "SOUND" and not strip.mute and start <= last and end > first:
            return True
    return False


def add_clip(editor: bpy.types.SequenceEditor, first: int, last: int, clip: ClipSound | None) -> bool:
    """Add the sound of the clip behind the head; tells whether it has any in the frames."""
    if clip is None:
        return False
    try:
        strip = compat.strips(editor).new_sound(name="clip", filepath=str(clip.path), channel=LAST_CHANNEL,
                                                frame_start=clip.frame_start)
    except RuntimeError:  # a clip without sound
        return False
    return strip.sound is not None and strip.sound.channels != "INVALID" and heard(editor, first, last)


def _set_format(plan: RenderPlan, copy: bpy.types.Scene, *, sound: bool) -> None:
    render = copy.render
    set_plain_colours(copy)
    copy.sequencer_colorspace_settings.name = "sRGB"
    copy.use_preview_range = False
    copy.frame_start, copy.frame_end, copy.frame_step = plan.frame_start, plan.frame_end, 1
    render.resolution_x, render.resolution_y = frame_size(copy, plan)
    render.resolution_percentage, render.use_border, render.use_multiview = 100, False, False
    render.use_sequencer, render.use_compositing = True, False
    render.use_stamp = False
    compat.set_file_format(render.image_settings, "VIDEO", "FFMPEG")
    render.image_settings.color_mode = "RGB"
    video = render.ffmpeg
    video.format, video.codec = "MPEG4", "H264"
    video.constant_rate_factor, video.ffmpeg_preset, video.gopsize = "HIGH", "GOOD", 18
    video.use_max_b_frames = video.use_autosplit = video.use_lossless_output = False
    video.audio_codec, video.audio_bitrate = ("AAC" if sound else "NONE"), 192
    render.filepath = compat.output_text(plan.unfinished)


@contextmanager
def _told(copy: bpy.types.Scene, progress: Callable[[int], None]) -> Iterator[None]:
    """`progress` is called with each frame that is written."""
    written = 0

    def on_write(scene: bpy.types.Scene, *_: object) -> None:
        nonlocal written
        if scene.name == copy.name:
            written += 1
            progress(written)

    handlers = bpy.app.handlers.render_write
    handlers.append(on_write)
    try:
        yield
    finally:
        handlers.remove(on_write)


def _check(plan: RenderPlan, copy: bpy.types.Scene) -> None:
    """See that the video has every frame at its size."""
    clip = bpy.data.movieclips.load(str(plan.unfinished))
    try:
        found = (clip.frame_duration, *clip.size)
    finally:
        bpy.data.movieclips.remove(clip)
    wanted = (len(plan), copy.render.resolution_x, copy.render.resolution_y)
    if found != wanted:
        raise CannotWrite(f"{plan.output} came out with {found[0]} of {wanted[0]} frames; is there room on the disk?")
