# SPDX-License-Identifier: Apache-2.0
"""Fitting over time: a known performance comes back, steadier and with its blinks; gaps, cuts and bad videos."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from mien.core.camera import Camera, project
from mien.core.errors import BadInput, NoFaceFound
from mien.core.evaluate import steadiness
from mien.core.face_model import FaceModel
from mien.core.fitting import solve_sequence, track_video
from mien.core.fitting.landmark_model import landmark_model
from mien.core.fitting.schemes import MESH478
from mien.core.fitting.smoothing import bridge, bridge_rotations, noise_of, smooth
from mien.core.model_files import default_model
from mien.core.motion import Motion

SIDE, FPS = 512, 30.0
CLIPS = Path(__file__).parents[2] / "shared" / "data" / "clips_dev"


@dataclass(frozen=True, eq=False)
class Play:
    """A known performance: still at first, then a nod and words, with blinks."""

    points: np.ndarray
    """(T, 478, 3) what a perfect detector would see"""
    expression: np.ndarray
    rotation: np.ndarray
    blinks: tuple[int, ...]


def bump(t: np.ndarray, middle: float, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((t - middle) / width) ** 2)


@cache
def play(frames: int = 150) -> Play:
    model, t = default_model(), np.arange(frames)
    landmarks, camera = landmark_model(model), Camera.for_image(SIDE, SIDE)
    names = model.expression_names
    expression = np.zeros((frames, len(names)))
    blinks = (30, 62, 118)
    for side in ("Left", "Right"):
        expression[:, names.index(f"eyeBlink{side}")] = sum(bump(t, b, 1.5) for b in blinks)
        expression[:, names.index(f"mouthSmile{side}")] = 0.6 * bump(t, 120, 10)
    talk = np.clip(np.sin((t - 75) * 0.5), 0, 1) * (t > 75) * (t < 110)
    expression[:, names.index("jawOpen")] = 0.5 * talk
    rotation = np.zeros((frames, 3))
    rotation[:, 1] = 0.4 * np.sin(np.clip(t - 70, 0, None) * 0.06)
    rotation[:, 0] = 0.1 * bump(t, 100, 6)
    identity = 0.6 * np.random.default_rng(0).standard_normal(len(model.identity_basis))
    offsets = (landmarks.identity @ identity)[None] + expression @ landmarks.expression.T
    points = landmarks.mean + offsets.reshape(frames, -1, 3)
    translation = np.tile([0.01, 0.0, 0.9], (frames, 1))
    return Play(project(points, rotation, translation, camera), expression, rotation, blinks)


def noisy(sigma: float = 0.5) -> np.ndarray:
    """The performance as a detector sees it: every point trembles, and all of them together."""
    rng = np.random.default_rng(1)
    clean = play().points
    together = rng.normal(0, 0.5 * sigma, (len(clean), 1, 3))
    return clean + rng.normal(0, sigma, clean.shape) + together


def points_of(motion: Motion) -> np.ndarray:
    landmarks = landmark_model(default_model())
    offsets = (landmarks.identity @ motion.identity)[None] + motion.expression @ landmarks.expression.T
    return project(landmarks.mean + offsets.reshape(len(motion), -1, 3), motion.rotation, motion.translation,
                   motion.camera)


@cache
def tracked() -> Motion:
    return solve_sequence(noisy(), np.ones(len(play().points)), FPS, SIDE, SIDE)


def test_a_known_performance_comes_back() -> None:
    motion, model = tracked(), default_model()
    assert np.degrees(np.abs(motion.rotation - play().rotation)).mean() < 0.6
    for name, share in (("jawOpen", 0.95), ("mouthSmileLeft", 0.95), ("eyeBlinkLeft", 0.95), ("eyeBlinkRight", 0.95)):
        index = model.expression_names.index(name)
        assert np.corrcoef(motion.expression[:, index], play().expression[:, index])[0, 1] > share, name
    assert np.linalg.norm((points_of(motion) - play().points)[..., :2], axis=-1).mean() < 1.0
    assert motion.expression.min() >= 0 and motion.expression.max() <= 1
    assert motion.model_hash == model.hash and motion.channels == model.expression_names


def test_trembling_goes_and_blinks_stay() -> None:
    raw, motion = noisy(), tracked()
    still = steadiness.still_passages(play().points, FPS)
    assert steadiness.jitter(points_of(motion), still) < steadiness.jitter(raw, still) / 3
    ours, theirs = steadiness.lid_opening(points_of(motion)), steadiness.lid_opening(play().points)
    for eye in range(2):
        report = steadiness.blink_report(ours[:, eye], theirs[:, eye], FPS)
        assert report.blinks == len(play().blinks)
        assert report.correlation > 0.95
        assert np.mean(report.peak_losses) < 0.1
    assert steadiness.pumping(1 / motion.translation[:, 2], FPS) < 0.5


def test_what_is_peculiar_in_a_face_is_no_expression() -> None:
    """Landmarks that lie beside the model's on this person all the time say nothing of what the face does; lips, which
    the usual frames may show open, only as a whole."""
    beside = np.random.default_rng(3).normal(0, 3.0, (1, 478, 3))
    lips = [*MESH478.groups["lips_inner"], *MESH478.groups["lips_outer"]]
    beside[:, lips] = (0, 3, 0)
    motion = solve_sequence(noisy() + beside, np.ones(len(play().points)), FPS, SIDE, SIDE)
    assert np.median(motion.expression[:55], axis=0).max() < 0.12
    apart = np.abs(motion.expression - tracked().expression)
    assert apart.mean() < 0.016 and np.sqrt(np.square(apart).mean()) < 0.028


def test_brows_that_rise_a_little_are_followed() -> None:
    """A raise of one pixel, far below what a photo says of brows: most of it comes back, on the brows alone."""
    model, landmarks, t = default_model(), landmark_model(default_model()), np.arange(90)
    expression = np.zeros((90, len(model.expression_names)))
    for name in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"):
        expression[:, model.expression_names.index(name)] = 0.4 * bump(t, 60, 8)
    moved = (expression @ landmarks.expression.T).reshape(90, -1, 3)
    rng, camera = np.random.default_rng(4), Camera.for_image(SIDE, SIDE)
    seen = project(landmarks.mean + moved, np.zeros((90, 3)), np.tile([0.0, 0.0, 0.9], (90, 1)), camera)
    motion = solve_sequence(seen + rng.normal(0, 0.5, seen.shape), np.ones(90), FPS, SIDE, SIDE)
    brows, others = list(MESH478.groups["brows"]), list(MESH478.groups["lips_outer"])
    back = points_of(motion)

    def rise(points: np.ndarray, which: list[int]) -> float:
        return float((points[20:30, which, 1].mean(0) - points[58:63, which, 1].mean(0)).mean())

    assert 1 < rise(seen, brows) < 1.3
    assert 0.55 < rise(back, brows) / rise(seen, brows) < 1.1
    assert abs(rise(back, others)) < 0.3


def test_the_person_at_rest_has_curves_near_zero() -> None:
    rest = np.median(tracked().expression[:55], axis=0)
    assert rest.max() < 0.12
    assert rest.mean() < 0.02


def test_frames_without_a_face_are_marked_and_bridged() -> None:
    points, trust = noisy(), np.ones(len(play().points))
    points[80:92], trust[80:92] = np.nan, 0
    motion = solve_sequence(points, trust, FPS, SIDE, SIDE, identity=tracked().identity)
    np.testing.assert_array_equal(motion.confidence == 0, trust == 0)
    ends = motion.rotation[[79, 92], 1]
    assert ends.min() - 0.03 < motion.rotation[80:92, 1].min() and motion.rotation[80:92, 1].max() < ends.max() + 0.03
    steps = np.abs(np.diff(motion.rotation[78:94, 1]))
    assert steps.max() < 0.05
    np.testing.assert_allclose(motion.rotation[:70], tracked().rotation[:70], atol=0.01)


def test_gaps_at_both_ends_hold_the_nearest_frame() -> None:
    points, trust = noisy(), np.ones(len(play().points))
    points[:10], trust[:10] = np.nan, 0
    points[-10:], trust[-10:] = np.nan, 0
    motion = solve_sequence(points, trust, FPS, SIDE, SIDE, identity=tracked().identity)
    assert np.ptp(motion.rotation[:10], axis=0).max() < 0.02
    assert np.ptp(motion.translation[-10:, 2]) < 0.01


def test_nothing_is_smoothed_across_a_cut() -> None:
    points = noisy()
    points[60:] += [120, 40, 0]
    motion = solve_sequence(points, np.ones(len(points)), FPS, SIDE, SIDE, identity=tracked().identity)
    centre = points_of(motion)[..., :2].mean(1)
    truth = play().points[..., :2].mean(1) + np.where(np.arange(len(points)) >= 60, 1, 0)[:, None] * [120, 40]
    assert np.linalg.norm(centre - truth, axis=1)[55:66].max() < 2.0


@pytest.mark.parametrize("frames", [1, 2, 3, 7])
def test_very_short_sequences(frames: int) -> None:
    motion = solve_sequence(noisy()[:frames], np.ones(frames), FPS, SIDE, SIDE)
    assert len(motion) == frames
    assert np.linalg.norm((points_of(motion) - play().points[:frames])[..., :2], axis=-1).mean() < 2.5


def test_sequences_without_a_face_and_of_wrong_shape_are_refused() -> None:
    with pytest.raises(NoFaceFound):
        solve_sequence(np.full((5, 478, 3), np.nan), np.zeros(5), FPS, SIDE, SIDE)
    with pytest.raises(BadInput):
        solve_sequence(noisy()[:5], np.ones(4), FPS, SIDE, SIDE)


def test_frames_that_cannot_be_tracked_are_refused() -> None:
    grey = np.full((90, 120, 3), 128, np.uint8)
    with pytest.raises(NoFaceFound):
        track_video([grey] * 3, fps=25)
    with pytest.raises(BadInput):
        track_video([], fps=25)
    with pytest.raises(BadInput):
        track_video([grey])
    with pytest.raises(BadInput):
        track_video([grey, grey[:80]], fps=25)


def test_smoothing_keeps_a_line_and_a_step_and_takes_noise_away() -> None:
    rng, t = np.random.default_rng(0), np.arange(200.0)
    ones, none = np.ones(200), np.zeros(200, bool)
    settings = {"noise": np.array([0.01]), "cutoff": np.array([1.0]), "fps": FPS, "keep": np.array([3.0])}
    line = (0.01 * t)[:, None]
    np.testing.assert_allclose(smooth(line, ones, none, **settings), line, atol=1e-8)
    noise = rng.normal(0, 0.01, (200, 1))
    assert smooth(noise, ones, none, **settings).std() < 0.4 * noise.std()
    spike = bump(t, 100, 1.5)[:, None]
    kept = smooth(spike + noise, ones, none, **settings)
    assert kept.max() > 0.93 * (spike + noise).max()


def test_smoothing_is_the_same_backwards() -> None:
    curve = np.cumsum(np.random.default_rng(3).normal(0, 0.02, (90, 2)), axis=0)
    args = (np.ones(90), np.zeros(90, bool), np.array([0.01, 0.02]), np.array([2.0, 3.0]), FPS, np.array([2.0, 2.0]))
    np.testing.assert_allclose(smooth(curve[::-1], *args)[::-1], smooth(curve, *args), atol=1e-9)


def test_noise_is_estimated_apart_from_movement_and_repeats() -> None:
    t = np.arange(600)
    curve = (np.sin(t / 40) + np.random.default_rng(4).normal(0, 0.02, 600))[:, None]
    none, floor = np.zeros(600, bool), np.array([1e-3])
    assert noise_of(curve, none, floor)[0] == pytest.approx(0.02, rel=0.15)
    doubled, repeated = np.repeat(curve, 2, axis=0), np.arange(1200) % 2 == 1
    assert noise_of(doubled, repeated, floor)[0] == pytest.approx(noise_of(curve, none, floor)[0])
    assert noise_of(0 * curve, none, floor)[0] == floor[0]


def test_bridges_are_straight() -> None:
    from mien.core.camera import rotation_matrix

    present = np.array([False, True, False, False, True, False])
    values = np.array([np.nan, 1, np.nan, np.nan, 4, np.nan])[:, None]
    np.testing.assert_allclose(bridge(values, present)[:, 0], [1, 1, 2, 3, 4, 4])
    angles = np.array([0, 0.3, 0, 0, 0.9, 0])
    turns = bridge_rotations(rotation_matrix(angles[:, None] * [0, 1.0, 0]), present)
    np.testing.assert_allclose(turns, rotation_matrix(np.array([0.3, 0.3, 0.5, 0.7, 0.9, 0.9])[:, None] * [0, 1, 0]),
                               atol=1e-12)


@pytest.mark.shared
@pytest.mark.skipif(not CLIPS.is_dir(), reason="the development clips are not beside the checkout")
def test_a_real_clip_is_followed() -> None:
    seen: list[int] = []
    video = CLIPS / "lp_d00_0.mp4"
    motion = track_video(video, on_frame=lambda number, rgb, points: seen.append(number))
    with np.load(CLIPS / "lp_d00_0.npz") as data:
        known = data["landmarks"]
    assert len(motion) == len(known) and seen == list(range(len(known)))
    assert motion.metadata["source"] == video.name
    away = np.linalg.norm((points_of(motion) - known)[..., :2], axis=-1).mean()
    assert away < 0.025 * np.ptp(known[0, :, :2], axis=0).max()


def test_a_model_without_the_mesh_landmarks_is_refused() -> None:
    from dataclasses import replace

    model: FaceModel = replace(default_model(), embeddings={})
    with pytest.raises(BadInput):
        solve_sequence(noisy()[:3], np.ones(3), FPS, SIDE, SIDE, model)
