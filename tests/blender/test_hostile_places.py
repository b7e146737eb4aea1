# SPDX-License-Identifier: Apache-2.0
"""Places that cannot be written, names that are too long, names in other scripts: every operator that reads or writes
a file says what is wrong in one sentence, or does it; nothing half-made stays.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy
import pytest
from blender.known_heads import known_fit
from blender.known_motions import random_motion
from engine_python import needs_engine, still_clip
from mien.addon import compat, engine_choice
from mien.addon.engine import shared
from mien.addon.face.head import heads_in, make_head
from mien.addon.motion.takes import motion_to_head
from mien.core.fit_files import save_fit
from mien.core.model_files import default_model
from mien.core.motion_files import save_motion

from .videos import make_stage
from .whole_state import differences, whole_state

PHOTO = Path(__file__).parents[2] / "core" / "demo_data" / "astronaut.jpg"
ODD_NAMES = ("Gesicht ü 顔 😀", "a  b.c'd\"e", "%d {x} #")
NOBODY = 65534

Write = Callable[[str], set[str]]


def _export(path: str) -> set[str]:
    return bpy.ops.mien.export_motion(filepath=path)


def _gltf(path: str) -> set[str]:
    return bpy.ops.mien.export_gltf(filepath=path, animation=False)


def _render(path: str, **options: Any) -> set[str]:
    return bpy.ops.mien.render_video(filepath=path, engine="WORKBENCH", frame_start=1, frame_end=1, **options)


WRITERS: dict[str, tuple[str, Write]] = {
    "npz": (".npz", _export), "json": (".json", _export), "csv": (".csv", _export), "gltf": (".glb", _gltf),
    "mp4": (".mp4", _render), "png": ("", lambda path: _render(path, kind="PNG"))}
READERS: dict[str, tuple[str, Callable[[Path], object], str, str]] = {
    "import_motion": (".npz", lambda path: save_motion(random_motion(frames=5), path), "import_motion", "filepath"),
    "retarget": (".npz", lambda path: save_motion(random_motion(frames=5), path), "retarget", "filepath"),
    "load_fit": (".npz", lambda path: save_fit(known_fit(64, 48, 3), path), "load_fit", "filepath"),
    "set_texture": (".jpg", lambda path: shutil.copy(PHOTO, path), "set_texture", "filepath")}
WITH_ENGINE: dict[str, tuple[str, Callable[[Path], object], str, str]] = {
    "face_from_photo": (".jpg", lambda path: shutil.copy(PHOTO, path), "face_from_photo", "filepath"),
    "track_video": (".mp4", lambda path: still_clip(PHOTO, path), "track_video", "filepath"),
    "retarget_video": (".mp4", lambda path: still_clip(PHOTO, path), "retarget_video", "filepath")}


@pytest.fixture(autouse=True, scope="module")
def engine_stopped() -> Iterator[None]:
    yield
    shared.stop_engine()


@pytest.fixture
def scene(tmp_path: Path) -> bpy.types.Scene:
    """A small head that moves, before nothing, active."""
    scene = make_stage(tmp_path, picture=False)
    head = heads_in(bpy.context)[0]
    bpy.context.view_layer.objects.active = head
    return scene


def too_long(folder: Path, suffix: str) -> dict[str, Path]:
    """Names and paths longer than file systems take, in bytes and in characters."""
    return {"name": folder / f"{'n' * 300}{suffix}", "bytes": folder / f"{'顔' * 100}{suffix}",
            "path": folder.joinpath(*["d" * 200] * 25) / f"x{suffix}"}


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


def refused(act: Callable[[], set[str]], folder: Path) -> str:
    """What an operator says when it cannot: one sentence; the file that is open and the folder are as they were."""
    before, files = whole_state(), everything_in(folder)
    with pytest.raises(RuntimeError) as raised:
        act()
    said = str(raised.value).strip().removeprefix("Error: ")
    assert said and len(said.splitlines()) == 1 and "Traceback" not in said, said
    assert differences(before, whole_state()) == {}
    assert everything_in(folder) == files
    return said


def _can_draw(kind: str) -> None:
    if kind in ("mp4", "png") and not compat.can_draw():
        pytest.skip("Workbench needs libEGL")


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("kind", WRITERS)
def test_where_nobody_may_write(kind: str, tmp_path: Path) -> None:
    """Not even root makes files in /proc."""
    if not Path("/proc/self").is_dir():
        pytest.skip("there is no /proc here")
    suffix, write = WRITERS[kind]
    for folder in ("/proc", "/proc/self", "/proc/nowhere/at all"):
        assert "/proc" in refused(lambda place=folder: write(f"{place}/out{suffix}"), tmp_path)
    assert "/dev/null" in refused(lambda: write("/dev/null/out" + suffix), tmp_path)


@pytest.fixture
def locked() -> Iterator[Path]:
    """A folder that its owner may not write, in one that all may enter, which holds a saved .blend."""
    outer = Path(tempfile.mkdtemp(prefix="mien-locked-"))
    outer.chmod(0o755)
    folder = outer / "locked"
    folder.mkdir()
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(outer)


class Unprivileged:
    """As the user nobody where we are root, which may write everywhere; else as who we are."""

    def __enter__(self) -> None:
        if os.geteuid() == 0:
            os.setegid(NOBODY)
            os.seteuid(NOBODY)

    def __exit__(self, *_: object) -> None:
        if os.getuid() == 0:
            os.seteuid(0)
            os.setegid(0)


def _not_writable(folder: Path) -> bool:
    folder.chmod(0o555)
    try:
        with Unprivileged():
            try:
                (folder / "try").write_text("")
            except OSError:
                return True
    except OSError:  # not allowed to be nobody
        return False
    (folder / "try").unlink()
    return False


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no users to change between")
@pytest.mark.parametrize("kind", WRITERS)
def test_read_only_folders(scene: bpy.types.Scene, kind: str, locked: Path) -> None:
    """Also that of the .blend itself. What is there already stays as it is."""
    _can_draw(kind)
    suffix, write = WRITERS[kind]
    bpy.ops.wm.save_as_mainfile(filepath=str(locked / "scene.blend"))
    names = {"png": "out_frames/out_0001.png"}
    assert write(f"//out{suffix}") == {"FINISHED"}, "where it may be written it is"
    there = locked / names.get(kind, f"out{suffix}")
    content = there.read_bytes()
    if kind == "png":
        there.parent.chmod(0o555)
        scene.camera.data.lens *= 1.1
    if not _not_writable(locked):
        pytest.skip("this file system lets everybody write")
    with Unprivileged():
        refused(lambda: write(f"//out{suffix}"), locked)
        refused(lambda: write(str(locked / f"new{suffix}")), locked)
        refused(lambda: write(str(locked / "deeper" / f"new{suffix}")), locked)
    assert there.read_bytes() == content
    there.parent.chmod(0o755)


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("kind", WRITERS)
def test_writing_to_names_that_are_too_long(kind: str, tmp_path: Path) -> None:
    _can_draw(kind)
    suffix, write = WRITERS[kind]
    for path in too_long(tmp_path, suffix).values():
        refused(lambda path=path: write(str(path)), tmp_path)


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in WRITERS for name in ODD_NAMES
                                            if kind != "gltf" or name == ODD_NAMES[0]])
def test_writing_to_names_in_other_scripts(kind: str, name: str, tmp_path: Path) -> None:
    _can_draw(kind)
    suffix, write = WRITERS[kind]
    folder = tmp_path / name
    folder.mkdir()
    assert write(str(folder / f"{name}{suffix}")) == {"FINISHED"}
    made = folder / (f"{name}_frames/{name}_0001.png" if kind == "png" else f"{name}{suffix}")
    assert made.stat().st_size > 100
    assert [path.name for path in folder.iterdir()] == [f"{name}_frames" if kind == "png" else made.name]


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("kind", WRITERS)
def test_names_and_paths_that_just_fit(kind: str, tmp_path: Path) -> None:
    """A name of 255 bytes, and a path longer than Blender's own 1023: done, or refused, and never half-made."""
    _can_draw(kind)
    suffix, write = WRITERS[kind]
    room = 255 - len(suffix)
    longest = tmp_path / f"{'n' * room}{suffix}"
    deep = tmp_path.joinpath(*["e" * 200] * 6)
    deep.mkdir(parents=True)
    for path in (longest, deep / f"out{suffix}"):
        before = everything_in(tmp_path)
        try:
            done = write(str(path)) == {"FINISHED"}
        except RuntimeError as error:
            assert len(str(error).strip().splitlines()) == 1 and "Traceback" not in str(error), error
            assert everything_in(tmp_path) == before
        else:
            assert done
            assert kind not in ("mp4", "png"), "Blender itself cannot write there"
            assert path.stat().st_size > 100
            assert everything_in(tmp_path) == sorted([*before, str(path)])
    if kind in ("npz", "json", "csv"):
        assert longest.is_file() and (deep / f"out{suffix}").is_file(), "nothing stands against it"


