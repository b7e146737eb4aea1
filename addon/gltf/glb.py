# SPDX-License-Identifier: GPL-3.0-or-later
"""The document inside a .glb file (glTF 2.0, section 4: Binary glTF), read and changed; no bpy."""

import json
import struct
from pathlib import Path
from typing import Any

from ...core.errors import BadInput

MAGIC, VERSION, JSON_CHUNK = b"glTF", 2, b"JSON"


def read_document(path: Path) -> tuple[dict[str, Any], bytes]:
    """The document of a .glb file, and the chunks that follow it.

    Raises:
        BadInput: the file is not a whole .glb.
    """
    data = path.read_bytes()
    if len(data) < 20:
        raise BadInput(f"{path} is not a whole .glb file.")
    magic, version, length, size, kind = struct.unpack_from("<4sIII4s", data)
    if (magic, version, length, kind) != (MAGIC, VERSION, len(data), JSON_CHUNK) or 20 + size > len(data):
        raise BadInput(f"{path} is not a whole .glb file.")
    document: dict[str, Any] = json.loads(data[20:20 + size])
    return document, data[20 + size:]


def write_document(path: Path, document: dict[str, Any], rest: bytes) -> None:
    """Put a document before the other chunks of a .glb file."""
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sIII4s", MAGIC, VERSION, 20 + len(text) + len(rest), len(text), JSON_CHUNK)
    path.write_bytes(head + text + rest)


def scale_scenes(document: dict[str, Any], factor: float) -> None:
    """Put everything that a document's scenes show under a node that scales it."""
    for scene in document.get("scenes", ()):
        document["nodes"].append({"name": "metres", "scale": [factor] * 3, "children": scene["nodes"]})
        scene["nodes"] = [len(document["nodes"]) - 1]
