# SPDX-License-Identifier: GPL-3.0-or-later
"""Another Blender that renders a copy of the file, watched from this one; no bpy here.

Both sides share a private folder: `order.json` says what to render, `status.json` how far it is (written whole
each time), `log.txt` takes what the other Blender prints. Its standard input stays open as long as this process
lives; when it closes, the other Blender ends.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

STATUS, ORDER, LOG = "status.json", "order.json", "log.txt"
_PATIENCE = 3.0
"""Seconds that a process which was asked to end has for it"""


@dataclass(frozen=True)
class Status:
    """How far a render is."""

    state: Literal["running", "done", "failed"] = "running"
    text: str = "Starting"
    """What is being done, in the end what came of it or what went wrong"""
    done: int = 0
    total: int = 0

    @property
    def fraction(self) -> float:
        """0..1"""
        return self.done / self.total if self.total else 0.0


def write_status(folder: Path, status: Status) -> None:
    """Tell the watcher; it never sees half a file."""
    unfinished = folder / f".{STATUS}"
    unfinished.write_text(json.dumps(asdict(status)), encoding="utf-8")
    unfinished.replace(folder / STATUS)


def read_status(folder: Path) -> Status:
    """What was told last."""
    try:
        return Status(**json.loads((folder / STATUS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Status()


class RenderProcess:
    """A started Blender and the private folder that belongs to it from now on."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self.folder = folder
        self._last = Status()
        with (folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                list(command), stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, cwd=folder,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0))

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> Status:
        """How far it is; a process that ended without a word has failed."""
        ended = self._process.poll()
        status = read_status(self.folder)
        if status.state == "running" and ended is not None:
            status = Status("failed", f"Blender stopped while rendering (exit code {ended}); the frames that were "
                                      f"ready are kept for the next run. {self._last_words()}".strip())
        elif status.state != "running" and ended is None:
            status = self._last  # it has told its end and is about to leave
        self._last = status
        return status

    def stop(self) -> None:
        """End the process if it runs, and wait until it has gone."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def close(self) -> None:
        """End the process and remove the private folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _last_words(self) -> str:
        """The last line that it printed."""
        with suppress(OSError), (self.folder / LOG).open("rb") as log:
            log.seek(max(os.fstat(log.fileno()).st_size - 2000, 0))
            lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
            return f"Its last line: {lines[-1][:200]}" if lines else ""
        return ""
