# SPDX-License-Identifier: Apache-2.0
"""XMP in JPEG: a segment APP1 with Adobe's name (XMP part 3, 1.1.3)."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

_START = b"\xff\xd8"
_APP0, _APP1, _SCAN = 0xE0, 0xE1, 0xDA
_NAME = b"http://ns.adobe.com/xap/1.0/\0"


def is_mine(start: bytes) -> bool:
    return start.startswith(b"\xff\xd8\xff")


def with_xmp(data: bytes, packet: bytes) -> bytes:
    """The file's bytes with the packet after the JFIF header, which must come first where there is one."""
    place = len(_START)
    if data[place + 1] == _APP0:
        place += 2 + struct.unpack_from(">H", data, place + 2)[0]
    body = _NAME + packet
    return data[:place] + struct.pack(">BBH", 0xFF, _APP1, len(body) + 2) + body + data[place:]


def xmp_packets(file: BinaryIO, largest: int) -> Iterator[bytes]:
    """The packets before the picture's data; a segment has at most 64 KB, so that `largest` is not reached."""
    file.seek(len(_START))
    while len(head := file.read(4)) == 4:
        marker, kind, length = struct.unpack(">BBH", head)
        if marker != 0xFF or kind == _SCAN or length < 2:
            return
        body = file.read(length - 2)
        if kind == _APP1 and body.startswith(_NAME) and len(body) <= largest:
            yield body[len(_NAME):]
