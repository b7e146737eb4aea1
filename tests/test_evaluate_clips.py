# SPDX-License-Identifier: Apache-2.0
"""Figures of tracking and reenactment, on tracks whose answers are known and on a short real clip."""

import json

import numpy as np
import pytest
from mien.core.camera import Camera
from mien.core.errors import BadInput
from mien.core.evaluate import clips, reenactment, tracking
from mien.core.metrics import box_size
from mien.core.model_files import default_model
from mien.core.motion import Motion
from mien.core.video import VideoWriter
from skimage.data import astronaut

FRAMES, FPS = 120, 30.0


@pytest.fixture(scope="module")
def motion() -> Motion:
    """A head that stays where it is and blinks twice."""
    model = default_model()
    frames = np.arange(FRAMES)
    blink = sum(np.exp(-0.5 * ((frames - centre) / 2) ** 2) for centre in (40, 85))
    expression = np.zeros((FRAMES, len(model.expression_names)), np.float32)
    for side in ("Left", "Right"):
        expression[:, model.expression_names.index(f"eyeBlink{side}")] = blink
    camera = Camera.for_image(256, 256)
    place = np.tile(np.float32([0, 0, camera.focal * 0.2 / 256]), (FRAMES, 1))
    return Motion(FPS, expression, np.zeros((FRAMES, 3), np.float32), place,
                  np.zeros(len(model.identity_basis), np.float32), model.expression_names, model.name, model.hash,
                  camera, np.ones(FRAMES, np.float32))


def test_a_perfect_track_has_no_error_and_keeps_every_blink(motion):
    points = tracking.fitted_points(motion, default_model())
    figures = tracking.compare(points, points, motion)
    assert figures["reprojection_px"] == 0
    assert figures["jitter_ratio"] == 1
    assert figures["pumping_percent"] == 0
    assert figures["blinks"] == {"correlation_right": 1, "correlation_left": 1, "count": 4, "peak_loss_percent": 0}


def test_noise_of_the_detector_shows_in_its_own_jitter_alone(motion):
    points = tracking.fitted_points(motion, default_model())
    noise = np.random.default_rng(0).normal(0, 0.3, points.shape)
    figures = tracking.compare(points, points + noise, motion)
    assert figures["reprojection_px"] == pytest.approx(0.3 * np.sqrt(np.pi / 2), rel=0.02)
    assert figures["jitter_raw_px"] == pytest.approx(0.3 * np.sqrt(12), rel=0.05)
    assert figures["jitter_ratio"] < 0.1


def test_frames_without_a_face_are_counted_and_left_out(motion):
    points = tracking.fitted_points(motion, default_model())
    detected = points + np.array([3, 4, 0])
    detected[10:20] = np.nan
    figures = tracking.compare(points, detected, motion)
    assert figures["frames_without_face"] == 10
    assert figures["reprojection_px"] == pytest.approx(5)
    assert figures["reprojection_percent"] == pytest.approx(500 / float(box_size(points[0])), rel=0.01)


def _clip(ours: float, copy: float) -> dict:
    measures = dict.fromkeys(reenactment.MEASURES, ours)
    figures = dict.fromkeys(clips._TRACKING, 1.0)
    blinks = {"correlation_right": 0.9, "correlation_left": 1.0, "count": 2, "peak_loss_percent": 5.0}
    return {"tracking": {"frames": 10, **figures, "blinks": blinks},
            "reenactment": {"rendered": measures, "copy_the_source": dict.fromkeys(measures, copy)}}


def test_better_means_less_or_more_as_the_measure_wants():
    summary = clips.summary([_clip(2, 1), _clip(3, 1), _clip(0, 1)])
    assert summary["better_than_copy"] == {"l1": 1, "psnr": 2, "ssim": 2, "akd": 1, "csim": 2}
    assert summary["frames"] == 30
    assert summary["blinks"] == 6
    assert summary["blink_correlation"] == pytest.approx(0.95)
    assert summary["blink_peak_loss_percent"] == pytest.approx(5)


def test_a_folder_without_videos_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"no \.mp4"):
        clips.evaluate_clips(tmp_path)


def test_a_short_clip_is_measured_from_end_to_end(tmp_path):
    """A face that drifts by a pixel a frame: following it beats standing still in every measure."""
    picture = astronaut()[0:300, 80:380]
    with VideoWriter(tmp_path / "drift.mp4", 25, 240, 240) as video:
        for i in range(14):
            video.write(np.ascontiguousarray(picture[30:270, 10 + i:250 + i]))
    report = clips.evaluate_clips(tmp_path)
    figures = json.loads(json.dumps(report.figures))["clips"]["drift"]
    assert figures["tracking"]["frames"] == 14
    assert figures["tracking"]["reprojection_percent"] < 3
    ours, copy = (figures["reenactment"][kind] for kind in ("rendered", "copy_the_source"))
    assert ours["akd"] < 0.3 * copy["akd"]
    assert copy["akd"] == pytest.approx(7.5 * 256 / 240, rel=0.2)
    assert ours["csim"] is None
    assert "drift" in report.table
    assert "jitter ratio" in report.table
