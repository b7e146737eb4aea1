# SPDX-License-Identifier: Apache-2.0
"""Neural Render and Preview Frame with the real engine: frames are the API's, and nothing half-made stays."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender.known_heads import new_head
from blender.known_motions import TALKING_FRAMES
from blender.videos import picture_of, video_facts
from engine_python import PYTHON, needs_engine
from mien.addon import engine_choice
from mien.addon.capture import jobs
from mien.addon.engine import shared
from mien.addon.engine.client import JobState
from mien.addon.face import stage
from mien.addon.face.head import heads_in
from mien.addon.face.identity import set_identity
from mien.addon.face.kept_fit import write_fit
from mien.addon.neural.ingredients import gather
from mien.addon.neural.photo_motion import photo_motion
from mien.core.camera import Camera
from mien.core.errors import BadInput
from mien.core.motion_files import save_motion
from mien.core.provenance.note import COMPOSITE, GENERATED_PARTS
from mien.core.provenance.reading import read_provenance
from mien.models.pgfg.config import MIEN128
from mien.models.pgfg.files import SHIPPED, save_generator
from mien.models.pgfg.shapes import shapes

PHOTO = Path(__file__).parents[2] / "core" / "demo_data" / "astronaut.jpg"
FIRST, LAST = TALKING_FRAMES
COUNT = LAST - FIRST + 1
BY_THE_API = """
import sys
from pathlib import Path
from mien.core.fit_files import load_fit
from mien.core.image import read_image, write_image
from mien.core.model_files import default_model
from mien.core.motion_files import load_motion
from mien.core.playback import ITS_OWN, animate, renderer_named
photo, folder, name, weights = sys.argv[1:]
model = default_model()
frames = animate(read_image(photo), load_fit(folder + "/fit.npz"), load_motion(folder + "/motion.npz"), model,
                 rules=ITS_OWN, renderer=renderer_named(name, model, weights or None))
for number, rgb in enumerate(frames):
    write_image(Path(folder, f"{number}.png"), rgb)
