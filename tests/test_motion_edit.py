# SPDX-License-Identifier: Apache-2.0
"""Gain, offset, mirror, smooth: what they change, and that they change nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mien.core import motion_edit
from mien.core.camera import rotation_matrix
from mien.core.channels import ARKIT52, REGIONS, channels_of, mirror_index
from mien.core.errors import BadInput
from mien.core.model_files import default_model
from mien.core.motion import Motion
from mien.core.motion_files import load_motion


@pytest.fixture(scope="module")
def talking() -> Motion:
    return load_motion(Path(__file__).parents[1] / "core" / "demo_data" / "talking.npz")


def test_regions_partition_what_is_selected() -> None:
    chosen = np.stack([motion_edit.selected(ARKIT52, (region,)) for region in REGIONS])
    assert (chosen.sum(0) == 1).all()
    assert motion_edit.selected(ARKIT52, None).all()
    assert not motion_edit.selected(ARKIT52, ()).any()
    both = motion_edit.selected(ARKIT52, ("jaw", "tongueOut"))
    assert {n for n, use in zip(ARKIT52, both, strict=True) if use} == {*channels_of("jaw"), "tongueOut"}
    with pytest.raises(BadInput, match="earWiggle"):
        motion_edit.selected(ARKIT52, ("earWiggle",))


def test_weights_are_whole_inside_and_nothing_outside() -> None:
    frames = np.arange(20.0)
    hard = motion_edit.range_weights(frames, 5, 9)
    np.testing.assert_array_equal(hard, (frames >= 5) & (frames <= 9))
    soft = motion_edit.range_weights(frames, 5, 14, 3)
    assert (soft[(frames < 5) | (frames > 14)] == 0).all() and (soft[8:12] == 1).all()
    assert (np.diff(soft[4:9]) > 0).all() and 0 < soft[5] < 0.2
    np.testing.assert_allclose(soft[5:15], soft[5:15][::-1], atol=1e-12)
    assert (motion_edit.range_weights(frames) == 1).all()


def test_gain_and_offset_touch_what_is_wanted_only(talking: Motion) -> None:
    jaw = motion_edit.selected(talking.channels, ("jaw",))
    louder = motion_edit.gain(talking, 1.5, ("jaw",))
    np.testing.assert_allclose(louder.expression[:, jaw], 1.5 * talking.expression[:, jaw], rtol=1e-6)
    np.testing.assert_array_equal(louder.expression[:, ~jaw], talking.expression[:, ~jaw])
    assert louder.rotation is talking.rotation
    weight = motion_edit.range_weights(np.arange(len(talking)), 50, 80)
    raised = motion_edit.offset(talking, -0.3, weight=weight)
    np.testing.assert_array_equal(raised.expression[:50], talking.expression[:50])
    np.testing.assert_allclose(raised.expression[50:81], talking.expression[50:81] - 0.3, atol=1e-6)
    np.testing.assert_array_equal(raised.expression[81:], talking.expression[81:])
    about = motion_edit.gain(talking, 0.0, about=0.25)
    assert (about.expression == np.float32(0.25)).all()
    with pytest.raises(BadInput, match="finite"):
        motion_edit.gain(talking, np.nan)
    with pytest.raises(BadInput, match=r"\(5,\) frames"):
        motion_edit.offset(talking, 1, weight=np.ones(5))


def test_a_mirrored_motion_shows_the_mirrored_face(talking: Motion) -> None:
    """The surface at the mirrored coefficients is the mirror image of the surface at the motion's own."""
    model = default_model()
    mirrored = motion_edit.mirror(talking)
    flip = np.float32([-1, 1, 1])
    for t in (0, 60, 140):
        own, other = model.vertices(None, talking.expression[t]), model.vertices(None, mirrored.expression[t])
        assert np.abs(own[model.mirror] * flip - other).max() < 1e-5
        turn = rotation_matrix(talking.rotation[t])
        np.testing.assert_allclose(rotation_matrix(mirrored.rotation[t]), np.diag(flip) @ turn @ np.diag(flip),
                                   atol=1e-6)
    np.testing.assert_array_equal(mirrored.translation, talking.translation * flip)
    twice = motion_edit.mirror(mirrored)
    for name in ("expression", "rotation", "translation"):
        np.testing.assert_allclose(getattr(twice, name), getattr(talking, name), atol=1e-7)


