# SPDX-License-Identifier: Apache-2.0
"""Frames to a video file, as they come."""

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..progress import Progress
from ..video import VideoWriter

SYNTHETIC = {"digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic",
             "comment": "Made from a portrait and a motion with Mien."}
"""Metadata of a video that shows what was never filmed, in IPTC's terms"""


def write_video(path: str | os.PathLike[str], frames: Iterable[NDArray[np.uint8]], fps: float,
                progress: Progress | None = None, *, sound: str | os.PathLike[str] | None = None,
                metadata: Mapping[str, str] | None = None) -> int:
    """Write frames (H, W, 3) uint8 of one size to a video; nothing is written where a frame fails to come.

    `sound` is a video whose sound goes along; `metadata` are entries of the container. Returns the number of
    frames.

    Raises:
        BadInput: there is no frame.
        CannotWrite: the place cannot be written to.
    """
    rest: Iterator[NDArray[np.uint8]] = iter(frames)
    first = next(rest, None)
    if first is None:
        raise BadInput("There is no frame to write a video from.")
    height, width = first.shape[:2]
    count = 0
    with VideoWriter(path, fps, width, height, metadata=metadata, sound=sound) as video:
        for count, frame in enumerate(chain([first], rest), 1):
            video.write(frame)
            if progress:
                progress(count, None)
    return count
