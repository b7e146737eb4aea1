# SPDX-License-Identifier: Apache-2.0
"""Actions, slots and F-curves: bulk writing, merging, reading, refusals, the same in every version."""

from pathlib import Path

import bpy
import numpy as np
import pytest
from blender.known_heads import new_head
from blender.known_motions import talking
from mien.addon.motion import action_slots, curves
from mien.addon.motion.curves import shape_key_path
from mien.addon.motion.fcurve import Group
from mien.core.channels import ARKIT52
from mien.core.errors import BadInput
from mien.core.keys import evaluate, reduce_keys, sample

JAW, BLINK = shape_key_path("jawOpen"), shape_key_path("eyeBlinkLeft")


def fcurve(id_block: bpy.types.ID, path: action_slots.CurvePath) -> bpy.types.FCurve:
    """Blender's F-curve, found another way than curves.py finds it."""
    data = id_block.animation_data
    if not hasattr(data.action, "slots"):
        return data.action.fcurves.find(path[0], index=path[1])
    bags = [strip.channelbag(data.action_slot) for layer in data.action.layers for strip in layer.strips]
    return next(curve for bag in bags if bag for curve in [bag.fcurves.find(path[0], index=path[1])] if curve)


def key(head: bpy.types.Object, frames: list[float], values: list[float], path: action_slots.CurvePath = JAW,
        **options: object) -> None:
    curves.write(head.data.shape_keys, {path: (np.array(frames, float), np.array(values, float))}, **options)


def keyed(head: bpy.types.Object, path: action_slots.CurvePath = JAW) -> list[tuple[float, float]]:
    return [(round(k.co[0], 4), round(k.co[1], 5)) for k in fcurve(head.data.shape_keys, path).keyframe_points]


def test_what_is_written_animates() -> None:
    """Blender's own evaluation says so, not only the curves."""
    head, scene = new_head(), bpy.context.scene
    key(head, [1, 2, 3], [0.25, 0.5, 1.25])
    assert not any(k.select_control_point for k in fcurve(head.data.shape_keys, JAW).keyframe_points)
    for frame, value in ((1, 0.25), (2, 0.5), (3, 1.25), (9, 1.25)):
        scene.frame_set(frame)
        assert head.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(value, abs=1e-6)
    scene.frame_set(1, subframe=0.5)
    assert head.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(0.375, abs=1e-6)


def test_two_id_blocks_share_an_action_where_there_are_slots() -> None:
    head = new_head()
    take = action_slots.new_take(head.data.shape_keys, "Take")
    other = action_slots.new_take(head, "Take", beside=take)
    if action_slots.has_slots(take.action):
        assert other.action == take.action and len(take.action.slots) == 2
        assert head.animation_data.action_slot != head.data.shape_keys.animation_data.action_slot
    else:
        assert other.action != take.action and other.action.name.startswith("Take")
    curves.write(head, {("location", 2): (np.array([1.0, 5.0]), np.array([0.0, 4.0]))})
    key(head, [1, 5], [0, 1])
    bpy.context.scene.frame_set(3)
    assert head.location[2] == pytest.approx(2)
    assert head.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(0.5)
    assert curves.curve_names(head) == [("location", 2)] and curves.curve_names(head.data.shape_keys) == [JAW]
    assert len(take.fcurves) == 1


def test_a_new_take_keeps_the_old_one() -> None:
    head = new_head()
    key(head, [1, 2], [0, 1])
    first = head.data.shape_keys.animation_data.action
    second = action_slots.new_take(head.data.shape_keys, "Second").action
    assert first != second and first.use_fake_user and second.use_fake_user
    assert curves.curve_names(head.data.shape_keys) == []