"""

pytestmark = needs_engine


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    random, path = np.random.default_rng(0), tmp_path_factory.mktemp("weights") / "gewichte ü.safetensors"
    save_generator(path, MIEN128, {name: random.normal(size=shape) * (np.prod(shape[1:]) + 1) ** -0.5
                                   for name, shape in shapes(MIEN128).items()})
    return str(path)


@pytest.fixture(autouse=True)
def nothing_left() -> object:
    yield
    jobs.cancel()
    jobs._current = None


@pytest.fixture
def at_frame(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[jobs.Task], None]], None]:
    """Does something once, when the running job has drawn so many frames."""
    def arm(number: int, what: Callable[[jobs.Task], None]) -> None:
        poll, done = jobs.Task.poll, []

        def watched(task: jobs.Task) -> object:
            state = poll(task)
            if task.job.text.startswith(f"Frame {number} ") and not done:
                done.append(1)
                what(task)
            return state

        monkeypatch.setattr(jobs.Task, "poll", watched)
    return arm


def _result() -> dict:
    return dict(jobs._last.job.result)


def _refusal(operator: Callable[..., set[str]], **settings: object) -> str:
    with pytest.raises(RuntimeError) as raised:
        operator(**settings)
    text = str(raised.value).strip()
    assert len(text.splitlines()) == 1 and "Traceback" not in text and jobs.running() is None
    return text


def _private_folders() -> list[Path]:
    return list(Path(bpy.app.tempdir).glob("mien-neural-*"))


def _shown() -> np.ndarray:
    """The pixels (H, W, 3) of the frame that Preview Frame keeps, top row first."""
    image = bpy.data.images["astronaut Neural"]
    assert image.packed_file
    flat = np.empty(image.size[0] * image.size[1] * image.channels, np.float32)
    image.pixels.foreach_get(flat)
    return np.rint(flat.reshape(image.size[1], image.size[0], -1)[::-1, :, :3] * 255).astype(int)


def _photo() -> np.ndarray:
    image = bpy.data.images["astronaut Photo"]
    flat = np.empty(image.size[0] * image.size[1] * image.channels, np.float32)
    image.pixels.foreach_get(flat)
    return np.rint(flat.reshape(image.size[1], image.size[0], -1)[::-1, :, :3] * 255).astype(int)


def test_a_face_at_rest_gives_its_photo_back(photo_face: bpy.types.Object) -> None:
    assert bpy.ops.mien.neural_preview(renderer="MESH") == {"FINISHED"}
    assert np.abs(_shown() - _photo()).max() <= 1
    photo_face.data.shape_keys.key_blocks["jawOpen"].value += 0.6
    assert bpy.ops.mien.neural_preview(renderer="MESH") == {"FINISHED"}
    assert np.abs(_shown() - _photo()).max() > 60
    assert [i.name for i in bpy.data.images if "Neural" in i.name] == ["astronaut Neural"]
    assert not _private_folders()


@pytest.mark.parametrize("unit", [0.01, 25.4])
def test_at_every_scale_and_place(unit: float) -> None:
    scene = bpy.context.scene
    scene.unit_settings.scale_length = unit
    scene.cursor.location = (1 / unit, -2 / unit, 0.5 / unit)
    assert bpy.ops.mien.face_from_photo(filepath=str(PHOTO), texture_size="0") == {"FINISHED"}
    assert bpy.ops.mien.neural_preview(renderer="MESH") == {"FINISHED"}
    assert np.abs(_shown() - _photo()).max() <= 1


@pytest.mark.parametrize("name", ["MESH", "NEURAL"])
def test_frames_are_the_apis(talking_face: bpy.types.Object, weights: str, tmp_path: Path, name: str) -> None:
    scene, given = bpy.context.scene, weights if name == "NEURAL" else ""
    assert bpy.ops.mien.neural_render(filepath=str(tmp_path / "talk"), kind="PNG", renderer=name,
                                      weights=weights) == {"FINISHED"}
    fit = write_fit(talking_face.data, tmp_path / "fit.npz")
    save_motion(photo_motion(talking_face, scene, fit, FIRST, LAST), tmp_path / "motion.npz")
    ours = {"MESH": "mesh", "NEURAL": "pgfg"}[name]
    subprocess.run([PYTHON, "-c", BY_THE_API, str(PHOTO), str(tmp_path), ours, given],
                   check=True, timeout=120, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    folder = tmp_path / "talk_frames"
    assert sorted(p.name for p in folder.iterdir()) == [f"talk_{f:04d}.png" for f in range(FIRST, LAST + 1)]
    for number in range(COUNT):
        np.testing.assert_array_equal(picture_of(folder / f"talk_{FIRST + number:04d}.png")[..., :3],
                                      picture_of(tmp_path / f"{number}.png")[..., :3])
    assert _result()["renderer"] == ours and not _private_folders()


def test_a_video_with_its_origin_and_the_consent(talking_face: bpy.types.Object, weights: str, tmp_path: Path) -> None:
    talking_face.data.mien.consent = "Einverstanden, März 2026"
    path = tmp_path / "neu 空" / "talk.mp4"
    for name, kind in (("NEURAL", GENERATED_PARTS), ("MESH", COMPOSITE)):
        assert bpy.ops.mien.neural_render(filepath=str(path), renderer=name, weights=weights) == {"FINISHED"}
        assert video_facts(path) == (COUNT, (512, 512), 25.0)
        found = read_provenance(path)
        assert (found.source_type, found.consent) == (kind, "Einverstanden, März 2026")
        assert [p.name for p in path.parent.iterdir()] == ["talk.mp4"]


def test_settings_are_the_scenes_and_the_preferences(talking_face: bpy.types.Object, weights: str,
                                                     tmp_path: Path) -> None:
    settings, preferences = bpy.context.scene.mien_neural, engine_choice.preferences()
    settings.filepath, settings.kind, settings.renderer = str(tmp_path / "talk"), "PNG", "NEURAL"
    preferences.weights = weights
    try:
        assert bpy.ops.mien.neural_render(frame_end=FIRST) == {"FINISHED"}
    finally:
        preferences.weights = ""
    assert _result()["renderer"] == "pgfg" and len(list((tmp_path / "talk_frames").iterdir())) == 1


def test_pictures_that_would_be_the_same_stay(talking_face: bpy.types.Object, weights: str, tmp_path: Path) -> None:
    def render(**more: object) -> int:
        assert bpy.ops.mien.neural_render(filepath=str(tmp_path / "talk"), kind="PNG", weights=weights,
                                          **more) == {"FINISHED"}
        return int(_result()["kept"])

    frames = [tmp_path / "talk_frames" / f"talk_{f:04d}.png" for f in range(FIRST, LAST + 1)]
    assert render() == 0
    frames[1].unlink()
    frames[2].write_bytes(frames[2].read_bytes()[:-500])
    assert render() == COUNT - 2 and render() == COUNT
    blocks = talking_face.data.shape_keys.key_blocks
    bpy.context.scene.frame_set(FIRST + 3)
    blocks["cheekPuff"].value = 0.9
    blocks["cheekPuff"].keyframe_insert("value")
    assert render() == COUNT - 1 and render(keep=False) == 0
    talking_face.data.mien.consent = "no longer"
    assert render() == 0


def test_cancelled_what_was_there_stays(talking_face: bpy.types.Object, weights: str, tmp_path: Path,
                                        at_frame: Callable) -> None:
    (tmp_path / "talk.mp4").write_bytes(b"an old video")
    at_frame(2, lambda task: task.cancel("Neural Render was cancelled."))
    assert bpy.ops.mien.neural_render(filepath=str(tmp_path / "talk.mp4"), weights=weights) == {"CANCELLED"}
    assert (tmp_path / "talk.mp4").read_bytes() == b"an old video"
    assert 1 <= len(list((tmp_path / "talk_frames").iterdir())) < COUNT
    at_frame(3, lambda task: task.cancel("Neural Render was cancelled."))
    assert bpy.ops.mien.neural_render(filepath=str(tmp_path / "talk"), kind="PNG", weights=weights) == {"CANCELLED"}
    assert bpy.ops.mien.neural_render(filepath=str(tmp_path / "talk"), kind="PNG", weights=weights) == {"FINISHED"}
    assert _result()["kept"] >= 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["talk.mp4", "talk_frames"]
    assert len(list((tmp_path / "talk_frames").iterdir())) == COUNT and not _private_folders()


@pytest.mark.parametrize("kind", ["MP4", "PNG"])
def test_an_engine_that_is_killed_half_way(talking_face: bpy.types.Object, weights: str, tmp_path: Path,
                                           at_frame: Callable, kind: str) -> None:
    (tmp_path / "talk.mp4").write_bytes(b"an old video")
    at_frame(3, lambda task: os.kill(shared._engine.pid, 9))
    said = _refusal(bpy.ops.mien.neural_render, filepath=str(tmp_path / "talk"), kind=kind, weights=weights)
    assert "run again" in said
    assert (tmp_path / "talk.mp4").read_bytes() == b"an old video"
    left = {p.name for p in tmp_path.rglob("*")} - {"talk.mp4", "talk_frames"}
    assert left and left <= {f"talk_{f:04d}.png" for f in range(FIRST, LAST)}
    assert not _private_folders()
    assert bpy.ops.mien.neural_render(filepath=str(tmp_path / "talk"), kind=kind, weights=weights) == {"FINISHED"}
    assert _result()["kept"] == len(left) and (tmp_path / "talk_frames").exists() == (kind == "PNG")


def test_a_head_that_is_deleted_meanwhile(talking_face: bpy.types.Object, tmp_path: Path, at_frame: Callable) -> None:
    at_frame(2, lambda _: bpy.data.objects.remove(bpy.data.objects["astronaut"]))
    assert bpy.ops.mien.neural_render(filepath=str(tmp_path / "talk.mp4"), renderer="MESH") == {"CANCELLED"}
    assert [p.name for p in tmp_path.iterdir()] in ([], ["talk_frames"]) and not _private_folders()


def test_a_photo_by_its_path_and_when_it_is_gone(tmp_path: Path) -> None:
    own = tmp_path / "bild ü.jpg"
    own.write_bytes(PHOTO.read_bytes())
    assert bpy.ops.mien.face_from_photo(filepath=str(own), use_photo=False, texture_size="0") == {"FINISHED"}
    (head,) = heads_in(bpy.context)
    assert head.data.mien.photo.packed_file is None and not bpy.context.scene.camera.data.background_images
    assert bpy.ops.mien.neural_preview(renderer="MESH") == {"FINISHED"}
    own.unlink()
    said = _refusal(bpy.ops.mien.neural_preview, renderer="MESH")
    assert str(own) in said and "not there any more" in said
    head.data.mien.photo = bpy.data.images.load(str(PHOTO))
    assert bpy.ops.mien.neural_preview(renderer="MESH") == {"FINISHED"}
    other = bpy.data.images.new("other", 40, 30)
    other.filepath_raw, other.file_format = str(tmp_path / "other.png"), "PNG"
    other.save()
    head.data.mien.photo = bpy.data.images.load(str(tmp_path / "other.png"))
    assert "512x512" in _refusal(bpy.ops.mien.neural_preview, renderer="MESH")
    head.data.mien.photo = None
    assert "choose it in the panel" in _refusal(bpy.ops.mien.neural_preview, renderer="MESH")
    assert not _private_folders()


def test_without_a_face_and_with_one_of_no_photo(tmp_path: Path) -> None:
    assert not bpy.ops.mien.neural_render.poll() and not bpy.ops.mien.neural_preview.poll()
    bpy.ops.mesh.primitive_cube_add()
    assert not bpy.ops.mien.neural_render.poll()
    head = new_head()
    bpy.context.view_layer.update()
    bpy.context.view_layer.objects.active = head
    for call in (lambda: bpy.ops.mien.neural_preview(), lambda: bpy.ops.mien.neural_render(filepath="/tmp/x.mp4")):
        assert "not made from a photo" in _refusal(call)
    head.data.mien.fit = "no fit at all"
    assert "damaged" in _refusal(bpy.ops.mien.neural_preview)


def test_what_cannot_be_written_or_drawn_is_said_first(talking_face: bpy.types.Object, tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_text("")
    before = sorted(p.name for p in tmp_path.rglob("*"))
    for settings, words in (({"filepath": str(tmp_path / "folder.mp4")}, "is a folder"),
                            ({"filepath": str(tmp_path / "file" / "a.mp4")}, "choose another place"),
                            ({"filepath": str(tmp_path / "file" / "a"), "kind": "PNG"}, "choose another place"),
                            ({"filepath": str(tmp_path / "a.avi")}, "written as .mp4"),
                            ({"filepath": ""}, "Give the name"),
                            ({"filepath": str(tmp_path / "a.mp4"), "frame_end": FIRST - 1}, "is empty"),
                            ({"filepath": str(tmp_path / "a.mp4"), "weights": "/no/such.safetensors"}, "Cannot read")):
        assert words in _refusal(bpy.ops.mien.neural_render, **settings)
    assert sorted(p.name for p in tmp_path.rglob("*")) == before and not _private_folders()
    if not SHIPPED.exists():
        assert "mien train pgfg" in _refusal(bpy.ops.mien.neural_preview, renderer="NEURAL")
        assert bpy.ops.mien.neural_preview(renderer="AUTO") == {"FINISHED"}
        assert _result()["renderer"] == "mesh" and "no weights" in _result()["warnings"][0]


def test_before_another_camera_it_starts_in_its_photos_place(talking_face: bpy.types.Object, tmp_path: Path) -> None:
    """As after Track Video: the stage is the clip's, the pose is read against that."""
    scene, fit = bpy.context.scene, write_fit(talking_face.data, tmp_path / "fit.npz")
    own = photo_motion(talking_face, scene, fit, FIRST, LAST)
    camera = Camera(640, 360, 900.0, "perspective")
    stage.make_stage(talking_face, camera, np.array([0.1, -0.05, 1.3]), scene)
    seen = photo_motion(talking_face, scene, fit, FIRST, LAST)
    assert seen.camera == own.camera == fit.camera
    np.testing.assert_allclose(seen.translation[0], fit.translation, atol=1e-5)
    np.testing.assert_allclose(seen.rotation, own.rotation, atol=1e-5)
    np.testing.assert_array_equal(seen.expression, own.expression)
    later = photo_motion(talking_face, scene, fit, FIRST + 2, FIRST + 2)
    np.testing.assert_allclose(later.translation[0], seen.translation[2], atol=1e-6)
    assert np.abs(seen.translation - own.translation).max() > 1e-4


