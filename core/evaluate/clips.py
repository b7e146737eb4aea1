# SPDX-License-Identifier: Apache-2.0
"""Tracking and reenactment on a folder of face clips, each of which is its own truth."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BadInput
from ..progress import Progress
from .identity import FaceIdentity
from .reenactment import MEASURES, measure_reenactment
from .report import Report, plain, text_table
from .tracking import measure_tracking

REENACTED_FRAMES = 24
"""Frames of a clip at most that are rendered and compared."""
_TRACKING = ("fps", "reprojection_px", "reprojection_percent", "jitter_raw_px", "jitter_fitted_px",
             "jitter_ratio", "pumping_percent", "pumping_raw_percent")


def evaluate_clips(folder: str | os.PathLike[str], identity_net: str | os.PathLike[str] | None = None,
                   progress: Progress | None = None) -> Report:
    """Track every .mp4 of a folder, then drive its first frame with the motion of the rest.

    Without `identity_net` (an ONNX file for `FaceIdentity`) CSIM is left out. Means are over clips.

    Raises:
        BadInput: the folder holds no .mp4.
    """
    from ..model_files import default_model

    videos = sorted(Path(folder).glob("*.mp4"))
    if not videos:
        raise BadInput(f"{folder} holds no .mp4 to evaluate.")
    identity = FaceIdentity(identity_net) if identity_net else None
    model, clips = default_model(), {}
    for done, video in enumerate(videos):
        tracking, motion = measure_tracking(video, model)
        reenactment = measure_reenactment(video, motion, identity, REENACTED_FRAMES)
        clips[video.stem] = {"tracking": tracking, "reenactment": reenactment}
        if progress:
            progress(done + 1, len(videos))
    figures = {"summary": summary(list(clips.values())), "clips": clips}
    return Report(figures, _table(figures))


def summary(clips: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over clips; blinks over clips that have any, and their loss over all blinks."""
    tracking = [clip["tracking"] for clip in clips]
    figures: dict[str, Any] = {"clips": len(clips), "frames": sum(t["frames"] for t in tracking)}
    for name in _TRACKING:
        figures[name] = _mean([t[name] for t in tracking])
    blinks = [t["blinks"] for t in tracking if t["blinks"]["count"]]
    figures["blinks"] = sum(b["count"] for b in blinks)
    correlations = [b[f"correlation_{eye}"] for b in blinks for eye in ("right", "left")]
    figures["blink_correlation"] = _mean(correlations)
    total = sum(b["count"] * b["peak_loss_percent"] for b in blinks)
    figures["blink_peak_loss_percent"] = plain(total / figures["blinks"], 2) if blinks else None
    reenacted = [clip["reenactment"] for clip in clips]
    for kind in ("rendered", "copy_the_source"):
        figures[kind] = {name: _mean([r[kind][name] for r in reenacted]) for name in MEASURES}
    figures["better_than_copy"] = {name: sum(_better(r, name) for r in reenacted) for name in MEASURES}
    return figures


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return plain(float(np.mean(known))) if known else None


def _better(figures: dict[str, Any], name: str) -> bool:
    ours, copy = figures["rendered"][name], figures["copy_the_source"][name]
    return ours is not None and copy is not None and (ours - copy) * MEASURES[name] > 0


def _table(figures: dict[str, Any]) -> str:
    return "\n\n".join([_tracking_table(figures["clips"]), _reenactment_table(figures["clips"]),
                        _summary_table(figures["summary"])])


def _tracking_table(clips: dict[str, Any]) -> str:
    rows: list[Sequence[object]] = []
    for name, clip in clips.items():
        t, b = clip["tracking"], clip["tracking"]["blinks"]
        rows.append((name, *(t[key] for key in ("frames", "fps", "reprojection_percent", "still_percent",
                                                "jitter_ratio", "pumping_percent")),
                     *(b[key] for key in ("count", "correlation_right", "correlation_left",
                                          "peak_loss_percent"))))
    return text_table(("tracking", "frames", "fps", "reproj. %", "still %", "jitter ratio", "pumping %",
                       "blinks", "corr. R", "corr. L", "peak loss %"), rows)


def _reenactment_table(clips: dict[str, Any]) -> str:
    rows: list[Sequence[object]] = []
    for name, clip in clips.items():
        ours, copy = clip["reenactment"]["rendered"], clip["reenactment"]["copy_the_source"]
        rows.append((name, *(value for m in MEASURES for value in (ours[m], copy[m])), ours["no_face"]))
    header = [title for m in MEASURES for title in (m.upper(), "copy")]
    return text_table(("reenactment", *header, "no face"), rows)


def _summary_table(s: dict[str, Any]) -> str:
    rows: list[Sequence[object]] = [
        ("tracking, frames per second", s["fps"], "-"),
        ("reprojection error, px", s["reprojection_px"], "-"),
        ("reprojection error, % of face size", s["reprojection_percent"], "-"),
        ("jitter in still passages, px", s["jitter_fitted_px"], f"{s['jitter_raw_px']} (raw landmarks)"),
        ("jitter ratio to raw landmarks", s["jitter_ratio"], "at most 0.333 wanted"),
        (f"blink correlation ({s['blinks']} blinks)", s["blink_correlation"], "at least 0.95 wanted"),
        ("blink peak loss, %", s["blink_peak_loss_percent"], "at most 10 wanted"),
        ("head-size pumping, % RMS", s["pumping_percent"], f"{s['pumping_raw_percent']} (landmarks' box)"),
    ]
    for name in MEASURES:
        beside = f"{s['copy_the_source'][name]} (copy the source), better in {s['better_than_copy'][name]}"
        rows.append((f"reenactment {name.upper()}", s["rendered"][name], beside))
    return text_table((f"mean of {s['clips']} clips", "Mien", "beside"), rows)
