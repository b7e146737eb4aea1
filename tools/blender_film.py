# SPDX-License-Identifier: Apache-2.0
"""Look at a film that Blender rendered: what it is, and whether its face does what the curves say."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

LIKENESS = 0.75
"""Correlation of the jaw in the film with its curve: a jump in the curve is a slope in what is tracked"""


def faults(film: Path, wanted: Mapping[str, Any]) -> list[str]:
    """What is not as wanted, as sentences.

    Args:
        wanted: `frames`, `fps`; where they are given, `size` (width, height) and `jaw`, the values of jawOpen.
    """
    import av

    wrong = []
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        found = {"codec": stream.codec_context.name, "pixels": stream.codec_context.pix_fmt, "frames": len(frames),
                 "fps": float(stream.average_rate or 0), "size": [stream.codec_context.width,
                                                                  stream.codec_context.height]}
    expected = {"codec": "h264", "pixels": "yuv420p", **{name: wanted[name] for name in ("frames", "fps", "size")
                                                         if name in wanted}}
    wrong += [f"{name} is {found[name]}, not {value}" for name, value in expected.items() if found[name] != value]
    if any(np.ptp(frame) < 40 for frame in frames):
        wrong.append("a frame is empty")
    if not wrong and "jaw" in wanted:
        likeness = jaw_likeness(film, wanted["jaw"])
        if not likeness > LIKENESS:
            wrong.append(f"the mouth does not move as its curve does (correlation {likeness:.2f})")
    return wrong


def jaw_likeness(film: Path, jaw: list[float]) -> float:
    """Track the film as any other, and correlate its jaw with the curve it was rendered from."""
    motion = import_module("mien.core").track_video(film)
    seen = motion.expression[:, motion.channels.index("jawOpen")]
    return float(np.corrcoef(seen, jaw)[0, 1])
