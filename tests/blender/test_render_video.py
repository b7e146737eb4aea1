# SPDX-License-Identifier: Apache-2.0
"""Rendering to pictures and to video, in this process."""

import math
import shutil
import struct
import wave
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from mien.addon import compat
from mien.addon.face import backdrop
from mien.addon.rendering.plan import RenderPlan, output_path
from mien.addon.rendering.png import PngKind, whole_png, write_png
from mien.addon.rendering.run import RenderReport, render_plan
from mien.core.errors import BadInput, CannotWrite, MissingPart
from mien.core.provenance.note import COMPOSITE
from mien.core.provenance.reading import read_provenance

from .videos import BORDER, FRAMES, HEIGHT, WIDTH, make_stage, photo, picture_of, video_facts, video_frame

if not compat.can_draw():
    pytest.skip("Workbench needs libEGL", allow_module_level=True)


def _render(path: Path, last: int = FRAMES, **options: Any) -> RenderReport:
    plan = RenderPlan(path, 1, last, **{"engine": "WORKBENCH", "samples": 5, **options})
    return render_plan(plan, bpy.context.scene, lambda *_: None)


def _state() -> dict[str, Any]:
    """Every plain setting of the scene, and what there is."""
    scene = bpy.context.scene
    owners = (scene, scene.render, scene.render.image_settings, scene.render.ffmpeg, scene.view_settings, scene.cycles,
              scene.eevee, scene.display, scene.display.shading, scene.camera.data)
    values = {}
    for index, owner in enumerate(owners):
        for prop in owner.bl_rna.properties:
            if prop.type in ("BOOLEAN", "INT", "FLOAT", "STRING", "ENUM") and \
                    prop.identifier != "wireframe_color_type" and not getattr(prop, "is_deprecated", False):
                value = getattr(owner, prop.identifier)
                plain = isinstance(value, (str, int, float, bool, set))
                values[index, prop.identifier] = value if plain else tuple(value)
    things = {name: sorted(block.name for block in getattr(bpy.data, name) if block.name != "Render Result")
              for name in ("scenes", "objects", "meshes", "materials", "images", "cameras", "movieclips", "sounds")}
    hidden = {thing.name: thing.hide_render for thing in bpy.data.objects}
    return {"values": values, "things": things, "hidden": hidden, "file": bpy.data.filepath}


@pytest.mark.parametrize("engine", ["WORKBENCH", "CYCLES"])
def test_the_video_shows_the_head_before_the_photo(tmp_path: Path, engine: str) -> None:
    scene = make_stage(tmp_path)
    scene.view_settings.view_transform = "AgX"
    before = _state()
    report = _render(tmp_path / "out" / "talk.mp4", engine=engine)
    assert _state() == before
    assert report == RenderReport(tmp_path / "out" / "talk.mp4", FRAMES, 0, False)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["talk.mp4"]
    assert video_facts(report.result) == (FRAMES, (WIDTH, HEIGHT), 25.0)
    first, last = (video_frame(report.result, frame, tmp_path).astype(int) for frame in (1, FRAMES))
    for seen in (first, last):
        assert np.abs(seen - photo())[BORDER].mean() < 2.5
        assert np.abs(seen - photo())[BORDER].max() < 16
        assert np.abs(seen - photo())[16:30, 28:36].mean() > 20
    assert np.abs(first - last)[:16].mean() < 2 and np.abs(first - last)[24:36, 26:38].max() > 12


