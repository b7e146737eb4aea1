# SPDX-License-Identifier: Apache-2.0
"""Motion → curves → Motion: equal, at every rate and scale, for copies, in files; and Blender's mesh agrees."""

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender.known_heads import evaluated, new_head, random_identity
from blender.known_motions import counts, pose_error, random_motion, set_rate, talking
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector
from mien.addon.face import axes, pose
from mien.addon.motion import curves
from mien.addon.motion.sampling import pose_paths
from mien.addon.motion.takes import (
    action_motion,
    expression_paths,
    head_to_motion,
    motion_to_head,
    on_head,
    scene_fps,
    take_note,
)
from mien.core.camera import project, rotation_matrix
from mien.core.channels import ARKIT52, REGIONS
from mien.core.errors import BadInput
from mien.core.keys import EXPRESSION_TOLERANCE
from mien.core.model_files import default_model
from mien.core.motion import Motion
from mien.core.resampling import resample

POSE = 1e-5


def there_and_back(head: bpy.types.Object, motion: Motion, **options: object) -> Motion:
    scene = bpy.context.scene
    report = motion_to_head(head, motion, scene=scene, **options)
    return head_to_motion(head, scene, report.frame_start, report.frame_end)


def assert_equal(found: Motion, motion: Motion) -> None:
    assert found.channels == motion.channels and len(found) == len(motion)
    np.testing.assert_array_equal(found.expression, motion.expression)
    assert pose_error(found, motion) <= POSE


@pytest.mark.parametrize("rate", ["23.976", "25", "60"])
@pytest.mark.parametrize("scale", [1.0, 0.01, 1000.0])
def test_equal_at_the_scenes_rate(rate: str, scale: float) -> None:
    scene = bpy.context.scene
    scene.unit_settings.scale_length = scale
    motion = random_motion(fps=set_rate(scene, rate))
    head = new_head()
    found = there_and_back(head, motion)
    assert_equal(found, motion)
    assert found.fps == pytest.approx(motion.fps, rel=1e-6) and found.model_hash == motion.model_hash
    assert found.camera.width == 640 and found.camera.focal == pytest.approx(900, rel=1e-6)
    assert dict(found.metadata) == dict(motion.metadata)


def test_confidence_is_kept_with_the_take(tmp_path: Path) -> None:
    sure = np.random.default_rng(0).uniform(0, 1, 60).astype(np.float32)
    sure[:5] = 0
    head, motion = new_head("Kept"), replace(random_motion(), confidence=sure)
    np.testing.assert_array_equal(there_and_back(head, motion).confidence, sure)
    motion_to_head(head, random_motion(2, 10), scene=bpy.context.scene, start_frame=21, merge=True, pose=False)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "sure.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "sure.blend"))
    found = head_to_motion(bpy.data.objects["Kept"], bpy.context.scene, 11, 80).confidence
    np.testing.assert_array_equal(found, [*sure[10:], *np.ones(20)])
    action = bpy.data.objects["Kept"].data.shape_keys.animation_data.action
    for nonsense in ("{}", "[]", '{"confidence": 5}', '{"confidence": [[1, 2], []]}'):
        action["mien_motion"] = nonsense
        assert (head_to_motion(bpy.data.objects["Kept"], bpy.context.scene, 1, 60).confidence == 1).all()


@pytest.mark.parametrize("mode", ["XYZ", "ZYX", "YXZ", "QUATERNION", "AXIS_ANGLE"])
def test_equal_in_every_rotation_mode_however_far_it_turns(mode: str) -> None:
    head, motion = new_head(), random_motion(1, 200, turns=2.5)
    head.rotation_mode = mode
    assert_equal(there_and_back(head, motion), motion)
    values = curves.read(head, pose_paths(head)[3:], np.arange(1.0, 201))
    if mode == "XYZ":
        assert np.abs(np.diff(values, axis=0)).max() < 1.5  # no jumps by a whole turn
    if mode == "QUATERNION":
        assert (np.sum(values[1:] * values[:-1], 1) > 0).all()


