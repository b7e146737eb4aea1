# SPDX-License-Identifier: Apache-2.0
"""Tests inside Blender: `make test-blender` runs them with each bpy, a process each.

The folder is imported as the package ``mien`` and enabled as Blender enables an add-on, once a process; each test
starts with an empty scene. That the zip works as ``bl_ext.user_default.mien`` is test_extension.py's matter.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESOURCES = Path(tempfile.mkdtemp(prefix="mien-blender-"))
os.environ["BLENDER_USER_RESOURCES"] = str(RESOURCES)  # before bpy is imported: the user's own settings stay out


def _folder_under_its_name() -> str:
    """A folder in which the repository is called ``mien``."""
    names = ROOT / "build" / "types"
    names.mkdir(parents=True, exist_ok=True)
    if not (names / "mien").is_dir():
        (names / "mien").unlink(missing_ok=True)
        (names / "mien").symlink_to(Path("..", ".."))
    return str(names)


sys.path.insert(0, _folder_under_its_name())

try:
    import bpy
except ImportError as error:
    pytest.exit(f"these tests need bpy, run them by `make test-blender` ({error})", returncode=3)


@pytest.fixture(scope="session")
def addon_enabled() -> None:
    """The add-on registered by Blender's own way, with its preferences."""
    import addon_utils

    failures: list[Exception] = []
    addon_utils.enable("mien", default_set=True, handle_error=failures.append)
    if failures:
        raise failures[0]


@pytest.fixture(autouse=True)
def blender(addon_enabled: None) -> Iterator[None]:
    """An empty scene, factory settings, the add-on registered; whatever a test left is dropped by the next."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert not bpy.data.objects
    yield


@pytest.fixture(scope="session")
def photo_file(addon_enabled: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A .blend with a face as Face from Photo left it; needs the engine."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    photo = str(ROOT / "core" / "demo_data" / "astronaut.jpg")
    assert bpy.ops.mien.face_from_photo(filepath=photo, texture_size="512") == {"FINISHED"}
    bpy.context.scene.render.fps = 25
    path = str(tmp_path_factory.mktemp("face") / "gesicht ü.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    return path


@pytest.fixture
def photo_face(blender: None, photo_file: str) -> bpy.types.Object:
    """The face in that file, active."""
    bpy.ops.wm.open_mainfile(filepath=photo_file)
    found = next(thing for thing in bpy.data.objects if thing.type == "MESH" and thing.data.mien.is_head)
    bpy.context.view_layer.objects.active = found
    return found


@pytest.fixture
def talking_face(photo_face: bpy.types.Object) -> bpy.types.Object:
    """It plays the demo's motion; a few frames of it are the scene's."""
    from blender.known_motions import TALKING, TALKING_FRAMES

    scene = bpy.context.scene
    assert bpy.ops.mien.import_motion(filepath=str(TALKING), extend_scene=False) == {"FINISHED"}
    scene.frame_start, scene.frame_end = TALKING_FRAMES
    scene.frame_set(scene.frame_start)
    return photo_face


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config._exit_status = int(exitstatus)  # type: ignore[attr-defined]


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave at once: when Python ends by itself, bpy 4.2 can crash and 4.5 can hang."""
    shutil.rmtree(RESOURCES, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(getattr(config, "_exit_status", 1))
