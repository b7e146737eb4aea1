# SPDX-License-Identifier: Apache-2.0
"""What was made with another face model: every operator that reads it says so in one sentence, and changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from blender.known_heads import known_fit, random_identity
from blender.known_motions import random_motion
from mien.addon.capture import jobs
from mien.addon.engine.client import JobState
from mien.addon.face.head import make_head
from mien.addon.motion.takes import motion_to_head
from mien.core.face_model import FaceModel
from mien.core.fit_files import save_fit
from mien.core.model_files import default_model
from mien.core.motion import Motion
from mien.core.motion_files import save_motion

from .whole_state import differences, whole_state

PHOTO = Path(__file__).parents[2] / "core" / "demo_data" / "astronaut.jpg"


class FinishedJob:
    """A job of the engine that is done: its files lie in a folder."""

    state, error, preview, text, fraction = JobState.DONE, "", None, "", 1.0

    def __init__(self, files: dict[str, Path]) -> None:
        self.files, self.result = files, {"confidence": 0.5}
        self.folder = next(iter(files.values())).parent

    def poll(self) -> JobState:
        return self.state

    def file(self, key: str) -> Path | None:
        return self.files.get(key)

    def cancel(self) -> None: ...

    def close(self) -> None: ...


def foreign_model() -> FaceModel:
    """Another face whose controls are called otherwise, all but none of ARKit's."""
    model = default_model()
    return replace(model, name="theirs", mean=model.mean * np.float32(1.1), identity_basis=model.identity_basis[:9],
                   expression_names=tuple(f"unit_{i}" for i in range(len(model.expression_names))))


def foreign_motion() -> Motion:
    """A motion of that model."""
    model = foreign_model()
    return replace(random_motion(frames=12), channels=tuple(model.expression_names), model=model.name,
                   model_hash=model.hash, identity=np.ones(len(model.identity_basis), np.float32))