def test_mirror_of_a_part_takes_both_sides_along(talking: Motion) -> None:
    out = motion_edit.mirror(talking, ("eyeBlinkLeft",), pose=False)
    changed = (out.expression != talking.expression).any(0)
    assert {n for n, c in zip(talking.channels, changed, strict=True) if c} == {"eyeBlinkLeft", "eyeBlinkRight"}
    np.testing.assert_array_equal(out.rotation, talking.rotation)
    partner = mirror_index(talking.channels)
    half = motion_edit.mirror(talking, weight=0.5)
    np.testing.assert_allclose(half.expression, half.expression[:, partner], atol=1e-6)


def jittery(frames: int = 240) -> tuple[Motion, np.ndarray, np.ndarray]:
    """A motion of slow waves, blinks and jitter; what it is without jitter; frames of blinks."""
    rng = np.random.default_rng(0)
    t = np.arange(frames)
    clean = np.stack([0.4 + 0.2 * np.sin(t / 25), np.zeros(frames)], 1)
    blink = np.zeros(frames, bool)
    for at in (60, 130, 200):
        clean[at - 2:at + 3, 1] = (0.4, 0.9, 1.0, 0.9, 0.4)
        blink[at - 2:at + 3] = True
    base = load_motion(Path(__file__).parents[1] / "core" / "demo_data" / "talking.npz")
    noisy = (clean + rng.normal(0, 0.012, clean.shape)).astype(np.float32)
    turn = np.stack([0.2 * np.sin(t / 30), 0.3 * np.cos(t / 40), 0 * t], 1)
    return replace(base, fps=30.0, expression=noisy, channels=("jawOpen", "eyeBlinkLeft"),
                   rotation=(turn + rng.normal(0, 0.01, turn.shape)).astype(np.float32),
                   translation=np.tile(np.float32([0, 0, 0.5]), (frames, 1)),
                   confidence=np.ones(frames, np.float32)), clean, blink


def test_smoothing_takes_jitter_and_leaves_blinks_and_time() -> None:
    motion, clean, blink = jittery()
    out = motion_edit.smooth(motion, 0.08)
    before, after = motion.expression - clean, out.expression - clean
    quiet = ~np.convolve(blink, np.ones(15), "same").astype(bool)
    assert after[quiet].std() < 0.5 * before[quiet].std()
    assert np.abs(after[blink, 1]).max() < 0.06
    plain = motion_edit.smooth(motion, 0.08, keep_blinks=False)
    assert plain.expression[60, 1] < 0.75
    assert np.diff(out.rotation, axis=0).std() < 0.6 * np.diff(motion.rotation, axis=0).std()
    backwards = replace(motion, expression=motion.expression[::-1], rotation=motion.rotation[::-1])
    reverse = motion_edit.smooth(backwards, 0.08)
    np.testing.assert_allclose(reverse.expression[::-1], out.expression, atol=1e-6)


def test_smoothing_keeps_straight_lines_and_can_be_none_at_all(talking: Motion) -> None:
    line = np.linspace(0, 1, 50)[:, None]
    np.testing.assert_allclose(motion_edit.gaussian(line, 4.0), line, atol=1e-12)
    np.testing.assert_array_equal(motion_edit.gaussian(line[:1], 4.0), line[:1])
    same = motion_edit.smooth(talking, 0.0)
    np.testing.assert_array_equal(same.expression, talking.expression)
    np.testing.assert_allclose(same.rotation, talking.rotation, atol=1e-6)
    long = motion_edit.smooth(talking, 60.0)
    assert np.isfinite(long.expression).all()
    with pytest.raises(BadInput, match="seconds"):
        motion_edit.smooth(talking, -1.0)
