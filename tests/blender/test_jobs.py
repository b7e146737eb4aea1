# SPDX-License-Identifier: Apache-2.0
"""Jobs in Blender: whatever becomes of engine, scene or head, Blender goes on and nothing half-made stays."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from engine_peers import NONSENSE, STAGES, peer
from engine_python import PYTHON, needs_engine, still_clip
from mien.addon import engine_choice, engine_test
from mien.addon.capture import job_preview, jobs
from mien.addon.capture.jobs import Request
from mien.addon.engine import client, shared
from mien.addon.engine.client import JobState
from mien.addon.face.head import heads_in, make_head
from mien.addon.refs import Ref
from mien.core.model_files import default_model

from .whole_state import differences, whole_state

PHOTO = Path(__file__).parents[2] / "core" / "demo_data" / "astronaut.jpg"
BADLY = {**STAGES, **NONSENSE}


@pytest.fixture(autouse=True)
def nothing_left() -> object:
    """No job runs after a test, and no engine either."""
    yield
    jobs.cancel()
    jobs._current = None
    shared.stop_engine()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Runs code in place of the engine."""
    def use(code: str) -> None:
        command = peer(tmp_path, code)
        monkeypatch.setattr(jobs, "engine_python", lambda: sys.executable)
        monkeypatch.setattr(shared, "command", lambda python: command)
    return use


@pytest.fixture
def waiting(fake: Callable[[str], None]) -> Callable[..., jobs.Task]:
    """Starts a job that would take for ever."""
    fake("greet(); i = hear('job')['id']; say(type='progress', id=i, fraction=.5, text='half')\n"
         "hear('cancel'); say(type='cancelled', id=i); hear()")

    def start(head: bpy.types.Object | None = None) -> jobs.Task:
        task = jobs.start(Request("wait", {"seconds": 60}, "Waiting", head), bpy.context.scene)
        while task.poll() is not JobState.RUNNING:
            time.sleep(0.01)
        return task
    return start


def _counts() -> dict[str, int]:
    names = ("objects", "meshes", "materials", "images", "cameras", "actions", "shape_keys", "scenes")
    return {name: len(getattr(bpy.data, name)) for name in names}


def _head(name: str = "head") -> bpy.types.Object:
    head = make_head(default_model(), name=name, scene=bpy.context.scene)
    bpy.context.view_layer.update()
    bpy.context.view_layer.objects.active = head
    return head


def _refusal(operator: Callable[..., set[str]], **settings: object) -> str:
    """What an operator says when it cannot; one sentence, nothing made."""
    before = _counts()
    with pytest.raises(RuntimeError) as raised:
        operator(**settings)
    text = str(raised.value).strip()
    assert len(text.splitlines()) == 1 and "Traceback" not in text
    assert _counts() == before and jobs.running() is None
    return text


@pytest.mark.parametrize("name", ["face_from_photo", "track_video", "retarget_video"])
@pytest.mark.parametrize("stage", BADLY)
def test_a_bad_engine_is_one_sentence(stage: str, name: str, fake: Callable[[str], None]) -> None:
    fake(BADLY[stage])
    _head()
    before = whole_state()
    assert "engine" in _refusal(getattr(bpy.ops.mien, name), filepath=str(PHOTO))
    assert differences(before, whole_state()) == {}