@pytest.mark.parametrize("mode", ["XYZ", "QUATERNION"])
def test_delta_transforms_are_reckoned_with(mode: str) -> None:
    scene, head, motion = bpy.context.scene, new_head(), random_motion(5, 12)
    head.rotation_mode = mode
    head.delta_location, head.delta_scale = (0.3, 0.1, -0.2), (2, 2, 2)
    head.delta_rotation_euler, head.delta_rotation_quaternion = (0.5, -0.3, 0.2), (0.8, 0.6, 0, 0)
    assert_equal(there_and_back(head, motion), motion)
    assert pose_error(action_motion(head, scene, np.arange(1.0, 13)), motion) <= POSE
    scene.frame_set(5)
    seen = head.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world
    rotation, translation = pose.poses_of(head, np.array(seen)[None], pose.world_matrix(head.mien.camera))
    np.testing.assert_allclose(translation[0], motion.translation[4], atol=POSE)
    np.testing.assert_allclose(rotation_matrix(rotation[0]), rotation_matrix(motion.rotation[4]), atol=POSE)
    head.keyframe_insert("delta_location", frame=1)
    head.delta_location.x += 1
    head.keyframe_insert("delta_location", frame=12)
    scene.frame_set(1)
    assert head_to_motion(head, scene, 1, 12).translation[11, 0] - motion.translation[11, 0] > 0.1


def test_blender_shows_what_the_motion_says() -> None:
    """Evaluated mesh and its picture in the stage camera: the face model's vertices and projection, frame by frame."""
    scene, identity, motion = bpy.context.scene, random_identity(3), random_motion(2, 8)
    head = new_head(identity=identity)
    motion_to_head(head, motion, scene=scene)
    camera = head.mien.camera
    scene.render.resolution_x, scene.render.resolution_y = 640, 480
    for frame in range(8):
        scene.frame_set(scene.frame_start + frame)
        expected = default_model().vertices(identity, motion.expression[frame])
        assert np.abs(evaluated(head) - expected).max() <= 1e-5
        points = project(expected[::97], motion.rotation[frame], motion.translation[frame], motion.camera)
        world = head.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world
        for vertex, point in zip(axes.to_blender(expected[::97]), points, strict=True):
            seen = world_to_camera_view(scene, camera, world @ Vector(vertex))
            assert (seen.x * 640, (1 - seen.y) * 480) == pytest.approx(point[:2], abs=0.02)


def test_the_head_stays_where_it_is_at_the_first_frame_with_a_face() -> None:
    head, motion = new_head(), random_motion(4, 10)
    head.location = (3.0, -2.0, 1.0)
    motion = replace(motion, confidence=np.float32([0, 0, 0, 1, 1, 1, 1, 1, 1, 1]))
    motion_to_head(head, motion, scene=bpy.context.scene)
    place = curves.read(head, [("location", i) for i in range(3)], np.array([4.0]))[0]
    np.testing.assert_allclose(place, (3, -2, 1), atol=1e-6)


@pytest.mark.parametrize("rate", ["23.976", "25", "60"])
def test_other_rates_are_sampled_at_the_scenes_frames(rate: str) -> None:
    scene, motion = bpy.context.scene, talking()
    fps, head = set_rate(scene, rate), new_head()
    report = motion_to_head(head, motion, scene=scene, start_frame=11)
    found = head_to_motion(head, scene, report.frame_start, report.frame_end)
    expected = resample(motion, fps)
    np.testing.assert_array_equal(found.expression, expected.expression)
    assert pose_error(found, expected) <= POSE
    assert report.frame_start == 11 and any("frames per second" in n for n in report.matching.notes)
    assert found.camera.width == 256


