# SPDX-License-Identifier: Apache-2.0
"""XMP in MP4 and MOV: a top-level box `uuid` with XMP's identifier (XMP part 3, 1.2.7; ISO 14496-12, 4.2)."""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_FIRST = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
MAX_BOXES = 10_000


def is_mine(start: bytes) -> bool:
    return start[4:8] in _FIRST


def xmp_box(packet: bytes) -> bytes:
    """A box that stands wherever another one ends."""
    return struct.pack(">I4s", 24 + len(packet), b"uuid") + _XMP + packet


def xmp_packets(file: BinaryIO, largest: int) -> Iterator[bytes]:
    """The packets of at most `largest` bytes; nothing else is read into memory."""
    place, end = 0, file.seek(0, os.SEEK_END)
    for _ in range(MAX_BOXES):
        if place >= end:
            return
        file.seek(place)
        head = file.read(32)
        if len(head) < 8:
            return
        size, kind = struct.unpack_from(">I4s", head)
        data = 8
        if size == 1 and len(head) >= 16:
            (size,), data = struct.unpack_from(">Q", head, 8), 16
        if size < data:  # 0: up to the end of the file; else damaged
            return
        if kind == b"uuid" and head[data:data + 16] == _XMP and size <= largest:
            file.seek(place + data + 16)
            yield file.read(size - data - 16)
        place += size
