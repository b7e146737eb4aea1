# SPDX-License-Identifier: Apache-2.0
"""Prediction, in-betweens and idling on a head: what the functions of the dynamics give, written without a seam."""

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender.known_heads import new_head
from blender.known_motions import counts, pose_error, set_rate, talking
from mien.addon.motion import curves, layers, prediction
from mien.addon.motion.sampling import pose_paths, properties
from mien.addon.motion.takes import expression_paths, head_to_motion, motion_to_head, play_take, takes_in_file
from mien.core.channels import ARKIT52
from mien.core.errors import BadInput
from mien.core.motion import Motion
from mien.core.presets import preset_values
from mien.core.resampling import resample
from mien.models.dynamics.files import SHIPPED, load_network
from mien.models.dynamics.idle import idle_motion
from mien.models.dynamics.predict import inbetween, joined, part, predict

FRAMES = 199
BEFORE = 100
MODES = ("XYZ", "ZYX", "QUATERNION", "AXIS_ANGLE")


@pytest.fixture(params=["30"])
def head(request: pytest.FixtureRequest) -> bpy.types.Object:
    """The active head plays a tracked take, at the scene's rate; the current frame is in its midst."""
    scene = bpy.context.scene
    set_rate(scene, request.param)
    made = new_head()
    bpy.context.view_layer.objects.active = made
    motion_to_head(made, talking(), scene=scene)
    scene.frame_set(BEFORE)
    return made


def shown(head: bpy.types.Object, first: float = 1, last: float = FRAMES) -> Motion:
    return head_to_motion(head, bpy.context.scene, first, last)


def evaluated(head: bpy.types.Object, frames: np.ndarray) -> np.ndarray:
    """Shape keys and pose (T, 52 + P) as the scene evaluates them, between frames too."""
    graph, scene, out = bpy.context.evaluated_depsgraph_get(), bpy.context.scene, []
    for frame in frames:
        scene.frame_set(int(np.floor(frame)), subframe=float(frame % 1))
        seen = head.evaluated_get(graph)
        out.append([*(seen.data.shape_keys.key_blocks[n].value for n in ARKIT52), *np.ravel(seen.matrix_world)])
    scene.frame_set(BEFORE)
    return np.array(out)


def same(a: Motion, b: Motion, tolerance: float = 2e-6) -> bool:
    return len(a) == len(b) and bool(np.abs(a.expression - b.expression).max() <= tolerance) \
        and pose_error(a, b) <= max(tolerance, 2e-6)


@pytest.mark.parametrize("head", ["30", "25", "23.976", "60"], indirect=True)
@pytest.mark.parametrize("place", ["KEYS", "LAYER"])
def test_the_operator_gives_what_the_function_gives(head: bpy.types.Object, place: str) -> None:
    before, ending = shown(head, 1, 240), curves.key_frames(head.data.shape_keys)[-1]
    assert bpy.ops.mien.predict(frames=60, seed=3, temperature=0.8, place=place) == {"FINISHED"}
    after = shown(head, 1, 240)
    wanted = predict(part(before, 0, BEFORE), 60, seed=3, temperature=0.8)
    assert same(part(after, BEFORE, BEFORE + 60), wanted, 1e-5)
    assert same(part(after, 0, BEFORE), part(before, 0, BEFORE))
    home, last = BEFORE + 60 + (30 if place == "LAYER" else 0), int(ending)
    assert last <= home or same(part(after, home, last), part(before, home, last))


@pytest.mark.parametrize("place", ["KEYS", "LAYER"])
@pytest.mark.parametrize("reduce", [False, True])
def test_there_is_no_seam(head: bpy.types.Object, place: str, reduce: bool) -> None:
    at = np.arange(BEFORE - 4, BEFORE + 4.01, 0.125)
    before = evaluated(head, at)
    step = np.abs(np.diff(evaluated(head, np.arange(1, FRAMES, 1.0)), axis=0)).max() / 8
    bpy.ops.mien.predict(frames=60, place=place, reduce=reduce)
    after = evaluated(head, at)
    np.testing.assert_allclose(after[at <= BEFORE], before[at <= BEFORE], atol=2e-5)
    assert np.abs(np.diff(after, axis=0)).max() <= 1.2 * step


