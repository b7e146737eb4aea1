# SPDX-License-Identifier: Apache-2.0
"""From pixels to coefficients: a photo, its parts, and a video."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from mien.core.fitting import fit_landmarks, fit_photo, solve_sequence, track_video
from mien.core.landmarks import LandmarkTracker, landmarks_of
from mien.core.model_files import default_model
from mien.core.video import VideoReader

from .measuring import Result, median_seconds
from .pictures import moving_camera, portrait, write_video

SIDE, FRAMES = 512, 240


def results() -> Iterator[Result]:
    yield from _photo()
    yield from _video()


def _photo() -> Iterator[Result]:
    photo, model = portrait(), default_model()
    points = landmarks_of(photo).points
    detection = 1000 * median_seconds(lambda: landmarks_of(photo), 15)
    whole = 1000 * median_seconds(lambda: fit_photo(photo, model), 15)
    solving = 1000 * median_seconds(lambda: fit_landmarks(points, SIDE, SIDE, model), 15)
    yield Result("photo to coefficients, 512²", "ms", whole, "≤ 40", "its detection alone", detection)
    yield Result("fit of 478 given points", "ms", solving, "", "one least-squares solve, numpy", _plain_solve())


def _plain_solve() -> float:
    """Milliseconds of numpy for one unconstrained linear problem of the fit's size."""
    rng = np.random.default_rng(0)
    rows, right = rng.normal(size=(2 * 478, 132)), rng.normal(size=2 * 478)
    return 1000 * median_seconds(lambda: np.linalg.solve(rows.T @ rows + np.eye(132), rows.T @ right), 15)


def _video() -> Iterator[Result]:
    model, tracker = default_model(), LandmarkTracker()
    points = np.stack([tracker(rgb).points for rgb in moving_camera(SIDE, SIDE, FRAMES)])
    trust = np.ones(FRAMES)
    solving = median_seconds(lambda: solve_sequence(points, trust, 30.0, SIDE, SIDE, model), 5)
    yield Result("solver alone, a frame of a video", "ms", 1000 * solving / FRAMES, "≤ 1",
                 "one least-squares solve, numpy", _plain_solve())
    with TemporaryDirectory() as folder:
        video = write_video(Path(folder) / "moving.mp4", SIDE, SIDE, FRAMES)
        decoding = FRAMES / median_seconds(lambda: _decode(video), 3)
        tracking = FRAMES / median_seconds(lambda: track_video(video, model), 3)
    yield Result("tracking a 512² video, all included", "fps", tracking, "≥ 60", "decoding alone", decoding)


def _decode(video: Path) -> None:
    with VideoReader(video) as frames:
        for _ in frames:
            pass