def test_videos_and_pictures_say_what_they_are_and_what_was_agreed_to(tmp_path: Path) -> None:
    scene = make_stage(tmp_path)
    faces = [thing.data.mien for thing in scene.objects if thing.type == "MESH" and thing.data.mien.is_head]
    _render(tmp_path / "talk.mp4", last=2)
    found = read_provenance(tmp_path / "talk.mp4")
    assert (found.source_type, found.consent) == (COMPOSITE, "")
    assert found.tool.startswith("Mien ")
    _render(tmp_path / "talk", last=2, kind="PNG")
    faces[0].consent = "Signed release of März 2026"
    assert _render(tmp_path / "talk", last=2, kind="PNG").rendered == 2
    assert _render(tmp_path / "talk", last=2, kind="PNG").kept == 2
    for frame in (1, 2):
        assert read_provenance(tmp_path / "talk_frames" / f"talk_000{frame}.png").consent == faces[0].consent
    _render(tmp_path / "talk.mp4", last=2)
    assert read_provenance(tmp_path / "talk.mp4").consent == faces[0].consent


@pytest.mark.parametrize("engine", ["WORKBENCH", "CYCLES"])
def test_pictures_keep_the_photos_colours_exactly(tmp_path: Path, engine: str) -> None:
    make_stage(tmp_path)
    report = _render(tmp_path / "talk", 1, kind="PNG", engine=engine, samples=16)
    assert report.result == tmp_path / "talk_frames"
    seen = picture_of(report.result / "talk_0001.png")
    assert whole_png(report.result / "talk_0001.png") == PngKind(WIDTH, HEIGHT, 8, 3)
    assert np.abs(seen[..., :3].astype(int) - photo())[BORDER].max() <= 3


@pytest.mark.skipif(bpy.app.version < (5, 2, 0), reason="compiling shaders takes a minute: newest Blender only")
def test_eevee_renders_too(tmp_path: Path) -> None:
    make_stage(tmp_path)
    report = _render(tmp_path / "talk", 1, kind="PNG", engine="EEVEE", samples=1)
    seen = picture_of(report.result / "talk_0001.png")[..., :3].astype(int)
    assert np.abs(seen - photo())[BORDER].max() <= 3
    assert np.abs(seen - photo())[16:30, 28:36].mean() > 20


def test_before_a_photo_the_texture_comes_out_as_bright_as_it_is(tmp_path: Path) -> None:
    scene = make_stage(tmp_path)
    scene.objects["Sun"].data.energy = 0.3
    before = _state()
    for name, even in (("even", True), ("lit", False)):
        _render(tmp_path / name, 1, kind="PNG", engine="CYCLES", samples=16, even_light=even)
    _render(tmp_path / "flat", 1, kind="PNG", engine="WORKBENCH")
    assert _state() == before and scene.world is None and not bpy.data.worlds
    even, lit, flat = (picture_of(tmp_path / f"{name}_frames" / f"{name}_0001.png")[20:26, 30:34, :3].mean()
                       for name in ("even", "lit", "flat"))
    assert abs(even - flat) < 12 and lit < even - 40


def test_a_backdrop_that_renders_anyway_is_used_and_stays(tmp_path: Path) -> None:
    scene = make_stage(tmp_path, picture=False)
    picture = backdrop.load_picture(str(tmp_path / "photo.png")) if (tmp_path / "photo.png").exists() else None
    assert picture is None
    from .videos import write_photo

    plane = backdrop.make_backdrop(scene.camera, backdrop.load_picture(str(write_photo(tmp_path / "photo.png"))),
                                   scene, distance=1.2)
    before = _state()
    _render(tmp_path / "talk", 1, kind="PNG")
    assert _state() == before and backdrop.backdrop_of(scene.camera) == plane
    seen = picture_of(tmp_path / "talk_frames" / "talk_0001.png")[..., :3].astype(int)
    assert np.abs(seen - photo())[BORDER].max() <= 2


def test_transparent_pictures_show_the_head_alone(tmp_path: Path) -> None:
    make_stage(tmp_path)
    before = _state()
    _render(tmp_path / "talk", 1, kind="PNG", background="TRANSPARENT")
    assert _state() == before
    alpha = picture_of(tmp_path / "talk_frames" / "talk_0001.png")[..., 3]
    assert not alpha[BORDER].any() and (alpha[20:26, 30:34] == 255).all()