def test_a_reshaped_face_keeps_its_photos_shape_and_that_is_said(photo_face: bpy.types.Object,
                                                                 capfd: pytest.CaptureFixture[str]) -> None:
    values = np.zeros(len(photo_face.data.mien.identity), np.float32)
    values[:5] = 2.0
    set_identity(photo_face.data, values)
    assert bpy.ops.mien.neural_preview(renderer="MESH") == {"FINISHED"}
    assert np.abs(_shown() - _photo()).max() <= 1
    assert "was reshaped" in capfd.readouterr().out


def test_a_linked_face_is_drawn_too(photo_file: str, tmp_path: Path) -> None:
    with bpy.data.libraries.load(photo_file, link=True) as (_, wanted):
        wanted.objects = ["astronaut", "astronaut Camera"]
    head = wanted.objects[0]
    bpy.context.scene.collection.objects.link(head)
    bpy.context.view_layer.update()
    bpy.context.view_layer.objects.active = head
    assert bpy.ops.mien.neural_render(filepath=str(tmp_path / "x"), kind="PNG", renderer="MESH", frame_start=1,
                                      frame_end=1) == {"FINISHED"}
    seen = picture_of(tmp_path / "x_frames" / "x_0001.png")[..., :3].astype(int)
    assert np.abs(seen - picture_of(PHOTO)[..., :3]).max() <= 1


