# SPDX-License-Identifier: Apache-2.0
"""Run tests/blender in each Blender that exists as a Python module: an environment and a process for each.

Environments are made on demand in build/blender/<version>. A version that this machine cannot run is skipped with
the reason and the remedy; where CI is set, that is a failure.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / "build" / "blender"
LIBRARIES = ("apt-get install -y --no-install-recommends libxi6 libxkbcommon0 libxrender1 libxfixes3 libsm6 libgl1 "
             "libxxf86vm1 libgomp1 libegl1")
SECONDS = 900  # of one version's tests, on a slow machine


@dataclass(frozen=True)
class Blender:
    """One version: the Python that it is built for, and what is installed beside it."""

    version: str
    python: str
    packages: tuple[str, ...] = ("pytest>=8", "hypothesis>=6")
    required: bool = True  # in CI; 5.2's Python is not everywhere

    @property
    def folder(self) -> Path:
        return HOME / self.version

    @property
    def interpreter(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def requirements(self) -> list[str]:
        return [f"bpy=={self.version}", *self.packages]


OLD_NUMPY = ("pytest>=8", "hypothesis>=6", "numpy<2")  # what these applications ship, and bpy's audio needs
BLENDERS = (
    Blender("4.2.23", "3.11", OLD_NUMPY),
    Blender("4.5.15", "3.11", OLD_NUMPY),
    Blender("5.0.1", "3.11", OLD_NUMPY),
    Blender("5.2.3", "3.13", required=False),
)


class CannotRunError(Exception):
    """Why a version is skipped, and what to do."""


@dataclass(frozen=True)
class Outcome:
    """One line about one version, and what to show of its output."""

    blender: Blender
    state: str  # passed, failed, skipped
    summary: str
    output: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", nargs="*", default=[], metavar="VERSION", help="as in 4.5 (all)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="versions at a time")
    parser.add_argument("--prepare", action="store_true", help="only make the environments")
    parser.add_argument("tests", nargs="*", default=["tests/blender"], help="files or options for pytest, after --")
    options = parser.parse_args(arguments)
    chosen = [b for b in BLENDERS if not options.versions or b.version.startswith(tuple(options.versions))]
    with ThreadPoolExecutor(max(1, options.jobs)) as pool:
        tests = [] if options.prepare else options.tests
        outcomes = list(pool.map(lambda blender: run(blender, tests), chosen))
    for outcome in outcomes:
        if outcome.output:
            print(f"\n======== Blender {outcome.blender.version} ========\n{outcome.output}")
    print("\nTests inside Blender:")
    for outcome in outcomes:
        print(f"  {outcome.blender.version:8} {outcome.state:8} {outcome.summary}")
    return int(any(is_failure(outcome) for outcome in outcomes) or not outcomes)


def is_failure(outcome: Outcome) -> bool:
    """Skipped counts as failed in CI, but for the version whose Python need not be there."""
    if outcome.state == "skipped":
        return bool(os.environ.get("CI")) and outcome.blender.required
    return outcome.state == "failed"


def run(blender: Blender, tests: Sequence[str]) -> Outcome:
    """Make the environment where it is missing and run the tests; an empty list only makes the environment."""
    try:
        prepare(blender)
    except CannotRunError as error:
        return Outcome(blender, "skipped", str(error))
    if not tests:
        return Outcome(blender, "passed", f"ready in {blender.folder.relative_to(ROOT)}")
    start = time.monotonic()
    command = [str(blender.interpreter), "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=SECONDS,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as late:
        return Outcome(blender, "failed", f"not finished after {SECONDS} s", _text(late.stdout) + _text(late.stderr))
    output, seconds = done.stdout + done.stderr, time.monotonic() - start
    last = next((line.strip("= ") for line in reversed(done.stdout.splitlines()) if " in " in line), "no summary")
    if done.returncode:
        return Outcome(blender, "failed", f"{last} (exit {done.returncode}, {seconds:.0f} s in all)", output)
    skips = "\n".join(line for line in done.stdout.splitlines() if line.startswith("SKIPPED"))
    return Outcome(blender, "passed", f"{last} ({seconds:.0f} s in all)", skips)


def prepare(blender: Blender) -> None:
    """An environment with this bpy that can be imported.

    Raises CannotRunError: no such Python, nothing to be had from the package index, or a library is missing.
    """
    done = blender.folder / "mien-requirements.txt"
    wanted = "\n".join(blender.requirements)
    if not done.exists() or done.read_text() != wanted:
        if not blender.interpreter.exists():
            _call([_python(blender.python), "-m", "venv", str(blender.folder)], "apt-get install python3-venv")
        pip = [str(blender.interpreter), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        _call([*pip, *blender.requirements], "a package index with bpy is needed once, 0.4 GB")
        done.write_text(wanted)
    _call([str(blender.interpreter), "-c", "import bpy, os; os._exit(0)"], LIBRARIES)


def _python(version: str) -> str:
    """A Python of this version: on the PATH, this one, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), sys.executable,
                  *(str(p) for p in sorted(pyenv.glob(f"{version}.*/bin/python")))]
    for candidate in filter(None, candidates):
        test = f"import sys, venv, ensurepip; assert '%d.%d' % sys.version_info[:2] == '{version}'"
        if subprocess.run([candidate, "-c", test], capture_output=True).returncode == 0:
            return candidate
    raise CannotRunError(f"Python {version} (with venv) was not found: apt-get install python{version}-venv, or pyenv")


def _call(command: list[str], remedy: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotRunError(f"{error} — {remedy}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
        raise CannotRunError(f"{said[-1]} — {remedy}")


def _text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


if __name__ == "__main__":
    sys.exit(main())