def test_names_that_blender_would_read_otherwise(tmp_path: Path) -> None:
    make_stage(tmp_path)
    folder = tmp_path / "Gesicht #1 {tür} 顔"
    assert video_facts(_render(folder / "täke ## {blend_name}.mp4", 2).result)[0] == 2
    _render(folder / "a{b}#", 2, kind="PNG")
    assert sorted(p.name for p in folder.rglob("*.*")) == [
        "a{b}#_0001.png", "a{b}#_0002.png", "frames.json", "täke ## {blend_name}.mp4"]


def test_odd_sizes_lose_a_pixel_in_videos_only(tmp_path: Path) -> None:
    scene = make_stage(tmp_path, picture=False)
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 67, 101, 50
    assert video_facts(_render(tmp_path / "a.mp4", 2).result)[1] == (32, 50)
    scene.render.resolution_percentage = 100
    _render(tmp_path / "b", 1, kind="PNG")
    assert whole_png(tmp_path / "b_frames" / "b_0001.png") == PngKind(67, 101, 8, 3)


def _times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.png")}


def test_frames_that_are_whole_and_still_true_are_kept(tmp_path: Path) -> None:
    make_stage(tmp_path)
    folder = _render(tmp_path / "talk", kind="PNG").result
    before = _times(folder)
    damaged = folder / "talk_0002.png"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    write_png(folder / "talk_0003.png", np.zeros((8, 8, 3), np.uint8))
    again = _render(tmp_path / "talk", kind="PNG")
    assert (again.rendered, again.kept) == (2, 2)
    after = _times(folder)
    assert {name for name in before if after[name] == before[name]} == {"talk_0001.png", "talk_0004.png"}
    assert whole_png(folder / "talk_0003.png") == PngKind(WIDTH, HEIGHT, 8, 3)
    assert _render(tmp_path / "talk", kind="PNG", keep=False).rendered == FRAMES


def test_only_frames_that_changed_are_rendered_again(tmp_path: Path) -> None:
    scene = make_stage(tmp_path)
    _render(tmp_path / "talk", kind="PNG")
    head = bpy.data.objects["Face"]
    for frame, turn in ((3, 0.0), (4, 0.5)):
        head.rotation_euler.z = turn
        head.keyframe_insert("rotation_euler", frame=frame)
    again = _render(tmp_path / "talk", kind="PNG")
    assert (again.rendered, again.kept) == (1, 3)
    skin = head.data.materials[0]
    next(n for n in skin.node_tree.nodes if n.type == "BSDF_PRINCIPLED").inputs["Roughness"].default_value = 0.9
    assert _render(tmp_path / "talk", kind="PNG").rendered == FRAMES
    assert _render(tmp_path / "talk", kind="PNG").kept == FRAMES
    scene.camera.data.lens *= 1.1
    assert _render(tmp_path / "talk", kind="PNG").rendered == FRAMES


