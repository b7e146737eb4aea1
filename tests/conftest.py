# SPDX-License-Identifier: Apache-2.0
"""The command as a user meets it, in this process or in one of its own with limits."""

import json
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit code, what it said, and the most memory it held (0 in this process)."""

    code: int
    out: str
    err: str
    peak_mib: float = 0

    def sentence(self) -> str:
        """The one sentence that a refusal says; anything else than one plain refusal fails the test."""
        assert self.code == 1, self.err
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("mien: ")
        assert lines[0].endswith(".")
        assert "Traceback" not in self.err
        assert "bug in mien" not in self.err
        return lines[0]


@pytest.fixture
def mien(capfd) -> Callable[..., Outcome]:
    """Run the command in this process; stdout and stderr are those of the process, C libraries included."""
    from mien.core.cli import main

    def run(*arguments: object) -> Outcome:
        handler = signal.getsignal(signal.SIGTERM)
        capfd.readouterr()
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            signal.signal(signal.SIGTERM, handler)
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture
def mien_process() -> Callable[..., Outcome]:
    """Run the command in a process of its own: at most `seconds`, and files of at most `file_limit` bytes."""

    def run(*arguments: object, seconds: float = 60, file_limit: int | None = None) -> Outcome:
        limits = [(resource.RLIMIT_CPU, int(seconds))]
        if file_limit is not None:
            limits.append((resource.RLIMIT_FSIZE, file_limit))
        command = [str(Path(sys.executable).with_name("mien")), *map(str, arguments)]
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, \
                tempfile.NamedTemporaryFile("r") as report:
            subprocess.run([sys.executable, "-c", _LAUNCHER, report.name, json.dumps(limits), *command],
                           stdout=out, stderr=err, check=True)
            code, peak = json.load(report)
            return Outcome(code, _read(out), _read(err), peak)

    return run


_LAUNCHER = """
import json, os, resource, subprocess, sys
report, limits, *command = sys.argv[1:]
def limit():
    for which, most in json.loads(limits):
        resource.setrlimit(which, (most, most))
child = subprocess.Popen(command, preexec_fn=limit)
_, status, usage = os.wait4(child.pid, 0)
with open(report, "w") as file:
    json.dump([os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1024], file)
"""
"""A small process between this one and the command: a process counts what its parent held when it forked as its own"""


def _read(file) -> str:
    file.seek(0)
    return file.read()


@pytest.fixture
def untouched() -> Callable[[Path], Callable[[], None]]:
    """Remember a folder; the function that comes back fails the test when anything in it has changed."""

    def remember(folder: Path) -> Callable[[], None]:
        def look() -> dict[str, bytes]:
            return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

        before = look()

        def check() -> None:
            after = look()
            assert sorted(after) == sorted(before)
            assert after == before

        return check

    return remember
