# SPDX-License-Identifier: Apache-2.0
"""Reading video as upright RGB frames at a constant rate.

It streams: a few frames are in memory at a time, however long the video is. `VideoWriter` is the way back.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation
from numpy.typing import NDArray

from .errors import BadInput
from .video_clock import at_constant_rate, common_rate
from .video_sources import FAULTS, open_media
from .video_writer import VideoWriter as VideoWriter

Rgb = NDArray[np.uint8]

MAX_SIDE = 8192
MAX_FPS = 240.0
_HD_HEIGHT = 720
_PACKETS_TIMED = 300
_BT601 = 6


@dataclass(frozen=True)
class Frame:
    """One frame: `rgb` (H, W, 3) uint8, upright; `time_seconds` is ``index / fps``."""

    index: int
    time_seconds: float
    rgb: Rgb


class VideoReader:
    """The frames of a local video file or animated GIF, at a constant frame rate.

    A variable rate becomes its most common rate by the timestamps: frames are repeated or left out, never
    moved by more than half a frame. The file's rotation and non-square pixels are applied to `width`,
    `height` and the frames. Damaged packets are skipped and a broken tail ends the video early: `faults`
    counts them while iterating. Iterating again starts from the first frame.

    Raises:
        BadInput: no such file, not a video, no picture in it, too large, or nothing in it can be decoded.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.faults = 0
        self._container: Any = None
        try:
            stream = self._open()
            self.fps = self._frame_rate(stream)
            self.frame_count = _frame_count(stream, self._container, self.fps)
            """An estimate from the header; None where it says nothing"""
            self._shape: tuple[int, int] | None = None
            stream = self._open()
            first = next(self._decoded(stream), None)
            if first is None:
                raise BadInput(f"No frame of {self.path.name} can be decoded: it is damaged or cut off.")
            self._turns = round(first.rotation / 90) % 4
            self._aspect = _pixel_aspect(stream)
            self.height, self.width = self._shape = self._to_rgb(first).shape[:2]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        stream = self._open()
        self.faults = 0
        timed = ((frame.time, frame) for frame in self._decoded(stream))
        for index, frame in enumerate(at_constant_rate(timed, self.fps)):
            yield Frame(index, index / self.fps, self._to_rgb(frame))

    def close(self) -> None:
        """Close the file; iterating opens it again."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self) -> Any:
        """The picture stream, from its start."""
        self.close()
        self._container = open_media(self.path)
        streams = [s for s in self._container.streams.video if not s.disposition & s.disposition.attached_pic]
        if not streams:
            raise BadInput(f"{self.path.name} has no moving picture: only sound or data, or it is cut off.")
        stream = streams[0]
        if stream.codec_context is None:
            raise BadInput(f"The moving picture of {self.path.name} is coded in an unknown way, or is damaged.")
        stream.thread_type = "AUTO"
        if max(stream.width, stream.height) > MAX_SIDE:
            size = f"{stream.width} × {stream.height}"
            raise BadInput(f"{self.path.name} is {size}; make it smaller: {MAX_SIDE} a side are read.")
        return stream

    def _decoded(self, stream: Any) -> Iterator[Any]:
        """Whole frames in display order; what cannot be decoded is counted and skipped."""
        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except FAULTS:
                packet = None
                self.faults += 1
            if packet is None:
                return
            try:
                frames = packet.decode()
            except FAULTS:
                frames = []
                self.faults += 1
            for frame in frames:
                if frame.is_corrupt:
                    self.faults += 1
                else:
                    yield frame

    def _frame_rate(self, stream: Any) -> float:
        """The most common rate of the first packets; the header's exact figure where it is about the same."""
        times: list[float] = []
        try:
            for packet in self._container.demux(stream):
                if packet.pts is not None:
                    times.append(float(packet.pts * packet.time_base))
                if len(times) >= _PACKETS_TIMED:
                    break
        except FAULTS:
            pass  # those before the fault are enough
        stated = float(stream.average_rate or stream.guessed_rate or 25)
        measured = common_rate(sorted(times)) or stated
        rate = stated if abs(stated / measured - 1) < 0.002 else measured
        return min(max(rate, 0.1), MAX_FPS)

    def _to_rgb(self, frame: Any) -> Rgb:
        """RGB in square pixels, upright, in the size of the first frame."""
        height, width = frame.height, max(1, round(frame.width * self._aspect))
        if self._shape is not None:
            height, width = self._shape if self._turns % 2 == 0 else self._shape[::-1]
        rgb = frame.reformat(width=width, height=height, format="rgb24", src_colorspace=_colour_space(frame),
                             interpolation=Interpolation.BILINEAR, threads=1)
        return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), self._turns))


def _frame_count(stream: Any, container: Any, fps: float) -> int | None:
    if stream.duration:
        return max(1, round(float(stream.duration * stream.time_base) * fps))
    if stream.frames:
        return int(stream.frames)
    return max(1, round(container.duration / av.time_base * fps)) if container.duration else None


def _pixel_aspect(stream: Any) -> float:
    """Width over height of a pixel; 1 where the file says nothing or nonsense."""
    aspect = stream.sample_aspect_ratio
    return float(aspect) if aspect and 0.25 <= aspect <= 4 else 1.0


def _colour_space(frame: Any) -> int:
    """The matrix of the frame's YCbCr; where it is not said, BT.709 from 720 lines up and BT.601 below."""
    if frame.colorspace in (int(Colorspace.ITU709), int(Colorspace.BT2020), _BT601, int(Colorspace.ITU601)):
        return int(frame.colorspace)
    return int(Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601)
