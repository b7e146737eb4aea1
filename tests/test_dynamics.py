# SPDX-License-Identifier: Apache-2.0
"""What a face does next: predictions, targets, gaps and idling, with numpy alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mien.core.camera import Camera
from mien.core.errors import BadInput, MienError
from mien.core.motion import Motion
from mien.core.rotations import multiply, quaternion
from mien.models.dynamics import corpus
from mien.models.dynamics.bridge import bridge, kernels
from mien.models.dynamics.codec import FPS, placement, unplaced
from mien.models.dynamics.courses import draw_course
from mien.models.dynamics.files import SHIPPED, load_network
from mien.models.dynamics.idle import idle, idle_motion
from mien.models.dynamics.predict import inbetween, joined, part, predict
from mien.models.dynamics.weights import read_weights, write_weights


@pytest.fixture(scope="module")
def real() -> Motion:
    """A person talking, from the motions in the box."""
    return max(corpus.unpack(corpus.SHIPPED), key=len)


def equal(a: Motion, b: Motion) -> bool:
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("expression", "rotation", "translation"))


def turn_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angles (T,) between rotations (T, 3), radians."""
    back = quaternion(a) * np.array([1, -1, -1, -1])
    return 2 * np.arccos(np.clip(np.abs(multiply(back, quaternion(b))[..., 0]), 0, 1))


@pytest.mark.parametrize("observed", [1, 2, 40])
def test_a_prediction_begins_where_the_motion_ends_and_stays_a_face(real: Motion, observed: int) -> None:
    start = part(real, 200, 200 + observed)
    made = predict(start, 90, seed=3)
    assert len(made) == 90 and made.fps == real.fps and made.channels == real.channels
    assert made.expression.min() >= 0 and made.expression.max() <= 1
    whole = joined(start, made)
    jump = np.abs(np.diff(whole.expression, axis=0))
    usual = np.abs(np.diff(real.expression, axis=0)).max()
    assert jump[observed - 1].max() <= usual
    assert turn_between(start.rotation[-1:], made.rotation[:1])[0] < np.radians(4)
    assert np.ptp(made.expression, axis=0).max() > 0.1, "it does not freeze"


def test_a_seed_is_a_future_and_temperature_zero_knows_one(real: Motion) -> None:
    start = part(real, 0, 20)
    assert equal(predict(start, 30, seed=5), predict(start, 30, seed=5))
    assert not equal(predict(start, 30, seed=5), predict(start, 30, seed=6))
    assert equal(predict(start, 30, seed=5, temperature=0), predict(start, 30, seed=6, temperature=0))
    gaps = [np.abs(predict(start, 8, seed=5, temperature=t).expression
                   - predict(start, 8, temperature=0).expression).mean() for t in (0.01, 0.5, 1.0, 2.0)]
    assert gaps == sorted(gaps) and gaps[0] < 0.01


@pytest.mark.parametrize("frames", [2, 5, 60, 300])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_target_is_reached_exactly_and_without_a_jump(real: Motion, frames: int, temperature: float) -> None:
    start, target = part(real, 100, 110), part(real, 400, 401)
    made = predict(start, frames, target=target, temperature=temperature)
    assert len(made) == frames
    for name in ("expression", "rotation", "translation"):
        assert np.array_equal(getattr(made, name)[-1], getattr(target, name)[0]), name
    if frames >= 60:
        step = np.abs(np.diff(joined(start, made).expression, axis=0)).max(1)
        assert step.max() <= np.abs(np.diff(real.expression, axis=0)).max()


@pytest.mark.parametrize("fps", [24.0, 25.0, 60.0])
def test_other_frame_rates_are_kept(real: Motion, fps: float) -> None:
    start = replace(part(real, 0, 30), fps=fps)
    assert predict(start, 48).fps == fps and len(predict(start, 48)) == 48
    target = replace(part(real, 300, 310), fps=fps)
    assert np.array_equal(predict(start, 48, target=target).expression[-1], target.expression[0])
    assert len(inbetween(start, target, 17)) == 17


def test_a_gap_is_filled_smoothly(real: Motion) -> None:
    """Both ends' pace is kept: the middle of a smooth turn is found again better than by a straight line."""
    time = np.arange(60) / FPS
    turn = np.stack([np.zeros(60), 0.3 * np.sin(2 * np.pi * time / 2), np.zeros(60)], 1).astype(np.float32)
    still = replace(part(real, 0, 1), expression=real.expression[:1])
    whole = Motion(FPS, np.repeat(still.expression, 60, 0), turn, np.repeat(still.translation, 60, 0), still.identity,
                   real.channels, real.model, real.model_hash, real.camera, np.ones(60, np.float32))
    start, end = part(whole, 0, 20), part(whole, 30, 60)
    made = inbetween(start, end, 10)
    share = np.arange(1, 11)[:, None] / 11
    straight = start.rotation[-1] + share * (end.rotation[0] - start.rotation[-1])
    assert turn_between(made.rotation, whole.rotation[20:30]).max() < \
        0.3 * turn_between(straight, whole.rotation[20:30]).max()
    np.testing.assert_allclose(made.expression, whole.expression[20:30], atol=0.02)


