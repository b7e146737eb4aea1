# SPDX-License-Identifier: GPL-3.0-or-later
"""“Render Video”: the operator, and its settings on the scene.

From a script or the command line it renders here and waits; `//` is the folder of the .blend file:

    blender -b scene.blend --python-exit-code 1 \\
        --python-expr "import bpy; bpy.ops.mien.render_video(filepath='//talk.mp4')"

From a button it renders in another Blender, on a copy of the file, and this one goes on.
"""

import sys
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ...core.errors import BadInput, MienError
from .. import compat
from .plan import RenderPlan, output_path
from .render_panel import show
from .run import clean_up, render_plan, summary
from .watch import Watch, running, start, stop

TICK = 0.2
KINDS = [("MP4", "MP4 Video", "H.264 with the scene's sound, or the sound of the clip behind the face"),
         ("PNG", "PNG Sequence", "A folder with a picture for each frame")]
BACKGROUNDS = [("SCENE", "As in the Scene", "The photo or the clip behind the face, or the world"),
               ("TRANSPARENT", "Transparent", "Nothing behind the face; PNG sequences only")]
ENGINES = [("SCENE", "As in the Scene", "The scene's own render engine"),
           ("CYCLES", "Cycles", "Path tracing"), ("EEVEE", "EEVEE", "Fast, needs a GPU"),
           ("WORKBENCH", "Workbench", "Fastest, without materials' lighting")]


def _choices(filepath: str) -> dict[str, Any]:
    """Settings that the scene stores and the operator takes; the same properties for both."""
    return {
        "filepath": StringProperty(name="Output", subtype="FILE_PATH", default=filepath,
                                   options=compat.file_path_options(),
                                   description="The video; frames are kept in a folder beside it until it is done"),
        "kind": EnumProperty(name="Format", items=KINDS, description="What is written"),
        "background": EnumProperty(name="Background", items=BACKGROUNDS, description="What is behind the face"),
        "engine": EnumProperty(name="Engine", items=ENGINES, description="What renders"),
        "samples": IntProperty(name="Samples", min=0, max=65536,
                               description="Samples for each pixel; 0 takes the scene's"),
        "sound": BoolProperty(name="Sound", default=True, description="Put sound into the video"),
        "even_light": BoolProperty(
            name="Even Light", default=True,
            description="With a photo or a clip behind the face, light it from everywhere in place of the scene's "
                        "lights: its texture holds the photo's light already"),
        "keep": BoolProperty(name="Keep Finished Frames", default=True,
                             description="Do not render frames again that are whole and still show the same"),
    }


class RenderVideoProperties(bpy.types.PropertyGroup):
    """On a Scene: how its video is rendered."""

    __annotations__ = _choices("//render.mp4")


class MIEN_OT_render_video(bpy.types.Operator):
    """Render the animated face to a video or to pictures. Frames that are ready survive an interruption"""

    bl_idname = "mien.render_video"
    bl_label = "Render Video"
    bl_options = {"REGISTER"}

    __annotations__ = {
        **_choices(""),
        "frame_start": IntProperty(name="First Frame", description="The scene's first frame where it is not given"),
        "frame_end": IntProperty(name="Last Frame", description="The scene's last frame where it is not given"),
    }

    _timer: bpy.types.Timer | None = None
    _watch: Watch | None = None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Render in this process and wait."""
        try:
            plan = self.plan(context.scene)
            try:
                report = render_plan(plan, context.scene, _print_progress)
            except BaseException:
                clean_up(plan)
                raise
        except MienError as error:
            return self._refuse(str(error))
        self.report({"INFO"}, summary(report))
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Render in another Blender and watch it."""
        if bpy.app.background:
            return self.execute(context)
        try:
            self._watch = start(self.plan(context.scene), context.scene)
        except MienError as error:
            return self._refuse(str(error))
        manager = context.window_manager
        self._timer = manager.event_timer_add(TICK, window=context.window)
        manager.modal_handler_add(self)
        show(context)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Look how far it is; Esc cancels."""
        if self._watch is None or self._watch is not running():
            self.cancel(context)
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            self.cancel(context)
            self.report({"WARNING"}, "The render was cancelled; frames that were ready are kept for the next run.")
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        status = self._watch.poll()
        show(context)
        if status.state == "running":
            return {"PASS_THROUGH"}
        self.cancel(context)
        if status.state == "failed":
            return self._refuse(status.text)
        self.report({"INFO"}, status.text)
        return {"FINISHED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """End the other Blender; called by Blender too, when the window closes."""
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        if self._watch is not None and self._watch is running():
            stop()
        show(context)

    def plan(self, scene: bpy.types.Scene) -> RenderPlan:
        """What is asked for: the operator's own settings, the scene's where they are not given.

        Raises:
            BadInput: they do not go together.
        """
        stored = scene.mien_render
        chosen = {name: getattr(self if self.properties.is_property_set(name) else stored, name)
                  for name in RenderVideoProperties.__annotations__}
        path = output_path(absolute(chosen.pop("filepath")), chosen["kind"])
        first, last = (getattr(self if self.properties.is_property_set(name) else scene, name)
                       for name in ("frame_start", "frame_end"))
        return RenderPlan(path, first, last, **chosen)

    def _refuse(self, why: str) -> set[str]:
        self.report({"ERROR"}, why)
        return {"CANCELLED"}


def absolute(path: str) -> str:
    """A path as a user gives it to an absolute one; `//` is the file's folder.

    Raises:
        BadInput: the file has no folder yet.
    """
    if path.startswith("//") and not bpy.data.filepath:
        raise BadInput(f"{path} lies beside the .blend file, which is not saved yet; save it or give a whole path.")
    full = bpy.path.abspath(path)
    return full if not full or full.endswith(("/", "\\")) else str(Path(full).absolute())


def _print_progress(text: str, done: int, total: int) -> None:
    print(f"Mien: {text.lower()} {done}/{total}", flush=True, file=sys.stderr)


@persistent
def _before_load(*_: Any) -> None:
    """Another file comes: nobody watches the render any more."""
    stop()


CLASSES: tuple[type, ...] = (RenderVideoProperties, MIEN_OT_render_video)


def register() -> None:
    """Hang the settings on scenes."""
    bpy.types.Scene.mien_render = bpy.props.PointerProperty(type=RenderVideoProperties)
    bpy.app.handlers.load_pre.append(_before_load)


def unregister() -> None:
    """End what renders, and take the settings off again."""
    stop()
    bpy.app.handlers.load_pre.remove(_before_load)
    del bpy.types.Scene.mien_render
