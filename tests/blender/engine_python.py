# SPDX-License-Identifier: Apache-2.0
"""The Python that runs the engine in these tests: MIEN_PYTHON, or the environment that `make` keeps in .venv."""

import os
from pathlib import Path

import pytest

OURS = Path(__file__).parents[2] / ".venv" / "bin" / "python"
PYTHON = os.environ.setdefault("MIEN_PYTHON", str(OURS) if OURS.exists() else "")

needs_engine = pytest.mark.skipif(not PYTHON, reason="no Python with Mien: set MIEN_PYTHON, or run `make test` once")