@pytest.mark.parametrize("rate", ["23.976", "25", "60"])
def test_samples_kept_at_their_own_times_come_back_exactly(rate: str) -> None:
    """Keys between frames."""
    scene, motion = bpy.context.scene, talking()
    fps, head = set_rate(scene, rate), new_head()
    report = motion_to_head(head, motion, scene=scene, keep_samples=True)
    assert report.keys == len(motion) * 58
    found = head_to_motion(head, scene, report.frame_start, report.frame_end, fps=motion.fps)
    np.testing.assert_allclose(found.expression, motion.expression, atol=1e-5)
    assert len(found) == len(motion) and pose_error(found, motion) <= POSE
    assert report.frame_end == pytest.approx(1 + 198 / 30 * fps)


def test_long_takes_do_not_drift_at_ntsc_rates() -> None:
    scene = bpy.context.scene
    set_rate(scene, "23.976")
    assert scene_fps(scene) == pytest.approx(24000 / 1001, rel=1e-7)
    motion = replace(random_motion(0, 500), fps=23.976)
    report = motion_to_head(new_head(), motion, scene=scene)
    assert report.frame_end == 500 and not report.matching.notes


def test_two_heads_have_their_own() -> None:
    first, second = new_head("A"), new_head("B")
    motions = random_motion(1), random_motion(2)
    for head, motion in zip((first, second), motions, strict=True):
        motion_to_head(head, motion, scene=bpy.context.scene)
    for head, motion in zip((first, second), motions, strict=True):
        assert_equal(head_to_motion(head, bpy.context.scene, 1, 60), motion)
    assert first.mien.camera != second.mien.camera


def test_duplicates_can_go_their_own_way_and_linked_ones_share() -> None:
    scene, motion = bpy.context.scene, random_motion(1)
    head = new_head()
    motion_to_head(head, motion, scene=scene)
    bpy.context.view_layer.objects.active = head
    head.select_set(True)
    bpy.ops.object.duplicate(linked=False)
    copy = bpy.context.active_object
    assert_equal(head_to_motion(copy, scene, 1, 60), motion)
    other = random_motion(5)
    motion_to_head(copy, other, scene=scene, set_stage=True)
    assert_equal(head_to_motion(copy, scene, 1, 60), other)
    assert_equal(head_to_motion(head, scene, 1, 60), motion)
    bpy.ops.object.select_all(action="DESELECT")
    head.select_set(True)
    bpy.context.view_layer.objects.active = head
    bpy.ops.object.duplicate(linked=True)
    linked = bpy.context.active_object
    assert linked.data == head.data
    np.testing.assert_array_equal(head_to_motion(linked, scene, 1, 60).expression, motion.expression)


def test_saved_closed_and_reopened(tmp_path: Path) -> None:
    motion = random_motion(7)
    motion_to_head(new_head("Kept"), motion, scene=bpy.context.scene, name="Séance")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "ünïcödé.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "ünïcödé.blend"))
    head, scene = bpy.data.objects["Kept"], bpy.context.scene
    found = head_to_motion(head, scene, 1, 60)
    assert_equal(found, motion)
    assert found.metadata == motion.metadata
    again = random_motion(8)
    motion_to_head(head, again, scene=scene, set_stage=True)
    assert_equal(head_to_motion(head, scene, 1, 60), again)
    assert any(action.name.startswith("Séance") for action in bpy.data.actions)


def test_every_channel_is_keyed_once_per_take() -> None:
    head = new_head()
    motion = replace(random_motion(), channels=("jawOpen", "eyeBlinkLeft"),
                     expression=random_motion().expression[:, :2])
    report = motion_to_head(head, motion, scene=bpy.context.scene)
    assert set(curves.curve_names(head.data.shape_keys)) == set(expression_paths(head).values())
    found = head_to_motion(head, bpy.context.scene, 1, 60)
    np.testing.assert_array_equal(found.expression[:, ARKIT52.index("jawOpen")], motion.expression[:, 0])
    assert (np.delete(found.expression, [ARKIT52.index(n) for n in motion.channels], 1) == 0).all()
    assert report.matching.missing == tuple(n for n in ARKIT52 if n not in motion.channels)


