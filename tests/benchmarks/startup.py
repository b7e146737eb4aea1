# SPDX-License-Identifier: Apache-2.0
"""How long a user waits before anything happens."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .measuring import Result, median_seconds


def results() -> Iterator[Result]:
    """Whole processes, from start to exit."""
    python, mien = sys.executable, str(Path(sys.executable).with_name("mien"))
    bare = _process(python, "-c", "pass")
    yield Result("import mien", "s", _process(python, "-c", "import mien"), "≤ 0.3", "python alone", bare)
    yield Result("from mien.core import fit_photo", "s", _process(python, "-c", "from mien.core import fit_photo"),
                 "", "import scipy, numba", _process(python, "-c", "import scipy.ndimage, numba"))
    yield Result("mien --help", "s", _process(mien, "--help"), "≤ 0.5", "python alone", bare)


def _process(*command: str) -> float:
    return median_seconds(lambda: subprocess.run(command, check=True, capture_output=True))