def _read(kind: str, table: dict[str, tuple[str, Callable[[Path], object], str, str]], path: Path) -> set[str]:
    _, _, operator, setting = table[kind]
    return getattr(bpy.ops.mien, operator)(**{setting: str(path)})


def _reading(kind: str, table: dict[str, tuple[str, Callable[[Path], object], str, str]], folder: Path) -> None:
    """Names too long, odd names, a path longer than Blender's own."""
    suffix, make, _, _ = table[kind]
    for path in too_long(folder, suffix).values():
        refused(lambda path=path: _read(kind, table, path), folder)
    source = folder / f"source{suffix}"
    make(source)
    odd = folder / ODD_NAMES[0]
    odd.mkdir()
    shutil.copy(source, odd / f"{ODD_NAMES[0]}{suffix}")
    assert _read(kind, table, odd / f"{ODD_NAMES[0]}{suffix}") == {"FINISHED"}
    deep = folder.joinpath(*["e" * 200] * 6)
    deep.mkdir(parents=True)
    shutil.copy(source, deep / f"in{suffix}")
    before = whole_state()
    try:
        assert _read(kind, table, deep / f"in{suffix}") == {"FINISHED"}
    except RuntimeError as error:
        assert len(str(error).strip().splitlines()) == 1 and "Traceback" not in str(error), error
        assert differences(before, whole_state()) == {}


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("kind", READERS)
def test_reading(kind: str, tmp_path: Path) -> None:
    _reading(kind, READERS, tmp_path)