def test_a_face_behind_its_camera(photo_face: bpy.types.Object) -> None:
    photo_face.location.y = -100
    assert "behind the camera" in _refusal(bpy.ops.mien.neural_preview, renderer="MESH")
    assert not _private_folders()


def test_a_fit_is_read_again_as_it_was(photo_face: bpy.types.Object, tmp_path: Path) -> None:
    first = write_fit(photo_face.data, tmp_path / "a.npz")
    copy = photo_face.copy()
    copy.data = photo_face.data.copy()
    second = write_fit(copy.data, tmp_path / "b.npz")
    np.testing.assert_array_equal(first.vertices_image, second.vertices_image)
    np.testing.assert_array_equal(first.landmarks_478, second.landmarks_478)
    with pytest.raises(BadInput):
        write_fit(new_head("other").data, tmp_path / "c.npz")


def test_another_file_ends_it_and_leaves_nothing(talking_face: bpy.types.Object, tmp_path: Path) -> None:
    made, removed = gather(talking_face, bpy.context.scene, FIRST, LAST), []

    def tidy() -> None:
        made.remove()
        removed.append(1)

    video = tmp_path / "talk.mp4"
    (tmp_path / "frames").mkdir()
    params = {**made.params, "renderer": "mesh", "video": str(video), "pictures": str(tmp_path / "frames")}
    request = jobs.Request("animate_photo", params, "Neural Render", talking_face, tidy)
    task = jobs.start(request, bpy.context.scene)
    with pytest.raises(RuntimeError, match="still running"):
        bpy.ops.mien.neural_preview(renderer="MESH")
    while not task.job.text.startswith("Frame 2 "):
        assert not task.poll().final
        time.sleep(0.002)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert task.job.state is JobState.CANCELLED and jobs.running() is None and removed == [1]
    shared.stop_engine()
    assert [p.name for p in tmp_path.iterdir()] == ["frames"] and not _private_folders()
