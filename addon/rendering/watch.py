# SPDX-License-Identifier: GPL-3.0-or-later
"""The one render that another Blender does for us: started, watched, stopped."""

import bpy

from ...core.errors import BadInput
from .launch import launch
from .plan import RenderPlan, check_room, prepare_folder
from .process import RenderProcess, Status
from .run import check_plan, clean_up
from .scene_copy import frame_size


class Watch:
    """The other Blender, and what it renders."""

    def __init__(self, plan: RenderPlan, process: RenderProcess) -> None:
        self.plan, self.process, self.last = plan, process, Status()

    def poll(self) -> Status:
        """How far it is."""
        self.last = self.process.poll()
        return self.last


_current: Watch | None = None


def running() -> Watch | None:
    """The render that runs now."""
    return _current


def start(plan: RenderPlan, scene: bpy.types.Scene) -> Watch:
    """Render in another Blender; one at a time.

    Raises:
        BadInput: another render runs, or the scene cannot be rendered as it is.
        MissingPart, CannotWrite: as `rendering.run.render_plan`.
    """
    global _current
    if _current is not None:
        raise BadInput("A render is still running; wait for it or cancel it.")
    check_plan(plan, scene)
    prepare_folder(plan)
    check_room(plan, *frame_size(scene, plan))
    _current = Watch(plan, launch(plan, scene))
    return _current


def stop() -> None:
    """End the render in the other Blender, if there is one, and remove what is half-made."""
    global _current
    if _current is not None:
        watch, _current = _current, None
        watch.process.close()
        clean_up(watch.plan)
