# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's process: started, spoken with by two threads, and ended without leaving anything behind."""

import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from ...core.engine.protocol import Message, ProtocolError, read_message

_QUEUED = 256
_LARGEST_LOG = 1 << 20
_LAST_WORDS = 4000
_LOOSENED = ("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "__PYVENV_LAUNCHER__")


class Broken:
    """Comes after the last message: the stream ended, or `reason` says what came instead of a message."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what Blender's launcher or Python set for Blender alone."""
    kept = {name: value for name, value in environment.items()
            if not name.startswith("PYTHON") and name not in _LOOSENED}
    return kept | {"PYTHONUTF8": "1", "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}


class EngineProcess:
    """A child process with a private folder; `receive` and `send` never block.

    Raises:
        OSError: no folder can be made (`filename` is the folder), or the program cannot be started.
    """

    def __init__(self, command: Sequence[str], log: Path | None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mien-"))
        self.heard = time.monotonic()
        self._log = log
        self._incoming: queue.Queue[Message | Broken] = queue.Queue(_QUEUED)
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._burial: threading.Thread | None = None
        try:
            with self._open_log() as errors:
                self._log_start = errors.tell() if self._log else 0
                self._child = _start(command, errors, self.folder.parent)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self._threads = [threading.Thread(target=work, name=f"mien-{work.__name__}", daemon=True)
                         for work in (self._read, self._write)]
        for thread in self._threads:
            thread.start()

    def send(self, data: bytes) -> None:
        """Hand over bytes for the child."""
        self._outgoing.put(data)

    def receive(self) -> Message | Broken | None:
        """The next message, or None when there is none yet."""
        try:
            return self._incoming.get_nowait()
        except queue.Empty:
            return None

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def log(self) -> Path | None:
        """Where the child's standard error goes, if anywhere."""
        return self._log

    def exit_code(self) -> int | None:
        """None while it runs; negative: the number of the signal that ended it."""
        return self._child.poll()

    def last_words(self) -> str:
        """The end of what this child wrote to its log."""
        if self._log is None:
            return ""
        with suppress(OSError), self._log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_start, size - _LAST_WORDS))
            return file.read(_LAST_WORDS).decode("utf-8", "replace")
        return ""

    def end(self, grace: float = 0.0) -> None:
        """End the child, after `grace` seconds in which it may do so itself, and remove its folder; soon done."""
        if self._burial is None:
            self._ending.set()
            self._burial = threading.Thread(target=self._bury, args=(grace,), name="mien-end", daemon=True)
            self._burial.start()

    def wait(self, seconds: float) -> bool:
        """Wait for `end` to be done."""
        if self._burial is not None:
            self._burial.join(seconds)
        return self._burial is not None and not self._burial.is_alive()

    def _open_log(self) -> IO[bytes]:
        """The log, or nowhere when it cannot be written."""
        if self._log is not None:
            with suppress(OSError):
                fresh = not self._log.exists() or self._log.stat().st_size > _LARGEST_LOG
                file = self._log.open("wb" if fresh else "ab")
                file.seek(0, os.SEEK_END)
                return file
            self._log = None
        return Path(os.devnull).open("wb")

    def _read(self) -> None:
        last: Message | Broken = {}
        while not isinstance(last, Broken):
            last = self._next()
            if isinstance(last, dict) and last["type"] == "heartbeat":
                continue
            while not self._ending.is_set():
                with suppress(queue.Full):
                    self._incoming.put(last, timeout=0.1)
                    break

    def _next(self) -> Message | Broken:
        stream = self._child.stdout
        assert stream is not None
        try:
            message = read_message(stream)  # type: ignore[arg-type]
        except (ProtocolError, OSError, ValueError) as error:
            return Broken(str(error))
        self.heard = time.monotonic()
        return Broken() if message is None else message

    def _write(self) -> None:
        stream = self._child.stdin
        assert stream is not None
        with suppress(OSError, ValueError):
            while (data := self._outgoing.get()) is not None:
                view = memoryview(data)
                while view:
                    view = view[stream.write(view):]
        with suppress(OSError):
            stream.close()

    def _bury(self, grace: float) -> None:
        self._outgoing.put(None)
        try:
            self._child.wait(grace)
        except subprocess.TimeoutExpired:
            self._child.kill()
        self._child.wait()
        for thread in self._threads:
            thread.join(1.0)
        if self._child.stdout:
            self._child.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _start(command: Sequence[str], errors: IO[bytes], folder: Path) -> "subprocess.Popen[bytes]":
    options: dict[str, Any] = {"start_new_session": True}
    if os.name == "nt":
        options = {"creationflags": subprocess.CREATE_NO_WINDOW}  # type: ignore[attr-defined,unused-ignore]
    return subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0,
                            cwd=folder, env=clean_environment(os.environ), **options)