@pytest.mark.parametrize("code", ["hear('hello'); time.sleep(60)", "greet(); hear('job'); time.sleep(60)"])
def test_an_engine_that_hangs_is_one_sentence(code: str, fake: Callable[[str], None],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    fake(code)
    monkeypatch.setattr(client, "READY_WITHIN", 0.5)
    monkeypatch.setattr(client, "SILENT_FOR", 0.5)
    assert "The engine" in _refusal(bpy.ops.mien.face_from_photo, filepath=str(PHOTO))


@needs_engine
def test_after_a_bad_engine_a_good_one_is_started(fake: Callable[[str], None],
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        fake(STAGES["killed in the job"])
        assert "signal 9" in _refusal(bpy.ops.mien.face_from_photo, filepath=str(PHOTO))
        del patch
    monkeypatch.undo()
    assert bpy.ops.mien.face_from_photo(filepath=str(PHOTO), texture_size="0") == {"FINISHED"}
    os.kill(shared._engine.pid, 9)
    time.sleep(0.2)
    assert bpy.ops.mien.face_from_photo(filepath=str(PHOTO), texture_size="0") == {"FINISHED"}
    assert len(heads_in(bpy.context)) == 2


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\3\4" + bytes(100)])
def test_a_result_that_is_damaged(fake: Callable[[str], None], content: bytes) -> None:
    fake(f"folder = greet(); i = hear('job')['id']; os.mkdir(folder + '/' + i)\n"
         "for n in ('face.npz', 'motion.npz', 'texture.png'):\n"
         f"    open(folder + '/' + i + '/' + n, 'wb').write({content!r})\n"
         "say(type='result', id=i, result=dict(fit='face.npz', motion='motion.npz', texture='texture.png'))\nhear()")
    _refusal(bpy.ops.mien.face_from_photo, filepath=str(PHOTO))
    shared.stop_engine()
    _refusal(bpy.ops.mien.track_video, filepath=str(PHOTO))


@pytest.mark.parametrize("result", [{}, {"fit": None}, {"fit": "../x"}, {"fit": 5}, {"fit": "missing.npz"}])
def test_a_result_that_is_missing(fake: Callable[[str], None], result: dict) -> None:
    fake(f"greet(); i = hear('job')['id']; say(type='result', id=i, result={result!r}); hear()")
    assert "same version" in _refusal(bpy.ops.mien.face_from_photo, filepath=str(PHOTO))


def test_no_python_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "engine_python", lambda: "")
    assert "pip install" in _refusal(bpy.ops.mien.face_from_photo, filepath=str(PHOTO))


def test_no_file_was_chosen() -> None:
    assert "chosen" in _refusal(bpy.ops.mien.face_from_photo)
    assert "chosen" in _refusal(bpy.ops.mien.track_video)


@needs_engine
def test_paths_that_nobody_can_open(tmp_path: Path) -> None:
    for path in ("/" + "long/" * 150 + "x.jpg", str(tmp_path), str(tmp_path / "leer 空.jpg")):
        _refusal(bpy.ops.mien.face_from_photo, filepath=path)
        _refusal(bpy.ops.mien.track_video, filepath=path)


def test_a_head_that_is_deleted_cancels_its_job(waiting: Callable[..., jobs.Task]) -> None:
    head = _head()
    task = waiting(head)
    bpy.data.objects.remove(head)
    assert task.poll() is JobState.CANCELLED
    assert "“head” is gone" in task.why_cancelled


def test_a_scene_that_is_deleted_cancels_its_job(waiting: Callable[..., jobs.Task]) -> None:
    first = bpy.context.scene
    bpy.data.scenes.new("other")
    task = waiting()
    bpy.data.scenes.remove(first)
    assert task.poll() is JobState.CANCELLED and "gone" in task.why_cancelled


def test_a_head_with_another_name_keeps_its_job(waiting: Callable[..., jobs.Task]) -> None:
    head = _head()
    task = waiting(head)
    head.name = "renamed"
    _head("head")
    assert task.poll() is JobState.RUNNING
    assert task.head.get() == head


def test_undo_keeps_the_job_and_finds_the_head_again(waiting: Callable[..., jobs.Task]) -> None:
    head = _head()
    bpy.ops.ed.undo_push(message="head")
    head.location.x = 3
    bpy.ops.ed.undo_push(message="moved")
    task = waiting(head)
    bpy.ops.ed.undo()
    assert task.poll() is JobState.RUNNING and task.head.get().location.x == 0


def test_another_file_cancels_the_job(waiting: Callable[..., jobs.Task], tmp_path: Path) -> None:
    _head()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "one.blend"))
    for load in (lambda: bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "one.blend")),
                 lambda: bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)):
        task = waiting(heads_in(bpy.context)[0])
        load()
        assert task.job.state is JobState.CANCELLED and jobs.running() is None
        shared.stop_engine()


def test_one_job_at_a_time(waiting: Callable[..., jobs.Task]) -> None:
    waiting()
    with pytest.raises(RuntimeError, match="still running"):
        bpy.ops.mien.face_from_photo(filepath=str(PHOTO))
    assert bpy.ops.mien.cancel_job() == {"FINISHED"}
    assert jobs.running().job.state is JobState.CANCELLED


