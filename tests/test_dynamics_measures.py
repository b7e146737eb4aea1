# SPDX-License-Identifier: Apache-2.0
"""The measures of the dynamics, on motion whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest
from mien.core.keys import evaluate
from mien.core.model_files import default_model
from mien.core.motion import Motion
from mien.models.dynamics import corpus
from mien.models.dynamics.codec import FPS
from mien.models.dynamics.data import _standing, without_repeats
from mien.models.dynamics.evaluation import alive, baselines, classifier, windows
from mien.models.dynamics.files import load_network
from mien.models.dynamics.predict import part
from mien.models.dynamics.surface import Surface


@pytest.fixture(scope="module")
def clips() -> list[corpus.Clip]:
    return corpus.load_corpus([corpus.SHIPPED])


def still(motion: Motion, frames: int) -> Motion:
    return baselines.hold(motion, frames)


def test_a_motion_is_at_no_distance_from_itself_and_at_a_known_one_from_its_shift(clips: list[corpus.Clip]) -> None:
    motion, surface = clips[0].motion, Surface.of(default_model())
    apart, numbers = windows.distance(surface, motion, motion)
    assert not apart.any() and not numbers.any()
    moved = replace(motion, translation=motion.translation
                    + np.float32(0.003) * (motion.translation[:, 2:] / motion.translation[0, 2]) * np.eye(3)[0])
    apart, _ = windows.distance(surface, replace(moved, translation=moved.translation.astype(np.float32)), motion)
    np.testing.assert_allclose(apart, 3.0, rtol=0.02)


def test_pieces_are_consecutive(clips: list[corpus.Clip]) -> None:
    some = list(windows.pieces(clips[:1], 10, 20, 5))
    joined = [np.concatenate([p.observed.rotation, p.truth.rotation, p.after.rotation]) for p in some if p.after]
    assert len(joined) == len(some) > 2
    for i, rows in enumerate(joined):
        np.testing.assert_array_equal(rows, clips[0].motion.rotation[i * windows.EVERY:i * windows.EVERY + 35])


def test_simple_ways_to_go_on(clips: list[corpus.Clip]) -> None:
    motion = part(clips[0].motion, 0, 10)
    assert np.abs(np.diff(still(motion, 9).vectors(), axis=0)).max() == 0
    on = baselines.linear(motion, 200, 0.5).rotation
    pace = (motion.rotation[-1] - motion.rotation[-4]) / 3
    np.testing.assert_allclose(on[-1], motion.rotation[-1] + pace, atol=1e-5)
    codec = load_network().codec
    near = baselines.Neighbours.of(clips[:2], codec, 20)
    own = part(clips[0].motion, 0, 14)  # a moment that is among those kept
    np.testing.assert_allclose(near.follow(part(own, 0, 12), 2).rotation[-1], own.rotation[-1], atol=0.02)


def test_bezier_handles_are_clamped_where_a_curve_turns(clips: list[corpus.Clip]) -> None:
    frames = replace(part(clips[0].motion, 0, 4), rotation=np.zeros((4, 3), np.float32))
    rising, end = frames.rotation.copy(), frames.rotation.copy()
    rising[:, 1] = [-0.3, -0.2, -0.1, 0]
    end[:, 1] = 1
    made = baselines.bezier(replace(frames, rotation=rising), replace(frames, rotation=end), 9).rotation[:, 1]
    assert made.min() >= 0 and made.max() <= 1 and np.all(np.diff(made) > 0)
    falling = baselines.bezier(replace(frames, rotation=-rising), replace(frames, rotation=end), 9).rotation[:, 1]
    assert falling[0] < made[0], "a key where the curve turns is left level"
    assert callable(evaluate)


def test_blinks_are_counted(clips: list[corpus.Clip]) -> None:
    motion = still(clips[0].motion, 900)
    lids = [motion.channels.index(f"eyeBlink{side}") for side in ("Left", "Right")]
    expression = motion.expression.copy()
    expression[:, lids] = 0.1
    for start in (100, 300, 500, 504, 800):
        expression[start:start + 4, lids] = 0.9
    made = replace(motion, expression=expression)
    assert alive.blinks(made) == 4 and alive.blink_rate([made]) == pytest.approx(8)
    assert alive.blinks(motion) == 0


def test_power_is_where_the_wave_is() -> None:
    time = np.arange(900) / FPS
    for i, hertz in enumerate((0.45, 0.9, 1.8, 3.6)):
        power = alive.spectrum(np.sin(2 * np.pi * hertz * time)[:, None])
        assert power is not None and power[:, 0].argmax() == i
    assert alive.spectrum(np.zeros((50, 2))) is None


def test_the_judge_tells_different_things_apart_and_alike_things_not() -> None:
    random = np.random.default_rng(0)
    def some(mean: float, seed: int) -> list[tuple[str, np.ndarray]]:
        return [(f"p{i % 10}", random.normal(mean, size=8)) for i in range(120)]

    assert classifier.accuracy(some(0, 1), some(3, 2)) > 0.95
    assert abs(classifier.accuracy(some(0, 1), some(0, 2)) - 0.5) < 0.12
    # Half of the made ones are far off: it learns of all, and is right about the persons that are asked about.
    far = {f"p{i}" for i in range(5)}
    mixed = [(p, x + 9 * (p in far)) for p, x in some(0, 2)]
    asked = [classifier.accuracy(some(0, 1), mixed, asked=who) for who in (far, {p for p, _ in mixed} - far)]
    assert asked[0] > asked[1] + 0.2


def test_repeated_frames_are_found_and_bridged(clips: list[corpus.Clip]) -> None:
    random = np.random.default_rng(3)
    face = random.normal(size=(1, 478, 3)) * 40
    path = np.repeat(np.cumsum(random.uniform(0.8, 1.5, size=(15, 1, 1)), 0), 2, 0)
    points = face + path + random.normal(size=(30, 478, 3)) * 0.02
    repeated = _standing(points)
    assert repeated[1::2].all() and not repeated[::2].any()
    motion = part(clips[0].motion, 0, 30)
    held = replace(motion, rotation=np.repeat(motion.rotation[::2], 2, 0))
    bridged = without_repeats(held, repeated)
    np.testing.assert_array_equal(bridged.rotation[::2], held.rotation[::2])
    between = (held.rotation[0:-2:2] + held.rotation[2::2]) / 2
    np.testing.assert_allclose(bridged.rotation[1:-1:2], between, atol=1e-3)
