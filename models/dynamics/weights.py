# SPDX-License-Identifier: Apache-2.0
"""Weights in safetensors files, read and written with numpy alone.

The format: eight bytes, the length of a JSON header, little-endian; the header, which names each array's type, shape
and place; then the numbers. Nothing in it can run. See https://github.com/huggingface/safetensors#format.
"""

import json
import os
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.files import atomic_write

_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"),
                                  "I32": np.dtype("<i4"), "I16": np.dtype("<i2")}
_LARGEST, _LONGEST_HEADER = 64 << 20, 1 << 20

Arrays = dict[str, NDArray[Any]]


def read_weights(path: str | os.PathLike[str], largest: int = _LARGEST) -> tuple[Arrays, dict[str, str]]:
    """Arrays and metadata of a safetensors file.

    Raises:
        BadInput: no such file, not of this format, truncated, too large, or numbers that are not finite.
    """
    try:
        size = Path(path).stat().st_size
        if size > largest:
            raise BadInput(f"{path} is larger than {largest >> 20} MB; weights of this network are not.")
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadInput(f"Cannot read the weights {path}: {error.strerror or error}.") from error
    try:
        length = int.from_bytes(data[:8], "little")
        if not 2 <= length <= min(_LONGEST_HEADER, len(data) - 8):
            raise ValueError("header")
        header = json.loads(data[8:8 + length])
        notes = header.pop("__metadata__", {})
        body = memoryview(data)[8 + length:]
        _check_places([entry["data_offsets"] for entry in header.values()], len(body))
        arrays = {str(name): _array(entry, body) for name, entry in header.items()}
        return arrays, {str(k): str(v) for k, v in notes.items()}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as error:
        raise BadInput(f"{path} is not a safetensors file, or is damaged; fetch it again.") from error


def _check_places(places: list[Any], size: int) -> None:
    """The arrays follow one another without gaps and fill the file."""
    end = 0
    for first, last in sorted((int(a), int(b)) for a, b in places):
        if first != end or last < first:
            raise ValueError("places")
        end = last
    if end != size:
        raise ValueError("size")


def _array(entry: Mapping[str, Any], body: memoryview) -> NDArray[Any]:
    dtype, shape = _TYPES[entry["dtype"]], [int(n) for n in entry["shape"]]
    first, last = entry["data_offsets"]
    if min(shape, default=0) < 0 or prod(shape) * dtype.itemsize != last - first:
        raise ValueError("shape")
    array = np.frombuffer(body[first:last], dtype).reshape(shape)
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
        if not np.isfinite(array).all():
            raise ValueError("not finite")
    return array


def write_weights(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, str]) -> None:
    """Write arrays (float32, float16, int32 or int16) and metadata as a safetensors file.

    Raises:
        CannotWrite: the place cannot be written.
    """
    names = {dtype: name for name, dtype in _TYPES.items()}
    header: dict[str, Any] = {"__metadata__": dict(notes)}
    parts, place = [], 0
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
        header[name] = {"dtype": names[array.dtype.newbyteorder("<")], "shape": list(array.shape),
                        "data_offsets": [place, place + len(raw)]}
        parts.append(raw)
        place += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with atomic_write(path) as temporary:
        temporary.write_bytes(b"".join([len(text).to_bytes(8, "little"), text, *parts]))
