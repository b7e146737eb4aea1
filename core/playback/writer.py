# SPDX-License-Identifier: Apache-2.0
"""Frames to a video file, as they come."""

import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..progress import Progress
from ..provenance.marking import mark
from ..provenance.note import Provenance
from ..provenance.signing import Signer
from ..video import VideoWriter


def write_video(path: str | os.PathLike[str], frames: Iterable[NDArray[np.uint8]], fps: float,
                progress: Progress | None = None, *, sound: str | os.PathLike[str] | None = None,
                provenance: Provenance | None = None, signer: Signer | None = None) -> int:
    """Write frames (H, W, 3) uint8 of one size to a video; nothing is written where a frame fails to come.

    `sound` is a video whose sound goes along; `provenance` says in the file where it comes from, and `signer` signs
    that. Returns the number of frames.

    Raises:
        BadInput: there is no frame.
        CannotWrite: the place cannot be written to, or a signature has no place in such a file.
    """
    rest: Iterator[NDArray[np.uint8]] = iter(frames)
    first = next(rest, None)
    if first is None:
        raise BadInput("There is no frame to write a video from.")
    height, width = first.shape[:2]

    def finish(file: Path) -> None:
        if provenance:
            mark(file, provenance)
        if provenance and signer:
            signer.sign(file, provenance)

    count = 0
    tags = provenance.tags() if provenance else None
    with VideoWriter(path, fps, width, height, metadata=tags, sound=sound, finish=finish) as video:
        for count, frame in enumerate(chain([first], rest), 1):
            video.write(frame)
            if progress:
                progress(count, None)
    return count