def test_merging_leaves_other_keys_and_the_curve_outside_alone() -> None:
    head = new_head()
    key(head, [1, 10, 20, 30, 40], [0.1, 0.2, 0.3, 0.4, 0.5], easing=True)
    curve = fcurve(head.data.shape_keys, JAW)
    before = [curve.evaluate(f) for f in (*np.linspace(1, 11.5, 50), *np.linspace(28, 40, 50))]
    points = {round(k.co[0]): (k.co[:], k.handle_left[:], k.handle_right[:], k.easing) for k in curve.keyframe_points}
    key(head, [12.5, 20, 27], [0.9, -0.5, 0.8])
    assert [f for f, _ in keyed(head)] == [1, 10, 11.5, 12.5, 20, 27, 28, 30, 40]
    assert [v for f, v in keyed(head) if f not in (11.5, 28)] == [0.1, 0.2, 0.9, -0.5, 0.8, 0.4, 0.5]
    curve = fcurve(head.data.shape_keys, JAW)
    after = [curve.evaluate(f) for f in (*np.linspace(1, 11.5, 50), *np.linspace(28, 40, 50))]
    np.testing.assert_allclose(after, before, atol=1e-6)
    for k in curve.keyframe_points:
        if k.co[0] in (1, 40):
            kept = points[round(k.co[0])]
            np.testing.assert_allclose([k.co[:], k.handle_left[:], k.handle_right[:]], kept[:3], atol=1e-6)
    key(head, [12.5], [0.7])
    assert keyed(head)[3] == (12.5, 0.7) and len(keyed(head)) == 10  # and one at 13.5
    key(head, [15], [0.0], frame_range=(11, 29))
    assert keyed(head) == [(1, 0.1), (10, 0.2), (15, 0), (30, 0.4), (40, 0.5)]
    key(head, [35], [1], easing=True)
    assert keyed(head) == [(1, 0.1), (10, 0.2), (15, 0), (30, 0.4), (35, 1), (40, 0.5)]
    key(head, [60, 61], [1, 1])
    assert keyed(head)[5:] == [(40, 0.5), (59, 0.5), (60, 1), (61, 1)]
    key(head, [5], [0.6], keep_outside=False)
    assert keyed(head) == [(5, 0.6)]


def test_all_that_a_key_has_survives_a_merge() -> None:
    head = new_head()
    key(head, [1, 10, 20, 40], [0.1, 0.2, 0.3, 0.5])
    first = fcurve(head.data.shape_keys, JAW).keyframe_points[0]
    first.interpolation, first.easing, first.amplitude, first.period = "ELASTIC", "EASE_OUT", 0.3, 7.5
    first.type, first.back, first.select_control_point = "EXTREME", 2.5, True
    key(head, [18, 22], [0, 0])
    first = fcurve(head.data.shape_keys, JAW).keyframe_points[0]
    assert (first.interpolation, first.easing, first.type) == ("ELASTIC", "EASE_OUT", "EXTREME")
    assert (first.amplitude, first.period, first.back) == pytest.approx((0.3, 7.5, 2.5))
    assert first.select_control_point


def test_limits_are_widened_and_never_narrowed() -> None:
    head = new_head()
    block = head.data.shape_keys.key_blocks["jawOpen"]
    key(head, [1, 2], [-2.5, 3.5])
    assert (block.slider_min, block.slider_max) == (-2.5, 3.5)
    bpy.context.scene.frame_set(2)
    assert block.value == 3.5
    key(head, [1, 2], [0.0, 0.1])
    assert (block.slider_min, block.slider_max) == (-2.5, 3.5)
    key(head, [1, 2], [-30, 30])
    assert (block.slider_min, block.slider_max) == (-10, 10)
    np.testing.assert_array_equal(curves.read(head.data.shape_keys, [JAW], np.array([1.0, 2.0]))[:, 0], [-30, 30])


