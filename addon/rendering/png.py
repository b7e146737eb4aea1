# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a PNG file is whole, told without a decoder; and 8-bit PNG files written from arrays."""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class PngKind:
    """What a PNG file holds: its size in pixels, bits per channel, number of channels."""

    width: int
    height: int
    depth: int
    channels: int


def whole_png(path: Path) -> PngKind | None:
    """What a PNG file holds, or None where it is missing, cut off or damaged.

    Every chunk's checksum and the length of the unpacked pixels are checked (PNG specification 5.3 and 9).
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    chunks = _chunks(data)
    if not chunks or chunks[0][0] != b"IHDR" or chunks[-1][0] != b"IEND" or len(chunks[0][1]) != 13:
        return None
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if colour not in CHANNELS or interlaced or not width or not height:
        return None
    kind = PngKind(width, height, depth, CHANNELS[colour])
    row = 1 + (width * depth * kind.channels + 7) // 8
    packed = b"".join(body for name, body in chunks if name == b"IDAT")
    return kind if _unpacked_length(packed, row * height) == row * height else None


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write (H, W, 3 or 4) 8-bit pixels, top row first, not filtered."""
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 3)
    path.write_bytes(SIGNATURE + b"".join(_chunk(name, data) for name, data in
                                          ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG file; an empty list where one of them is cut off or damaged, or bytes are left over."""
    found: list[tuple[bytes, bytes]] = []
    if not data.startswith(SIGNATURE):
        return found
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        end = place + 8 + length
        if end + 4 > len(data) or zlib.crc32(data[place + 4:end]) != struct.unpack_from(">I", data, end)[0]:
            return []
        found.append((name, data[place + 8:end]))
        place = end + 4
    return found if place == len(data) else []


def _unpacked_length(packed: bytes, limit: int) -> int:
    """Length of the unpacked bytes, counted to just beyond `limit`; −1 where they are damaged or cut off."""
    unpacker = zlib.decompressobj()
    try:
        length = len(unpacker.decompress(packed, limit + 1))
    except zlib.error:
        return -1
    return length if unpacker.eof else -1
