# SPDX-License-Identifier: Apache-2.0
"""What another Blender makes ready for Neural Render: animation that must be evaluated, and sound."""

import math
import os
import signal
import struct
import time
import wave
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender.known_motions import TALKING_FRAMES
from blender.videos import video_facts
from engine_python import needs_engine
from mien.addon import compat
from mien.addon.capture import jobs
from mien.addon.capture.staged_job import StagedJob
from mien.addon.engine.client import JobState
from mien.addon.face import backdrop
from mien.addon.face.kept_fit import write_fit
from mien.addon.motion import layers
from mien.addon.motion.head_motion import motion_channels
from mien.addon.motion.sampling import needs_evaluation
from mien.addon.neural import ingredients
from mien.addon.neural.photo_motion import photo_motion
from mien.core.motion_files import load_motion

FIRST, LAST = TALKING_FRAMES

pytestmark = needs_engine


@pytest.fixture(autouse=True)
def nothing_left() -> object:
    yield
    jobs.cancel()
    jobs._current = None


@pytest.fixture
def in_nla(talking_face: bpy.types.Object) -> bpy.types.Object:
    """What it plays lies in strips."""
    for block in (talking_face.data.shape_keys, talking_face):
        layers.push_down(block)
    assert needs_evaluation(talking_face, motion_channels(talking_face))
    return talking_face


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files that the engine was given, at the time when it was asked."""
    found: list[str] = []
    submit = jobs.submit

    def asked(kind: str, params: dict) -> object:
        folder = Path(params["motion"]).parent
        found.extend(p.name for p in folder.iterdir())
        motions.append(load_motion(params["motion"]))
        return submit(kind, params)

    motions: list[object] = []
    monkeypatch.setattr(jobs, "submit", asked)
    monkeypatch.setattr(jobs, "motions", motions, raising=False)
    return found


def _tone(path: Path, seconds: float = 3.0) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        sound.writeframes(b"".join(struct.pack("<h", int(16000 * math.sin(i * 0.2)))
                                   for i in range(int(16000 * seconds))))
    return path


def _loudness(path: Path) -> float:
    import aud

    return float(np.sqrt(np.mean(np.square(aud.Sound(str(path)).data()))))


def _render(path: Path, **settings: object) -> set[str]:
    return bpy.ops.mien.neural_render(filepath=str(path), renderer="MESH", **settings)


def test_what_must_be_evaluated_is_read_elsewhere(in_nla: bpy.types.Object, seen: list[str], tmp_path: Path) -> None:
    scene = bpy.context.scene
    wanted = photo_motion(in_nla, scene, write_fit(in_nla.data, tmp_path / "fit.npz"), FIRST, LAST)
    before = scene.frame_current, bpy.data.filepath
    assert _render(tmp_path / "talk.mp4") == {"FINISHED"}
    assert (scene.frame_current, bpy.data.filepath) == before
    assert video_facts(tmp_path / "talk.mp4")[0] == LAST - FIRST + 1
    (got,) = jobs.motions
    np.testing.assert_allclose(got.expression, wanted.expression, atol=1e-6)
    np.testing.assert_allclose(got.rotation, wanted.rotation, atol=1e-6)
    np.testing.assert_allclose(got.translation, wanted.translation, atol=1e-6)
    assert wanted.expression.std(0).max() > 0.005
    assert not list(Path(bpy.app.tempdir).glob("mien-*"))


def test_curves_alone_need_no_other_blender(talking_face: bpy.types.Object, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(ingredients, "launch_child", never)
    assert _render(tmp_path / "talk.mp4") == {"FINISHED"}


def test_a_layer_on_top_counts(talking_face: bpy.types.Object, seen: list[str], tmp_path: Path) -> None:
    fit, scene = write_fit(talking_face.data, tmp_path / "fit.npz"), bpy.context.scene
    plain = photo_motion(talking_face, scene, fit, FIRST, LAST)
    assert bpy.ops.mien.idle(place="LAYER") == {"FINISHED"}
    assert _render(tmp_path / "talk", kind="PNG") == {"FINISHED"}
    (got,) = jobs.motions
    assert np.abs(got.rotation - plain.rotation).max() > 1e-3


def _staged(text: str, what: Callable[[StagedJob], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something once, while the other Blender is at work."""
    poll, done = StagedJob.poll, []

    def watched(job: StagedJob) -> JobState:
        state = poll(job)
        if job.last is None and job.text.startswith(text) and not done and not state.final:
            done.append(1)
            what(job)
        return state

    monkeypatch.setattr(StagedJob, "poll", watched)


