# SPDX-License-Identifier: Apache-2.0
"""Putting a binary glTF 2.0 file together (Khronos, glTF 2.0 specification, §3.6 and §4)."""

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

_COMPONENT = {"float32": 5126, "uint16": 5123, "uint32": 5125}
_TYPE = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
VERTICES, INDICES = 34962, 34963
"""What a buffer view holds, for the graphics card"""
_WORTH_SPARSE = 0.7
_MAGIC, _VERSION, _JSON, _BIN = 0x46546C67, 2, 0x4E4F534A, 0x004E4942


class Glb:
    """A glTF document that grows: `document` is its JSON, arrays and pictures go to its one buffer."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {"asset": {"version": "2.0", "generator": "Mien"},
                                         "buffers": [], "bufferViews": [], "accessors": []}
        self._binary = bytearray()

    def add(self, kind: str, entry: dict[str, Any]) -> int:
        """Append to one of the document's lists (`nodes`, `meshes`, …); the index of the entry."""
        entries = self.document.setdefault(kind, [])
        entries.append(entry)
        return len(entries) - 1

    def bytes_view(self, data: bytes, target: int | None = None) -> int:
        """A buffer view of raw bytes, aligned to 4."""
        self._binary.extend(bytes(-len(self._binary) % 4))
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self._binary.extend(data)
        return self.add("bufferViews", view)

    def array(self, values: NDArray[Any], target: int | None = None, *, bounds: bool = False) -> int:
        """An accessor of (N,) or (N, 2..4) float32, uint16 or uint32; `bounds` adds the smallest and largest."""
        entry = _accessor(values, bounds)
        entry["bufferView"] = self.bytes_view(np.ascontiguousarray(values).tobytes(), target)
        return self.add("accessors", entry)

    def offsets(self, values: NDArray[np.float32], *, bounds: bool = False) -> int:
        """An accessor of (N, 3) float32 that is mostly zero: only the rows that are not are stored if that pays."""
        rows = np.flatnonzero(values.any(1)).astype(np.uint16 if len(values) < 2**16 else np.uint32)
        stored = rows.nbytes + values[rows].nbytes
        if stored > _WORTH_SPARSE * values.nbytes:
            return self.array(values, VERTICES, bounds=bounds)
        entry = _accessor(values, bounds)
        if len(rows):
            entry["sparse"] = {
                "count": len(rows),
                "indices": {"bufferView": self.bytes_view(rows.tobytes()),
                            "componentType": _COMPONENT[rows.dtype.name]},
                "values": {"bufferView": self.bytes_view(values[rows].tobytes())}}
        return self.add("accessors", entry)

    def to_bytes(self) -> bytes:
        """The file: a header, the JSON and the buffer, each padded to 4 bytes."""
        self._binary.extend(bytes(-len(self._binary) % 4))
        self.document["buffers"] = [{"byteLength": len(self._binary)}]
        text = json.dumps(self.document, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<II", len(text), _JSON) + text
        chunks += struct.pack("<II", len(self._binary), _BIN) + self._binary
        return struct.pack("<III", _MAGIC, _VERSION, 12 + len(chunks)) + chunks


def _accessor(values: NDArray[Any], bounds: bool) -> dict[str, Any]:
    width = 1 if values.ndim == 1 else values.shape[1]
    entry: dict[str, Any] = {"componentType": _COMPONENT[values.dtype.name], "count": len(values),
                             "type": _TYPE[width]}
    if bounds:
        table = values.reshape(len(values), width)
        entry["min"], entry["max"] = (edge.astype(float).tolist() for edge in (table.min(0), table.max(0)))
    return entry
