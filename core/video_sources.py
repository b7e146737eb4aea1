# SPDX-License-Identifier: Apache-2.0
"""Opening video and sound files from strangers: one local file, of known containers, never a list or an address."""

from pathlib import Path
from typing import Any

import av

from .errors import BadInput
from .image import check_file, is_picture

CONTAINERS = ("mov,mp4,m4v,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,gif,h264,hevc,mjpeg,mxf,nut,ivf,dv,"
              "wav,mp3,aac,flac")
"""FFmpeg's names; each is a file of one piece that points to nothing else"""
FAULTS = (av.FFmpegError, OSError, ValueError)


def open_media(path: Path) -> Any:
    """An open PyAV container.

    Raises:
        BadInput: no such file, or none that can be read as video or sound.
    """
    check_file(path, largest=None)
    limits = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    try:
        return av.open(f"file:{path.absolute()}", options=limits, metadata_errors="replace")
    except FAULTS as error:
        what = "a picture, not a video" if is_picture(path) else \
            "not a video that can be read, or it is damaged or cut off"
        raise BadInput(f"{path.name} is {what}.") from error
