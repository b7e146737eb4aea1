# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way from a scene to its video, in this process."""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bpy

from ...core.errors import CannotWrite
from .encode import encode
from .fingerprint import FILE_NAME
from .frames import render_frames
from .pictures import check_pictures, clip_sound, has_picture, picture_behind
from .plan import RenderPlan, check_room, prepare_folder
from .scene_copy import check_scene, even_light, frame_size, prepare_for_frames, scene_copy

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many frames of it are done, and of how many"""
RENDERING, ENCODING = "Rendering", "Encoding"


@dataclass(frozen=True)
class RenderReport:
    """What came of a render."""

    result: Path
    """The video, or the folder of pictures"""
    rendered: int
    kept: int
    """Frames of an earlier run that were used again"""
    sound: bool


def render_plan(plan: RenderPlan, scene: bpy.types.Scene, progress: Progress) -> RenderReport:
    """Render a scene; its settings, its frame and the file stay as they are.

    The frames lie in the plan's folder until the video is whole; a sequence's stay there.

    Raises:
        BadInput: the scene cannot be rendered as it is.
        MissingPart: the machine or this Blender lacks something that it takes.
        CannotWrite: the frames or the video cannot be written; frames that are whole stay for the next run.
    """
    check_plan(plan, scene)
    prepare_folder(plan)
    check_room(plan, *frame_size(scene, plan))
    with picture_behind(scene, make=plan.background == "SCENE") as plane:
        with scene_copy(scene) as copy:
            picture = has_picture(scene.camera)
            prepare_for_frames(copy, plan, photo_colours=picture)
            with even_light(copy) if picture and plan.even_light else nullcontext():
                count = render_frames(plan, copy, plane, partial(progress, RENDERING))
        sound = False
        if plan.kind == "MP4":
            with scene_copy(scene) as copy:
                sound = encode(plan, copy, clip_sound(plane), partial(progress, ENCODING))
            _remove_frames(plan)
    return RenderReport(plan.result, count.rendered, count.kept, sound)


def summary(report: RenderReport) -> str:
    """A report as a sentence."""
    kept = f", {report.kept} of them kept from before" if report.kept else ""
    sound = ", with sound" if report.sound else ""
    return f"{report.result}: {report.rendered + report.kept} frames{kept}{sound}"


def check_plan(plan: RenderPlan, scene: bpy.types.Scene) -> None:
    """Everything that can be told before anything is made.

    Raises:
        BadInput, MissingPart: as `render_plan`.
    """
    check_scene(scene, plan)
    if plan.background == "SCENE":
        check_pictures(scene.camera)


def clean_up(plan: RenderPlan) -> None:
    """Remove what an interrupted render left half-made; whole frames stay."""
    with suppress(OSError):  # a name that no folder can have
        for path in plan.folder.glob(".unfinished*"):
            path.unlink(missing_ok=True)
    with suppress(OSError):  # not empty: there are frames to go on from
        plan.folder.rmdir()


def _remove_frames(plan: RenderPlan) -> None:
    """Remove the frames of a finished video, and their folder when nothing else is in it."""
    try:
        for frame in plan.frames:
            plan.frame_path(frame).unlink(missing_ok=True)
        (plan.folder / FILE_NAME).unlink(missing_ok=True)
    except OSError as error:
        raise CannotWrite(f"{plan.output} is done, but its frames in {plan.folder} cannot be removed: "
                          f"{error.strerror}.") from error
    with suppress(OSError):
        plan.folder.rmdir()
