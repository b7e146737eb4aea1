# SPDX-License-Identifier: GPL-3.0-or-later
"""One engine and its jobs, as a program sees them that must never wait.

`Engine.poll` is called a few times a second and takes a few milliseconds at most; whatever goes wrong with the
engine ends its jobs with one sentence. The protocol is described in core/engine/protocol.py.
"""

import itertools
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from ... import __version__
from ...core.engine.protocol import PROTOCOL, Message, ProtocolError, encode
from . import sentences
from .process import Broken, EngineProcess

READY_WITHIN = 60.0
SILENT_FOR = 15.0
CANCELLED_WITHIN = 5.0
_POLL_BUDGET = 0.002
_EXIT_WITHIN = 0.5
_AWAY = 2.0
"""Seconds between two polls after which our own silence is not held against the engine"""


class EngineError(Exception):
    """What to tell the user, in one sentence."""


class JobState(Enum):
    """Where a job is; the last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class Job:
    """One piece of work that an engine was asked for."""

    def __init__(self, engine: "Engine", name: str, kind: str) -> None:
        self.name = name
        self.kind = kind
        self.state = JobState.WAITING
        self.fraction: float | None = None
        self.text = sentences.STARTING
        self.preview: Path | None = None
        self.result: Mapping[str, Any] = {}
        self.error = ""
        self.folder = engine.folder / name
        self._engine = engine

    def poll(self) -> JobState:
        """Take in what the engine said, and say where the job is."""
        if not self.state.final:
            self._engine.poll()
        return self.state

    def cancel(self) -> None:
        """End the job at once as far as we are concerned; the engine is told."""
        if not self.state.final:
            self._engine.cancel(self)

    def file(self, key: str) -> Path | None:
        """A file of the result, None where the result has none.

        Raises:
            EngineError: the result names something that is no file of this job.
        """
        name = self.result.get(key)
        if name is None:
            return None
        path = own_file(self.folder, name)
        if path is None:
            raise EngineError(sentences.BAD_RESULT.format(reason=f"{key} {str(name)[:40]!r}"))
        return path

    def close(self) -> None:
        """Remove the job's files; cancel it if it is not done."""
        self.cancel()
        shutil.rmtree(self.folder, ignore_errors=True)