@needs_engine
@pytest.mark.parametrize("kind", WITH_ENGINE)
def test_reading_by_the_engine(kind: str, tmp_path: Path) -> None:
    head = make_head(default_model(), name="head", scene=bpy.context.scene)
    motion_to_head(head, random_motion(frames=5), scene=bpy.context.scene)
    bpy.context.view_layer.objects.active = head
    _reading(kind, WITH_ENGINE, tmp_path)


@pytest.mark.parametrize("value", ["n" * 300, "/" + "/".join(["d" * 200] * 25), "/proc", "/dev/null",
                                   "/Gesicht ü 顔 😀/bin/python3", "~nobody-of-this-name/x", "~" * 300])
def test_the_preferences_python(value: str, tmp_path: Path) -> None:
    """Wherever it points: one sentence, panels that draw, and the right one works afterwards."""
    chosen = engine_choice.preferences()
    before = chosen.python
    try:
        chosen.python = value
        refused(bpy.ops.mien.test_engine, tmp_path)
        refused(lambda: bpy.ops.mien.face_from_photo(filepath=str(PHOTO)), tmp_path)
        chosen._draw_state(_Paper())
    finally:
        chosen.python = before


class _Paper:
    """A layout that takes anything."""

    def __getattr__(self, _name: str) -> Callable[..., "_Paper"]:
        return lambda *_args, **_options: self