def test_reading_is_blenders_evaluation() -> None:
    head, rng = new_head(), np.random.default_rng(0)
    frames = np.sort(rng.choice(np.arange(0, 100, 0.5), 30, replace=False))
    key(head, frames.tolist(), rng.normal(size=30).tolist(), easing=True)
    curve = fcurve(head.data.shape_keys, JAW)
    for i, kind in enumerate(("CONSTANT", "LINEAR", "BEZIER", "SINE", "BOUNCE", "BACK") * 5):
        curve.keyframe_points[i].interpolation = kind
    curve.update()
    at = np.concatenate([np.linspace(-5, 105, 333), frames])
    np.testing.assert_array_equal(curves.read(head.data.shape_keys, [JAW], at)[:, 0],
                                  np.float32([curve.evaluate(f) for f in at]))
    head.data.shape_keys.key_blocks["eyeBlinkLeft"].value = 0.375
    assert (curves.read(head.data.shape_keys, [BLINK], at) == 0.375).all()
    curve.mute = True
    head.data.shape_keys.key_blocks["jawOpen"].value = 0.125
    assert (curves.read(head.data.shape_keys, [JAW], at) == 0.125).all()
    curve.mute = False
    curve.modifiers.new("NOISE")
    np.testing.assert_array_equal(curves.read(head.data.shape_keys, [JAW], frames)[:, 0],
                                  np.float32([curve.evaluate(f) for f in frames]))


def test_reduced_keys_evaluate_as_core_says() -> None:
    head, motion = new_head(), talking()
    x = np.arange(1.0, len(motion) + 1)
    found = reduce_keys(x, motion.expression, 0.02)
    paths = [shape_key_path(name) for name in motion.channels]
    curves.write(head.data.shape_keys, dict(zip(paths, found, strict=True)))
    at = np.linspace(-3, 205, 1801)
    got = curves.read(head.data.shape_keys, paths, at)
    assert np.abs(got - sample(found, at)).max() <= 1e-4
    assert np.abs(curves.read(head.data.shape_keys, paths, x) - motion.expression).max() <= 0.0201
    steep = reduce_keys(np.array([0.0, 1, 2, 3, 4]), np.array([[0.0], [0], [30], [-30], [0]]), 0.01)[0]
    curves.write(head, {("location", 0): steep})
    fine = np.linspace(0, 4, 301)
    np.testing.assert_allclose(curves.read(head, [("location", 0)], fine)[:, 0], evaluate(steep, fine), atol=3e-3)


def test_groups_by_region_with_their_colour() -> None:
    head = new_head()
    red = Group("Mouth", (0.9, 0.1, 0.1))
    key(head, [1], [0], shape_key_path("mouthFunnel"), group_of=lambda path: red)
    key(head, [1], [0], shape_key_path("mouthPucker"), group_of=lambda path: red)
    key(head, [1], [0], JAW)
    first, second = (fcurve(head.data.shape_keys, shape_key_path(n)) for n in ("mouthFunnel", "mouthPucker"))
    assert first.group.name == second.group.name == "Mouth" and first.color_mode == "CUSTOM"
    np.testing.assert_allclose(first.color, red.colour, atol=0.01)
    assert first.group.color_set == "CUSTOM"
    assert len(first.group.channels) == 2 and fcurve(head.data.shape_keys, JAW).group is None


def test_removing_a_range() -> None:
    head = new_head()
    key(head, [1, 10, 20, 30], [0, 1, 2, 3])
    key(head, [12], [1], BLINK)
    curves.remove_range(head.data.shape_keys, [JAW, BLINK], 5, 25)
    assert keyed(head) == [(1, 0), (30, 3)] and curves.curve_names(head.data.shape_keys) == [JAW]
    curves.remove_range(head, [("location", 0)], 0, 100)
    assert head.animation_data is None


def test_transform_keeps_keys_and_the_curve_outside() -> None:
    head = new_head()
    key(head, [1, 10, 20, 40], [0.1, 0.8, 0.3, 0.5], easing=True)
    at = np.linspace(1, 40, 400)
    before = curves.read(head.data.shape_keys, [JAW], at)[:, 0]
    curves.transform(head.data.shape_keys, {JAW: lambda v, w: v * (1 + w)}, borders=[14, 15, 30, 31],
                     weights=lambda f: ((f >= 15) & (f <= 30)).astype(float))
    after = curves.read(head.data.shape_keys, [JAW], at)[:, 0]
    inside, outside = (at >= 15) & (at <= 30), (at <= 14) | (at >= 31)
    np.testing.assert_allclose(after[inside], 2 * before[inside], atol=2e-5)
    np.testing.assert_allclose(after[outside], before[outside], atol=2e-5)
    assert [f for f, _ in keyed(head)] == [1, 10, 14, 15, 20, 30, 31, 40]


