# SPDX-License-Identifier: Apache-2.0
"""Track Video and Retarget Video with the real engine, on a clip made from the demo's portrait."""

import subprocess
from pathlib import Path

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from engine_python import PYTHON, needs_engine
from mathutils import Vector
from mien.addon.capture import track_video
from mien.addon.face import pose
from mien.addon.face.head import heads_in, make_head
from mien.addon.face.identity import identity_of, set_identity
from mien.addon.motion import curves, head_motion
from mien.core.camera import project
from mien.core.model_files import default_model
from mien.core.motion import Motion
from mien.core.motion_files import load_motion

pytestmark = needs_engine

FRAMES, FPS = 24, 25.0
_MAKE = """
import sys
import numpy as np
from mien.core.image import read_image
from mien.core.video import VideoWriter
photo = read_image(sys.argv[1])
with VideoWriter(sys.argv[2], {fps}, 384, 320) as writer:
    for i in range({frames}):
        x, y = 60 + 2 * i, 10 + i
        writer.write(np.ascontiguousarray(photo[y:y + 320, x:x + 384]))
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera that moves over the portrait: the face goes up and to the left, and does not change."""
    path = tmp_path_factory.mktemp("clips") / "schwenk ü.mp4"
    photo = Path(__file__).parents[2] / "core" / "demo_data" / "astronaut.jpg"
    code = _MAKE.format(fps=FPS, frames=FRAMES)
    clean = {"PATH": "/usr/bin:/bin"}
    subprocess.run([PYTHON, "-c", code, str(photo), str(path)], check=True, env=clean, cwd=path.parent, timeout=120)
    return path


def _track(clip: Path, **options: object) -> bpy.types.Object:
    assert bpy.ops.mien.track_video(filepath=str(clip), **options) == {"FINISHED"}
    return heads_in(bpy.context)[0]


def _motion() -> Motion:
    from mien.addon.capture import jobs

    return load_motion(jobs._last.job.file("motion"))


def _pixels(head: bpy.types.Object, frame: int) -> np.ndarray:
    scene = bpy.context.scene
    scene.frame_set(frame)
    evaluated = head.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = (evaluated.matrix_world @ Vector(vertex.co) for vertex in list(evaluated.data.vertices)[::50])
    seen = np.array([world_to_camera_view(scene, scene.camera, point)[:2] for point in points])
    size = np.array([scene.render.resolution_x, scene.render.resolution_y])
    return np.column_stack([seen[:, 0], 1 - seen[:, 1]]) * size


def _tracked_pixels(motion: Motion, frame: int) -> np.ndarray:
    vertices = default_model().vertices(motion.identity, motion.expression[frame])[::50]
    return project(vertices, motion.rotation[frame], motion.translation[frame], motion.camera)[:, :2]


def test_a_new_head_follows_the_clip(clip: Path) -> None:
    head, motion = _track(clip), _motion()
    scene = bpy.context.scene
    assert len(motion) == FRAMES and head_motion.scene_fps(scene) == pytest.approx(FPS)
    assert (scene.frame_start, scene.frame_end) == (1, FRAMES)
    assert (scene.render.resolution_x, scene.render.resolution_y) == (384, 320)
    for frame in (0, 7, FRAMES - 1):
        assert np.abs(_pixels(head, 1 + frame) - _tracked_pixels(motion, frame)).max() < 0.5
    np.testing.assert_allclose(identity_of(head.data), motion.identity, atol=1e-6)
    (view,) = scene.camera.data.background_images
    assert view.image.source == "MOVIE" and Path(bpy.path.abspath(view.image.filepath)) == clip
    assert head.data.mien.source == clip.name and head.data.mien.confidence > 0.5


def test_the_curves_are_the_motion(clip: Path) -> None:
    head, motion = _track(clip), _motion()
    back = head_motion.head_to_motion(head, bpy.context.scene, 1, FRAMES)
    np.testing.assert_allclose(back.expression, motion.expression, atol=1e-6)
    np.testing.assert_allclose(back.rotation, motion.rotation, atol=1e-4)
    np.testing.assert_allclose(back.translation, motion.translation, atol=1e-4)


def test_the_operator_is_the_api(clip: Path) -> None:
    head, motion = _track(clip), _motion()
    other, report = track_video.head_from_motion(motion, bpy.context.scene, track_video.Scenery(clip), name="other")
    assert (report.frame_start, report.frame_end) == (1, FRAMES)
    for first, second in ((head, other), (head.data.shape_keys, other.data.shape_keys)):
        paths = curves.curve_names(first)
        assert paths == curves.curve_names(second)
        frames = np.arange(1, FRAMES + 1, dtype=float)
        np.testing.assert_allclose(curves.read(first, paths, frames), curves.read(second, paths, frames), atol=1e-6)