def test_frames_of_an_interrupted_video_are_used(tmp_path: Path) -> None:
    make_stage(tmp_path)
    plan = RenderPlan(tmp_path / "talk.mp4", 1, FRAMES, engine="WORKBENCH", samples=5)

    def stop_at_three(_text: str, done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    before = _state()
    with pytest.raises(KeyboardInterrupt):
        render_plan(plan, bpy.context.scene, stop_at_three)
    assert _state() == before and not plan.output.exists()
    times = _times(plan.folder)
    assert len(times) == 3
    report = _render(plan.output)
    assert (report.rendered, report.kept) == (1, 3) and not plan.folder.exists()


def test_an_interrupted_encoding_leaves_no_video_and_an_old_one_alone(tmp_path: Path) -> None:
    make_stage(tmp_path)
    plan = RenderPlan(tmp_path / "talk.mp4", 1, FRAMES, engine="WORKBENCH", samples=5)
    plan.output.write_bytes(b"old")

    def full_disk(text: str, _done: int, _total: int) -> None:
        if text == "Encoding":
            (plan.unfinished).unlink(missing_ok=True)

    with pytest.raises(CannotWrite, match=r"talk\.mp4"):
        render_plan(plan, bpy.context.scene, full_disk)
    assert plan.output.read_bytes() == b"old" and not plan.unfinished.exists()
    assert len(_times(plan.folder)) == FRAMES
    assert _render(plan.output).kept == FRAMES and video_facts(plan.output)[0] == FRAMES


def _tone(path: Path, seconds: float = 1.0) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        for index in range(int(16000 * seconds)):
            sound.writeframesraw(struct.pack("<h", int(16000 * math.sin(index * 0.2))))
    return path


def _loudness(path: Path) -> float:
    import aud

    return float(np.sqrt(np.mean(np.square(aud.Sound(str(path)).data()))))


@pytest.fixture
def sound() -> Iterator[None]:
    if not compat.has_sound():
        pytest.skip("this Blender was built without its sound library")
    yield


@pytest.mark.usefixtures("sound")
def test_the_scenes_sound_is_heard(tmp_path: Path) -> None:
    scene = make_stage(tmp_path, picture=False)
    strip = compat.strips(scene.sequence_editor_create()).new_sound(
        name="tone", filepath=str(_tone(tmp_path / "tone.wav")), channel=1, frame_start=1)
    report = _render(tmp_path / "talk.mp4")
    assert report.sound and _loudness(report.result) > 0.05
    assert [s.name for s in compat.strips(scene.sequence_editor)] == [strip.name]
    assert not _render(tmp_path / "quiet.mp4", sound=False).sound
    strip.mute = True
    assert not _render(tmp_path / "mute.mp4").sound


def _clip(tmp_path: Path, *, tone: bool) -> Path:
    """A clip whose frames are each of one grey, 40, 80, 120, 160."""
    scene = make_stage(tmp_path, picture=False)
    if tone:
        compat.strips(scene.sequence_editor_create()).new_sound(
            name="tone", filepath=str(_tone(tmp_path / "tone.wav")), channel=1, frame_start=1)
    plan = RenderPlan(tmp_path / "clip.mp4", 1, FRAMES, engine="WORKBENCH", samples=5)

    def paint(text: str, done: int, _total: int) -> None:
        if text == "Rendering" and done:
            write_png(plan.frame_path(done), np.full((HEIGHT, WIDTH, 3), 40 * done, np.uint8))

    render_plan(plan, scene, paint)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return plan.output


def test_the_clip_behind_the_head_runs_with_it(tmp_path: Path) -> None:
    clip = _clip(tmp_path, tone=False)
    scene = make_stage(tmp_path, picture=False)
    backdrop.show_behind(scene.camera, backdrop.load_picture(str(clip)), start_frame=2, frames=FRAMES)
    before = _state()
    report = _render(tmp_path / "talk", FRAMES + 1, kind="PNG")
    assert _state() == before
    for frame in range(2, FRAMES + 2):
        seen = picture_of(report.result / f"talk_{frame:04d}.png")[..., :3].astype(int)
        assert np.abs(seen - 40 * (frame - 1))[BORDER].max() <= 6
    assert not _render(tmp_path / "silent.mp4").sound


@pytest.mark.usefixtures("sound")
def test_the_clips_own_sound_is_heard(tmp_path: Path) -> None:
    clip = _clip(tmp_path, tone=True)
    scene = make_stage(tmp_path, picture=False)
    backdrop.show_behind(scene.camera, backdrop.load_picture(str(clip)), frames=FRAMES)
    before = _state()
    report = _render(tmp_path / "talk.mp4")
    assert _state() == before
    assert report.sound and _loudness(report.result) > 0.05


def test_what_cannot_be_rendered_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_stage(tmp_path)
    with pytest.raises(BadInput, match="empty"):
        RenderPlan(tmp_path / "a.mp4", 5, 4)
    with pytest.raises(BadInput, match="transparent"):
        RenderPlan(tmp_path / "a.mp4", 1, 4, background="TRANSPARENT")
    with pytest.raises(BadInput, match="no render engine LUXCORE"):
        _render(tmp_path / "a.mp4", engine="LUXCORE")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CannotWrite, match="choose another place"):
        _render(tmp_path / "file" / "a.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(CannotWrite, match="is a folder"):
        _render(tmp_path / "folder.mp4")
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _path: usage(1, 1, 1000))
        with pytest.raises(CannotWrite, match="make room"):
            _render(tmp_path / "full" / "a.mp4")
    with monkeypatch.context() as patch:
        patch.setattr(compat, "can_draw", lambda: False)
        with pytest.raises(MissingPart, match="libegl1"):
            _render(tmp_path / "a.mp4")
    (tmp_path / "photo.png").unlink()
    with pytest.raises(BadInput, match=r"photo\.png"):
        _render(tmp_path / "a.mp4")
    scene.camera = None
    with pytest.raises(BadInput, match="no camera"):
        _render(tmp_path / "a.mp4")
    assert not list(tmp_path.rglob("*_frames/*")) and not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize(("text", "kind", "expected"), [
    ("/x/a.mp4", "MP4", "/x/a.mp4"), ("/x/a", "MP4", "/x/a.mp4"), ("/x/a.png", "PNG", "/x/a"),
    ("/x/a.b", "PNG", "/x/a.b"), ("/x/ä ö", "PNG", "/x/ä ö")])
