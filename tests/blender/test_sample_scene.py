# SPDX-License-Identifier: Apache-2.0
"""The scene to begin with."""

from pathlib import Path

import bpy
import numpy as np
import pytest
from mien.addon import compat, sample_scene
from mien.addon.face.head import is_head
from mien.addon.motion import head_motion
from mien.addon.rendering.plan import RenderPlan
from mien.addon.rendering.run import render_plan
from mien.core.errors import MienError
from mien.core.model_files import default_model
from mien.core.motion_files import load_motion

from .videos import picture_of


def _counts() -> dict[str, int]:
    names = ("scenes", "collections", "objects", "meshes", "materials", "lights", "cameras", "actions", "images")
    return {name: len(getattr(bpy.data, name)) for name in names}


def test_the_face_talks_as_the_motion_does() -> None:
    scene = sample_scene.make_sample()
    (head,) = [thing for thing in scene.objects if is_head(thing)]
    motion = load_motion(sample_scene.MOTION, default_model())
    assert (scene.frame_start, scene.frame_end, scene.render.fps) == (1, len(motion), motion.fps)
    found = head_motion.head_to_motion(head, scene, 1, len(motion))
    order = [found.channels.index(name) for name in motion.channels]
    np.testing.assert_allclose(found.expression[:, order], motion.expression, atol=1e-5)


def test_the_face_is_in_the_picture() -> None:
    if not compat.can_draw():
        pytest.skip("Workbench needs libEGL")
    scene = sample_scene.make_sample()
    scene.render.resolution_percentage = 10
    folder = Path(bpy.app.tempdir)
    plan = RenderPlan(folder / "sample", 60, 60, kind="PNG", background="TRANSPARENT", engine="WORKBENCH", samples=5)
    # the wall is part of the scene; without it only the head has a surface
    next(thing for thing in scene.objects if "Background" in thing.name).hide_render = True
    render_plan(plan, scene, lambda *_: None)
    cover = picture_of(plan.frame_path(60))[..., 3] > 127
    height, width = cover.shape
    rows, columns = np.flatnonzero(cover.any(1)), np.flatnonzero(cover.any(0))
    assert 0.05 * height < rows[0] < 0.3 * height and rows[-1] == height - 1
    assert columns[0] > 0.1 * width and columns[-1] < 0.9 * width
    assert abs(columns.mean() / width - 0.5) < 0.1


def test_it_looks_like_a_portrait_in_light() -> None:
    scene = sample_scene.make_sample()
    scene.render.resolution_percentage, scene.cycles.use_denoising = 9, False
    plan = RenderPlan(Path(bpy.app.tempdir) / "lit", 60, 60, kind="PNG", engine="CYCLES", samples=8)
    render_plan(plan, scene, lambda *_: None)
    pixels = picture_of(plan.frame_path(60))[..., :3].astype(float)
    side = len(pixels)
    face = pixels[int(0.4 * side):int(0.65 * side), int(0.4 * side):int(0.6 * side)].mean((0, 1))
    corner = pixels[:side // 8, -side // 8:].mean((0, 1))
    assert face[0] > face[1] > face[2] and 110 < face[0] < 235
    assert corner.max() < 60 and face.min() > corner.max() + 30


def test_the_users_scene_is_left_alone_and_the_new_one_is_shown() -> None:
    mine = bpy.context.scene
    assert bpy.ops.mien.sample_scene() == {"FINISHED"}
    shown = bpy.context.window.scene
    assert shown.name == "Mien Sample" and shown != mine and not mine.objects and mine.camera is None
    assert is_head(shown.view_layers[0].objects.active)
    assert bpy.ops.mien.sample_scene() == {"FINISHED"}
    assert len([scene for scene in bpy.data.scenes if scene.name.startswith("Mien Sample")]) == 2


def test_a_missing_file_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = _counts()
    with monkeypatch.context() as patch:
        patch.setattr(sample_scene, "MOTION", tmp_path / "none.npz")
        with pytest.raises(MienError):
            sample_scene.make_sample()
        assert _counts() == before
    monkeypatch.setattr(sample_scene, "_set_look", lambda _scene: (_ for _ in ()).throw(RuntimeError("late")))
    with pytest.raises(RuntimeError, match="late"):
        sample_scene.make_sample()
    assert _counts() == before