def test_one_action_with_slots_else_two_alike() -> None:
    head = new_head()
    report = motion_to_head(head, random_motion(), scene=bpy.context.scene, name="Scene 4")
    slots = curves.has_slots(bpy.data.actions[0])
    assert report.actions == (("Scene 4",) if slots else ("Scene 4", "Scene 4.001"))
    assert len(bpy.data.actions) == len(report.actions)
    action = head.data.shape_keys.animation_data.action
    groups = {c.group.name for c in curves.Take(head.data.shape_keys, action).fcurves}
    assert groups == {region.title() for region in REGIONS}
    assert {c.group.name for c in curves.Take(head, head.animation_data.action).fcurves} == {"Head"}
    second = motion_to_head(head, random_motion(1), scene=bpy.context.scene, name="Scene 4", pose=False)
    assert len(second.actions) == 1 and second.actions[0] not in report.actions


def test_merging_into_a_take_leaves_the_rest() -> None:
    scene, head, first = bpy.context.scene, new_head(), random_motion(1)
    motion_to_head(head, first, scene=scene)
    second = replace(random_motion(2, 10), channels=("jawOpen",), expression=random_motion(2, 10).expression[:, :1],
                     metadata={"source": "other", "licence": "CC0"})
    report = motion_to_head(head, second, scene=scene, start_frame=21, merge=True, pose=False)
    assert len(bpy.data.actions) == len(report.actions) + (0 if curves.has_slots(bpy.data.actions[0]) else 1)
    found, jaw = head_to_motion(head, scene, 1, 60), ARKIT52.index("jawOpen")
    expected = first.expression.copy()
    expected[20:30, jaw] = second.expression[:, 0]
    np.testing.assert_array_equal(found.expression, expected)
    assert pose_error(found, first) <= POSE
    assert dict(found.metadata) == {**first.metadata, "licence": "CC0"}


def test_reduced_takes_are_within_what_is_stated() -> None:
    scene, head, motion = bpy.context.scene, new_head(), talking()
    set_rate(scene, "30")
    report = motion_to_head(head, motion, scene=scene, reduce=True)
    found = head_to_motion(head, scene, report.frame_start, report.frame_end)
    assert report.keys <= 0.25 * 58 * len(motion)
    assert np.abs(found.expression - motion.expression).max() <= EXPRESSION_TOLERANCE + 1e-5
    assert np.abs(found.translation - motion.translation).max() <= 0.0005 * np.sqrt(3)
    turns = axes.from_euler_xyz(curves.read(head, pose_paths(head)[3:], np.arange(1.0, 200)))
    motion_to_head(head, motion, scene=scene, set_stage=True)
    exact = axes.from_euler_xyz(curves.read(head, pose_paths(head)[3:], np.arange(1.0, 200)))
    angle = np.degrees(np.arccos(np.clip((np.einsum("tij,tij->t", turns, exact) - 1) / 2, -1, 1)))
    assert angle.max() <= 0.25 * np.sqrt(3)


def test_nla_and_drivers_are_sampled() -> None:
    scene, head, motion = bpy.context.scene, new_head(), random_motion(1)
    motion_to_head(head, motion, scene=scene)
    keys = head.data.shape_keys
    driver = keys.key_blocks["jawOpen"].driver_add("value").driver
    driver.type, driver.expression = "SCRIPTED", "0.25"
    scene.frame_set(7)
    found = head_to_motion(head, scene, 1, 60)
    jaw = ARKIT52.index("jawOpen")
    assert np.abs(found.expression[:, jaw] - 0.25).max() < 1e-6 and scene.frame_current == 7
    np.testing.assert_allclose(np.delete(found.expression, jaw, 1), np.delete(motion.expression, jaw, 1), atol=1e-6)
    keys.key_blocks["jawOpen"].driver_remove("value")
    action = keys.animation_data.action
    track = keys.animation_data.nla_tracks.new()
    strip = track.strips.new("Take", 11, action)
    if curves.has_slots(action):
        strip.action_slot = keys.animation_data.action_slot
    keys.animation_data.action = None
    moved = head_to_motion(head, scene, 11, 70)
    np.testing.assert_allclose(moved.expression, motion.expression, atol=1e-5)