def test_names_of_the_output(text: str, kind: str, expected: str) -> None:
    assert output_path(text, kind) == Path(expected)


@pytest.mark.parametrize("text", ["", "/x/", "/x/a.avi"])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(BadInput):
        output_path(text, "MP4")


def test_every_kind_of_damage_to_a_picture_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_png(path, np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8))
    whole = path.read_bytes()
    assert whole_png(path) == PngKind(7, 5, 8, 3)
    for index in range(len(whole)):
        path.write_bytes(whole[:index])
        assert whole_png(path) is None
        path.write_bytes(whole[:index] + bytes([whole[index] ^ 0x55]) + whole[index + 1:])
        assert whole_png(path) is None
    assert whole_png(tmp_path / "none.png") is None


def test_the_operator_renders_what_the_scene_says(tmp_path: Path) -> None:
    scene = make_stage(tmp_path)
    settings = scene.mien_render
    settings.filepath, settings.kind, settings.engine = str(tmp_path / "talk"), "PNG", "WORKBENCH"
    settings.samples = 5
    assert bpy.ops.mien.render_video(frame_end=2) == {"FINISHED"}
    _render(tmp_path / "plan", 2, kind="PNG")
    for frame in (1, 2):
        ours = picture_of(tmp_path / "talk_frames" / f"talk_{frame:04d}.png")
        np.testing.assert_array_equal(ours, picture_of(tmp_path / "plan_frames" / f"plan_{frame:04d}.png"))
    assert bpy.ops.mien.render_video(filepath=str(tmp_path / "v.mp4"), kind="MP4") == {"FINISHED"}
    assert video_facts(tmp_path / "v.mp4")[0] == FRAMES
    scene.camera = None
    with pytest.raises(RuntimeError, match="no camera"):
        bpy.ops.mien.render_video()


def test_paths_beside_the_file_need_a_saved_file(tmp_path: Path) -> None:
    make_stage(tmp_path)
    with pytest.raises(RuntimeError, match="not saved yet"):
        bpy.ops.mien.render_video(engine="WORKBENCH")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert bpy.ops.mien.render_video(engine="WORKBENCH", samples=5, frame_end=1) == {"FINISHED"}
    assert video_facts(tmp_path / "render.mp4")[0] == 1


