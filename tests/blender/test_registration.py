# SPDX-License-Identifier: Apache-2.0
"""Enabling and disabling leaves no trace, as often as one likes, and also when a module fails."""

import sys
from collections.abc import Iterator
from types import ModuleType

import addon_utils
import bpy
import mien
import pytest
from mien import addon


@pytest.fixture(autouse=True)
def enabled_again() -> Iterator[None]:
    yield
    addon_utils.enable("mien", default_set=True)


def _trace() -> set[str]:
    """Everything of ours that Blender knows of."""
    found = {name for name in dir(bpy.types) if name.upper().startswith("MIEN_")}
    for name in dir(bpy.types):
        kind = getattr(bpy.types, name, None)
        if isinstance(kind, type) and "mien" in vars(kind):
            found.add(f"{name}.mien")
        for function in getattr(getattr(kind, "draw", None), "_draw_funcs", ()):
            if "mien" in (getattr(function, "__module__", "") or ""):
                found.add(f"{name} menu")
    for name in dir(bpy.app.handlers):
        handlers = getattr(bpy.app.handlers, name)
        if isinstance(handlers, list):
            found |= {f"{name} handler" for handler in handlers if "mien" in (handler.__module__ or "")}
    found |= {f"{cls.__name__} subclass" for base in (bpy.types.Operator, bpy.types.Panel, bpy.types.PropertyGroup)
              for cls in base.__subclasses__() if "mien" in cls.__module__ and cls.is_registered}
    return found | {f"operator {name}" for name in dir(bpy.ops.mien)}


def test_there_is_something_to_leave() -> None:
    trace = _trace()
    assert {"Mesh.mien", "Object.mien", "Camera.mien", "VIEW3D_MT_mesh_add menu", "operator add_face",
            "MIEN_PT_head"} <= trace


def test_twice_in_a_row_without_a_trace() -> None:
    everything = _trace()
    for _ in range(2):
        addon_utils.disable("mien", default_set=True)
        assert not _trace()
        addon_utils.enable("mien", default_set=True)
        assert _trace() == everything
    assert bpy.ops.mien.add_face() == {"FINISHED"}


def test_disabled_with_heads_in_the_scene() -> None:
    bpy.ops.mien.add_face(seed=3)
    value = bpy.context.active_object.data.mien.identity[0].value
    addon_utils.disable("mien", default_set=True)
    assert not hasattr(bpy.context.active_object.data, "mien")
    assert len(bpy.context.active_object.data.shape_keys.key_blocks) == 53
    addon_utils.enable("mien", default_set=True)
    assert bpy.context.active_object.data.mien.identity[0].value == value


def test_a_module_that_fails_takes_the_others_back(monkeypatch: pytest.MonkeyPatch) -> None:
    addon_utils.disable("mien", default_set=True)
    broken = ModuleType("mien.addon.broken")
    broken.CLASSES = (type("MIEN_OT_broken", (bpy.types.Operator,), {"bl_idname": "mien.broken", "bl_label": "No"}),)

    def fail() -> None:
        raise RuntimeError("broken on purpose")

    broken.register = fail
    monkeypatch.setitem(sys.modules, "mien.addon.broken", broken)
    monkeypatch.setattr(addon, "MODULES", (*addon.MODULES, "broken"))
    with pytest.raises(RuntimeError, match="on purpose"):
        mien.register()
    assert not _trace()


def test_names_are_blenders_way() -> None:
    for name in addon.MODULES:
        module = sys.modules[f"mien.addon.{name}"]
        for cls in module.CLASSES:
            if issubclass(cls, bpy.types.Operator):
                assert cls.bl_idname.startswith("mien."), cls
                known = getattr(bpy.ops.mien, cls.bl_idname.split(".")[1]).get_rna_type()
                assert known.description and not known.description.endswith("."), cls
                for prop in known.properties:
                    assert prop.is_hidden or prop.name, (cls, prop.identifier)
            if issubclass(cls, bpy.types.Panel):
                assert cls.bl_category == "Mien" or cls.bl_space_type != "VIEW_3D", cls
