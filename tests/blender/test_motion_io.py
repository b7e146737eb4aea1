# SPDX-License-Identifier: Apache-2.0
"""Import and export of motion files by operator and by call: the same result, reports, and nothing half made."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from blender.known_heads import new_head
from blender.known_motions import TALKING, counts, pose_error, random_motion, set_rate, talking
from mien.addon.motion import curves, edit_ops, motion_io, preset_ops, retarget_ops
from mien.addon.motion.head_motion import head_to_motion
from mien.addon.motion.motion_io import export_motion, import_motion
from mien.addon.motion.motion_io import set_rate as give_rate
from mien.addon.motion.take_notes import take_note, takes_in_file
from mien.addon.motion.takes import motion_to_head, play_take
from mien.addon.panels import motion as motion_panel
from mien.core.channels import ARKIT52
from mien.core.errors import BadInput
from mien.core.motion_files import load_motion, save_motion


@pytest.fixture
def head() -> bpy.types.Object:
    """A head that is the active object."""
    made = new_head()
    bpy.context.view_layer.objects.active = made
    bpy.context.scene.render.fps = 30
    return made


def refusal(operator: object, **options: object) -> str:
    """What an operator says when it refuses."""
    with pytest.raises(RuntimeError) as caught:
        operator(**options)
    text = str(caught.value).strip()
    assert "Traceback" not in text, text
    return text


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_files_come_back_exactly(head: bpy.types.Object, tmp_path: Path, suffix: str) -> None:
    motion = replace(random_motion(), fps=30.0)
    source, target = tmp_path / f"in{suffix}", tmp_path / f"außen 出{suffix}"
    save_motion(motion, source)
    assert bpy.ops.mien.import_motion(filepath=str(source)) == {"FINISHED"}
    assert bpy.context.scene.frame_end == 250
    assert bpy.ops.mien.export_motion(filepath=str(target), use_scene_range=False, frame_start=1,
                                      frame_end=60) == {"FINISHED"}
    found = load_motion(target)
    np.testing.assert_array_equal(found.expression, motion.expression)
    assert pose_error(found, motion) <= 1e-5
    assert found.fps == 30 and dict(found.metadata) == dict(motion.metadata)


def test_live_link_files(head: bpy.types.Object, tmp_path: Path) -> None:
    motion = talking()
    save_motion(motion, tmp_path / "take.csv")
    assert bpy.ops.mien.import_motion(filepath=str(tmp_path / "take.csv")) == {"FINISHED"}
    assert bpy.ops.mien.export_motion(filepath=str(tmp_path / "out.csv"), use_scene_range=False, frame_start=1,
                                      frame_end=199) == {"FINISHED"}
    out = load_motion(tmp_path / "out.csv")
    assert np.abs(out.expression - motion.expression).max() < 1e-6
    assert np.abs(out.rotation - motion.rotation).max() < 1e-5


def test_operators_do_what_the_calls_do(tmp_path: Path) -> None:
    scene, other = bpy.context.scene, new_head("Other")
    set_rate(scene, "25")
    options = {"place": "CAMERA", "reduce": True, "tolerance": 0.05, "extend_scene": True}
    report = import_motion(other, str(TALKING), scene=scene, **options)
    head = new_head()
    bpy.context.view_layer.objects.active = head
    assert bpy.ops.mien.import_motion(filepath=str(TALKING), **options) == {"FINISHED"}
    expected, found = (head_to_motion(h, scene, 1, 166) for h in (other, head))
    np.testing.assert_array_equal(found.expression, expected.expression)
    np.testing.assert_array_equal(found.rotation, expected.rotation)
    assert curves.key_counts(head.data.shape_keys) == curves.key_counts(other.data.shape_keys)
    assert report.keys < 0.25 * 58 * 166
    export_motion(other, str(tmp_path / "a.npz"), scene=scene, frame_start=1, frame_end=100, fps=60.0)
    bpy.ops.mien.export_motion(filepath=str(tmp_path / "b.npz"), use_scene_range=False, frame_end=100, use_rate=True,
                               fps=60)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert load_motion(tmp_path / "a.npz").fps == 60 and len(load_motion(tmp_path / "a.npz")) == 238


def test_suffix_from_the_chosen_format(head: bpy.types.Object, tmp_path: Path) -> None:
    bpy.ops.mien.import_motion(filepath=str(TALKING))
    bpy.ops.mien.export_motion(filepath=str(tmp_path / "take"), file_format=".json")
    assert len(load_motion(tmp_path / "take.json")) == 250


def test_start_rate_and_length_of_the_scene(head: bpy.types.Object) -> None:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 101, 120
    set_rate(scene, "25")
    bpy.ops.mien.import_motion(filepath=str(TALKING), use_motion_rate=True)
    assert (scene.render.fps, scene.render.fps_base, scene.frame_end) == (30, 1, 299)
    assert curves.key_frames(head.data.shape_keys)[[0, -1]].tolist() == [101, 299]
    bpy.ops.mien.import_motion(filepath=str(TALKING), use_scene_start=False, frame_start=-20, extend_scene=False)
    assert curves.key_frames(head.data.shape_keys)[[0, -1]].tolist() == [-20, 178] and scene.frame_end == 299
    for fps, expected in ((23.976, (24, 1.001)), (24000 / 1001, (24, 1.001)), (59.94, (60, 1.001)), (60, (60, 1)),
                          (24, (24, 1)), (22.1311, (22, 22 / 22.1311))):
        give_rate(scene, fps)
        assert (scene.render.fps, scene.render.fps_base) == (expected[0], pytest.approx(expected[1]))


def test_places(head: bpy.types.Object) -> None:
    scene, motion = bpy.context.scene, talking()
    head.location = (1, 2, 3)
    bpy.ops.mien.import_motion(filepath=str(TALKING), place="NONE")
    assert head.animation_data is None and head.mien.camera is None
    bpy.ops.mien.import_motion(filepath=str(TALKING))
    camera = head.mien.camera
    assert camera is not None and camera.data.mien.width == 256
    camera.data.lens *= 2
    bpy.ops.mien.import_motion(filepath=str(TALKING))
    assert head.mien.camera == camera and len(bpy.data.cameras) == 1
    place = curves.read(head, [("location", i) for i in range(3)], np.array([1.0]))[0]
    np.testing.assert_allclose(place, (1, 2, 3), atol=1e-5)
    found = head_to_motion(head, scene, 1, 199)
    np.testing.assert_array_equal(found.expression, motion.expression)
    assert np.abs(found.rotation - motion.rotation).max() < 1e-5


def test_unmatched_channels_are_told_and_noted(head: bpy.types.Object, tmp_path: Path, capfd) -> None:
    motion = random_motion()
    some = replace(motion, channels=(*ARKIT52[:50], "earWiggle", "gillFlap"))
    save_motion(some, tmp_path / "odd.npz")
    capfd.readouterr()
    assert bpy.ops.mien.import_motion(filepath=str(tmp_path / "odd.npz")) == {"FINISHED"}
    said = "".join(capfd.readouterr())
    noted = " ".join(take_note(head)["report"])
    for text in (said, noted):
        assert "earWiggle" in text and "gillFlap" in text and "tongueOut" in text


def test_undo_takes_everything_back(head: bpy.types.Object) -> None:
    bpy.ops.ed.undo_push(message="before")
    before = counts()
    bpy.ops.mien.import_motion(filepath=str(TALKING))
    bpy.ops.ed.undo_push(message="imported")
    assert counts() != before
    bpy.ops.ed.undo()
    assert counts() == before
    head = bpy.context.view_layer.objects.active
    assert head.animation_data is None and head.data.shape_keys.animation_data is None and head.mien.camera is None
    bpy.ops.ed.redo()
    head = bpy.context.view_layer.objects.active
    np.testing.assert_array_equal(head_to_motion(head, bpy.context.scene, 1, 199).expression, talking().expression)


@pytest.mark.parametrize(("name", "content", "word"), [
    ("garbage.npz", b"\x00\xff" * 500, "garbage"), ("empty.csv", b"", "empty"),
    ("list.json", b"[1, 2, 3]", "list"), ("text.csv", b"hello,world\n1,2\n", "text"),
    ("cut.npz", TALKING.read_bytes()[:3000], "cut"), ("picture.jpg", b"\xff\xd8", "picture")])
def test_files_that_are_no_motion_change_nothing(head: bpy.types.Object, tmp_path: Path, name: str, content: bytes,
                                                 word: str) -> None:
    (tmp_path / name).write_bytes(content)
    before = counts()
    for place in ("CAMERA", "PLACE"):
        said = refusal(bpy.ops.mien.import_motion, filepath=str(tmp_path / name), place=place, use_motion_rate=True)
        assert word in said and said.startswith("Error: ")
    assert counts() == before and bpy.context.scene.render.fps == 30 and head.animation_data is None
    refusal(bpy.ops.mien.import_motion, filepath=str(tmp_path / "not there.npz"))
    refusal(bpy.ops.mien.import_motion, filepath="")


def test_places_that_cannot_be_written(head: bpy.types.Object, tmp_path: Path) -> None:
    bpy.ops.mien.import_motion(filepath=str(TALKING))
    said = refusal(bpy.ops.mien.export_motion, filepath=str(tmp_path / "no folder" / "x.npz"))
    assert "choose another place" in said and list(tmp_path.iterdir()) == []


def test_switching_between_takes(head: bpy.types.Object) -> None:
    scene, motions = bpy.context.scene, [replace(random_motion(i), fps=30.0) for i in range(2)]
    names = [motion_to_head(head, m, scene=scene, set_stage=i == 0).actions[0] for i, m in enumerate(motions)]
    assert {action.name for action in takes_in_file()} == set(names)
    for name, motion in (*zip(names, motions, strict=True), (names[0], motions[0])):
        assert bpy.ops.mien.play_take(take=name) == {"FINISHED"}
        found = head_to_motion(head, scene, 1, 60)
        np.testing.assert_array_equal(found.expression, motion.expression)
        assert pose_error(found, motion) <= 1e-5
        scene.frame_set(30)
        assert head.data.shape_keys.key_blocks["jawOpen"].value == motion.expression[29, ARKIT52.index("jawOpen")]
    other = bpy.data.actions.new("Something Else")
    with pytest.raises(BadInput, match="not a take"):
        play_take(head, other)
    twin = new_head("Twin")
    play_take(twin, bpy.data.actions[names[1]])
    np.testing.assert_array_equal(head_to_motion(twin, scene, 1, 60).expression, motions[1].expression)


class Paper:
    """A layout that refuses what this Blender does not have."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def __getattr__(self, kind: str) -> object:
        def draw(*what: object, icon: str = "NONE", text: str = "", **_: object) -> "Paper":
            assert icon in bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items, icon
            if kind.startswith("operator"):
                family, name = str(what[0]).split(".")
                made = getattr(getattr(bpy.ops, family), name).get_rna_type()
                assert kind == "operator" or what[1] in made.properties
            self.drawn += [str(what[0])] if what else [text] if text else []
            return self
        return draw


