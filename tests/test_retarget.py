# SPDX-License-Identifier: Apache-2.0
"""The rules of transfer: gains, neutral, amplitude; that playback uses them is test_animate's matter."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mien.core.camera import Camera, rotation_matrix, rotation_vector
from mien.core.channels import ARKIT52, channels_of
from mien.core.errors import BadInput
from mien.core.motion import Motion
from mien.core.motion_files import load_motion
from mien.core.retarget import (
    Performance,
    Rules,
    amplitude_gains,
    calibrated,
    channel_gains,
    neutral_of,
    reference_frame,
    retarget,
    suited,
)

REST = np.zeros(52, np.float32)
AHEAD, PLACE = np.zeros(3), np.array([0.01, 0.02, 0.6])


@pytest.fixture(scope="module")
def talking() -> Motion:
    return load_motion(Path(__file__).parents[1] / "core" / "demo_data" / "talking.npz")


def put(motion: Motion, rules: Rules, own: np.ndarray = REST, **more: np.ndarray) -> Performance:
    return retarget(motion, ARKIT52, own, AHEAD, PLACE, rules, **more)


def test_absolute_is_the_drivers_own_but_for_the_place(talking: Motion) -> None:
    out = put(talking, Rules(relative=False))
    np.testing.assert_array_equal(out.expression, talking.expression)
    np.testing.assert_array_equal(out.rotation, talking.rotation)
    np.testing.assert_allclose(out.translation[0], PLACE, atol=1e-7)


def test_relative_from_its_own_neutral_and_back(talking: Motion) -> None:
    """A driver put on a face at the driver's own first frame gives the driver back, bounds included."""
    out = retarget(talking, ARKIT52, talking.expression[0], talking.rotation[0], talking.translation[0])
    np.testing.assert_allclose(out.expression, talking.expression, atol=1e-6)
    np.testing.assert_allclose(rotation_matrix(out.rotation), rotation_matrix(talking.rotation), atol=1e-6)
    np.testing.assert_allclose(out.translation, talking.translation, atol=1e-6)


def test_gains_by_region_and_channel(talking: Motion) -> None:
    gains = channel_gains(ARKIT52, {"mouth": 2.0, "mouthPucker": 0.5, "jawOpen": 3.0})
    at = dict(zip(ARKIT52, gains.tolist(), strict=True))
    assert at["mouthFunnel"] == 2 and at["mouthPucker"] == 0.5 and at["jawOpen"] == 3 and at["jawLeft"] == 1
    out = put(talking, Rules(relative=False, gains={"brows": 0.0, "eyes": 1.5}))
    brows = np.isin(ARKIT52, channels_of("brows"))
    eyes = np.isin(ARKIT52, channels_of("eyes"))
    assert (out.expression[:, brows] == 0).all()
    np.testing.assert_allclose(out.expression[:, eyes], 1.5 * talking.expression[:, eyes], rtol=1e-6)
    np.testing.assert_array_equal(out.expression[:, ~(brows | eyes)], talking.expression[:, ~(brows | eyes)])
    for bad in ({"ears": 1.0}, {"mouth": np.nan}):
        with pytest.raises(BadInput):
            channel_gains(ARKIT52, bad)


def test_gain_of_turns_and_places(talking: Motion) -> None:
    still = put(talking, Rules(rotation_gain=0.0, translation_gain=0.0))
    np.testing.assert_allclose(still.rotation, np.zeros_like(still.rotation), atol=1e-7)
    np.testing.assert_allclose(still.translation, np.tile(PLACE, (len(talking), 1)), atol=1e-6)
    half = put(talking, Rules(rotation_gain=0.5))
    full = put(talking, Rules())
    twice = [rotation_vector(rotation_matrix(v) @ rotation_matrix(v)) for v in half.rotation]
    np.testing.assert_allclose(twice, full.rotation, atol=1e-6)


def test_relative_stays_within_its_bounds(talking: Motion) -> None:
    own = REST.copy()
    own[ARKIT52.index("jawOpen")] = 1.3
    out = put(talking, Rules(gains={"jaw": 5.0}), own)
    assert out.expression.min() >= 0
    assert out.expression[:, ARKIT52.index("jawOpen")].max() == pytest.approx(1.3)
    assert np.delete(out.expression, ARKIT52.index("jawOpen"), 1).max() <= 1


def test_neutral_given_or_first(talking: Motion) -> None:
    unseen = replace(talking, confidence=np.r_[np.zeros(5), np.ones(len(talking) - 5)].astype(np.float32))
    assert reference_frame(unseen) == 5
    own = np.full(52, 0.4, np.float32)
    out = put(unseen, Rules(), own)
    np.testing.assert_allclose(out.expression[5], own, atol=1e-6)
    zero = put(talking, Rules(), neutral=REST)
    np.testing.assert_allclose(zero.expression, talking.expression, atol=1e-6)


def moved(**steps: tuple[float, ...]) -> Motion:
    """A motion whose channels go through these values."""
    values = np.zeros((len(next(iter(steps.values()))), 52), np.float32)
    for name, way in steps.items():
        values[:, ARKIT52.index(name)] = way
    return Motion(fps=30, expression=values, rotation=np.zeros((len(values), 3), np.float32),
                  translation=np.tile(np.float32([0, 0, 1]), (len(values), 1)), identity=np.zeros(0, np.float32),
                  channels=ARKIT52, model="", model_hash="", camera=Camera.for_image(64, 64),
                  confidence=np.ones(len(values), np.float32))


