# SPDX-License-Identifier: Apache-2.0
"""Provenance out of files of strangers; of a file of any size little is read."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import BadInput
from . import boxes, jpeg, png
from .note import Provenance
from .xmp import MAX_BYTES, from_xmp


def read_provenance(path: str | os.PathLike[str]) -> Provenance | None:
    """What a picture or a video says of its origin; None where it says nothing.

    Raises:
        BadInput: no such file, or it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            for packet in _packets(file):
                found = from_xmp(packet)
                if found:
                    return found
            return _from_tags(Path(path), file)
    except FileNotFoundError as error:
        raise BadInput(f"There is no file {path}.") from error
    except OSError as error:
        raise BadInput(f"Cannot read {path}: {error.strerror or error}.") from error


def consent_in(path: str | os.PathLike[str]) -> str:
    """The consent note that a picture carries, or nothing.

    Raises:
        BadInput: no such file, or it cannot be read.
    """
    found = read_provenance(path)
    return found.consent if found else ""


def _packets(file: BinaryIO) -> Iterator[bytes]:
    """The XMP packets of a file of any of the formats, told by its first bytes."""
    start = file.read(12)
    file.seek(0)
    for reader in (png, jpeg, boxes):
        if reader.is_mine(start):
            yield from reader.xmp_packets(file, MAX_BYTES)


def _from_tags(path: Path, file: BinaryIO) -> Provenance | None:
    """A Matroska file's tags, whose names some programs write in capitals."""
    file.seek(0)
    if file.read(4) != b"\x1aE\xdf\xa3":
        return None
    from ..video_sources import open_media

    with open_media(path) as container:
        tags = {name.lower(): value for name, value in container.metadata.items()}
    if not ("digitalsourcetype" in tags or "consent" in tags):
        return None
    return Provenance(tags.get("digitalsourcetype", ""), "", tags.get("comment", ""), tags.get("consent", ""))
