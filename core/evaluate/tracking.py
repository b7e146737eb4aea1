# SPDX-License-Identifier: Apache-2.0
"""How well a track follows a face: reprojection, jitter, blinks, head size, speed."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..camera import project
from ..face_model import FaceModel
from ..metrics import box_size
from ..motion import Motion
from . import steadiness
from .report import plain

Floats = NDArray[np.float64]

_EYES = ("right", "left")


def fitted_points(motion: Motion, model: FaceModel) -> Floats:
    """The fitted model's landmarks (T, 478, 3) in pixels, where the detector would put them on that face."""
    from ..fitting.landmark_model import landmark_model

    seen = landmark_model(model)
    offsets = (seen.identity @ motion.identity)[None] + motion.expression @ seen.expression.T
    points = seen.mean + offsets.reshape(len(motion), -1, 3)
    return project(points, motion.rotation, motion.translation, motion.camera)


def measure_tracking(video: Path, model: FaceModel) -> tuple[dict[str, Any], Motion]:
    """Track a video and compare the fitted landmarks with the detector's own in the same frames.

    Frames without a face are counted and left out of every comparison.
    """
    from ..fitting import track_video

    detected: list[Floats] = []

    def gather(number: int, rgb: NDArray[np.uint8], points: NDArray[np.float32] | None) -> None:
        detected.append(np.full((478, 3), np.nan) if points is None else points.astype(np.float64))

    start = time.perf_counter()
    motion = track_video(video, model, on_frame=gather)
    seconds = time.perf_counter() - start
    figures = compare(fitted_points(motion, model), np.stack(detected), motion)
    return {"frames": len(motion), "fps": plain(len(motion) / seconds, 1), **figures}, motion


def compare(fitted: Floats, detected: Floats, motion: Motion) -> dict[str, Any]:
    """Figures of a track against the detector's landmarks, both (T, 478, 3)."""
    seen = np.isfinite(detected[:, 0, 0])
    distance = np.linalg.norm((fitted - detected)[seen, :, :2], axis=-1).mean(-1)
    gap_free = _bridged(detected)
    still = steadiness.still_passages(gap_free, motion.fps) & seen[:, None]
    raw, smooth = steadiness.jitter(gap_free, still), steadiness.jitter(fitted, still)
    scale = motion.camera.focal / motion.translation[:, 2].astype(np.float64)
    return {
        "frames_without_face": int((~seen).sum()),
        "reprojection_px": plain(float(distance.mean())),
        "reprojection_percent": plain(100 * float((distance / box_size(detected[seen])).mean())),
        "still_percent": plain(100 * float(still.mean()), 1),
        "jitter_raw_px": plain(raw), "jitter_fitted_px": plain(smooth), "jitter_ratio": plain(smooth / raw),
        "pumping_percent": plain(steadiness.pumping(scale, motion.fps)),
        "pumping_raw_percent": plain(steadiness.pumping(box_size(gap_free), motion.fps)),
        "blinks": _blinks(fitted, gap_free, motion.fps),
    }


def _bridged(points: Floats) -> Floats:
    """Points (T, L, 3) with frames of NaN filled in along straight lines."""
    known = np.flatnonzero(np.isfinite(points[:, 0, 0]))
    if len(known) in (0, len(points)):
        return points
    frames = np.arange(len(points))
    columns = points.reshape(len(points), -1)
    filled = [np.interp(frames, known, column[known]) for column in columns.T]
    return np.stack(filled, 1).reshape(points.shape)


def _blinks(fitted: Floats, detected: Floats, fps: float) -> dict[str, Any]:
    """Correlation and depth of both eyes' blinks; the loss is the mean over blinks and eyes."""
    ours, theirs = steadiness.lid_opening(fitted), steadiness.lid_opening(detected)
    reports = [steadiness.blink_report(ours[:, eye], theirs[:, eye], fps) for eye in range(2)]
    losses = [loss for report in reports for loss in report.peak_losses]
    figures: dict[str, Any] = {f"correlation_{name}": plain(report.correlation)
                               for name, report in zip(_EYES, reports, strict=True)}
    figures["count"] = len(losses)
    figures["peak_loss_percent"] = plain(100 * float(np.mean(losses)), 2) if losses else None
    return figures
