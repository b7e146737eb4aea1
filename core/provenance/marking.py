# SPDX-License-Identifier: Apache-2.0
"""Provenance into files: PNG, JPEG, MP4 and MOV carry XMP; Matroska has tags of its own (`Provenance.tags`)."""

from pathlib import Path

from . import boxes, jpeg, png
from .note import Provenance
from .xmp import to_xmp

PICTURES = {".png": png, ".jpg": jpeg, ".jpeg": jpeg}
VIDEOS = (".mp4", ".m4v", ".mov")


def mark(path: Path, provenance: Provenance) -> None:
    """Write a provenance into a finished file that has none, in place; one that carries no XMP stays as it is.

    Meant for a file that is still under its temporary name.
    """
    suffix = path.suffix.lower()
    if suffix in VIDEOS:
        with path.open("ab") as file:
            file.write(boxes.xmp_box(to_xmp(provenance)))
    elif suffix in PICTURES:
        data = PICTURES[suffix].with_xmp(path.read_bytes(), to_xmp(provenance))
        path.write_bytes(data)
