# SPDX-License-Identifier: Apache-2.0
"""The sound of one video in another, as it is: packets are copied, not coded again."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av

from .video_sources import open_media

COPYABLE = ("aac", "mp3", "ac3", "eac3", "opus", "alac", "flac")
"""What .mp4 and .mkv both hold"""


class SoundCopy:
    """Copies the first sound track of `source` into a container that is being written, up to a given time.

    Zero is the source's first picture. A source without sound, or with sound that cannot be copied, gives none.

    Raises:
        BadInput: the source cannot be read.
    """

    def __init__(self, source: str | os.PathLike[str], container: Any) -> None:
        self._source = open_media(Path(source))
        self._container = container
        tracks = [s for s in self._source.streams.audio if s.codec_context and s.codec_context.name in COPYABLE]
        self._target = container.add_stream_from_template(tracks[0]) if tracks else None
        self._start = _first_picture(self._source)
        self._packets = self._timed(tracks[0]) if tracks else iter(())
        self._waiting: tuple[float, Any] | None = None

    def until(self, seconds: float) -> None:
        """Write what is heard before a time, in seconds from the first picture."""
        while True:
            if self._waiting is None:
                self._waiting = next(self._packets, None)
            if self._waiting is None or self._waiting[0] >= seconds:
                return
            self._container.mux(self._waiting[1])
            self._waiting = None

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _timed(self, track: Any) -> Iterator[tuple[float, Any]]:
        """Packets from the first picture on, with their times; a fault in the source ends them."""
        with suppress(av.FFmpegError, OSError):
            for packet in self._source.demux(track):
                if packet.dts is None or packet.pts is None:
                    continue
                shift = round(self._start / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                if packet.pts >= 0:
                    packet.stream = self._target
                    yield float(packet.pts * packet.time_base), packet


def _first_picture(container: Any) -> float:
    pictures = [s for s in container.streams.video if s.start_time is not None]
    return float(pictures[0].start_time * pictures[0].time_base) if pictures else 0.0
