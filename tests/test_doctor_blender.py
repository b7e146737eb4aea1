# SPDX-License-Identifier: Apache-2.0
"""What `mien doctor` says of the Blender on the PATH."""

from pathlib import Path

import pytest
from mien.core import doctor


@pytest.mark.parametrize(("says", "works", "detail"), [
    ("Blender 4.2.0\n\tbuild date: 2024", True, "Blender 4.2.0 at "),
    ("Blender 5.2.2 LTS", True, "Blender 5.2.2 at "),
    ("Color management: no config\nBlender 4.5.1 LTS", True, "Blender 4.5.1 at "),
    ("Blender 3.6.9", False, "Blender 3.6.9 at "),
    ("Blender 4.1.1", False, "is too old for extensions — optional; install Blender 4.2 or newer"),
    ("hello", False, "does not say which Blender it is"),
])
def test_version_of_the_blender_on_the_path(says: str, works: bool, detail: str, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "blender"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    part, found, told = doctor._attempt("Blender", doctor._blender, "optional; install Blender 4.2 or newer")
    assert (part, found) == ("Blender", works)
    assert detail in told


def test_no_blender(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor._attempt("Blender", doctor._blender, "install it")[1:] == (
        False, "no program `blender` on the PATH — install it")
