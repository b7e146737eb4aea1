# SPDX-License-Identifier: Apache-2.0
"""Decodes files of unsafe formats in a separate process with limits on time and memory."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..npz_reader import read_arrays

MAX_FILE_BYTES = 2 << 30
SECONDS = 120
MEGABYTES = 6144


def decode(path: Path, kind: Literal["pickle", "mat"], seconds: int = SECONDS,
           megabytes: int = MEGABYTES) -> dict[str, NDArray[np.generic]]:
    """The arrays in a FLAME .pkl or a BFM .mat, found by a child process that runs nothing of the file.

    `seconds` of processor time and `megabytes` of address space are what the child may use (numpy and scipy's
    libraries alone take about 500 MB of addresses).

    Raises:
        BadInput: the file is no such model, is truncated or hostile, or takes more time or memory than that.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BadInput(f"{path} is larger than {MAX_FILE_BYTES >> 30} GiB; that is no face model.")
    with tempfile.TemporaryDirectory(prefix="mien-import-") as folder:
        result = Path(folder) / "arrays.npz"
        _run(path, kind, result, seconds, megabytes)
        return read_arrays(result, MAX_FILE_BYTES)


def _run(path: Path, kind: str, result: Path, seconds: int, megabytes: int) -> None:
    """Run the child; its last line of standard error is the reason if it fails."""
    script = Path(__file__).with_name("decode_child.py")
    command = [sys.executable, "-I", "-B", os.fspath(script), kind, os.fspath(path.resolve()),
               os.fspath(result), str(seconds), str(megabytes)]
    single = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    names = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")
    keep = {name: os.environ[name] for name in names if name in os.environ}
    try:
        child = subprocess.run(command, capture_output=True, timeout=2 * seconds + 10, check=False,
                               stdin=subprocess.DEVNULL, env=keep | single)
    except subprocess.TimeoutExpired:
        raise BadInput(f"{path} takes too long to read; it is damaged or malicious.") from None
    if child.returncode == 0:
        return
    lines = child.stderr.decode("utf-8", "replace").strip().splitlines()
    killed = child.returncode < 0 or not lines
    reason = "reading it takes too much time or memory" if killed else lines[-1]
    raise BadInput(f"{path} cannot be read as a face model: {reason}.")