def test_heads_with_a_parent_and_a_moving_camera() -> None:
    scene, head, motion = bpy.context.scene, new_head(), random_motion(3, 12)
    mother = bpy.data.objects.new("Mother", None)
    scene.collection.objects.link(mother)
    mother.location, mother.rotation_euler, mother.scale = (1, 2, 3), (0.3, 0.2, 0.9), (2, 2, 2)
    head.parent = mother
    bpy.context.view_layer.update()
    found = there_and_back(head, motion)
    np.testing.assert_array_equal(found.expression, motion.expression)
    assert pose_error(found, motion) <= 1e-4
    camera = head.mien.camera
    camera.keyframe_insert("location", frame=1)
    camera.location.x += 0.1
    camera.keyframe_insert("location", frame=12)
    moving = head_to_motion(head, scene, 1, 12)
    assert pose_error(replace(moving, translation=motion.translation), motion) <= 1e-4
    assert np.abs(moving.translation[-1] - motion.translation[-1]).max() > 0.01


def test_what_does_not_fit_changes_nothing() -> None:
    scene, head = bpy.context.scene, new_head()
    strange = replace(random_motion(), channels=tuple(f"odd{i}" for i in range(52)))
    bpy.ops.mesh.primitive_cube_add()
    cube, before = bpy.context.active_object, counts()
    with pytest.raises(BadInput, match="none of the shape keys"):
        motion_to_head(head, strange, scene=scene)
    with pytest.raises(BadInput, match="not a Mien head"):
        motion_to_head(cube, random_motion(), scene=scene)
    for start, end in ((10, 5), (1, 1e9)):
        with pytest.raises(BadInput, match="nothing"):
            head_to_motion(head, scene, start, end)
    assert counts() == before and head.mien.camera is None and head.animation_data is None
    some = replace(strange, channels=("JAWOPEN", *strange.channels[1:]))
    matched, report = on_head(head, some)
    assert matched.channels == ("jawOpen",) and report.unmatched == strange.channels[1:]


def test_tweak_mode_is_refused_before_anything_is_made() -> None:
    scene, head = bpy.context.scene, new_head()
    motion_to_head(head, random_motion(), scene=scene)
    data = head.data.shape_keys.animation_data
    strip = data.nla_tracks.new().strips.new("Take", 1, data.action)
    if curves.has_slots(data.action):
        strip.action_slot = data.action_slot
    data.action = None
    data.nla_tracks.active = data.nla_tracks[0]
    data.nla_tracks[0].select = strip.select = True
    data.use_tweak_mode = True
    if not data.use_tweak_mode:
        pytest.skip("tweak mode cannot be entered by script here")
    before = counts()
    with pytest.raises(BadInput, match="tweak mode"):
        motion_to_head(head, random_motion(2), scene=scene)
    assert counts() == before


def test_of_another_model_by_name() -> None:
    """A motion of a model with some channels in common, in another order and case."""
    other = replace(random_motion(), channels=tuple(n.upper() for n in ARKIT52[::-1]), model="theirs",
                    model_hash="0" * 16, identity=np.ones(3, np.float32))
    head = new_head()
    found = there_and_back(head, other)
    np.testing.assert_array_equal(found.expression, other.expression[:, ::-1])
    assert found.model_hash == default_model().hash and len(found.identity) == 80
    assert take_note(head)["model"] == "theirs"


def test_removed_shape_keys_and_own_ones() -> None:
    scene, head, motion = bpy.context.scene, new_head(), random_motion()
    head.shape_key_remove(head.data.shape_keys.key_blocks["tongueOut"])
    head.shape_key_add(name="My Sneer", from_mix=False)
    report = motion_to_head(head, motion, scene=scene)
    assert report.matching.unmatched == ("tongueOut",)
    found = head_to_motion(head, scene, 1, 60)
    assert found.channels == ARKIT52[:-1]
    np.testing.assert_array_equal(found.expression, motion.expression[:, :-1])
    assert action_motion(head, scene, np.arange(1.0, 4)).channels == (*ARKIT52[:-1], "My Sneer")