def test_the_bridge_passes_through_what_is_known() -> None:
    weights = np.abs(np.random.default_rng(0).normal(size=(9, 3))).astype(np.float32)
    line = np.linspace(0, 1, 30)[:, None] * np.array([1.0, -2.0, 0.0])
    made = bridge(line[:8].astype(np.float32), line[22:].astype(np.float32), 14, weights)
    np.testing.assert_allclose(made, line[8:22], atol=0.02)
    assert np.all(kernels(np.zeros(1)) == 1) and np.all(np.diff(kernels(np.arange(50.0)), axis=1) < 0)


def test_heads_far_from_straight_ahead_are_predicted_about_themselves(real: Motion) -> None:
    """A rolled camera does not matter to what a face does, and half a turn is no jump."""
    start = part(real, 0, 20)
    turned = replace(start, rotation=np.repeat(np.array([[0, 0, np.pi - 0.01]], np.float32), 20, 0))
    made = predict(turned, 60)
    assert np.degrees(turn_between(made.rotation, turned.rotation[-1:])).max() < 60
    assert np.degrees(turn_between(made.rotation[:-1], made.rotation[1:])).max() < 8


def test_places_come_back() -> None:
    random = np.random.default_rng(1)
    places = random.normal(size=(20, 3)) * 0.1 + [0, 0, 2]
    np.testing.assert_allclose(unplaced(placement(places, places[3]), places[3]), places, atol=1e-6)


def test_a_course_is_made_of_what_people_did(real: Motion) -> None:
    """Followed by the momentum alone, innovations give back the stretches of real motion that they were taken from."""
    network = load_network()
    states = network.codec.states(part(real, 0, 12), real.channels)
    momentum = network.runtime.weights["momentum"][0]
    whole = draw_course(network.bank, states, states.mean(0), 900, 4, momentum)
    again = draw_course(network.bank, states, states.mean(0), 900, 4, momentum)
    assert np.array_equal(whole.innovations, again.innovations) and np.array_equal(whole.line, again.line)
    assert np.isfinite(whole.line).all() and np.ptp(whole.line, axis=0).min() > 0.1
    driven = np.zeros_like(whole.innovations)
    step = np.zeros_like(momentum)
    for t, drive in enumerate(whole.innovations):
        step = driven[t] = momentum * step + drive
    line = np.diff(whole.line, axis=0) / network.codec.step_scale
    close = np.abs(line - driven[1:]).max(1) < 0.05
    assert close.mean() > 0.8, "all but where one stretch gives way to the next"


