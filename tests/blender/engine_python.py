# SPDX-License-Identifier: Apache-2.0
"""The Python that runs the engine in these tests: MIEN_PYTHON, or the environment that `make` keeps in .venv."""

import os
import subprocess
from pathlib import Path

import pytest

OURS = Path(__file__).parents[2] / ".venv" / "bin" / "python"
PYTHON = os.environ.setdefault("MIEN_PYTHON", str(OURS) if OURS.exists() else "")

needs_engine = pytest.mark.skipif(not PYTHON, reason="no Python with Mien: set MIEN_PYTHON, or run `make test` once")


def still_clip(photo: Path, path: Path) -> None:
    """A video of four frames that shows a photo, made by the engine's Python."""
    code = ("import sys\nfrom mien.core.image import read_image\nfrom mien.core.video import VideoWriter\n"
            "photo = read_image(sys.argv[1])\nwith VideoWriter(sys.argv[2], 25, 512, 512) as w:\n"
            "    for _ in range(4): w.write(photo)")
    subprocess.run([PYTHON, "-c", code, str(photo), str(path)], check=True, cwd=path.parent, timeout=120,
                   env={"PATH": "/usr/bin:/bin"})
