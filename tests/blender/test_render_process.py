# SPDX-License-Identifier: Apache-2.0
"""Rendering in another Blender: it is watched, stopped and mourned."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import pytest
from mien.addon import compat
from mien.addon.rendering import watch as renders
from mien.addon.rendering.plan import RenderPlan
from mien.addon.rendering.process import RenderProcess, Status, read_status
from mien.addon.rendering.run import render_plan
from mien.core.errors import BadInput, CannotWrite

from .videos import FRAMES, make_stage, video_facts

if not compat.can_draw():
    pytest.skip("Workbench needs libEGL", allow_module_level=True)

LIMIT = 60.0


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    yield
    renders.stop()


def _plan(path: Path, last: int = FRAMES) -> RenderPlan:
    return RenderPlan(path, 1, last, engine="WORKBENCH", samples=5)


def _wait(watch: renders.Watch, enough: Callable[[Status], bool]) -> Status:
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        status = watch.poll()
        if enough(status):
            return status
        time.sleep(0.01)
    raise AssertionError(f"still {watch.last}")


def test_the_video_comes_from_a_copy_of_the_file(tmp_path: Path) -> None:
    scene = make_stage(tmp_path)
    scene.frame_set(3)
    bpy.data.objects["Face"].name = "Umbenannt"  # not saved in any file
    before = bpy.data.filepath, bpy.data.is_dirty, scene.frame_current
    watch = renders.start(_plan(tmp_path / "talk.mp4"), scene)
    folder = watch.process.folder
    with pytest.raises(BadInput, match="still running"):
        renders.start(_plan(tmp_path / "other.mp4"), scene)
    seen = set()
    status = _wait(watch, lambda now: seen.add((now.text, now.done)) or now.state != "running")
    assert status.state == "done", status
    assert (bpy.data.filepath, bpy.data.is_dirty, scene.frame_current) == before
    assert video_facts(tmp_path / "talk.mp4") == (FRAMES, (64, 48), 25.0)
    assert ("Starting", 0) in seen
    renders.stop()
    assert not folder.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png", "talk.mp4"]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_stopped_render_leaves_whole_frames_and_no_video(tmp_path: Path, how: str) -> None:
    scene = make_stage(tmp_path)
    plan = _plan(tmp_path / "talk.mp4", 400)
    watch = renders.start(plan, scene)
    _wait(watch, lambda now: now.done >= 3)
    pid = watch.process.pid
    if how == "kill":
        os.kill(pid, signal.SIGKILL)
        status = _wait(watch, lambda now: now.state != "running")
        assert status.state == "failed" and "Blender stopped while rendering" in status.text
    renders.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not plan.output.exists() and not list(plan.folder.glob(".unfinished*"))
    ready = len(list(plan.folder.glob("*.png")))
    assert ready >= 3
    short = RenderPlan(plan.output, 1, 5, engine="WORKBENCH", samples=5)
    assert render_plan(short, scene, lambda *_: None).kept >= 3


def test_what_goes_wrong_there_is_told_here(tmp_path: Path) -> None:
    scene = make_stage(tmp_path)
    plan = _plan(tmp_path / "talk.mp4")
    watch = renders.start(plan, scene)
    (tmp_path / "photo.png").unlink()
    status = _wait(watch, lambda now: now.state != "running")
    assert status.state == "failed" and "photo.png" in status.text
    renders.stop()
    assert sorted(path.name for path in tmp_path.iterdir()) == []


def test_errors_before_the_start_start_nothing(tmp_path: Path) -> None:
    scene = make_stage(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CannotWrite):
        renders.start(_plan(tmp_path / "file" / "talk.mp4"), scene)
    scene.camera = None
    with pytest.raises(BadInput, match="no camera"):
        renders.start(_plan(tmp_path / "talk.mp4"), scene)


def test_another_file_ends_the_render(tmp_path: Path) -> None:
    watch = renders.start(_plan(tmp_path / "talk.mp4", 400), make_stage(tmp_path))
    _wait(watch, lambda now: now.done >= 1)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert not watch.process.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(watch.process.pid, 0)


def test_the_other_blender_ends_with_this_one(tmp_path: Path) -> None:
    watch = renders.start(_plan(tmp_path / "talk.mp4", 400), make_stage(tmp_path))
    _wait(watch, lambda now: now.done >= 1)
    watch.process._process.stdin.close()  # what the end of this process does
    status = _wait(watch, lambda now: now.state != "running")
    assert status.state == "failed" and "exit code 2" in status.text


def test_garbage_for_a_status_is_no_status(tmp_path: Path) -> None:
    for text in ("", "{", "[]", '{"state": "running", "what": 1}', "\x00\xff"):
        (tmp_path / "status.json").write_text(text, encoding="latin-1")
        assert read_status(tmp_path) == Status()


def test_the_last_line_of_a_crash_is_told(tmp_path: Path) -> None:
    process = RenderProcess([sys.executable, "-c", "print('no such GPU'); raise SystemExit(9)"], tmp_path)
    end = time.monotonic() + LIMIT
    while process.poll().state == "running" and time.monotonic() < end:
        time.sleep(0.01)
    assert process.poll().state == "failed"
    assert "exit code 9" in process.poll().text and "no such GPU" in process.poll().text
    process.close()
    assert not tmp_path.exists()