@pytest.mark.parametrize("mode", MODES)
def test_every_rotation_mode_goes_on_from_where_it_is(mode: str) -> None:
    scene, head = bpy.context.scene, new_head()
    head.rotation_mode = mode
    set_rate(scene, "30")
    motion_to_head(head, talking(), scene=scene)
    path = pose_paths(head)[3][0]
    # A turn more, or the same one said the other way round.
    for curve in curves.Take(head, curves.current_action(head)).fcurves:
        if curve.data_path == path and (mode in ("QUATERNION", "AXIS_ANGLE") or curve.array_index == 0):
            for point in curve.keyframe_points:
                point.co[1] = -point.co[1] if mode in ("QUATERNION", "AXIS_ANGLE") else point.co[1] + 2 * np.pi
            curve.update()
    before = shown(head)
    prediction.predict_head(head, scene=scene, start=BEFORE, frames=80)
    assert same(shown(head, BEFORE + 1, BEFORE + 80), predict(part(before, 0, BEFORE), 80), 1e-5)
    values = curves.read(head, pose_paths(head), np.arange(BEFORE - 3, BEFORE + 80.0))[:, 3:]
    if mode == "AXIS_ANGLE":  # whose axis may be any where the head looks straight ahead
        assert values[4, 1:] @ values[3, 1:] > 0
        values = values[:, :1] * values[:, 1:]
    assert np.abs(np.diff(values, axis=0)).max() < 0.1


def test_a_target_is_reached(head: bpy.types.Object) -> None:
    scene, before = bpy.context.scene, shown(head)
    bpy.ops.mien.predict(frames=50, target="PRESET", preset="surprise")
    found = shown(head)
    np.testing.assert_allclose(found.expression[BEFORE + 49], preset_values("surprise", ARKIT52), atol=1e-6)
    assert pose_error(part(found, BEFORE + 49, BEFORE + 50), part(before, BEFORE - 1, BEFORE)) <= 2e-6
    bpy.ops.mien.predict(frames=20, target="FRAME", target_frame=30)
    assert same(shown(head, BEFORE + 20, BEFORE + 20), part(before, 29, 30))
    goal = prediction.frame_target(head, scene, 30)
    assert len(goal) > 1 and same(part(goal, 0, 1), part(before, 29, 30))
    other = new_head("Other")
    other.data.shape_keys.key_blocks["mouthPucker"].value = 0.7
    bpy.context.view_layer.objects.active = head
    bpy.ops.mien.predict(frames=30, target="FACE", target_face="Other")
    np.testing.assert_allclose(shown(head, BEFORE + 30, BEFORE + 30).expression[0],
                               0.7 * (np.array(ARKIT52) == "mouthPucker"), atol=1e-6)


def test_a_mouth_shape_as_a_target_leaves_the_rest(head: bpy.types.Object) -> None:
    goal = prediction.preset_target(head, bpy.context.scene, "viseme_aa")
    now = shown(head, BEFORE, BEFORE).expression[0]
    changed = {name for name, a, b in zip(ARKIT52, goal.expression[0], now, strict=True) if a != b}
    assert changed and not any(name.startswith(("eye", "brow")) for name in changed)


def test_a_head_without_animation_begins_to_live() -> None:
    scene, head = bpy.context.scene, new_head()
    set_rate(scene, "30")
    head.location = (1, 2, 3)
    head.data.shape_keys.key_blocks["mouthSmileLeft"].value = 1.3
    start = shown(head, 10, 10)
    bpy.context.view_layer.objects.active = head
    scene.frame_set(10)
    assert bpy.ops.mien.predict(frames=40) == {"FINISHED"}
    assert same(shown(head, 10, 10), start) and same(shown(head, 1, 1), start)
    assert same(shown(head, 11, 50), predict(start, 40), 1e-5)
    smile = shown(head, 10, 50).expression[:, ARKIT52.index("mouthSmileLeft")]
    assert np.abs(np.diff(smile)).max() < 0.2 and curves.current_action(head.data.shape_keys) in takes_in_file()


