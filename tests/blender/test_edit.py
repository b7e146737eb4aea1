# SPDX-License-Identifier: Apache-2.0
"""Edits of a head's animation: the operator gives what the core's function gives, where it was asked to."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender.known_heads import new_head
from blender.known_motions import counts, pose_error, random_motion, set_rate, talking
from mien.addon.motion import action_slots, curves, edits
from mien.addon.motion.edits import Part
from mien.addon.motion.head_curves import expression_paths
from mien.addon.motion.head_motion import head_to_motion
from mien.addon.motion.retargeting import retarget_to_head
from mien.addon.motion.takes import motion_to_head
from mien.core import motion_edit
from mien.core.channels import ARKIT52, channels_of
from mien.core.errors import BadInput
from mien.core.model_files import default_model
from mien.core.motion import Motion
from mien.core.motion_files import save_motion
from mien.core.presets import PRESETS, preset_values
from mien.core.retarget import Rules, amplitude_gains, calibrated, retarget
from mien.core.shutting import shutting_ends

FRAMES = 199


@pytest.fixture(params=["dense", "few keys"])
def head(request: pytest.FixtureRequest) -> bpy.types.Object:
    """The active head plays a tracked take, a key a frame or few."""
    scene = bpy.context.scene
    set_rate(scene, "30")
    made = new_head()
    bpy.context.view_layer.objects.active = made
    motion_to_head(made, talking(), scene=scene, reduce=request.param == "few keys")
    return made


def played(head: bpy.types.Object, frames: int = FRAMES) -> Motion:
    return head_to_motion(head, bpy.context.scene, 1, frames)


def weights(start: float = 60, end: float = 120, soft: float = 6) -> np.ndarray:
    return motion_edit.range_weights(np.arange(1.0, FRAMES + 1), start, end, soft)


RANGE = {"use_range": True, "frame_start": 60, "frame_end": 120, "soft": 6}
NAMES = ("jawOpen", "mouthPucker")

CASES: dict[str, tuple[str, dict[str, object], Callable[[Motion], Motion]]] = {
    "gain": ("gain_motion", {"factor": 1.5}, lambda m: motion_edit.gain(m, 1.5)),
    "gain of a region": ("gain_motion", {"factor": -0.5, "region": "eyes", "about": 0.3},
                         lambda m: motion_edit.gain(m, -0.5, ("eyes",), about=0.3)),
    "gain of a range": ("gain_motion", {"factor": 2.0, **RANGE}, lambda m: motion_edit.gain(m, 2, weight=weights())),
    "offset of names": ("offset_motion", {"amount": 0.4, "channels": "jawOpen, mouthPucker"},
                        lambda m: motion_edit.offset(m, 0.4, NAMES)),
    "offset of a range": ("offset_motion", {"amount": -0.4, "region": "mouth", **RANGE},
                          lambda m: motion_edit.offset(m, -0.4, ("mouth",), weight=weights())),
    "hard range": ("offset_motion", {"amount": 0.5, **RANGE, "soft": 0},
                   lambda m: motion_edit.offset(m, 0.5, weight=weights(soft=0))),
    "mirror": ("mirror_motion", {}, lambda m: motion_edit.mirror(m)),
    "mirror without the head": ("mirror_motion", {"move_head": False, "region": "eyes"},
                                lambda m: motion_edit.mirror(m, ("eyes",), pose=False)),
    "mirror of a range": ("mirror_motion", RANGE, lambda m: motion_edit.mirror(m, weight=weights())),
    "smooth": ("smooth_motion", {"sigma": 0.1}, lambda m: motion_edit.smooth(m, 0.1)),
    "plainly smooth": ("smooth_motion", {"sigma": 0.2, "keep_blinks": False, "region": "jaw", "move_head": False},
                       lambda m: motion_edit.smooth(m, 0.2, ("jaw",), keep_blinks=False, pose=False)),
    "smooth in a range": ("smooth_motion", {"sigma": 0.1, **RANGE},
                          lambda m: motion_edit.smooth(m, 0.1, weight=weights()))}
EXACT = {"gain", "gain of a region", "gain of a range", "offset of names", "offset of a range", "hard range"}


@pytest.mark.parametrize("case", CASES)
def test_operators_give_what_the_core_gives(head: bpy.types.Object, case: str) -> None:
    name, options, change = CASES[case]
    before, keys = played(head), curves.key_counts(head.data.shape_keys)
    assert getattr(bpy.ops.mien, name)(**options) == {"FINISHED"}
    found, expected = played(head), change(before)
    few = sum(keys.values()) < 0.3 * 52 * FRAMES
    # What goes through samples gets few keys again, within a quarter of the usual tolerance.
    tolerance = 2e-5 if case in EXACT or not few else 0.25 * 0.02 + 1e-5
    assert np.abs(found.expression - expected.expression).max() <= tolerance
    assert pose_error(found, expected) <= (1e-5 if case in EXACT or not few else 0.002)
    after = sum(curves.key_counts(head.data.shape_keys).values())
    assert after <= 2.2 * sum(keys.values())
    if case in EXACT and "use_range" not in options:
        assert curves.key_counts(head.data.shape_keys) == keys


def test_outside_the_range_nothing_moves_between_frames_either(head: bpy.types.Object) -> None:
    paths, at = list(expression_paths(head).values()), np.linspace(1, FRAMES, 4 * FRAMES)
    before = curves.read(head.data.shape_keys, paths, at)
    bpy.ops.mien.gain_motion(factor=3, **RANGE)
    after = curves.read(head.data.shape_keys, paths, at)
    outside = (at <= 59) | (at >= 121)
    np.testing.assert_allclose(after[outside], before[outside], atol=2e-5)
    assert np.abs(after - before).max() > 0.5


def test_calls_do_what_operators_do(head: bpy.types.Object) -> None:
    other = new_head("Other")
    motion_to_head(other, played(head), scene=bpy.context.scene)
    motion_to_head(head, played(head), scene=bpy.context.scene, set_stage=True)
    part = Part(("mouth", "jawOpen"), 20, 90, 4)
    options = {"channels": "mouth, jawOpen", "use_range": True, "frame_start": 20, "frame_end": 90, "soft": 4}
    edits.gain(other, 1.3, part)
    edits.offset(other, 0.1, part)
    edits.mirror(other, bpy.context.scene, part)
    edits.smooth(other, bpy.context.scene, 0.07, part)
    edits.reduce(other, bpy.context.scene, 0.01, part)
    bpy.ops.mien.gain_motion(factor=1.3, **options)
    bpy.ops.mien.offset_motion(amount=0.1, **options)
    bpy.ops.mien.mirror_motion(**options)
    bpy.ops.mien.smooth_motion(sigma=0.07, **options)
    bpy.ops.mien.reduce_keys(tolerance=0.01, **options)
    a, b = played(head), played(other)
    np.testing.assert_allclose(a.expression, b.expression, atol=1e-6)
    assert curves.key_counts(head.data.shape_keys) == curves.key_counts(other.data.shape_keys)


def test_a_mirrored_take_shows_the_mirrored_mesh(head: bpy.types.Object) -> None:
    model, before = default_model(), played(head)
    bpy.ops.mien.mirror_motion()
    after = played(head)
    for frame in (0, 100):
        own, other = (model.vertices(None, m.expression[frame]) for m in (before, after))
        assert np.abs(own[model.mirror] * np.float32([-1, 1, 1]) - other).max() < 1e-4
    bpy.ops.mien.mirror_motion()
    assert np.abs(played(head).expression - before.expression).max() < 1e-6


def test_reducing_keys_keeps_within_the_error() -> None:
    scene, head, motion = bpy.context.scene, new_head(), talking()
    set_rate(scene, "30")
    bpy.context.view_layer.objects.active = head
    motion_to_head(head, motion, scene=scene)
    before, after = edits.reduce(head, scene, 0.02)
    found = played(head)
    assert before == 58 * FRAMES and after <= 0.25 * before
    assert np.abs(found.expression - motion.expression).max() <= 0.0201
    assert np.abs(found.translation - motion.translation).max() <= 0.0005 * np.sqrt(3)
    counted = sum(curves.key_counts(head.data.shape_keys).values()) + sum(curves.key_counts(head).values())
    assert counted == after
    partly = new_head("Partly")
    motion_to_head(partly, motion, scene=scene)
    edits.reduce(partly, scene, 0.05, Part(("mouth",), 50, 100), move_head=False)
    left = curves.key_counts(partly.data.shape_keys)
    mouth = {expression_paths(partly)[n] for n in channels_of("mouth")}
    assert all((count < FRAMES) == (path in mouth) for path, count in left.items())
    outside = np.r_[np.arange(0, 49), np.arange(100, FRAMES)]
    np.testing.assert_array_equal(played(partly).expression[outside], motion.expression[outside])


def test_hand_made_keys_stay_where_they_are() -> None:
    head, scene = new_head(), bpy.context.scene
    block = head.data.shape_keys.key_blocks["jawOpen"]
    for frame, value in ((1, 0.0), (12, 0.8), (30, 0.2)):
        block.value = value
        block.keyframe_insert("value", frame=frame)
    before = curves.read(head.data.shape_keys, [expression_paths(head)["jawOpen"]], np.linspace(1, 30, 100))
    edits.gain(head, 2.0)
    after = curves.read(head.data.shape_keys, [expression_paths(head)["jawOpen"]], np.linspace(1, 30, 100))
    np.testing.assert_allclose(after, 2 * before, atol=1e-5)
    assert curves.key_frames(head.data.shape_keys).tolist() == [1, 12, 30]
    scene.frame_set(12)
    assert block.value == pytest.approx(1.6, abs=1e-5)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_set_the_face(preset: str) -> None:
    head = new_head()
    bpy.context.view_layer.objects.active = head
    rest = {"browInnerUp": 0.5, "jawOpen": 0.5}
    for name, value in rest.items():
        head.data.shape_keys.key_blocks[name].value = value
    before = counts()
    assert bpy.ops.mien.apply_preset(preset=preset, strength=0.8) == {"FINISHED"}
    assert counts() == before
    expected = dict(zip(ARKIT52, preset_values(preset, ARKIT52, 0.8), strict=True))
    if PRESETS[preset].kind == "viseme":
        expected["browInnerUp"] = 0.5
    found = {k.name: k.value for k in head.data.shape_keys.key_blocks if k.name != "Basis"}
    assert found == pytest.approx(expected, abs=1e-6)


def test_presets_are_keyed_at_the_current_frame(head: bpy.types.Object) -> None:
    scene, before = bpy.context.scene, played(head)
    scene.frame_set(50)
    bpy.ops.mien.key_preset(preset="surprise", mirrored=True)
    found = played(head)
    np.testing.assert_allclose(found.expression[49], preset_values("surprise", ARKIT52, mirrored=True), atol=1e-6)
    if sum(curves.key_counts(head.data.shape_keys).values()) > 50 * FRAMES:
        np.testing.assert_array_equal(np.delete(found.expression, 49, 0), np.delete(before.expression, 49, 0))
    empty = new_head("Empty")
    edits.apply_preset(empty, "viseme_aa", key_frame=7.5)
    assert curves.key_frames(empty.data.shape_keys).tolist() == [7.5]
    assert len(curves.curve_names(empty.data.shape_keys)) == sum(
        len(channels_of(region)) for region in ("jaw", "mouth", "tongue"))


def test_retargeting_is_the_cores(head: bpy.types.Object) -> None:
    scene, other = bpy.context.scene, new_head("Other")
    driver = played(head)
    own = preset_values("smile", ARKIT52)
    edits.apply_preset(other, "smile")
    bpy.context.view_layer.objects.active = other
    start = head_to_motion(other, scene, 1, 1)
    assert bpy.ops.mien.retarget(source=head.name, gain_mouth=1.5, gain=0.9, head_gain=0.5) == {"FINISHED"}
    gains = {r: 0.9 * (1.5 if r == "mouth" else 1) for r in ("brows", "eyes", "cheeks", "nose", "jaw", "mouth",
                                                              "tongue")}
    ends = shutting_ends(default_model(), driver, start.identity, ARKIT52)
    expected = retarget(driver, ARKIT52, own, start.rotation[0], start.translation[0],
                        Rules(True, gains, 0.5, 0.5), ends=ends)
    found = played(other)
    np.testing.assert_allclose(found.expression, expected.expression, atol=1e-6)
    assert pose_error(found, replace(driver, rotation=expected.rotation, translation=expected.translation)) <= 1e-5
    assert pose_error(head_to_motion(other, scene, 1, 1), start) <= 1e-5


def test_retargeting_from_a_file_calibrated_and_matched(head: bpy.types.Object, tmp_path: Path) -> None:
    scene, own = bpy.context.scene, played(head)
    timid = replace(random_motion(3), fps=30.0)
    timid = replace(timid, expression=0.3 + 0.2 * np.abs(np.sin(timid.expression)))
    save_motion(timid, tmp_path / "timid.json")
    bpy.ops.mien.retarget(filepath=str(tmp_path / "timid.json"), mode="ABSOLUTE", calibrate=True, match_own=True,
                          take_name="Livelier")
    driver = calibrated(timid)
    gains = amplitude_gains(driver, own)
    start = own
    expected = retarget(driver, ARKIT52, start.expression[0], start.rotation[0], start.translation[0],
                        Rules(False, gains))
    np.testing.assert_allclose(played(head, 60).expression, expected.expression, atol=1e-5)
    assert head.data.shape_keys.animation_data.action.name.startswith("Livelier") and len(gains) >= 3
    assert scene.frame_current == 1


def test_retargeting_merges_into_a_range(head: bpy.types.Object) -> None:
    scene, before = bpy.context.scene, played(head)
    actions = len(bpy.data.actions)
    retarget_to_head(head, replace(random_motion(5, 20), fps=30.0), scene=scene, rules=Rules(relative=False),
                     start_frame=101, merge=True)
    found = played(head)
    assert len(bpy.data.actions) == actions
    np.testing.assert_array_equal(found.expression[100:120], random_motion(5, 20).expression)
    outside = np.r_[np.arange(0, 100), np.arange(120, FRAMES)]
    np.testing.assert_allclose(found.expression[outside], before.expression[outside], atol=2e-5)


@pytest.mark.parametrize("name", ["gain_motion", "offset_motion", "mirror_motion", "smooth_motion", "reduce_keys",
                                  "key_preset"])
def test_undo_restores_values_and_data(head: bpy.types.Object, name: str) -> None:
    bpy.ops.ed.undo_push(message="before")
    before, kept = counts(), played(head)
    options = {"preset": "smile"} if name == "key_preset" else {}
    getattr(bpy.ops.mien, name)(**options)
    bpy.ops.ed.undo_push(message="after")
    changed = played(bpy.context.view_layer.objects.active)
    bpy.ops.ed.undo()
    head = bpy.context.view_layer.objects.active
    assert counts() == before
    np.testing.assert_array_equal(played(head).expression, kept.expression)
    assert pose_error(played(head), kept) <= 1e-7
    assert name == "reduce_keys" or np.abs(changed.expression - kept.expression).max() > 0.01


def test_what_cannot_be_done_is_said_and_changes_nothing() -> None:
    scene, head = bpy.context.scene, new_head()
    bpy.context.view_layer.objects.active = head
    before = counts()
    for name, options in (("gain_motion", {}), ("mirror_motion", {}), ("smooth_motion", {}), ("reduce_keys", {}),
                          ("retarget", {}), ("retarget", {"source": "Nobody"})):
        with pytest.raises(RuntimeError) as caught:
            getattr(bpy.ops.mien, name)(**options)
        assert str(caught.value).count("\n") <= 1 and "Traceback" not in str(caught.value)
    assert counts() == before
    motion_to_head(head, random_motion(), scene=scene)
    kept, before = played(head, 60), counts()
    for call in (lambda: edits.gain(head, float("nan")), lambda: edits.gain(head, 1, Part(("ears",))),
                 lambda: edits.smooth(head, scene, -1), lambda: edits.reduce(head, scene, 0),
                 lambda: edits.apply_preset(head, "smirk"), lambda: edits.offset(head, float("inf")),
                 lambda: retarget_to_head(head, random_motion(), scene=scene, rules=Rules(gains={"ears": 2}))):
        with pytest.raises(BadInput):
            call()
    with pytest.raises(RuntimeError, match="ends before"):
        bpy.ops.mien.gain_motion(use_range=True, frame_start=9, frame_end=2)
    assert counts() == before
    np.testing.assert_array_equal(played(head, 60).expression, kept.expression)


def test_locked_curves_stop_an_edit_before_it_starts(head: bpy.types.Object) -> None:
    take = action_slots.Take(head.data.shape_keys, head.data.shape_keys.animation_data.action)
    next(c for c in take.fcurves if "mouthSmileLeft" in c.data_path).lock = True
    kept = played(head)
    for name in ("gain_motion", "mirror_motion", "smooth_motion", "reduce_keys"):
        with pytest.raises(RuntimeError, match="locked"):
            getattr(bpy.ops.mien, name)()
    np.testing.assert_array_equal(played(head).expression, kept.expression)
    assert pose_error(played(head), kept) <= 1e-7
    bpy.ops.mien.gain_motion(region="eyes")
