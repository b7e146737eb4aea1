# SPDX-License-Identifier: GPL-3.0-or-later
"""“Neural Render” and “Preview Frame”: the active head's curves as photoreal frames of its photo.

From a script or the command line they wait until it is done; `//` is the folder of the .blend file:

    blender -b scene.blend --python-exit-code 1 \\
        --python-expr "import bpy; bpy.ops.mien.neural_render(filepath='//talk.mp4')"
"""

from collections.abc import Callable

import bpy
from bpy.props import IntProperty

from ...core.errors import BadInput
from ..capture.engine_operator import EngineOperator
from ..capture.jobs import Request
from ..capture.staged_job import Preparation
from ..capture.track_video import warnings_of
from ..engine.client import Job
from ..operator import HeadOperator, head_of
from ..rendering.fingerprint import FILE_NAME
from ..rendering.plan import RenderPlan, check_room, output_path, prepare_folder
from ..rendering.render_video import absolute
from ..rendering.run import clean_up
from .ingredients import Ingredients, gather
from .neural_settings import drawing_params, output_choice, renderer_choice, weights_choice
from .shown_frame import keep_frame, show

JOB = "animate_photo"
DRAWN_BY = {"pgfg": "painted by the network", "mesh": "drawn by the mesh"}


class _PhotoOperator(EngineOperator, HeadOperator):
    """Mixin: settings that are not given are the scene's."""

    _remarks: tuple[str, ...] = ()

    def setting(self, scene: bpy.types.Scene, name: str) -> object:
        """The operator's own where it is given."""
        return getattr(self if self.properties.is_property_set(name) else scene.mien_neural, name)  # type: ignore[attr-defined]

    def asked(self, head: bpy.types.Object, made: Ingredients, scene: bpy.types.Scene, tidy: Callable[[], None],
              **more: object) -> Request:
        """The job for what was gathered, drawn as the settings say."""
        self._remarks = made.remarks
        drawing = drawing_params(str(self.setting(scene, "renderer")), self.weights)  # type: ignore[attr-defined]
        preparation = made.preparation and Preparation(made.preparation, lambda: made.all_params() | drawing | more)
        return Request(JOB, {**made.params, **drawing, **more}, self.bl_label, head, tidy,  # type: ignore[attr-defined]
                       preparation)

    def told(self, text: str, job: Job) -> str:
        """What came of a job, with what to be careful about."""
        by = DRAWN_BY.get(str(job.result.get("renderer")), "")
        return ". ".join((f"{text} {by}".strip(), *warnings_of(job), *self._remarks))


class MIEN_OT_neural_render(_PhotoOperator, bpy.types.Operator):
    """Move the face's photo as the curves say, and write the frames to a video or to pictures"""

    bl_idname = "mien.neural_render"
    bl_label = "Neural Render"
    bl_options = {"REGISTER"}

    __annotations__ = {
        **output_choice(""), **renderer_choice(), **weights_choice(),
        "frame_start": IntProperty(name="First Frame", description="The scene's first frame where it is not given"),
        "frame_end": IntProperty(name="Last Frame", description="The scene's last frame where it is not given"),
    }

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Draw in the engine and watch."""
        return self.execute(context) if bpy.app.background else self.begin(context)

    def request(self, context: bpy.types.Context) -> Request:
        head, scene = head_of(context), context.scene
        plan = self.plan(scene)
        wants_sound = plan.kind == "MP4" and bool(self.setting(scene, "sound"))
        made = gather(head, scene, plan.frame_start, plan.frame_end, sound=wants_sound)

        def tidy() -> None:
            made.remove()
            clean_up(plan)

        try:
            output = _place(plan, made.size)
        except BaseException:
            tidy()
            raise
        return self.asked(head, made, scene, tidy, keep=bool(self.setting(scene, "keep")), **output)

    def apply(self, context: bpy.types.Context, job: Job, scene: bpy.types.Scene,
              _head: bpy.types.Object | None) -> str:
        count, kept = (int(job.result.get(name, 0)) for name in ("frames", "kept"))
        stayed = f", {kept} of them kept from before," if kept else ""
        return self.told(f"{self.plan(scene).result}: {count} frames{stayed}", job)

    def plan(self, scene: bpy.types.Scene) -> RenderPlan:
        """What is to be written and where.

        Raises:
            BadInput: the settings do not go together.
        """
        kind = str(self.setting(scene, "kind"))
        path = output_path(absolute(str(self.setting(scene, "filepath"))), kind)  # type: ignore[arg-type]
        first, last = (getattr(self if self.properties.is_property_set(name) else scene, name)
                       for name in ("frame_start", "frame_end"))
        return RenderPlan(path, first, last, kind)  # type: ignore[arg-type]


class MIEN_OT_neural_preview(_PhotoOperator, bpy.types.Operator):
    """Move the face's photo as the curves say at the current frame, and show it in an Image Editor"""

    bl_idname = "mien.neural_preview"
    bl_label = "Preview Frame"
    bl_options = {"REGISTER", "UNDO"}

    __annotations__ = {**renderer_choice(), **weights_choice()}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Draw in the engine and watch."""
        return self.execute(context) if bpy.app.background else self.begin(context)

    def draw(self, _context: bpy.types.Context) -> None:
        """Nothing: another choice would draw again, while Blender waits."""

    def request(self, context: bpy.types.Context) -> Request:
        head, scene = head_of(context), context.scene
        made = gather(head, scene, scene.frame_current, scene.frame_current)
        return self.asked(head, made, scene, made.remove)

    def apply(self, context: bpy.types.Context, job: Job, _scene: bpy.types.Scene,
              head: bpy.types.Object | None) -> str:
        assert head is not None
        path = job.file("picture")
        if path is None:
            raise BadInput("The engine gave no picture; install the same version of Mien on both sides.")
        image = keep_frame(path, f"{head.name} Neural")
        show(context, image)
        return self.told(f"{image.name}:", job)


def _place(plan: RenderPlan, size: tuple[int, int]) -> dict[str, str | int]:
    """The job's parameters that say where frames go, once it is known that they can be written.

    Raises:
        CannotWrite: they cannot.
    """
    prepare_folder(plan)
    check_room(plan, *size)
    (plan.folder / FILE_NAME).unlink(missing_ok=True)  # what Render Video knows of pictures of this name
    pictures: dict[str, str | int] = {"pictures": str(plan.folder), "name": plan.name, "first": plan.frame_start}
    return {"video": str(plan.output), **pictures} if plan.kind == "MP4" else pictures


CLASSES: tuple[type, ...] = (MIEN_OT_neural_render, MIEN_OT_neural_preview)
