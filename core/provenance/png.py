# SPDX-License-Identifier: Apache-2.0
"""XMP in PNG: an uncompressed iTXt chunk named by Adobe (PNG 3rd edition, 11.3.3.4; XMP part 3, 1.1.5)."""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = len(_SIGNATURE) + 25
"""The end of IHDR, which comes first and has 13 bytes of data"""
_KEYWORD = b"XML:com.adobe.xmp\0\0\0\0\0"
"""With: not compressed, no method, no language, no translated name"""


def is_mine(start: bytes) -> bool:
    return start.startswith(_SIGNATURE)


def with_xmp(data: bytes, packet: bytes) -> bytes:
    """The file's bytes with the packet after its header."""
    body = b"iTXt" + _KEYWORD + packet
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:_HEADER_END] + chunk + data[_HEADER_END:]


def xmp_packets(file: BinaryIO, largest: int) -> Iterator[bytes]:
    """The packets of at most `largest` bytes; nothing else is read into memory."""
    file.seek(len(_SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        after = file.tell() + length + 4
        if kind == b"iTXt" and length <= largest:
            body = file.read(length)
            if body.startswith(_KEYWORD):
                yield body[len(_KEYWORD):]
        file.seek(after)