def test_two_heads_do_not_touch_each_other(head: bpy.types.Object) -> None:
    other = new_head("Other")
    motion_to_head(other, talking(), scene=bpy.context.scene)
    before, own = shown(head), shown(other)
    prediction.predict_head(other, scene=bpy.context.scene, frames=30)
    prediction.idle_head(other, scene=bpy.context.scene)
    assert same(shown(head), before, 0) and not same(shown(other), own)
    assert same(part(shown(other), 0, 1), part(own, 0, 1), 0.2)


@pytest.mark.parametrize("seed", [0, 5])
def test_reduced_keys_are_few_and_near(head: bpy.types.Object, seed: int) -> None:
    before = shown(head)
    made = prediction.predict_head(head, scene=bpy.context.scene, frames=90, seed=seed, reduce=True)
    wanted = predict(part(before, 0, BEFORE), 90, seed=seed)
    found = shown(head, BEFORE + 1, BEFORE + 90)
    assert np.abs(found.expression - wanted.expression).max() <= 0.0201 and pose_error(found, wanted) < 0.01
    assert made.keys < 0.4 * 58 * 91


def test_keys_outside_stay_as_they_are() -> None:
    """Curves made by hand keep their shape up to the current frame, and their keys after the prediction."""
    scene, head = bpy.context.scene, new_head()
    set_rate(scene, "30")
    for frame, value in ((1, 0.0), (12, 0.9), (30, 0.1), (80, 0.6), (90, 0.5)):
        head.data.shape_keys.key_blocks["jawOpen"].value = value
        head.data.shape_keys.key_blocks["jawOpen"].keyframe_insert("value", frame=frame)
    path = [expression_paths(head)["jawOpen"]]
    before = curves.read(head.data.shape_keys, path, np.linspace(1, 20, 300))
    prediction.predict_head(head, scene=scene, start=20, frames=40)
    after = curves.read(head.data.shape_keys, path, np.linspace(1, 20, 300))
    np.testing.assert_allclose(after, before, atol=2e-4)
    frames = curves.key_frames(head.data.shape_keys, path)
    assert {1.0, 12.0, 80.0, 90.0} <= set(frames.tolist())
    np.testing.assert_allclose(curves.read(head.data.shape_keys, path, np.array([80, 90.0]))[:, 0], (0.6, 0.5))


def presets(head: bpy.types.Object, poses: tuple[tuple[str, int], ...], turned: bool = True) -> None:
    """Key expressions by hand, and the head turning."""
    bpy.context.view_layer.objects.active = head
    for name, frame in poses:
        bpy.context.scene.frame_set(frame)
        bpy.ops.mien.key_preset(preset=name)
        if turned:
            head.rotation_euler.z = 0.01 * frame
            head.keyframe_insert("rotation_euler", frame=frame)
            head.keyframe_insert("location", frame=frame)


def test_inbetween_is_the_function_between_the_keys_around() -> None:
    scene, head = bpy.context.scene, new_head()
    set_rate(scene, "30")
    presets(head, (("smile", 5), ("surprise", 35), ("frown", 70)))
    for curve in curves.Take(head, curves.current_action(head)).fcurves:
        curve.keyframe_points.foreach_set("select_control_point", np.zeros(len(curve.keyframe_points), bool))
    before = [shown(head, frame, frame) for frame in (5, 35, 70)]
    later = curves.read(head.data.shape_keys, list(expression_paths(head).values()), np.linspace(35, 75, 200))
    scene.frame_set(20)
    assert bpy.ops.mien.inbetween(reduce=False) == {"FINISHED"}
    wanted = inbetween(before[0], prediction.frame_target(head, scene, 35), 29)
    assert same(shown(head, 6, 34), wanted, 1e-5)
    for frame, motion in zip((5, 35, 70), before, strict=True):
        assert same(shown(head, frame, frame), motion)
    after = curves.read(head.data.shape_keys, list(expression_paths(head).values()), np.linspace(35, 75, 200))
    np.testing.assert_allclose(after, later, atol=2e-4)


