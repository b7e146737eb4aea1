# SPDX-License-Identifier: Apache-2.0
"""Jitter, blinks and head size, on signals whose answers are known."""

import numpy as np
import pytest
from mien.core.evaluate import steadiness as s

FPS = 30.0
FRAMES = 300


def _face(points: int = 40) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 100, (points, 2))


def _trembling(sigma: float) -> np.ndarray:
    return _face() + np.random.default_rng(1).normal(0, sigma, (FRAMES, 40, 2))


def test_jitter_of_white_noise_follows_from_its_deviation():
    """A second difference of independent noise has 1 + 4 + 1 times its variance, in each of two axes."""
    still = np.ones((FRAMES, 40), bool)
    assert s.jitter(_trembling(0.5), still) == pytest.approx(0.5 * np.sqrt(12), rel=0.02)


def test_even_motion_has_no_jitter():
    moving = _face() + np.arange(FRAMES)[:, None, None] * [1.0, 0.5]
    assert s.jitter(moving, np.ones((FRAMES, 40), bool)) == pytest.approx(0, abs=1e-9)


def test_trembling_is_still_and_turning_is_not():
    path = np.concatenate([np.zeros(150), np.cumsum(np.full(150, 2.0))])
    points = _trembling(0.3)
    points[:, :20] += path[:, None, None]
    still = s.still_passages(points, FPS)
    assert still[:120].all()
    assert not still[160:, :20].any()
    assert still[:, 20:].all()


def test_nodding_to_and_fro_is_not_still():
    nod = 5 * np.sin(2 * np.pi * 2 * np.arange(FRAMES) / FPS)
    assert not s.still_passages(_trembling(0.1) + nod[:, None, None], FPS).any()


def test_jitter_without_still_frames_is_unknown():
    assert np.isnan(s.jitter(_trembling(1), np.zeros((FRAMES, 40), bool)))


def _mesh_with_lids(gap: float) -> np.ndarray:
    mesh = np.zeros((478, 2))
    for (outer, inner), pairs in s._EYES:
        mesh[outer], mesh[inner] = (-10, 0), (10, 0)
        for upper, lower in pairs:
            mesh[upper], mesh[lower] = (0, -gap / 2), (0, gap / 2)
    return mesh


def test_lid_opening_is_gap_over_width_at_any_turn_and_size():
    angle = 0.4
    turn = 3 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert s.lid_opening(_mesh_with_lids(6) @ turn.T + 50) == pytest.approx([0.3, 0.3])


def _blinking(depth: float) -> np.ndarray:
    frames = np.arange(FRAMES)
    return 0.3 - sum(depth * np.exp(-0.5 * ((frames - centre) / 2) ** 2) for centre in (60, 150, 240))


def test_low_pass_keeps_a_straight_line_and_its_ends():
    line = np.linspace(-3, 8, FRAMES)
    assert s.low_passed(line, FPS, 0.5) == pytest.approx(line)
    assert s.low_passed(line[:1], FPS, 0.5) == line[:1]
    assert s.low_passed(line[:2], FPS, 0.5) == pytest.approx(line[:2])


def test_each_blink_is_found_and_its_loss_measured():
    report = s.blink_report(_blinking(0.15), _blinking(0.2), FPS)
    assert report.blinks == 3
    assert report.peak_losses == pytest.approx([0.25] * 3, abs=0.01)
    assert report.correlation == pytest.approx(1, abs=1e-9)


def test_a_smoothed_track_is_caught_losing_blinks():
    reference = _blinking(0.2)
    smoothed = s.low_passed(reference, FPS, 0.2)
    assert min(s.blink_report(smoothed, reference, FPS).peak_losses) > 0.5


def test_a_slow_squint_is_not_a_blink():
    squint = 0.3 - 0.04 * np.sin(np.linspace(0, 3, FRAMES))
    assert s.blink_report(squint, squint, FPS).blinks == 0


def test_pumping_sees_trembling_size_and_not_a_slow_approach():
    frames = np.arange(FRAMES)
    approach = np.exp(frames / FRAMES)
    assert s.pumping(approach, FPS) == pytest.approx(0, abs=1e-9)
    assert s.pumping(1 + 0.01 * np.sin(frames * 2.0), FPS) == pytest.approx(1 / np.sqrt(2), rel=0.03)