BAD = {
    "frames": lambda m: predict(m, 0), "too many": lambda m: predict(m, 10 ** 9),
    "seed": lambda m: predict(m, 5, seed=-1),
    "temperature": lambda m: predict(m, 5, temperature=float("nan")),
    "one frame to the target": lambda m: predict(m, 1, target=part(m, 3, 4)),
    "target is the start": lambda m: predict(m, 9, target=part(m, len(m) - 1, len(m))),
    "gap": lambda m: inbetween(m, part(m, 0, 1), 0), "idle": lambda m: idle_motion(m, 1),
    "amount": lambda m: idle_motion(m, 30, amount=-1), "model": lambda m: predict(replace(m, model_hash="x"), 5),
    "channels": lambda m: predict(replace(m, channels=("a", *m.channels[1:])), 5),
    "target's model": lambda m: predict(m, 9, target=replace(part(m, 0, 1), model_hash="x")),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_sentence(real: Motion, what: str) -> None:
    with pytest.raises(BadInput) as caught:
        BAD[what](part(real, 0, 12))
    assert len(str(caught.value)) > 20 and "\n" not in str(caught.value)


def test_bad_weights_are_refused(tmp_path: Path) -> None:
    good = SHIPPED.read_bytes()
    arrays, notes = read_weights(SHIPPED)
    other = {k: v for k, v in arrays.items() if k != "head.bias"}
    cases = {"short": good[:100], "cut": good[:-5], "longer": good + b"x", "text": b"nothing of the kind", "empty": b"",
             "length": (2 ** 60).to_bytes(8, "little") + good[8:]}
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
    write_weights(tmp_path / "missing", other, notes)
    write_weights(tmp_path / "else", arrays, {"format": "other"})
    write_weights(tmp_path / "shape", {**arrays, "head.bias": arrays["head.bias"][:-1]}, notes)
    write_weights(tmp_path / "nan", {**arrays, "head.bias": arrays["head.bias"] * np.float32("nan")}, notes)
    write_weights(tmp_path / "no bank", {k: v for k, v in arrays.items() if k != "bank.states"}, notes)
    write_weights(tmp_path / "bank", {**arrays, "bank.lengths": arrays["bank.lengths"] + np.int32(1)}, notes)
    for name in (*cases, "missing", "else", "shape", "nan", "no bank", "bank", "not there"):
        with pytest.raises(MienError):
            load_network(tmp_path / name)


def test_weights_come_back_and_safetensors_reads_them(tmp_path: Path) -> None:
    arrays, notes = read_weights(SHIPPED)
    write_weights(tmp_path / "again.safetensors", arrays, notes)
    again, same = read_weights(tmp_path / "again.safetensors")
    assert same == notes and again.keys() == arrays.keys()
    assert all(np.array_equal(arrays[k], again[k]) for k in arrays)
    library = pytest.importorskip("safetensors.numpy", reason="the library is in the extra `neural`")
    theirs = library.load_file(tmp_path / "again.safetensors")
    assert all(np.array_equal(arrays[k], theirs[k]) for k in arrays)


def test_packed_motions_come_back(real: Motion, tmp_path: Path) -> None:
    corpus.pack([real, part(real, 10, 60)], tmp_path / "two.npz")
    one, two = corpus.unpack(tmp_path / "two.npz")
    np.testing.assert_allclose(one.expression, real.expression, atol=1e-4)
    assert len(two) == 50 and one.metadata == real.metadata and one.camera == real.camera
    with pytest.raises(BadInput):
        corpus.pack([real, replace(real, model_hash="x")], tmp_path / "mixed.npz")


def test_the_motions_in_the_box_name_their_sources() -> None:
    motions = corpus.unpack(corpus.SHIPPED)
    assert corpus.SHIPPED.stat().st_size < 5e6
    assert all(m.metadata["licence"] in ("MIT", "Apache-2.0") and m.metadata["repo"] for m in motions)
    assert not any(m.identity.size for m in motions), "coefficients only: nobody's face"


def test_splits_are_by_person() -> None:
    assert {corpus.split_of(f"p{n:02d}") for n in (4, 12, 20)} == {"test"}
    assert corpus.split_of("p02") == corpus.split_of("m10") == "validation" and corpus.split_of("m05") == "train"
    assert corpus.split_of("anyone") == corpus.split_of("anyone")


@pytest.mark.parametrize("frames", [20, 90, 600])
def test_idling_loops_and_blinks(real: Motion, frames: int) -> None:
    """The step over the seam is no larger than the largest inside."""
    made = idle(real.channels, frames, 30.0, seed=2)
    for values in (made.expression, made.rotation, made.translation):
        inside = np.abs(np.diff(values, axis=0)).max(0)
        assert np.all(np.abs(values[0] - values[-1]) <= inside * 1.05 + 1e-6)
    blink = made.expression[:, real.channels.index("eyeBlinkLeft")]
    assert blink.max() > 0.6 and np.median(blink) < 0.15
    assert np.degrees(np.abs(made.rotation)).max() < 8


def test_idling_keeps_to_its_amount_and_to_the_face(real: Motion) -> None:
    start = part(real, 50, 51)
    still, calm, restless = (idle_motion(start, 300, amount=a, seed=4) for a in (0.0, 1.0, 2.0))
    np.testing.assert_allclose(still.expression, np.repeat(start.expression, 300, 0), atol=1e-6)
    assert 0 < np.std(calm.rotation) < np.std(restless.rotation)
    assert calm.expression.min() >= 0 and calm.expression.max() <= 1
    assert not equal(calm, idle_motion(start, 300, seed=5))
    rate = sum((b > 0.5) & (a <= 0.5) for a, b in zip(
        *(lambda x: (x[:-1], x[1:]))(idle(real.channels, 1800, 30.0).expression[:, 0]), strict=True))
    assert 8 <= rate <= 30, "blinks a minute"


def test_a_motion_of_a_photo_has_one_frame() -> None:
    from mien.core.fit import Fit
    from mien.models.dynamics.predict import from_fit

    one, none = np.zeros(52, np.float32), np.zeros((0, 3), np.float32)
    fit = Fit(np.zeros(80, np.float32), one, one[:3], np.array([0, 0, 2], np.float32), Camera(100, 100, 150.0), none,
              none, none, 1.0, (), {}, "m", "h")
    assert len(from_fit(fit, tuple(f"c{i}" for i in range(52)))) == 1
