# SPDX-License-Identifier: Apache-2.0
"""The command as a user meets it, in this process or in one of its own with limits."""

import os
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
        def limit() -> None:
            if file_limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
            resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))

        command = [str(Path(sys.executable).with_name("mien")), *map(str, arguments)]
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            child = subprocess.Popen(command, stdout=out, stderr=err, preexec_fn=limit)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            texts = [_read(out), _read(err)]
        return Outcome(child.returncode, *texts, usage.ru_maxrss / 1024)

    return run


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