def test_panels_draw_what_is_there(head: bpy.types.Object, tmp_path: Path) -> None:
    def drawn(panel: type) -> list[str]:
        paper = Paper()
        context = SimpleNamespace(active_object=head, region=None, preferences=bpy.context.preferences)
        assert panel.poll(context)
        panel.draw(SimpleNamespace(layout=paper), context)
        return paper.drawn

    assert "No animation yet" in drawn(motion_panel.MIEN_PT_motion)
    save_motion(replace(random_motion(), channels=(*ARKIT52[:51], "earWiggle")), tmp_path / "odd.npz")
    bpy.ops.mien.import_motion(filepath=str(tmp_path / "odd.npz"))
    shown = drawn(motion_panel.MIEN_PT_motion)
    assert "mien.play_take" in shown and any("earWiggle" in line for line in shown)
    assert {"mien.apply_preset", "mien.key_preset", *(name for name, _ in motion_panel.EDITS)} <= set(
        drawn(motion_panel.MIEN_PT_edit))
    for cls in (*motion_io.CLASSES, *edit_ops.CLASSES, *preset_ops.CLASSES, *retarget_ops.CLASSES):
        rna = getattr(bpy.ops.mien, cls.bl_idname.split(".")[1]).get_rna_type()
        shown = [p for p in rna.properties if not p.is_hidden and p.identifier not in ("rna_type", "filepath", "mode")]
        assert rna.description and all(p.description and not p.description.endswith(".") for p in shown), cls


def test_without_an_active_head(tmp_path: Path) -> None:
    assert not bpy.ops.mien.import_motion.poll()
    bpy.ops.mesh.primitive_cube_add()
    assert not bpy.ops.mien.import_motion.poll() and not bpy.ops.mien.export_motion.poll()


def test_linked_heads_are_refused_with_one_sentence(tmp_path: Path) -> None:
    motion_to_head(new_head("Faraway"), random_motion(), scene=bpy.context.scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, there):
        there.objects = ["Faraway"]
    bpy.context.scene.collection.objects.link(there.objects[0])
    bpy.context.view_layer.objects.active = there.objects[0]
    before = counts()
    assert "another file" in refusal(bpy.ops.mien.import_motion, filepath=str(TALKING))
    assert "another file" in refusal(bpy.ops.mien.gain_motion, factor=2)
    assert counts() == before
    assert bpy.ops.mien.export_motion(filepath=str(tmp_path / "theirs.npz"), use_scene_range=False,
                                      frame_end=60) == {"FINISHED"}
    np.testing.assert_array_equal(load_motion(tmp_path / "theirs.npz").expression, random_motion().expression)
