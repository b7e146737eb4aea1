# SPDX-License-Identifier: GPL-3.0-or-later
"""Track Video: the motion of a face in a video as a new take, with the clip behind the head."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ...core.errors import BadInput
from ...core.model_files import default_model
from ...core.motion import Motion
from ...core.motion_files import load_motion
from ..engine.client import Job
from ..face import stage
from ..face.backdrop import load_picture, show_behind
from ..face.free_place import free_place
from ..face.head import active_head, make_head, set_source
from ..face.identity import check_reshapable, identity_of, set_identity
from ..face.models import engine_path
from ..face.pictures import packed_image
from ..motion.head_motion import scene_fps
from ..motion.takes import TakeReport, motion_to_head
from ..selection import chosen_files, collection_for, layer_of, look_through_camera, select_only
from ..transaction import all_or_nothing
from .engine_operator import EngineOperator
from .face_from_photo import TEXTURE_SIZES
from .jobs import Request

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".ogv", ".wmv", ".flv")


@dataclass(frozen=True)
class Scenery:
    """What of a clip the scene takes over besides the motion."""

    clip: Path | None = None
    """Shown behind the head"""
    frame_rate: bool = True
    frame_range: bool = True
    resolution: bool = True
    start_frame: int | None = None
    """None: the scene's first"""
    reduce: bool = False
    """Few Bézier keys in place of one a frame"""


def track_on_head(head: bpy.types.Object, motion: Motion, scene: bpy.types.Scene, scenery: Scenery, *,
                  name: str, reshape: bool = False) -> TakeReport:
    """Put a tracked motion on a head as a new take, and make the camera that saw it.

    Args:
        reshape: give the head the shape of the person in the video.

    Raises:
        BadInput: the head or its animation may not be changed, or Blender cannot read the clip. Nothing has changed
            then.
    """
    if reshape:
        check_reshapable(head.data)
    with all_or_nothing(scene, head):
        clip = load_picture(str(scenery.clip)) if scenery.clip else None
        if scenery.frame_rate:
            set_frame_rate(scene, motion.fps)
        if reshape:
            set_identity(head.data, motion.identity)
        report = motion_to_head(head, motion, scene=scene, name=name, start_frame=scenery.start_frame, set_stage=True,
                                reduce=scenery.reduce)
        camera = head.mien.camera
        if clip is not None:
            show_behind(camera, clip, start_frame=round(report.frame_start), frames=len(motion),
                        rate=motion.fps / scene_fps(scene))
        if scenery.resolution:
            stage.set_frame(scene, camera)
        if scenery.frame_range:
            scene.frame_start, scene.frame_end = round(report.frame_start), round(report.frame_end)
            scene.frame_set(scene.frame_start)
    return report


def head_from_motion(motion: Motion, scene: bpy.types.Scene, scenery: Scenery, *, name: str,
                     texture: Path | None = None, collection: bpy.types.Collection | None = None,
                     location: Sequence[float] | None = None) -> tuple[bpy.types.Object, TakeReport]:
    """A new head of the person in a tracked video, with the motion as its first take.

    Args:
        location: of the head; None is the 3D cursor.

    Raises:
        BadInput: a file cannot be read, or the motion is of another face model. Nothing was made then.
    """
    model = default_model()
    if motion.model_hash != model.hash:
        raise BadInput(f"The motion of {name} was made with another face model ({motion.model}); track it again.")
    with all_or_nothing(scene):
        colours = packed_image(texture, f"{name} Texture") if texture else None
        head = make_head(model, name=name, scene=scene, identity=motion.identity, collection=collection,
                         texture=colours)
        head.location = scene.cursor.location if location is None else location
        report = track_on_head(head, motion, scene, scenery, name=name)
    return head, report


def first_with_a_face(motion: Motion) -> int:
    """The first frame in which a face was found."""
    return int(np.argmax(motion.confidence > 0))


def set_frame_rate(scene: bpy.types.Scene, fps: float) -> None:
    """Frames per second as a whole number over a base: 23.976 is 24 by 1.001."""
    whole = max(1, round(fps))
    scene.render.fps, scene.render.fps_base = whole, whole / fps


