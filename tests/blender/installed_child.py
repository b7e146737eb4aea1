# SPDX-License-Identifier: Apache-2.0
"""A Blender of its own for test_extension.py: install the zip, enable and disable it, use it, tell by JSON.

python installed_child.py ZIP RESULT.json, with BLENDER_USER_RESOURCES an empty folder.
"""

import json
import os
import sys
import threading
import traceback
from pathlib import Path

import bpy  # isort: split

import addon_utils

NAME = "bl_ext.user_default.mien"
OWNERS = ("Object", "Mesh", "Camera", "Scene", "WindowManager", "Action", "Key", "Light", "Material", "Image")


def trace() -> dict[str, list[str]]:
    """Everything that an add-on could leave behind in a running Blender."""
    menus = {name: kind for name in dir(bpy.types)
             if (kind := getattr(bpy.types, name, None)) is not None and hasattr(kind, "draw")}
    return {
        "types": sorted(dir(bpy.types)),
        "operators": sorted(f"{group}.{name}" for group in dir(bpy.ops) for name in dir(getattr(bpy.ops, group))),
        "handlers": [f"{name}: {function}" for name in dir(bpy.app.handlers)
                     if isinstance(functions := getattr(bpy.app.handlers, name), list) for function in functions],
        "menus": [f"{name}: {function}" for name, kind in menus.items()
                  for function in getattr(kind.draw, "_draw_funcs", ()) if function.__qualname__ != f"{name}.draw"],
        "properties": [f"{owner}.{p.identifier}" for owner in OWNERS
                       for p in getattr(bpy.types, owner).bl_rna.properties],
        "preferences": [addon.module for addon in bpy.context.preferences.addons],
        "keymaps": [item.idname for keymap in bpy.context.window_manager.keyconfigs.addon.keymaps
                    for item in keymap.keymap_items] if bpy.context.window_manager.keyconfigs.addon else [],
        "threads": sorted(t.name for t in threading.enumerate()),
    }


def differences(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, list[str]]:
    changed = {key: sorted(set(before[key]) ^ set(after[key])) for key in before}
    return {key: names for key, names in changed.items() if names}


def enable() -> None:
    failures: list[Exception] = []
    addon_utils.enable(NAME, default_set=True, handle_error=failures.append)
    if failures:
        raise failures[0]


def use() -> dict[str, object]:
    """A head by the menu's operator, and what it is; saved and opened again."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    outcome = bpy.ops.mien.add_face()
    name = bpy.context.object.name
    path = str(Path(os.environ["BLENDER_USER_RESOURCES"], "head.blend"))
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    again = bpy.data.objects[name]
    return {"outcome": sorted(outcome), "keys": len(again.data.shape_keys.key_blocks),
            "is_head": again.data.mien.is_head, "model": again.data.mien.model_name}


def main(archive: str) -> dict[str, object]:
    told: dict[str, object] = {"operators": [], "traces": []}
    before = trace()
    bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True,
                                             overwrite=True)
    told["enabled"] = NAME in bpy.context.preferences.addons
    told["folder"] = sys.modules[NAME].__file__
    for _ in range(2):
        told["operators"].append(sorted(dir(bpy.ops.mien)))
        told["use"] = use()
        addon_utils.disable(NAME, default_set=True)
        told["traces"].append(differences(before, trace()))
        enable()
    told["files"] = sorted(p.relative_to(Path(told["folder"]).parent).as_posix()
                           for p in Path(told["folder"]).parent.rglob("*")
                           if p.is_file() and "__pycache__" not in p.parts)
    bpy.ops.preferences.addon_disable(module=NAME)
    bpy.ops.extensions.package_uninstall(repo_index=[r.module for r in bpy.context.preferences.extensions.repos]
                                         .index("user_default"), pkg_id="mien")
    told["after_removal"] = Path(told["folder"]).exists()
    return told


try:
    answer = main(sys.argv[1])
except BaseException:
    answer = {"error": traceback.format_exc()}
Path(sys.argv[2]).write_text(json.dumps(answer, indent=1))
sys.stdout.flush()
os._exit("error" in answer)