def test_cancelled_before_the_engine_was_asked(in_nla: bpy.types.Object, seen: list[str], tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    _staged("Starting", lambda _: jobs.cancel("Neural Render was cancelled."), monkeypatch)
    assert _render(tmp_path / "talk.mp4") == {"CANCELLED"}
    assert not seen and not list(tmp_path.iterdir())
    assert not list(Path(bpy.app.tempdir).glob("mien-*"))
    assert _render(tmp_path / "talk.mp4") == {"FINISHED"}


def test_the_other_blender_is_killed(in_nla: bpy.types.Object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(job: StagedJob) -> None:
        os.kill(job._process.pid, signal.SIGKILL)
        time.sleep(0.2)

    _staged("Starting", kill, monkeypatch)
    with pytest.raises(RuntimeError, match="Blender stopped"):
        _render(tmp_path / "talk", kind="PNG")
    assert not list(tmp_path.iterdir()) and jobs.running() is None
    assert not list(Path(bpy.app.tempdir).glob("mien-*"))


def test_what_the_other_blender_cannot_do_is_said(in_nla: bpy.types.Object, tmp_path: Path) -> None:
    in_nla.mien.camera.location.y += 50
    with pytest.raises(RuntimeError, match="behind the camera"):
        _render(tmp_path / "talk.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not compat.has_sound(), reason="this Blender was built without its sound library")
def test_the_scenes_sound_is_in_the_video(talking_face: bpy.types.Object, seen: list[str], tmp_path: Path) -> None:
    editor, scene = bpy.context.scene.sequence_editor_create(), bpy.context.scene
    scene.frame_end = FIRST + 24
    strip = compat.strips(editor).new_sound(name="tone", filepath=str(_tone(tmp_path / "tone.wav")), channel=1,
                                            frame_start=FIRST)
    assert _render(tmp_path / "talk.mp4") == {"FINISHED"}
    assert "sound.mka" in seen and _loudness(tmp_path / "talk.mp4") > 0.05
    assert video_facts(tmp_path / "talk.mp4") == (25, (512, 512), 25.0)
    assert [s.name for s in compat.strips(scene.sequence_editor)] == ["tone"] and scene.frame_start == FIRST
    seen.clear()
    assert _render(tmp_path / "quiet.mp4", sound=False) == {"FINISHED"}
    strip.mute = True
    assert _render(tmp_path / "mute.mp4") == {"FINISHED"}
    assert "sound.mka" not in seen


@pytest.mark.skipif(not compat.has_sound(), reason="this Blender was built without its sound library")
def test_the_sound_of_the_clip_behind_the_face(talking_face: bpy.types.Object, seen: list[str], tmp_path: Path) -> None:
    scene = bpy.context.scene
    compat.strips(scene.sequence_editor_create()).new_sound(
        name="tone", filepath=str(_tone(tmp_path / "tone.wav")), channel=1, frame_start=FIRST)
    assert _render(tmp_path / "clip.mp4") == {"FINISHED"}
    compat.strips(scene.sequence_editor).remove(compat.strips(scene.sequence_editor)[0])
    backdrop.show_behind(scene.camera, backdrop.load_picture(str(tmp_path / "clip.mp4")), start_frame=FIRST,
                         frames=LAST - FIRST + 1)
    seen.clear()
    assert _render(tmp_path / "talk.mp4") == {"FINISHED"}
    assert "sound.mka" in seen and _loudness(tmp_path / "talk.mp4") > 0.02