def test_inbetween_of_any_number_of_selected_keys_is_smooth_and_keeps_them() -> None:
    scene, head = bpy.context.scene, new_head()
    set_rate(scene, "30")
    presets(head, (("smile", 1), ("surprise", 25), ("frown", 50), ("smile", 80), ("smile", 100), ("smile", 101)),
            turned=False)
    blocks = (head.data.shape_keys,)
    for block in blocks:
        for curve in curves.Take(block, curves.current_action(block)).fcurves:
            curve.keyframe_points.foreach_set("select_control_point", np.ones(len(curve.keyframe_points), bool))
    keyed = [1, 25, 50, 80, 100, 101]
    kept = [curves.read(block, sorted(curves.curve_names(block)), np.array(keyed, float)) for block in blocks]
    assert bpy.ops.mien.inbetween() == {"FINISHED"}
    for block, values in zip(blocks, kept, strict=True):
        np.testing.assert_array_equal(curves.read(block, sorted(curves.curve_names(block)), np.array(keyed, float)),
                                      values)
    assert set(keyed) <= set(curves.key_frames(head.data.shape_keys).tolist())
    found = shown(head, 1, 101)
    assert np.abs(np.diff(found.expression[:100], axis=0)).max() < 0.2
    # The same face twice, 80 and 100: nothing moves.
    assert np.abs(found.expression[79:100] - found.expression[79]).max() < 1e-6
    dense = shown(head)
    bpy.ops.mien.inbetween(reduce=False)
    again = shown(head)
    assert np.abs(again.expression - dense.expression).max() <= 0.05


def test_inbetween_changes_the_selected_curves_alone() -> None:
    scene, head = bpy.context.scene, new_head()
    presets(head, (("smile", 1), ("surprise", 30), ("frown", 60)), turned=False)
    path = expression_paths(head)["jawOpen"]
    for curve in curves.Take(head.data.shape_keys, curves.current_action(head.data.shape_keys)).fcurves:
        flags = np.full(len(curve.keyframe_points), (curve.data_path, curve.array_index) == path)
        curve.keyframe_points.foreach_set("select_control_point", flags)
    counted = curves.key_counts(head.data.shape_keys)
    scene.frame_set(40)
    bpy.ops.mien.inbetween(reduce=False)
    after = curves.key_counts(head.data.shape_keys)
    assert {p for p in after if after[p] != counted[p]} == {path} and after[path] == 60


def test_livelier_inbetweens_keep_the_keys_and_differ_by_seed(head: bpy.types.Object) -> None:
    ends = [shown(head, 100, 100), shown(head, 150, 150)]
    scene, made = bpy.context.scene, []
    for seed in (0, 1):
        prediction.inbetween_head(head, scene=scene, at=(100, 150), temperature=1.0, seed=seed, reduce=False)
        made.append(shown(head, 100, 150))
        assert same(part(made[-1], 0, 1), ends[0]) and same(part(made[-1], 50, 51), ends[1])
    assert np.abs(made[0].expression - made[1].expression).max() > 0.05


