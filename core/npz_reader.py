# SPDX-License-Identifier: Apache-2.0
"""Reading .npz files from strangers: no pickle, and no more memory than their checked headers promise."""

import os
import zipfile
import zlib
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from .errors import BadInput

MAX_BYTES = 512 * 2**20
MAX_ENTRIES = 1000
MAX_HEADER = 4096
"""Longest .npy header that is parsed; an honest one is about a hundred bytes."""

_Array = NDArray[Any]


def read_arrays(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> dict[str, _Array]:
    """All arrays of an .npz file by name (folders in the zip stay in the name, `.npy` is dropped).

    Raises:
        BadInput: no such file, not a zip, damaged, too big when unpacked, or an entry that is not a plain array
            of numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES or sum(e.file_size for e in entries) > max_bytes:
                raise BadInput(f"{path} would unpack to more than {max_bytes >> 20} MB; it is not read.")
            return {e.filename.removesuffix(".npy"): _read_entry(archive, e, path) for e in entries}
    except FileNotFoundError as error:
        raise BadInput(f"There is no file {path}.") from error
    except OSError as error:
        raise BadInput(f"Cannot read {path}: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError,
            MemoryError) as error:
        raise BadInput(f"{path} is damaged or is not an .npz file.") from error


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str | os.PathLike[str]) -> _Array:
    with archive.open(entry) as file:
        shape, fortran, dtype = _read_header(file)
        size = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize if shape else dtype.itemsize
        if dtype.hasobject or dtype.kind not in "biufUS" or min(shape, default=0) < 0 or size > entry.file_size:
            raise BadInput(f"{path} holds something other than plain arrays of numbers ({entry.filename}).")
        data = file.read(size)
        if len(data) != size or file.read(1):
            raise ValueError("an array's size differs from its header")
    array = np.frombuffer(data, dtype)
    return array.reshape(shape, order="F" if fortran else "C")


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    if npy.read_magic(file) != (1, 0):
        raise ValueError("a .npy version that only arrays with huge headers have")
    try:
        return npy.read_array_header_1_0(file, max_header_size=MAX_HEADER)
    except (TokenError, SyntaxError, TypeError) as error:  # numpy's parser lets those of Python's tokenizer through
        raise ValueError("the header is damaged") from error
