# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python the engine runs in: chosen in the preferences, else found."""

import threading
from pathlib import Path
from typing import Any

import bpy

from .engine import sentences
from .engine.discovery import Candidate, find_python

ADDON = (__package__ or "").rpartition(".")[0]
"""The name that Blender knows the add-on by"""
_LOG = "engine.log"
_SEARCH_WITHIN = 0.03
_found: Candidate | None = None
_search: threading.Thread | None = None


def preferences() -> Any:
    """The add-on's preferences; None when it was registered without being enabled."""
    enabled = bpy.context.preferences.addons.get(ADDON)
    return enabled.preferences if enabled else None


def engine_python() -> str:
    """The interpreter to run the engine with, empty when none was found; looks at files for a moment at most."""
    chosen = _chosen()
    if chosen:
        found = find_python(chosen)
        return str(found.python) if found else ""
    if _search is not None:
        _search.join(_SEARCH_WITHIN)
    found = _found or find_python()
    return str(found.python) if found else ""


def known_python() -> bool:
    """Whether an interpreter was chosen or found, as far as is known now; for panels, looks at nothing."""
    return bool(_chosen() or _found or (_search is not None and _search.is_alive()))


def engine_log() -> Path | None:
    """Where the engine's standard error goes: a folder of the add-on's own."""
    try:
        return Path(bpy.utils.extension_path_user(ADDON, path="", create=True)) / _LOG
    except ValueError:  # not installed as an extension
        folder = bpy.utils.user_resource("CONFIG", path="mien", create=True)
        return Path(folder) / _LOG if folder else None


class MIEN_OT_find_python(bpy.types.Operator):
    """Look for a Python that has Mien in the usual places"""

    bl_idname = "mien.find_python"
    bl_label = "Find"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Put what is found into the preferences."""
        global _found
        _found = find_python()
        if _found is None:
            self.report({"ERROR"}, sentences.NO_PYTHON)
            return {"CANCELLED"}
        chosen = preferences()
        if chosen is not None:
            chosen.python = str(_found.python)
        self.report({"INFO"}, f"Found {_found.python} ({_found.origin})")
        return {"FINISHED"}


def found_python() -> Candidate | None:
    """What was found in the usual places, as far as is known now."""
    return _found


def _chosen() -> str:
    chosen = preferences()
    return chosen.python.strip() if chosen else ""


def _look() -> None:
    global _found
    _found = find_python()


CLASSES: tuple[type, ...] = (MIEN_OT_find_python,)


def register() -> None:
    """Look for a Python with Mien, off the main thread."""
    global _search
    _search = threading.Thread(target=_look, name="mien-find", daemon=True)
    _search.start()


def unregister() -> None:
    """Forget what was found."""
    global _found, _search
    if _search is not None:
        _search.join()
    _found = _search = None