def test_a_head_keeps_its_shape_or_takes_the_one_in_the_video(clip: Path) -> None:
    scene, model = bpy.context.scene, default_model()
    identity = np.zeros(len(model.identity_basis), np.float32)
    identity[:3] = 0.5, -0.4, 0.3
    for shape, expected in (("AUTO", identity), ("HEAD", identity), ("VIDEO", None)):
        head = make_head(model, name=shape, scene=scene, identity=identity)
        bpy.context.view_layer.update()
        bpy.context.view_layer.objects.active = head
        assert bpy.ops.mien.track_video(filepath=str(clip), shape=shape) == {"FINISHED"}
        motion = _motion()
        np.testing.assert_allclose(identity_of(head.data), motion.identity, atol=1e-6)
        if expected is not None:
            np.testing.assert_allclose(motion.identity, expected, atol=1e-6)
        assert np.abs(_pixels(head, 5) - _tracked_pixels(motion, 4)).max() < 0.5
    set_identity(head.data, np.zeros_like(identity))
    assert bpy.ops.mien.track_video(filepath=str(clip)) == {"FINISHED"}
    assert identity_of(head.data).any()


def test_the_scenes_own_rate_and_range_are_kept_on_demand(clip: Path) -> None:
    scene = bpy.context.scene
    scene.render.fps, scene.frame_end = 60, 300
    head = _track(clip, use_frame_rate=False, use_frame_range=False, use_resolution=False, use_clip=False,
                  start_frame=11)
    assert (scene.render.fps, scene.frame_end, scene.render.resolution_x) == (60, 300, 1920)
    assert not scene.camera.data.background_images
    frames = curves.key_frames(head.data.shape_keys)
    assert frames[0] == 11 and frames[-1] == pytest.approx(11 + (FRAMES - 1) * 60 / FPS, abs=1)


def test_retargeting_keeps_the_head_where_it_is(clip: Path) -> None:
    scene = bpy.context.scene
    head = make_head(default_model(), name="target", scene=scene)
    head.location = (3, 1, 2)
    bpy.context.view_layer.update()
    bpy.context.view_layer.objects.active = head
    assert bpy.ops.mien.retarget_video(filepath=str(clip), use_pose=False, jaw=0.0, mode="ABSOLUTE") == {"FINISHED"}
    motion = _motion()
    assert tuple(head.location) == (3, 1, 2) and not curves.curve_names(head) and head.mien.camera is None
    assert not identity_of(head.data).any()
    frames = np.arange(1, FRAMES + 1, dtype=float)
    back = curves.read(head.data.shape_keys, [curves.shape_key_path("jawOpen")], frames)
    assert not back.any()
    smile = motion.channels.index("mouthSmileLeft")
    rate = motion.fps / head_motion.scene_fps(scene)
    back = curves.read(head.data.shape_keys, [curves.shape_key_path("mouthSmileLeft")],
                       1 + np.arange(FRAMES) / rate)[:, 0]
    np.testing.assert_allclose(back, motion.expression[:, smile], atol=0.05)


@pytest.mark.parametrize("kind", ["missing", "garbage", "no face"])
def test_what_cannot_be_used_changes_nothing(kind: str, tmp_path: Path) -> None:
    head = make_head(default_model(), name="head", scene=bpy.context.scene)
    bpy.context.view_layer.update()
    bpy.context.view_layer.objects.active = head
    path = tmp_path / "clip.mp4"
    if kind == "garbage":
        path.write_bytes(b"\0" * 5000)
    elif kind == "no face":
        code = ("import sys, numpy as np\nfrom mien.core.video import VideoWriter\n"
                "with VideoWriter(sys.argv[1], 25, 128, 128) as w:\n"
                "    for i in range(5): w.write(np.full((128, 128, 3), 90 + i, np.uint8))")
        subprocess.run([PYTHON, "-c", code, str(path)], check=True, env={"PATH": "/usr/bin:/bin"}, cwd=tmp_path)
    before, world = _state(), pose.world_matrix(head)
    for operator in (bpy.ops.mien.track_video, bpy.ops.mien.retarget_video):
        with pytest.raises(RuntimeError) as raised:
            operator(filepath=str(path))
        assert len(str(raised.value).strip().splitlines()) == 1
        assert _state() == before
        np.testing.assert_array_equal(pose.world_matrix(head), world)


def test_a_take_that_cannot_be_written_leaves_all_as_it_was(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mien.core.errors import BadInput

    head = make_head(default_model(), name="head", scene=bpy.context.scene)
    bpy.context.view_layer.update()
    bpy.context.view_layer.objects.active = head
    monkeypatch.setattr(track_video, "show_behind", _raising(BadInput("no room")))
    before, world = _state(), pose.world_matrix(head)
    with pytest.raises(RuntimeError, match="no room"):
        bpy.ops.mien.track_video(filepath=str(clip))
    assert _state() == before and head.mien.camera is None and not identity_of(head.data).any()
    np.testing.assert_array_equal(pose.world_matrix(head), world)
    data = head.data.shape_keys.animation_data
    assert data is None or data.action is None


def _raising(error: Exception) -> object:
    def fail(*_: object, **__: object) -> None:
        raise error
    return fail


def _state() -> tuple[object, ...]:
    names = ("objects", "meshes", "materials", "images", "cameras", "actions", "shape_keys")
    scene = bpy.context.scene
    return (*(len(getattr(bpy.data, name)) for name in names), scene.camera, scene.render.fps, scene.render.fps_base,
            scene.frame_start, scene.frame_end, scene.render.resolution_x)