def test_polling_costs_little(waiting: Callable[..., jobs.Task]) -> None:
    task, worst = waiting(_head()), 0.0
    for _ in range(200):
        before = time.thread_time()
        task.poll()
        worst = max(worst, time.thread_time() - before)
    assert worst < 0.02


def test_disabling_ends_the_engine_and_the_job(waiting: Callable[..., jobs.Task]) -> None:
    import mien

    task, pid = waiting(), shared._engine.pid
    mien.unregister()
    try:
        assert task.job.state is JobState.CANCELLED and jobs.running() is None and shared._engine is None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert not hasattr(bpy.types.WindowManager, "mien_job")
        assert jobs._before_load not in bpy.app.handlers.load_pre
    finally:
        mien.register()


@needs_engine
def test_a_linked_head_is_not_touched(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    still_clip(PHOTO, clip)
    _head("linked")
    library = str(tmp_path / "library ü.blend")
    bpy.ops.wm.save_as_mainfile(filepath=library)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(library, link=True) as (_, wanted):
        wanted.objects = ["linked"]
    head = wanted.objects[0]
    bpy.context.scene.collection.objects.link(head)
    bpy.context.view_layer.update()
    bpy.context.view_layer.objects.active = head
    for shape in ("HEAD", "VIDEO", "AUTO"):
        text = _refusal(bpy.ops.mien.track_video, filepath=str(clip), shape=shape)
        assert "file" in text
    assert "file" in _refusal(bpy.ops.mien.retarget_video, filepath=str(clip))


@pytest.mark.parametrize("shape", [(256, 256, 3), (100, 256, 3), (256, 31, 3), (1, 1, 3)])
def test_previews_become_square_pictures(shape: tuple[int, ...], tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.save(tmp_path / "p.npy", rgb)
    square = job_preview._read(tmp_path / "p.npy")
    assert square.shape == (256, 256, 4)
    inside = square[..., 3] == 255
    assert inside.sum() == shape[0] * shape[1]
    np.testing.assert_array_equal(square[inside][:, :3], rgb[::-1].reshape(-1, 3))
    assert job_preview.show(tmp_path / "p.npy") and not job_preview.show(tmp_path / "p.npy")
    assert job_preview.show(None)


@pytest.mark.parametrize("bad", [np.zeros((9999, 2, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)),
                                 np.array([object()]), None])
def test_a_bad_preview_is_passed_over(bad: np.ndarray | None, tmp_path: Path) -> None:
    if bad is not None:
        np.save(tmp_path / "p.npy", bad, allow_pickle=True)
    assert not job_preview.show(tmp_path / "p.npy") and job_preview.icon() == 0


@needs_engine
def test_the_preferences_find_and_test_the_engine() -> None:
    chosen = engine_choice.preferences()
    assert chosen is not None
    chosen.python = PYTHON
    assert bpy.ops.mien.test_engine() == {"FINISHED"}
    parts = [text.split(":")[0] for icon, text in engine_test.current_test().lines if icon == "CHECKMARK"]
    assert parts[0] == "Engine" and {"Python", "base packages", "face model", "landmarks"} <= set(parts)
    chosen.python = str(PHOTO)
    with pytest.raises(RuntimeError, match="could not be started"):
        bpy.ops.mien.test_engine()
    chosen.python = ""
    assert bpy.ops.mien.find_python() == {"FINISHED"} and Path(chosen.python).exists()
    chosen.python = ""


def test_a_name_that_is_reused_is_not_the_same_object() -> None:
    one = bpy.data.objects.new("x", None)
    ref = Ref(one)
    assert ref.get() == one
    bpy.data.objects.remove(one)
    bpy.data.objects.new("x", None)
    assert ref.get() is None


@pytest.mark.parametrize(("handler", "suffixes", "operator"), [("MIEN_FH_photo", (".jpg", ".png"), "face_from_photo"),
                                                               ("MIEN_FH_video", (".mp4", ".mov"), "track_video")])
def test_files_may_be_dropped(handler: str, suffixes: tuple[str, ...], operator: str) -> None:
    cls = getattr(bpy.types, handler)
    assert cls.bl_import_operator == f"mien.{operator}" and hasattr(bpy.ops.mien, operator)
    assert set(suffixes) <= set(cls.bl_file_extensions.split(";"))
    assert "filepath" in getattr(bpy.ops.mien, operator).get_rna_type().properties