@pytest.mark.parametrize("place", ["LAYER", "TAKE"])
@pytest.mark.parametrize("mode", MODES)
def test_idling_is_the_function_and_repeats_without_a_seam(place: str, mode: str) -> None:
    scene, head = bpy.context.scene, new_head()
    head.rotation_mode = mode
    set_rate(scene, "30")
    motion_to_head(head, part(talking(), 0, 1), scene=scene)
    bpy.context.view_layer.objects.active = head
    rest = shown(head, 1, 1)
    assert bpy.ops.mien.idle(place=place, frames=150, amount=1.3, seed=2, reduce=False) == {"FINISHED"}
    wanted = idle_motion(rest, 150, amount=1.3, seed=2)
    loops = shown(head, 1 - 150, 450)
    for loop in range(4):
        assert same(part(loops, 150 * loop, 150 * (loop + 1)), wanted, 1e-4)
    fine = evaluated(head, np.arange(148, 154, 0.125))
    usual = evaluated(head, np.arange(1, 150, 0.5))
    assert np.abs(np.diff(fine, axis=0)).max() <= np.abs(np.diff(usual, axis=0)).max()


def test_reduced_idling_repeats_too() -> None:
    scene, head = bpy.context.scene, new_head()
    set_rate(scene, "30")
    made = prediction.idle_head(head, scene=scene, frames=200)
    assert made.keys < 0.15 * 200 * 58
    found = shown(head, 1, 801)
    assert np.abs(found.expression[:201] - found.expression[600:]).max() < 1e-5
    lids = found.expression[:, ARKIT52.index("eyeBlinkLeft")]
    assert lids.max() > 0.7 and np.abs(found.expression[200] - found.expression[0]).max() < 1e-6


def test_idling_over_a_performance_adds_no_blinks_to_its_own(head: bpy.types.Object) -> None:
    before, at = shown(head), np.arange(1.0, FRAMES + 1)
    bpy.ops.mien.idle(amount=1.0)
    after = shown(head)
    lids = [i for i, name in enumerate(ARKIT52) if name.startswith("eyeBlink")]
    np.testing.assert_allclose(after.expression[:, lids], before.expression[:, lids], atol=1e-6)
    moved = np.abs(after.rotation - before.rotation)
    assert 0.002 < moved.max() < 0.2 and np.abs(after.expression - before.expression).max() > 0.01
    bpy.ops.mien.idle(amount=0.0)
    np.testing.assert_allclose(evaluated(head, at[::20])[:, :52], after.expression[::20], atol=2e-5)


def test_layers_lie_on_layers_and_takes_replace_them(head: bpy.types.Object) -> None:
    scene, take = bpy.context.scene, curves.current_action(head.data.shape_keys)
    before = shown(head, 1, 300)
    prediction.predict_head(head, scene=scene, frames=50, layer=True)
    first = shown(head, 1, 300)
    prediction.predict_head(head, scene=scene, start=170, frames=60, seed=1, layer=True, reduce=True)
    second = shown(head, 1, 300)
    assert same(part(second, 0, 170), part(first, 0, 170), 2e-5)
    wanted = predict(part(first, 0, 170), 60, seed=1)
    assert np.abs(part(second, 170, 230).expression - wanted.expression).max() <= 0.021
    with pytest.raises(BadInput, match="layer"):
        prediction.predict_head(head, scene=scene, frames=20)
    play_take(head, take)
    assert same(shown(head, 1, 300), before)


def test_a_layer_over_a_head_that_is_partly_animated() -> None:
    """Blender adds to the defaults of what nothing animates: neither pose nor sliders jump."""
    scene, head = bpy.context.scene, new_head()
    set_rate(scene, "30")
    head.location, head.rotation_euler = (0.3, -2, 1), (0.1, 0.2, -0.3)
    block = head.data.shape_keys.key_blocks
    block["mouthSmileLeft"].value = 0.4
    for frame, value in ((1, 0.0), (30, 0.6)):
        block["jawOpen"].value = value
        block["jawOpen"].keyframe_insert("value", frame=frame)
    before = shown(head, 1, 30)
    prediction.predict_head(head, scene=scene, start=30, frames=30, layer=True)
    assert same(shown(head, 1, 30), before, 1e-5)
    assert same(shown(head, 31, 60), predict(before, 30), 1e-5)
    assert head.location[:] == pytest.approx((0.3, -2, 1), abs=0.2)


