# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting another Blender that works on a copy of the file that is open here."""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import bpy

from ...core.errors import CannotWrite
from .. import compat
from .plan import RenderPlan
from .process import ORDER, RenderProcess

ROOT = __package__.removesuffix(".addon.rendering")
"""The extension's name, whatever it is installed as"""


def launch(plan: RenderPlan, scene: bpy.types.Scene) -> RenderProcess:
    """Render a scene in another Blender.

    Raises:
        CannotWrite: as `launch_child`.
    """
    return launch_child({"plan": json.loads(plan.to_json()), "scene": scene.name}, "rendering.child")


def launch_child(order: dict[str, Any], module: str) -> RenderProcess:
    """Save a copy of the file into a private folder and let a module's `main` work there in another Blender.

    The open file is not touched.

    Raises:
        CannotWrite: the copy cannot be saved, or the other Blender cannot be started.
    """
    folder = Path(tempfile.mkdtemp(prefix="mien-render-", dir=bpy.app.tempdir or None))
    try:
        _save_copy(folder / "scene.blend")
        (folder / ORDER).write_text(json.dumps(order), encoding="utf-8")
        return RenderProcess(_command(folder, module), folder)
    except (OSError, RuntimeError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise CannotWrite(f"Another Blender could not be started: {str(error).strip()}") from error


def _save_copy(path: Path) -> None:
    """A copy of the open file, without the picture of the window that would take time."""
    files = bpy.context.preferences.filepaths
    preview, dirty = files.file_preview_type, bpy.context.preferences.is_dirty
    try:
        files.file_preview_type = "NONE"
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, compress=False)
    finally:
        files.file_preview_type = preview
        bpy.context.preferences.is_dirty = dirty


def _command(folder: Path, module: str) -> list[str]:
    blend, work = str(folder / "scene.blend"), f"from {ROOT}.addon.{module} import main; main({str(folder)!r})"
    if not compat.is_module():
        scripts = "--disable-autoexec" if bpy.app.autoexec_fail else "--enable-autoexec"
        return [bpy.app.binary_path, "-b", scripts, "--addons", ROOT, blend, "--python-exit-code", "1",
                "--python-expr", work]
    code = (f"import sys, bpy\nsys.path[:] = {sys.path!r}\nimport addon_utils\n"
            f"addon_utils.enable({ROOT!r}, default_set=True)\nbpy.ops.wm.open_mainfile(filepath={blend!r})\n{work}")
    return [sys.executable, "-c", code]