@pytest.fixture
def scene() -> bpy.types.Scene:
    """Our head with a take and a shape, active; theirs with a take; frame 10."""
    scene = bpy.context.scene
    theirs = make_head(foreign_model(), name="Theirs", scene=scene)
    motion_to_head(theirs, foreign_motion(), scene=scene, name="Their Take")
    ours = make_head(default_model(), name="Ours", scene=scene, identity=random_identity(1))
    motion_to_head(ours, random_motion(frames=30), scene=scene, name="Our Take")
    _activate(ours)
    scene.frame_set(10)
    return scene


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the engine be done with these files at once."""
    def finish(**files: Path) -> None:
        monkeypatch.setattr(jobs, "submit", lambda _kind, _params: FinishedJob(files))
    return finish


def _activate(head: bpy.types.Object) -> None:
    bpy.context.view_layer.objects.active = head
    for one in bpy.data.objects:
        one.select_set(one == head)


def _refused(operator: Callable[..., set[str]], **settings: Any) -> str:
    """What an operator says; one sentence, and every value in the file is as it was."""
    before = whole_state()
    with pytest.raises(RuntimeError) as raised:
        operator(**settings)
    text = str(raised.value).strip().removeprefix("Error: ")
    assert text and len(text.splitlines()) == 1 and text.endswith("."), text
    assert "Traceback" not in text
    assert differences(before, whole_state()) == {}
    return text


@pytest.fixture
def motion_file(tmp_path: Path) -> Path:
    save_motion(foreign_motion(), tmp_path / "theirs.npz")
    return tmp_path / "theirs.npz"


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("options", [{}, {"merge": True, "reduce": True}, {"place": "CAMERA", "use_motion_rate": True},
                                     {"place": "NONE", "keep_samples": True}])
@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_import_motion(tmp_path: Path, suffix: str, options: dict[str, Any]) -> None:
    save_motion(foreign_motion(), tmp_path / f"theirs{suffix}")
    assert "theirs" in _refused(bpy.ops.mien.import_motion, filepath=str(tmp_path / f"theirs{suffix}"), **options)


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("options", [{}, {"mode": "ABSOLUTE", "merge": True}, {"calibrate": True, "match_own": True}])
def test_retarget(motion_file: Path, options: dict[str, Any]) -> None:
    assert "theirs" in _refused(bpy.ops.mien.retarget, source="Theirs", **options)
    assert "theirs" in _refused(bpy.ops.mien.retarget, filepath=str(motion_file), **options)


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("mode", ["RELATIVE", "ABSOLUTE"])
def test_retarget_video(finished: Callable[..., None], motion_file: Path, mode: str) -> None:
    finished(motion=motion_file)
    assert "theirs" in _refused(bpy.ops.mien.retarget_video, filepath=str(motion_file.with_suffix(".mp4")), mode=mode)


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("shape", ["HEAD", "VIDEO"])
def test_track_video_on_a_head(finished: Callable[..., None], motion_file: Path, shape: str) -> None:
    finished(motion=motion_file)
    _refused(bpy.ops.mien.track_video, filepath=str(motion_file.with_suffix(".mp4")), shape=shape, use_clip=False)


@pytest.mark.usefixtures("scene")
def test_track_video_with_our_channels_but_their_shape(finished: Callable[..., None], tmp_path: Path) -> None:
    """Names match, the identity means nothing: refused only where the shape is asked for."""
    motion = replace(random_motion(frames=12), model="theirs", model_hash=foreign_model().hash,
                     identity=np.ones(9, np.float32))
    save_motion(motion, tmp_path / "mixed.npz")
    finished(motion=tmp_path / "mixed.npz")
    _refused(bpy.ops.mien.track_video, filepath=str(tmp_path / "clip.mp4"), shape="VIDEO", use_clip=False)


def test_track_video_as_a_new_head(finished: Callable[..., None], scene: bpy.types.Scene, motion_file: Path) -> None:
    finished(motion=motion_file)
    bpy.context.view_layer.objects.active = None
    said = _refused(bpy.ops.mien.track_video, filepath=str(motion_file.with_suffix(".mp4")), use_clip=False)
    assert "another face model" in said


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("operator", ["load_fit", "face_from_photo"])
def test_fits(finished: Callable[..., None], tmp_path: Path, operator: str) -> None:
    model = foreign_model()
    save_fit(known_fit(64, 48, 1, model), tmp_path / "fit.npz")
    finished(fit=tmp_path / "fit.npz")
    file = tmp_path / "fit.npz" if operator == "load_fit" else PHOTO
    assert "face model" in _refused(getattr(bpy.ops.mien, operator), filepath=str(file))
    _activate(bpy.data.objects["Theirs"])
    save_fit(known_fit(64, 48, 1), tmp_path / "fit.npz")
    assert "face model" in _refused(bpy.ops.mien.load_fit, filepath=str(tmp_path / "fit.npz"))


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("place", ["KEYS", "LAYER"])
def test_prediction(place: str) -> None:
    """The network knows ARKit's controls alone: theirs cannot go on, nor be the target of ours."""
    _refused(bpy.ops.mien.predict, frames=6, place=place, target="FACE", target_face="Theirs")
    _activate(bpy.data.objects["Theirs"])
    _refused(bpy.ops.mien.predict, frames=6, place=place)


@pytest.mark.usefixtures("scene")
def test_in_between() -> None:
    theirs = bpy.data.objects["Theirs"]
    _activate(theirs)
    key = theirs.data.shape_keys.key_blocks["unit_3"]
    for frame in (40, 60):
        key.value = frame / 100
        key.keyframe_insert("value", frame=frame)
    bpy.context.scene.frame_set(50)
    _refused(bpy.ops.mien.inbetween)


@pytest.mark.usefixtures("scene")
def test_takes_of_theirs() -> None:
    assert "Their Take" in _refused(bpy.ops.mien.play_take, take="Their Take")


def test_a_head_of_theirs_whose_file_is_gone(scene: bpy.types.Scene, finished: Callable[..., None],
                                             motion_file: Path, tmp_path: Path) -> None:
    from mien.addon.face import models

    theirs = bpy.data.objects["Theirs"]
    theirs.data.mien.model_path = str(tmp_path / "gone.npz")
    models.forget()
    _activate(theirs)
    finished(motion=motion_file)
    for operator in (bpy.ops.mien.track_video, bpy.ops.mien.retarget_video):
        assert "gone.npz" in _refused(operator, filepath=str(tmp_path / "clip.mp4"))