def test_strips_in_the_nla_are_observed(head: bpy.types.Object) -> None:
    before = shown(head)
    for block in (head.data.shape_keys, head):
        layers.push_down(block)
    assert same(shown(head), before, 1e-6)
    with pytest.raises(RuntimeError, match="additive layer"):
        bpy.ops.mien.predict(frames=20)
    assert bpy.ops.mien.predict(frames=20, place="LAYER") == {"FINISHED"}
    assert same(shown(head, BEFORE + 1, BEFORE + 20), predict(part(before, 0, BEFORE), 20), 1e-5)


@pytest.mark.parametrize("name", ["predict", "inbetween", "idle"])
@pytest.mark.parametrize("place", ["KEYS", "LAYER"])
def test_undo_restores_everything(head: bpy.types.Object, name: str, place: str) -> None:
    options: dict[str, object] = {} if name == "inbetween" else {"place": place}
    if name == "idle":
        options["place"] = "TAKE" if place == "KEYS" else place
    if name == "inbetween":
        for block in (head.data.shape_keys, head):
            for curve in curves.Take(block, curves.current_action(block)).fcurves:
                flags = np.isin(np.arange(1, FRAMES + 1), (60, 90))
                curve.keyframe_points.foreach_set("select_control_point", flags)
    bpy.ops.ed.undo_push(message="before")
    before, kept = counts(), shown(head, 1, 300)
    getattr(bpy.ops.mien, name)(**options)
    bpy.ops.ed.undo_push(message="after")
    assert not same(shown(bpy.context.view_layer.objects.active, 1, 300), kept, 1e-3)
    bpy.ops.ed.undo()
    head = bpy.context.view_layer.objects.active
    assert counts() == before and same(shown(head, 1, 300), kept, 1e-7)
    assert not any(layers.animated(block) != set(curves.curve_names(block)) for block in (head.data.shape_keys, head))


def test_lost_shape_keys_do_not_stand_in_the_way(head: bpy.types.Object) -> None:
    head.shape_key_remove(head.data.shape_keys.key_blocks["tongueOut"])
    head.shape_key_add(name="my own", from_mix=False)
    assert bpy.ops.mien.predict(frames=20) == {"FINISHED"}
    assert len(shown(head).channels) == 51


def test_the_rate_is_said(head: bpy.types.Object) -> None:
    set_rate(bpy.context.scene, "25")
    made = prediction.predict_head(head, scene=bpy.context.scene, frames=10)
    assert made.matching.sentences() == ["Made at 30 frames per second, sampled at the scene's 25."]
    at_thirty = resample(joined(shown(head, 1, 100), shown(head, 101, 110)), 30.0)
    assert len(at_thirty) == 131