class MIEN_OT_track_video(EngineOperator, bpy.types.Operator):
    """Track the face in a video: a new take on the active face, or a new face when none is active"""

    bl_idname = "mien.track_video"
    bl_label = "Track Video"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default=";".join(f"*{s}" for s in VIDEO_SUFFIXES), options={"HIDDEN"})
    shape: EnumProperty(
        name="Shape", default="AUTO",
        description="Whose shape the tracked head has",
        items=[("AUTO", "Automatic", "The face's own shape, or that in the video when the face is the average one"),
               ("HEAD", "The Face's Own", "The video shows the person that the face is of"),
               ("VIDEO", "From the Video", "Reshape the face to the person in the video")])
    texture_size: EnumProperty(name="Texture", description="Pixels a side of a new face's texture, made of the frames "
                               "that show it best", items=TEXTURE_SIZES, default="1024")
    start_frame: IntProperty(name="Start Frame", description="Where the clip begins; the scene's first frame when it "
                             "is not set", options={"SKIP_SAVE"})
    use_clip: BoolProperty(name="Clip as Background", description="Show the clip behind the head in the camera's view",
                           default=True)
    use_frame_rate: BoolProperty(name="Clip's Frame Rate", description="Set the scene's frame rate to the clip's; "
                                 "else the motion is sampled at the scene's", default=True)
    use_frame_range: BoolProperty(name="Clip's Frame Range", description="Set the scene's first and last frame to the "
                                  "clip's", default=True)
    use_resolution: BoolProperty(name="Clip's Resolution", description="Render at the size of the clip", default=True)
    use_camera_view: BoolProperty(name="Look through the Camera", description="Turn the 3D view to the camera, and "
                                  "show the head's picture in it", default=True)
    reduce_keys: BoolProperty(name="Few Keys", description="Few Bézier keys that are easy to edit, in place of one for "
                              "every frame", default=False)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is a scene to animate."""
        return context.scene is not None and context.scene.library is None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the video unless it was dropped."""
        return self.begin(context) if self.filepath else self.ask_for_files(context)

    def draw(self, context: bpy.types.Context) -> None:
        """In the file browser what the engine is told; afterwards what can be changed without it."""
        layout = self.layout
        layout.use_property_split = True
        if context.space_data and context.space_data.type == "FILE_BROWSER":
            if active_head(context):
                layout.prop(self, "shape")
            else:
                layout.prop(self, "texture_size")
        for name in ("start_frame", "reduce_keys", "use_clip", "use_frame_rate", "use_frame_range", "use_resolution",
                     "use_camera_view"):
            layout.prop(self, name)

    def request(self, context: bpy.types.Context) -> Request:
        video, head = chosen_video(self.filepath), active_head(context)
        if head is None:
            return Request("track_video", {"video": video, "texture_size": int(self.texture_size)}, self.bl_label)
        params = {"video": video, "model": engine_path(head)}
        if self._keeps_shape(head):
            params["identity"] = identity_of(head.data).tolist()
        else:
            check_reshapable(head.data)
        return Request("track_video", params, self.bl_label, head)

    def apply(self, context: bpy.types.Context, job: Job, scene: bpy.types.Scene,
              head: bpy.types.Object | None) -> str:
        motion, name = tracked_motion(job), Path(self.filepath).stem
        where = ""
        if head is None:
            first = motion.translation[first_with_a_face(motion)]
            place = free_place(scene, layer_of(context, scene), motion.camera, first)
            where = place.sentence()
            head, report = head_from_motion(motion, scene, self._scenery(), name=name, texture=job.file("texture"),
                                            collection=collection_for(context, scene), location=place.location)
            set_source(head.data, Path(self.filepath).name)
            head.data.mien.confidence = _confidence(job)
            select_only(context, scene, head)
        else:
            report = track_on_head(head, motion, scene, self._scenery(), name=name,
                                   reshape=not self._keeps_shape(head))
        head.data.mien.warnings = "\n".join(warnings_of(job))
        if self.use_camera_view:
            look_through_camera(context, scene, head)
        return told(head, motion, report, job) + where

    def _keeps_shape(self, head: bpy.types.Object) -> bool:
        return self.shape == "HEAD" or (self.shape == "AUTO" and bool(identity_of(head.data).any()))

    def _scenery(self) -> Scenery:
        start = self.start_frame if self.properties.is_property_set("start_frame") else None
        return Scenery(Path(chosen_video(self.filepath)) if self.use_clip else None, self.use_frame_rate,
                       self.use_frame_range, self.use_resolution, start, self.reduce_keys)


def chosen_video(filepath: str) -> str:
    """The absolute path of the chosen file.

    Raises:
        BadInput: nothing was chosen.
    """
    paths = chosen_files(filepath, "", [])
    if not paths:
        raise BadInput("No video was chosen.")
    return paths[0]


def tracked_motion(job: Job) -> Motion:
    """The motion that the engine made."""
    path = job.file("motion")
    if path is None:
        raise BadInput("The engine gave no motion; install the same version of Mien on both sides.")
    return load_motion(path)


def warnings_of(job: Job) -> list[str]:
    """What to be careful about, in the engine's words."""
    found: Any = job.result.get("warnings")
    return [str(text)[:300] for text in found[:20]] if isinstance(found, list) else []


def told(head: bpy.types.Object, motion: Motion, report: TakeReport, job: Job) -> str:
    """What became of a video, in one line."""
    text = f"{head.name}: {len(motion)} frames at {motion.fps:g} per second, {report.keys} keys"
    return ". ".join((text, *warnings_of(job)))


def _confidence(job: Job) -> float:
    value = job.result.get("confidence")
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else 0.0


CLASSES: tuple[type, ...] = (MIEN_OT_track_video,)
