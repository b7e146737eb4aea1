# SPDX-License-Identifier: Apache-2.0
"""Small videos whose frames bear their numbers."""

from fractions import Fraction

import av
import numpy as np
from mien.core.video import VideoWriter

WIDTH, HEIGHT = 96, 64


def marked(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A frame with its number in eight bars, bright for a set bit; the left top corner is red."""
    frame = np.full((height, width, 3), 40, np.uint8)
    for bit in range(8):
        if index >> bit & 1:
            frame[height // 2:, bit * width // 8:(bit + 1) * width // 8] = 220
    frame[:height // 4, :width // 4] = (230, 20, 20)
    return frame


def number(rgb: np.ndarray) -> int:
    """The number that `marked` wrote."""
    height, width = rgb.shape[:2]
    bars = rgb[height * 3 // 4, [(2 * bit + 1) * width // 16 for bit in range(8)], 1]
    return sum(1 << bit for bit in range(8) if bars[bit] > 130)


def write_clip(path, count=12, fps=25.0, width=WIDTH, height=HEIGHT):
    with VideoWriter(path, fps, width, height) as writer:
        for i in range(count):
            writer.write(marked(i, width, height))
    return path


def write_timed(path, times, width=WIDTH, height=HEIGHT, codec="libx264", pix_fmt="yuv420p", options=None):
    """Frames 0, 1, … at the given milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = Fraction(1, 1000)
        for i, milliseconds in enumerate(times):
            frame = av.VideoFrame.from_ndarray(marked(i, width, height), format="rgb24")
            frame.pts, frame.time_base = milliseconds, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
