# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that imports bpy.

A module with Blender classes lists them in `CLASSES`, and may have a `register()` and an `unregister()` of its
own for what is not a class (properties of Blender's types, menu entries, handlers). Nothing here imports bpy
before `register()` is called, so that the parts without bpy import anywhere.
"""

from importlib import import_module
from types import ModuleType

MODULES: tuple[str, ...] = (
    "properties",
    "face.add_menu",
    "face.head_ops",
    "panels.head",
    "panels.expression",
    "panels.identity",
    "engine_choice",
    "engine_test",
    "preferences",
    "capture.job_preview",
    "capture.jobs",
    "capture.job_progress",
    "capture.face_from_photo",
    "capture.track_video",
    "capture.retarget_video",
    "capture.file_handlers",
    "panels.capture",
    "motion.motion_io",
    "motion.edit_ops",
    "motion.preset_ops",
    "motion.retarget_ops",
    "motion.predict_ops",
    "panels.motion",
    "panels.predict",
    "rendering.render_video",
    "rendering.render_panel",
    "neural.neural_settings",
    "neural.neural_render",
    "neural.neural_panel",
    "gltf.export_gltf",
    "sample_scene",
)
"""In the order of registration: what is used comes before what uses it."""

_registered: list[ModuleType] = []


def register() -> None:
    """Register every module; when one fails, the others are taken back and the error goes on."""
    try:
        for name in MODULES:
            _register_module(import_module(f".{name}", __package__))
    except BaseException:
        unregister()
        raise


def unregister() -> None:
    """Take back everything that `register` did, the last thing first."""
    while _registered:
        _unregister_module(_registered.pop())


def _register_module(module: ModuleType) -> None:
    from bpy.utils import register_class

    done: list[type] = []
    try:
        for cls in module.CLASSES:
            register_class(cls)
            done.append(cls)
        if hasattr(module, "register"):
            module.register()
    except BaseException:
        _unregister_classes(done)
        raise
    _registered.append(module)


def _unregister_module(module: ModuleType) -> None:
    if hasattr(module, "unregister"):
        module.unregister()
    _unregister_classes(list(module.CLASSES))


def _unregister_classes(classes: list[type]) -> None:
    from bpy.utils import unregister_class

    for cls in reversed(classes):
        unregister_class(cls)
