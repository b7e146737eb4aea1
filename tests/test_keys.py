# SPDX-License-Identifier: Apache-2.0
"""Few keys for dense curves: within their error, still where samples are still, and few."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mien.core.bezier import cut, within_segment
from mien.core.errors import BadInput
from mien.core.keys import (
    EXPRESSION_TOLERANCE,
    ROTATION_TOLERANCE,
    TRANSLATION_TOLERANCE,
    Keys,
    evaluate,
    handles,
    reduce_keys,
    sample,
)
from mien.core.motion_files import load_motion
from numpy.typing import NDArray

TALKING = Path(__file__).parents[1] / "core" / "demo_data" / "talking.npz"
Array = NDArray[np.float64]


def bezier(p: Array, t: Array) -> Array:
    """A cubic Bézier (4, 2) at parameters (N,), by Bernstein's polynomials."""
    u = 1 - t
    weights = np.stack([u ** 3, 3 * u * u * t, 3 * u * t * t, t ** 3], 1)
    return weights @ p


def noisy(seed: int, frames: int = 200) -> Array:
    """Slow waves, blinks and jitter (T, 8), clipped at 0 so that they hold still there."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None]
    slow = 0.4 * np.sin(t * rng.uniform(0.01, 0.15, 8) + rng.uniform(0, 6, 8))
    blinks = np.zeros((frames, 8))
    for start in rng.integers(0, frames - 8, 5):
        blinks[start:start + 5] += np.array([0.3, 0.9, 1.0, 0.6, 0.2])[:, None]
    return np.maximum(slow + blinks + rng.normal(0, 0.005, (frames, 8)), 0)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("tolerance", [0.005, 0.02, 0.1])
def test_every_frame_is_within_the_tolerance_and_nothing_overshoots(seed: int, tolerance: float) -> None:
    values, x = noisy(seed), np.arange(200.0)
    keys = reduce_keys(x, values, tolerance)
    assert np.abs(sample(keys, x) - values).max() <= tolerance
    low, high = np.minimum(values[1:], values[:-1]), np.maximum(values[1:], values[:-1])
    for share in np.linspace(0, 1, 9):
        between = sample(keys, x[:-1] + share)
        assert (between <= high + tolerance).all() and (between >= low - tolerance).all()
    assert sample(keys, np.linspace(0, 199, 5000)).min() >= -1.02 * tolerance
    for column, found in zip(values.T, keys, strict=True):
        np.testing.assert_array_equal(found.values, column[found.frames.astype(int)])


def test_holds_stay_exactly_still() -> None:
    x = np.arange(60.0)
    y = np.where(x < 20, 0.0, np.where(x < 30, (x - 20) / 10, np.where(x < 50, 1.0, 0.25)))[:, None]
    keys = reduce_keys(x, y, 0.02)
    fine = np.linspace(0, 59, 60 * 16)
    curve = sample(keys, fine)[:, 0]
    assert (curve[fine <= 19] == 0).all()
    assert (curve[(fine >= 30) & (fine <= 49)] == 1).all()
    assert (curve[fine >= 50] == 0.25).all()
    assert curve.min() >= 0 and curve.max() <= 1.0001


def test_blinks_keep_their_peaks() -> None:
    x, y = np.arange(100.0), np.zeros((100, 1))
    for at, height in ((10, 1.0), (11, 0.9), (40, 0.7), (70, 1.0), (72, 0.95)):
        y[at] = height
    found = sample(reduce_keys(x, y, 0.02), x)
    assert np.abs(found - y).max() <= 0.02


def test_a_quarter_of_the_keys_of_a_tracked_take() -> None:
    """In fact about a tenth; pose within its own tolerances."""
    motion = load_motion(TALKING)
    values = np.concatenate([motion.expression, motion.rotation, motion.translation], 1).astype(float)
    limits = np.repeat([EXPRESSION_TOLERANCE, ROTATION_TOLERANCE, TRANSLATION_TOLERANCE], [52, 3, 3])
    x = np.arange(len(motion), dtype=float)
    keys = reduce_keys(x, values, limits)
    assert (np.abs(sample(keys, x) - values) <= limits).all()
    assert sum(map(len, keys)) <= 0.12 * values.size
    assert [k.frames.tolist() for k in keys] == [k.frames.tolist() for k in reduce_keys(x, values, limits)]


@pytest.mark.shared
@pytest.mark.parametrize("clip", ["lp_d10_0", "vr_1_0"])
def test_published_tracks_need_few_keys_too(clip: str) -> None:
    """Raw landmarks of real videos, scaled like coefficients: the jitter of a tracker without smoothing."""
    file = Path(__file__).parents[2] / "shared" / "data" / "clips_dev" / f"{clip}.npz"
    if not file.exists():
        pytest.skip("needs the development data beside the checkout")
    with np.load(file) as arrays:
        tracks = next(arrays[n] for n in arrays.files if arrays[n].ndim == 3)
    values = tracks[:300].reshape(min(len(tracks), 300), -1)[:, :60].astype(float)
    values = (values - values.min(0)) / np.maximum(np.ptp(values, 0), 1e-9)
    x = np.arange(len(values), dtype=float)
    assert np.abs(sample(reduce_keys(x, values, 0.02), x) - values).max() <= 0.02


@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(1e-4, 10))
@settings(max_examples=60, deadline=None)
def test_any_samples_at_any_times(seed: int, count: int, tolerance: float) -> None:
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.uniform(0.1, 3, count)) - 5
    y = rng.choice([0.0, 1.0, -1.0, 1e3], (count, 3)) * rng.integers(0, 2, (count, 3)) + rng.normal(0, 1e-3, 3)
    keys = reduce_keys(x, y, tolerance)
    assert np.abs(sample(keys, x) - y).max() <= tolerance * (1 + 1e-9)
    assert all(set(k.frames) <= set(x) for k in keys)


def test_little_change_is_one_key_at_rest() -> None:
    y = np.zeros((50, 2))
    y[20:24, 0] = 0.015
    keys = reduce_keys(np.arange(50.0), y, 0.02)
    assert [(len(k), k.values[0]) for k in keys] == [(1, 0.0), (1, 0.0)]
    assert len(reduce_keys(np.array([7.0]), np.array([[0.5]]), 0.02)[0]) == 1


def test_handles_are_those_of_the_cubic() -> None:
    keys = reduce_keys(np.arange(80.0), noisy(3, 80)[:, :1], 0.02)[0]
    left, right = handles(keys)
    t = np.linspace(0, 1, 21)
    for i in range(len(keys) - 1):
        ends = np.column_stack([keys.frames[i:i + 2], keys.values[i:i + 2]])
        curve = bezier(np.stack([ends[0], right[i], left[i + 1], ends[1]]), t)
        np.testing.assert_allclose(evaluate(keys, curve[:, 0]), curve[:, 1], atol=1e-9)
        np.testing.assert_allclose(curve[:, 0], ends[0, 0] + t * np.ptp(ends[:, 0]), atol=1e-9)


def test_held_outside_its_keys() -> None:
    keys = Keys(np.array([2.0, 5.0]), np.array([1.0, 3.0]), np.array([0.3, 0.3]), np.array([0.3, 0.3]))
    np.testing.assert_array_equal(evaluate(keys, [-10, 2, 5, 99]), [1, 1, 3, 3])


@pytest.mark.parametrize(("x", "y", "tolerance", "word"), [
    ([0, 1], [[0.0], [np.nan]], 0.1, "finite"), ([1, 0], [[0.0], [1.0]], 0.1, "ascend"),
    ([0], [[0.0], [1.0]], 0.1, "belong"), ([0, 1], [[0.0], [1.0]], 0.0, "positive"),
    ([0, 1], [[0.0], [1.0]], np.nan, "positive")])
def test_what_cannot_be_fitted_is_refused(x: list[float], y: list[list[float]], tolerance: float, word: str) -> None:
    with pytest.raises(BadInput, match=word):
        reduce_keys(np.array(x, float), np.array(y), tolerance)


@given(st.lists(st.floats(-3, 3), min_size=4, max_size=4), st.floats(0.01, 0.99), st.floats(0, 3), st.floats(0, 3))
@settings(max_examples=100, deadline=None)
def test_a_cut_segment_keeps_its_shape(values: list[float], share: float, first: float, second: float) -> None:
    p = np.column_stack([[1.0, 1 + first, 3 - second, 3.0], values])
    frame = 1 + 2 * share
    a, b = cut(p, frame)
    assert a[3, 0] == pytest.approx(frame, abs=1e-9)
    whole, t = within_segment(p), np.linspace(0, 1, 400)
    s = np.linspace(0, 1, 40001)
    at = np.interp(frame, bezier(whole, s)[:, 0], s)
    np.testing.assert_allclose(bezier(a, t), bezier(whole, at * t), atol=1e-3)
    np.testing.assert_allclose(bezier(b, t), bezier(whole, at + (1 - at) * t), atol=1e-3)
    np.testing.assert_array_equal(a[3], b[0])
    (u, v), (w, z) = a[3] - a[2], b[1] - b[0]
    assert u * z - v * w == pytest.approx(0, abs=1e-9)
