# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding a Python that has Mien, by looking at files only: nothing is run, so it takes milliseconds."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_VENVS = (".venv", "venv", "env")
_HOME_VENVS = ("mien/.venv", ".virtualenvs/mien", ".venvs/mien", "venvs/mien", ".local/share/pipx/venvs/mien",
               ".local/pipx/venvs/mien", "pipx/venvs/mien", ".local/share/uv/tools/mien")
_NAMES = ("python3", "python", "python3.13", "python3.12", "python3.11")
_LONGEST_SHEBANG = 512


@dataclass(frozen=True)
class Candidate:
    """An interpreter, where it was found, and whether Mien seems to be installed for it."""

    python: Path
    origin: str
    has_mien: bool


def find_python(preference: str = "", environment: Mapping[str, str] | None = None) -> Candidate | None:
    """The interpreter to use: the preferred one as it is, else the first in which Mien seems to be installed."""
    environment = os.environ if environment is None else environment
    for value, origin in ((preference, "preferences"), (environment.get("MIEN_PYTHON", ""), "MIEN_PYTHON")):
        if value:
            python = interpreter(value)
            return Candidate(python, origin, has_mien(python))
    return next((found for found in candidates(environment) if found.has_mien), None)


def candidates(environment: Mapping[str, str]) -> Iterator[Candidate]:
    """Every interpreter in the usual places, the likeliest first."""
    seen = set()
    for python, origin in _places(environment):
        if python not in seen and os.access(python, os.X_OK) and python.is_file():
            seen.add(python)
            yield Candidate(python, origin, has_mien(python))


def interpreter(text: str) -> Path:
    """The interpreter that is meant by a path: itself, that of an environment's folder, or that of a script.

    Whatever was typed is a path, also where there is nothing, no such user's home, or no such name can be.
    """
    path = Path(os.path.expanduser(text))  # noqa: PTH111
    if os.path.isdir(path):  # noqa: PTH112
        return next((p for p in _pythons_in(path) if p.is_file()), path)
    if path.stem == "mien":
        return _of_script(path) or path
    return path


def has_mien(python: Path) -> bool:
    """Whether Mien is among an interpreter's packages, as far as its folders tell."""
    patterns = ("mien-*.dist-info", "mien/core", "__editable__.mien-*", "mien.egg-link")
    try:
        return any(next(folder.glob(pattern), None) is not None for folder in _package_folders(python)
                   for pattern in patterns)
    except OSError:  # folders that may not be read, names too long
        return False


def _places(environment: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    checkout = Path(__file__).resolve().parents[2]
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or Path("~").expanduser())
    path = environment.get("PATH", "")
    if (script := shutil.which("mien", path=path)) and (python := _of_script(Path(script))):
        yield python, script
    folders = [checkout / name for name in _VENVS] + [home / name for name in _HOME_VENVS]
    folders += [Path(environment[name]) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if environment.get(name)]
    for folder in folders:
        for python in _pythons_in(folder):
            yield python, str(folder)
    for name in _NAMES:
        if found := shutil.which(name, path=path):
            yield Path(found), "PATH"


def _pythons_in(folder: Path) -> tuple[Path, ...]:
    """Where an environment keeps its interpreter."""
    return (folder / "Scripts" / "python.exe", folder / "python.exe") if os.name == "nt" else (folder / "bin/python3",
                                                                                                folder / "bin/python")


def _of_script(script: Path) -> Path | None:
    """The interpreter of an installed `mien` command: the one beside it, or the one in its first line."""
    for name in ("python.exe", "python3", "python"):
        beside = script.resolve().with_name(name)
        if beside.is_file() and has_mien(beside):
            return beside
    try:
        with script.open("rb") as file:
            first = file.readline(_LONGEST_SHEBANG)
    except OSError:
        return None
    if not first.startswith(b"#!/") or b" " in first.strip():
        return None
    named = Path(os.fsdecode(first[2:].strip()))
    return named if "python" in named.name and named.is_file() else None


def _package_folders(python: Path) -> Iterator[Path]:
    """Where an interpreter keeps packages. Its link is not followed first: an environment's is a link."""
    for program in dict.fromkeys((python, python.resolve())):
        prefix = program.parent if os.name == "nt" and program.parent.name != "Scripts" else program.parent.parent
        yield from _library_folders(prefix)
        if (prefix / "pyvenv.cfg").is_file():
            return
    user = Path("~/.local").expanduser() if sys.platform != "win32" else Path(os.environ.get("APPDATA", "")) / "Python"
    yield from _library_folders(user)


def _library_folders(prefix: Path) -> Iterator[Path]:
    yield prefix / "Lib" / "site-packages"
    for pattern in ("lib/python3*/site-packages", "lib/python3*/dist-packages", "Python3*/site-packages"):
        yield from prefix.glob(pattern)
