# SPDX-License-Identifier: Apache-2.0
"""Writing frames as H.264 video."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation
from numpy.typing import NDArray

from .errors import BadInput, CannotWrite
from .files import atomic_write
from .sound import SoundCopy

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
MAX_SIDE = 8192
MAX_FPS = 1000
_MP4_OPTIONS = {"movflags": "+faststart+use_metadata_tags"}
_CODEC_OPTIONS = {"crf": "17", "preset": "veryfast"}
_BT709 = 1
_LIMITED_RANGE = 1
_EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


class VideoWriter:
    """Write (H, W, 3) uint8 frames as H.264 (4:2:0, BT.709, CRF 17); a context manager.

    The file appears when the block ends well; an error in it or Ctrl-C leaves nothing behind and keeps what
    was there. Odd sizes get their last row or column twice, since 4:2:0 needs even ones.

    Args:
        path: ends in .mp4, .m4v, .mov or .mkv.
        metadata: entries of the container, such as `title` or `comment`.
        sound: a file whose sound accompanies the frames, as it is, from its first picture on; without effect if
            it has none that can be copied.
        finish: called with the whole file before it gets its name.

    Raises:
        BadInput: another suffix, no sensible rate or size, a frame that does not fit, no frame at all, or a
            sound that cannot be read.
        CannotWrite: the place cannot be written or the disk is full.
    """

    def __init__(self, path: str | os.PathLike[str], fps: float, width: int, height: int, *,
                 metadata: Mapping[str, str] | None = None,
                 sound: str | os.PathLike[str] | None = None,
                 finish: Callable[[Path], None] | None = None) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in SUFFIXES:
            raise BadInput(f"{self.path.name}: videos are written as {', '.join(SUFFIXES)}.")
        if not (0 < fps <= MAX_FPS and 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
            raise BadInput(f"A video of {width} × {height} at {fps} frames per second cannot be written.")
        self.fps, self.width, self.height = fps, width, height
        self._metadata = dict(metadata or {})
        self._source, self._finish = sound, finish
        self._sound: SoundCopy | None = None
        self._count = 0

    def __enter__(self) -> Self:
        self._block: AbstractContextManager[None] = self._writing()
        self._block.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> bool | None:
        return self._block.__exit__(kind, error, trace)

    def write(self, rgb: NDArray[np.uint8]) -> None:
        """Append a frame (height, width, 3) uint8.

        Raises:
            BadInput: another shape or type.
            CannotWrite: the disk is full.
        """
        if rgb.shape != (self.height, self.width, 3) or rgb.dtype != np.uint8:
            raise BadInput(f"A frame is {(self.height, self.width, 3)} uint8, not {rgb.shape} {rgb.dtype}.")
        if self.height % 2 or self.width % 2:
            rgb = np.pad(rgb, ((0, self.height % 2), (0, self.width % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, interpolation=_EXACT)
        frame.pts, frame.time_base = self._count, 1 / self._rate
        self._count += 1
        self._mux(frame)
        if self._sound:
            self._sound.until(self._count / self.fps)

    @property
    def _rate(self) -> Fraction:
        return Fraction(self.fps).limit_denominator(1001)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with atomic_write(self.path) as temporary:
            try:
                options = {} if temporary.suffix.lower() == ".mkv" else _MP4_OPTIONS
                self._container = av.open(str(temporary), "w", options=options)
                self._stream = self._add_stream()
                self._sound = SoundCopy(self._source, self._container) if self._source else None
                yield
                if not self._count:
                    raise BadInput(f"{self.path.name} was given no frame.")
                self._mux(None)
                self._container.close()
                if self._finish:
                    self._finish(temporary)
            except av.FFmpegError as error:
                reason = error.strerror
                raise CannotWrite(f"Cannot write {self.path}: {reason}; choose another place.") from error
            finally:
                if self._sound:
                    self._sound.close()
                with suppress(av.FFmpegError, AttributeError):
                    self._container.close()

    def _add_stream(self) -> Any:
        self._container.metadata.update(self._metadata)
        stream = self._container.add_stream("libx264", rate=self._rate, options=_CODEC_OPTIONS)
        stream.width, stream.height = self.width + self.width % 2, self.height + self.height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.colorspace, context.color_range = _BT709, _LIMITED_RANGE
        context.color_primaries = context.color_trc = _BT709
        return stream

    def _mux(self, frame: Any) -> None:
        """Encode a frame, or what is left when it is None."""
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