def test_names_that_need_escaping() -> None:
    head = new_head()
    name = 'odd "name" \\ [0]'
    head.shape_key_add(name=name, from_mix=False)
    path = shape_key_path(name)
    key(head, [1, 5], [0.0, 0.75], path)
    bpy.context.scene.frame_set(5)
    assert head.data.shape_keys.key_blocks[name].value == pytest.approx(0.75)
    assert head.data.shape_keys.key_blocks[name].slider_max >= 0.75
    assert curves.read(head.data.shape_keys, [path], np.array([5.0]))[0, 0] == 0.75


@pytest.mark.parametrize("values", [[np.nan], [np.inf], []])
def test_what_is_not_a_curve_changes_nothing(values: list[float]) -> None:
    head = new_head()
    with pytest.raises(BadInput):
        curves.write(head.data.shape_keys, {BLINK: (np.array([1.0]), np.array([0.5])),
                                            JAW: (np.ones(len(values)), np.array(values))})
    assert head.data.shape_keys.animation_data is None and not bpy.data.actions


def test_locked_curves_are_refused() -> None:
    head = new_head()
    key(head, [1, 2], [0, 1])
    fcurve(head.data.shape_keys, JAW).lock = True
    with pytest.raises(BadInput, match="locked"):
        key(head, [1], [0.5])
    key(head, [1], [0.5], BLINK)
    assert keyed(head) == [(1, 0), (2, 1)]
    with pytest.raises(BadInput, match="locked"):
        curves.remove_range(head.data.shape_keys, [JAW], 0, 9)


def test_linked_data_is_refused(tmp_path: Path) -> None:
    head = new_head("Faraway")
    key(head, [1, 2], [0, 1])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, there):
        there.objects = ["Faraway"]
    linked = there.objects[0]
    bpy.context.scene.collection.objects.link(linked)
    for block in (linked, linked.data.shape_keys):
        with pytest.raises(BadInput, match="another file"):
            curves.write(block, {JAW: (np.array([1.0]), np.array([0.0]))})
    local = new_head("Here")
    local.data.shape_keys.animation_data_create().action = linked.data.shape_keys.animation_data.action
    with pytest.raises(BadInput, match="linked from another file"):
        key(local, [1], [0])


def test_an_action_of_something_else_is_left_as_it_was() -> None:
    """From 4.4 on an object's Action may be assigned to shape keys: they get a slot of their own in it."""
    head = new_head()
    curves.write(head, {("location", 0): (np.array([1.0, 2.0]), np.array([3.0, 4.0]))})
    action = head.animation_data.action
    data = head.data.shape_keys.animation_data_create()
    if action_slots.has_slots(action):
        data.action = action
        key(head, [1, 2], [0.5, 1])
        assert data.action == action and data.action_slot != head.animation_data.action_slot
    else:
        data.action = action
        assert data.action is None
        key(head, [1, 2], [0.5, 1])
    np.testing.assert_array_equal(curves.read(head, [("location", 0)], np.array([1.0, 2.0]))[:, 0], [3, 4])
    np.testing.assert_array_equal(curves.read(head.data.shape_keys, [JAW], np.array([1.0, 2.0]))[:, 0], [0.5, 1])


def test_every_channel_in_bulk_survives_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values, frames = rng.normal(size=(300, 52)).astype(np.float32), np.arange(1.0, 301)
    paths = [shape_key_path(name) for name in ARKIT52]
    head = new_head("Saved")
    curves.write(head.data.shape_keys, {p: (frames, v) for p, v in zip(paths, values.T, strict=True)})
    np.testing.assert_array_equal(curves.read(head.data.shape_keys, paths, frames), values)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    keys = bpy.data.objects["Saved"].data.shape_keys
    np.testing.assert_array_equal(curves.read(keys, paths, frames), values)
    curves.write(keys, {JAW: (frames[:10], values[:10, 0])})
    assert len(curves.curve_names(keys)) == 52 and curves.key_counts(keys, (1, 10))[JAW] == 10
