# SPDX-License-Identifier: Apache-2.0
"""Job `track_video`: a video to a motion, with the mesh over the frames shown while it is made."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..face_model import FaceModel
from ..fitting import fit_landmarks, track_video
from ..image import Rgb, write_image
from ..motion import Motion
from ..motion_files import save_motion
from ..overlay import draw_overlay
from ..texture import uv_texture
from .best_frames import BestFrames
from .params import Params
from .protocol import PREVIEW_SIDE
from .work import Work, shrunk

_TRACKING = 0.7
"""Share of the work that is reading frames; the rest is solving them together"""
_SHAKY = 0.1


def track_video_job(params: Params, work: Work) -> dict[str, Any]:
    """See protocol.py."""
    video, projection = params.path("video"), params.projection()
    model, size = params.model(), params.texture_size(0)
    identity = params.identity(model)
    best = BestFrames() if size else None
    work.step(0.0, f"Reading {video.name}")

    def on_frame(number: int, rgb: Rgb, points: NDArray[np.float32] | None) -> None:
        work.check()
        if best:
            best.see(number, rgb, points)
        if work.wants_preview():
            work.preview(_picture(rgb, points, model))

    def progress(done: int, total: int | None = None) -> None:
        whole = f" of {total}" if total else ""
        work.step(min(done / total, 1.0) * _TRACKING if total else None, f"Tracking frame {done}{whole}")

    def solving(done: int, total: int | None = None) -> None:
        share = done / total if total else 0.0
        work.step(_TRACKING + (0.95 - _TRACKING) * share, "Solving the motion")

    motion = track_video(video, model, identity=identity, projection=projection, progress=progress,
                         on_frame=on_frame, solving=solving)
    work.step(0.95, "Saving the motion")
    save_motion(motion, work.folder / "motion.npz")
    texture = _texture(best, motion, model, size, work) if best else None
    missing = int((motion.confidence == 0).sum())
    return {"motion": "motion.npz", "texture": texture, "frames": len(motion), "fps": motion.fps,
            "frames_without_face": missing, "width": motion.camera.width, "height": motion.camera.height,
            "confidence": float(np.median(motion.confidence[motion.confidence > 0])),
            "warnings": _warnings(motion, missing)}


def _texture(best: BestFrames, motion: Motion, model: FaceModel, size: int, work: Work) -> str:
    work.step(0.97, "Making the texture")
    photos, fits = best.fits(motion, model)
    write_image(work.folder / "texture.png", uv_texture(photos, fits, model, size).rgb)
    return "texture.png"


def _picture(rgb: Rgb, points: NDArray[np.float32] | None, model: FaceModel) -> Rgb:
    """The frame, made small, with the head as this frame alone shows it."""
    small = shrunk(rgb, PREVIEW_SIDE)
    if points is None:
        return small
    scale = small.shape[1] / rgb.shape[1]
    return draw_overlay(small, fit_landmarks(points * scale, small.shape[1], small.shape[0], model), model)


def _warnings(motion: Motion, missing: int) -> list[str]:
    found = []
    if missing:
        found.append(f"No face in {missing} of {len(motion)} frames: they are bridged from their neighbours.")
    seen = motion.confidence[motion.confidence > 0]
    unsure = float((seen < 0.5).mean())
    if unsure > _SHAKY:
        found.append(f"The face is hard to make out in {unsure:.0%} of the frames: look at the result.")
    return found