def test_a_look_goes_through_the_middle() -> None:
    """A driver who looks to one side at first, and then as far to the other, does not leave half of it behind."""
    driver = moved(eyeLookInLeft=(0.3, 0.1, 0, 0), eyeLookOutLeft=(0, 0, 0.2, 0.3), mouthSmileLeft=(0.5, 0.2, 0, 0))
    own = REST.copy()
    own[ARKIT52.index("eyeLookInLeft")] = 0.15
    out = put(driver, Rules(), own).expression
    look = out[:, ARKIT52.index("eyeLookInLeft")] - out[:, ARKIT52.index("eyeLookOutLeft")]
    np.testing.assert_allclose(look, [0.15, -0.05, -0.35, -0.45], atol=1e-6)
    assert out.min() >= 0
    assert (out[:, ARKIT52.index("mouthFrownLeft")] == 0).all(), "a smile that ends is no frown"
    np.testing.assert_array_equal(put(driver, Rules(relative=False), own).expression, driver.expression)


def test_an_end_of_the_drivers_is_an_end_of_the_faces() -> None:
    driver, lid = moved(eyeBlinkLeft=(0.1, 0.8, 0.45, 0), jawOpen=(0, 0.5, 0, 0)), ARKIT52.index("eyeBlinkLeft")
    own, ends = REST.copy(), (REST + 1, REST + 1)
    own[lid], ends[0][lid], ends[1][lid] = 0.05, 0.8, 1.0
    out = put(driver, Rules(), own, ends=ends).expression
    np.testing.assert_allclose(out[:, lid], [0.05, 1.0, 0.525, 0], atol=1e-6)
    np.testing.assert_allclose(out[:, ARKIT52.index("jawOpen")], [0, 0.5, 0, 0], atol=1e-6)
    same = put(driver, Rules(), driver.expression[0], ends=(ends[1], ends[1])).expression
    np.testing.assert_allclose(same, driver.expression, atol=1e-6)
    np.testing.assert_array_equal(put(driver, Rules(relative=False), own, ends=ends).expression, driver.expression)


def test_calibration_makes_rest_zero_and_leaves_full_full() -> None:
    rng = np.random.default_rng(0)
    values = np.clip(0.2 + np.abs(rng.normal(0, 0.1, (300, 2))), 0, 1).astype(np.float32)
    values[100:110] = 1
    base = Motion(fps=30, expression=values, rotation=np.zeros((300, 3), np.float32),
                  translation=np.tile(np.float32([0, 0, 1]), (300, 1)), identity=np.zeros(0, np.float32),
                  channels=("jawOpen", "mouthSmileLeft"), model="", model_hash="",
                  camera=load_motion(Path(__file__).parents[1] / "core" / "demo_data" / "talking.npz").camera,
                  confidence=np.ones(300, np.float32))
    out = calibrated(base)
    assert np.abs(neutral_of(base) - 0.21).max() < 0.02
    assert np.percentile(out.expression, 10) == pytest.approx(0, abs=0.01)
    assert (out.expression >= 0).all() and (out.expression[100:110] == 1).all()
    np.testing.assert_array_equal(calibrated(base, np.zeros(2)).expression, values)
    below = replace(base, expression=values - 0.3)
    assert (calibrated(below).expression >= np.minimum(values - 0.3, 0)).all()


def test_amplitudes_are_matched_by_region(talking: Motion) -> None:
    mouth = np.isin(talking.channels, channels_of("mouth"))
    timid = replace(talking, expression=np.where(mouth, talking.expression / 2, talking.expression))
    gains = amplitude_gains(timid, talking)
    assert gains["mouth"] == pytest.approx(2, rel=1e-5)
    assert all(g == pytest.approx(1, rel=1e-5) for region, g in gains.items() if region != "mouth")
    still = replace(talking, expression=np.zeros_like(talking.expression))
    assert amplitude_gains(still, talking) == {} == amplitude_gains(talking, still)
    assert amplitude_gains(replace(talking, expression=talking.expression / 50), talking).get("mouth", 3) <= 3


def test_unknown_channels_are_refused(talking: Motion) -> None:
    strange = replace(talking, channels=("earWiggle", *talking.channels[1:]))
    with pytest.raises(BadInput, match="earWiggle"):
        put(strange, Rules())


def test_suited_calibrates_first_and_multiplies_gains(talking: Motion) -> None:
    half = replace(talking, expression=talking.expression / 2)
    driver, rules = suited(half, Rules(gains={"mouth": 1.5, "jawOpen": 0.5}), calibrate=True, match=talking)
    np.testing.assert_array_equal(driver.expression, calibrated(half).expression)
    found = amplitude_gains(calibrated(half), talking)
    assert rules.gains["mouth"] == pytest.approx(1.5 * found["mouth"])
    assert rules.gains["jaw"] == pytest.approx(found["jaw"])
    assert rules.gains["jawOpen"] == 0.5
    assert found["mouth"] == pytest.approx(2, rel=0.1)
    assert suited(half, Rules()) == (half, Rules())