class Engine:
    """A running engine. When it fails, its jobs fail, `error` says why, and a new Engine must be made.

    Raises:
        EngineError: the program could not be started.
    """

    def __init__(self, command: Sequence[str], *, log: Path | None = None) -> None:
        self.program = list(command)
        self.python = command[0]
        self.facts: Message = {}
        """The engine's `ready`, empty until it came"""
        self.error = ""
        self._jobs: dict[str, Job] = {}
        self._cancelled: dict[str, float] = {}
        self._names = itertools.count(1)
        self._broken: Broken | None = None
        self._broken_at = 0.0
        self._polled = self._started = time.monotonic()
        try:
            self._process = EngineProcess(command, log)
        except OSError as error:
            started = error.filename in (command[0], None)
            sentence = sentences.NOT_STARTED if started else sentences.NO_FOLDER
            raise EngineError(sentence.format(python=self.python, reason=error.strerror or error)) from error
        except ValueError as error:  # a path with a null character
            raise EngineError(sentences.NOT_STARTED.format(python=self.python, reason=error)) from error
        self.folder = self._process.folder
        self._process.send(encode({"type": "hello", "protocol": PROTOCOL, "version": __version__,
                                   "folder": str(self.folder)}))

    @property
    def alive(self) -> bool:
        """Whether it can be given jobs, as far as we know."""
        return not self.error

    @property
    def busy(self) -> bool:
        """Whether a job of ours waits or runs, or has not yet ended after we cancelled it."""
        return bool(self._jobs or self._cancelled)

    @property
    def pid(self) -> int:
        return self._process.pid

    def submit(self, kind: str, params: Mapping[str, Any]) -> Job:
        """Ask for a job; it begins when the engine is ready and the jobs before it are done.

        Raises:
            EngineError: the parameters cannot be sent.
        """
        job = Job(self, f"job-{next(self._names)}", kind)
        try:
            data = encode({"type": "job", "id": job.name, "job": kind, "params": dict(params)})
        except ProtocolError as error:
            raise EngineError(sentences.TOO_LONG.format(reason=str(error).rstrip("."))) from error
        if self.error:
            job.state, job.error = JobState.FAILED, self.error
            return job
        self._jobs[job.name] = job
        self._process.send(data)
        return job

    def poll(self) -> None:
        """Take in what came since the last time; never waits."""
        now = time.monotonic()
        if now - self._polled > _AWAY:
            self._process.heard = max(self._process.heard, now)
        self._polled = now
        while not self.error and time.monotonic() < now + _POLL_BUDGET:
            message = self._process.receive()
            if message is None:
                self._check_clocks(now)
                return
            if isinstance(message, Broken):
                self._broken, self._broken_at = message, now
            else:
                self._take(message)

    def cancel(self, job: Job) -> None:
        """See Job.cancel."""
        if self._jobs.pop(job.name, None) is not None:
            self._cancelled[job.name] = time.monotonic() + CANCELLED_WITHIN
            self._process.send(encode({"type": "cancel", "id": job.name}))
        job.state, job.text, job.preview = JobState.CANCELLED, "", None

    def stop(self, wait: float = 3.0) -> None:
        """End the engine and its jobs, and remove its folder."""
        if not self.error:
            self._process.send(encode({"type": "quit"}))
            self._fail(sentences.STOPPED, grace=0.5)
        self._process.wait(wait)

    def _take(self, message: Message) -> None:
        kind = message["type"]
        if kind == "ready":
            self._greet(message)
        elif kind == "error" and message.get("id") is None:
            reason = str(message.get("text"))
            self._fail(self._refusal(reason) if not self.facts else sentences.REFUSED.format(reason=reason))
        elif isinstance(name := message.get("id"), str) and name in self._jobs:
            self._tell(self._jobs[name], message)
        elif kind in ("result", "cancelled", "error") and isinstance(name, str) and name in self._cancelled:
            del self._cancelled[name]
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def _greet(self, message: Message) -> None:
        self.facts = message
        if message.get("protocol") != PROTOCOL:
            theirs = str(message.get("version"))[:20]
            self._fail(sentences.OTHER_VERSION.format(python=self.python, theirs=theirs, ours=__version__))

    def _tell(self, job: Job, message: Message) -> None:
        """Bring a job up to date."""
        kind, fraction = message["type"], message.get("fraction")
        if kind == "progress":
            known = isinstance(fraction, int | float) and 0 <= fraction <= 1
            job.state, job.fraction = JobState.RUNNING, float(fraction or 0) if known else None
            job.text = str(message.get("text", ""))[:200]
        elif kind == "preview":
            job.preview = own_file(job.folder, message.get("file")) or job.preview
        elif kind == "result":
            result = message.get("result")
            job.result = result if isinstance(result, dict) else {}
            self._finish(job, JobState.DONE)
        elif kind == "error":
            self._finish(job, JobState.FAILED, _sentence(message, self._process.log))
        elif kind == "cancelled":
            self._finish(job, JobState.CANCELLED)

    def _finish(self, job: Job, state: JobState, error: str = "") -> None:
        self._jobs.pop(job.name, None)
        job.state, job.error = state, error

    def _check_clocks(self, now: float) -> None:
        """Fail an engine that has ended, or is too slow."""
        if self._broken:
            if self._process.exit_code() is not None or now - self._broken_at > _EXIT_WITHIN:
                self._fail(self._why_ended(self._broken))
        elif not self.facts:
            if now - self._started > READY_WITHIN:
                self._fail(self._say(sentences.SLOW_START, seconds=READY_WITHIN))
        elif now - self._process.heard > SILENT_FOR:
            self._fail(self._say(sentences.SILENT, seconds=now - self._process.heard))
        elif any(now > due for due in self._cancelled.values()):
            self._fail(self._say(sentences.STUCK))

    def _fail(self, error: str, grace: float = 0.0) -> None:
        """The end of this engine."""
        self.error = error
        for job in list(self._jobs.values()):
            self._finish(job, JobState.FAILED, error)
        self._cancelled.clear()
        self._process.end(grace)

    def _why_ended(self, broken: Broken) -> str:
        code = self._process.exit_code()
        words = self._process.last_words()
        if code is None and broken.reason:
            return self._say(sentences.GARBAGE, reason=broken.reason.rstrip("."))
        if not self.facts:
            return self._why_not_started(broken, code, words)
        if code in (-signal.SIGTERM, -9):
            return self._say(sentences.KILLED, how=_how(code))
        return self._say(sentences.ENDED, how=_how(code))

    def _why_not_started(self, broken: Broken, code: int | None, words: str) -> str:
        if "No module named" in words and "mien" in words:
            return sentences.NO_MIEN.format(python=self.python)
        if "SyntaxError" in words or "ImportError: cannot import name" in words:
            return sentences.OLD_PYTHON.format(python=self.python)
        if broken.reason:
            return self._say(sentences.GARBAGE, reason=broken.reason.rstrip("."))
        return self._say(sentences.ENDED_EARLY, how=_how(code))

    def _refusal(self, reason: str) -> str:
        return f"{sentences.REFUSED.format(reason=reason.rstrip('.'))} (`{self.python} -m pip install --upgrade mien`)"

    def _say(self, sentence: str, **facts: Any) -> str:
        log = sentences.LOG.format(path=self._process.log) if self._process.log else ""
        return sentence.format(python=self.python, log=log, **facts)


def own_file(folder: Path, name: object) -> Path | None:
    """A plain file of the name, right in the folder."""
    if not isinstance(name, str) or not name or len(name) > 100 or Path(name).name != name or "\0" in name:
        return None
    path = folder / name
    return path if path.is_file() and not path.is_symlink() else None


def _sentence(message: Message, log: Path | None) -> str:
    """What an engine's error says; a bug names the log."""
    text = str(message.get("text") or "The engine gave no reason; run again.")[:1000]
    return f"{text} {log}" if message.get("kind") == "bug" and log else text


def _how(code: int | None) -> str:
    if code is None:
        return "its output ended"
    return sentences.SIGNAL.format(number=-code) if code < 0 else sentences.EXIT_CODE.format(code=code)