def test_what_cannot_be_done_is_said_and_changes_nothing(
        head: bpy.types.Object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = bpy.context.scene
    before, kept = counts(), shown(head)
    bare = new_head("Bare")
    other = counts()
    bpy.context.view_layer.objects.active = bare
    with pytest.raises(RuntimeError, match="keyed yet"):
        bpy.ops.mien.inbetween()
    with pytest.raises(RuntimeError, match="no Mien face"):
        bpy.ops.mien.predict(target="FACE", target_face="Nobody")
    with pytest.raises(RuntimeError, match="layer"):
        bpy.ops.mien.predict(place="LAYER")
    assert counts() == other != before
    bpy.context.view_layer.objects.active = head
    scene.frame_set(400)
    with pytest.raises(RuntimeError, match="between two keyed"):
        bpy.ops.mien.inbetween()
    scene.frame_set(50)
    with pytest.raises(RuntimeError, match="no frame between"):
        bpy.ops.mien.inbetween()
    with pytest.raises(RuntimeError, match="at least 2 frames"):
        bpy.ops.mien.predict(frames=1, target="PRESET")
    with pytest.raises(RuntimeError, match="already"):
        bpy.ops.mien.predict(frames=10, target="FRAME", target_frame=50)
    for call in (lambda: prediction.predict_head(head, scene=scene, frames=0),
                 lambda: prediction.predict_head(head, scene=scene, frames=10, seed=-1),
                 lambda: prediction.predict_head(head, scene=scene, frames=10, temperature=float("nan")),
                 lambda: prediction.idle_head(head, scene=scene, frames=1),
                 lambda: prediction.inbetween_head(head, scene=scene, at=[5])):
        with pytest.raises(BadInput):
            call()
    truncated = tmp_path / "dynamics.safetensors"
    truncated.write_bytes(SHIPPED.read_bytes()[:100_000])
    for path in (truncated, tmp_path / "gone.safetensors"):
        monkeypatch.setattr(prediction, "load_network", lambda path=path: load_network(path))
        for call in (lambda: bpy.ops.mien.predict(), lambda: prediction.inbetween_head(head, scene=scene, at=(5, 9))):
            with pytest.raises((RuntimeError, BadInput)) as caught:
                call()
            assert path.name in str(caught.value) and "Traceback" not in str(caught.value)
    assert counts() == other and same(shown(head), kept, 0)


def test_another_model_is_refused(head: bpy.types.Object) -> None:
    head.data.mien.model_hash = "0" * 16
    kept = counts()
    with pytest.raises(RuntimeError, match="face model"):
        bpy.ops.mien.predict(frames=20)
    assert counts() == kept


def test_linked_and_locked_heads_stay(head: bpy.types.Object, tmp_path: Path) -> None:
    scene = bpy.context.scene
    action = curves.current_action(head.data.shape_keys)
    curve = next(iter(curves.Take(head.data.shape_keys, action).fcurves))
    curve.lock = True
    kept = shown(head)
    with pytest.raises(RuntimeError, match="locked"):
        bpy.ops.mien.predict(frames=20)
    assert same(shown(head), kept, 0)
    curve.lock = False
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (there, here):
        here.objects = [name for name in there.objects if name == "Face"]
    linked = here.objects[0]
    scene = bpy.context.scene
    scene.collection.objects.link(linked)
    before = counts()
    for call in (lambda: prediction.predict_head(linked, scene=scene, frames=20),
                 lambda: prediction.predict_head(linked, scene=scene, frames=20, layer=True),
                 lambda: prediction.inbetween_head(linked, scene=scene, at=(5, 9)),
                 lambda: prediction.idle_head(linked, scene=scene)):
        with pytest.raises(BadInput, match="linked"):
            call()
    assert counts() == before


def test_a_cube_is_refused() -> None:
    bpy.ops.mesh.primitive_cube_add()
    assert not bpy.ops.mien.predict.poll() and not bpy.ops.mien.idle.poll()
    with pytest.raises(BadInput, match="not a Mien head"):
        prediction.predict_head(bpy.context.active_object, scene=bpy.context.scene, frames=5)


def test_repeated_curves_are_not_continued_by_keys() -> None:
    scene, head = bpy.context.scene, new_head()
    motion_to_head(head, part(talking(), 0, 1), scene=scene)
    prediction.idle_head(head, scene=scene, frames=60, layer=False)
    before = shown(head, 1, 120)
    with pytest.raises(BadInput, match="modifiers"):
        prediction.predict_head(head, scene=scene, start=50, frames=30)
    prediction.predict_head(head, scene=scene, start=50, frames=30, layer=True)
    assert same(shown(head, 1, 50), part(before, 0, 50), 1e-5)
    assert same(shown(head, 51, 80), predict(part(before, 0, 50), 30), 1e-4)
    there = properties(head, scene, head.data.shape_keys, [expression_paths(head)["jawOpen"]], np.array([500.0]))
    assert there.shape == (1, 1)
    assert same(replace(shown(head, 500, 520)), replace(shown(head, 560, 580)), 1e-4)
