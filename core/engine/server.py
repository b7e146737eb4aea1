# SPDX-License-Identifier: Apache-2.0
"""The engine's process: one thread listens, one beats, and the main thread does the jobs one by one."""

import os
import platform
import queue
import shutil
import signal
import stat
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, Protocol

from ... import __version__
from ..errors import MienError, MissingPart
from .jobs import JOBS, warm_up
from .params import Params
from .protocol import HEARTBEAT, PROTOCOL, Message, ProtocolError, encode, is_id, read_message
from .work import Cancelled, Work

_IDLE = 0.2
_PARENT_EVERY = 0.5
_REMOVALS = 20


class Sink(Protocol):
    """Where messages go; `write` takes all of it."""

    def write(self, data: bytes, /) -> object: ...

    def flush(self) -> None: ...


class Server:
    """Serves one client until its stream ends."""

    def __init__(self, source: BinaryIO, sink: Sink) -> None:
        self._source, self._sink = source, sink
        self._writing = threading.Lock()
        self._folder: Path | None = None
        self._jobs: queue.SimpleQueue[tuple[Work, Message]] = queue.SimpleQueue()
        self._works: dict[str, Work] = {}
        self._parent = os.getppid()

    def run(self) -> NoReturn:
        """Shake hands, then work until the end of the stream; the process ends here."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: self._end(0))
        try:
            self._shake_hands()
        except (ProtocolError, MienError) as error:
            self._send({"type": "error", "id": None, "kind": "protocol", "text": str(error)})
            self._end(1)
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        warm = False
        while True:
            try:
                work, message = self._jobs.get(timeout=_IDLE)
            except queue.Empty:
                if not warm:
                    warm = True
                    _quietly_warm_up()
                continue
            self._do(work, message)

    def _shake_hands(self) -> None:
        hello = read_message(self._source)
        if hello is None:
            self._end(0)
        if hello["type"] != "hello":
            raise ProtocolError("The first message must be `hello`.")
        if hello.get("protocol") != PROTOCOL:
            raise ProtocolError(f"This is Mien {__version__} with protocol {PROTOCOL}, but it was asked for protocol "
                                f"{hello.get('protocol')!r:.20}; install the same version of Mien on both sides.")
        self._folder = _own_folder(hello.get("folder"))
        self._send({"type": "ready", "protocol": PROTOCOL, "version": __version__, "pid": os.getpid(),
                    "python": platform.python_version(), "device": f"CPU, {os.cpu_count()} cores",
                    "jobs": sorted(JOBS)})

    def _listen(self) -> NoReturn:
        """Take what the client says; its stream's end is ours."""
        try:
            while (message := read_message(self._source)) is not None and message["type"] != "quit":
                self._hear(message)
        except ProtocolError as error:
            self._send({"type": "error", "id": None, "kind": "protocol", "text": str(error)})
            self._end(1)
        self._end(0)

    def _hear(self, message: Message) -> None:
        name = message.get("id")
        if message["type"] == "cancel":
            work = self._works.get(str(name))
            if work:
                work.cancel()
        elif message["type"] == "job":
            if not is_id(name) or name in self._works:
                raise ProtocolError(f"A job cannot be called {name!r:.40}.")
            assert self._folder is not None
            work = self._works[str(name)] = Work(str(name), self._folder / str(name), self._send)
            self._jobs.put((work, message))

    def _do(self, work: Work, message: Message) -> None:
        """One job, whatever becomes of it; its folder stays only if it ends well."""
        try:
            answer = {"type": "result", "id": work.name, "result": _result(work, message)}
            encode(answer)
        except BaseException as error:
            shutil.rmtree(work.folder, ignore_errors=True)
            answer = _outcome(work, error)
        del self._works[work.name]
        self._send(answer)

    def _beat(self) -> NoReturn:
        """Say now and then that the process lives, and end it when the parent is gone."""
        due = 0.0
        while True:
            if time.monotonic() >= due:
                self._send({"type": "heartbeat"})
                due = time.monotonic() + HEARTBEAT
            time.sleep(_PARENT_EVERY)
            if os.name == "posix" and os.getppid() != self._parent:
                self._end(0)

    def _send(self, message: Message) -> None:
        data = encode(message)
        try:
            with self._writing:
                self._sink.write(data)
                self._sink.flush()
        except (OSError, ValueError):
            self._end(0)  # nobody listens any more

    def _end(self, code: int) -> NoReturn:
        """Remove the folder and end at once, in whatever the main thread is."""
        for _ in range(_REMOVALS if self._folder else 0):
            shutil.rmtree(str(self._folder), ignore_errors=True)
            if not self._folder or not self._folder.exists():
                break
            time.sleep(0.01)  # the main thread is just writing into it
        sys.stderr.flush()
        os._exit(code)


def serve() -> NoReturn:
    """Serve standard input and output; libraries that print do so to standard error from now on."""
    source = os.fdopen(os.dup(0), "rb", buffering=0)
    sink = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    sys.stdout = sys.stderr
    Server(source, _Whole(sink)).run()


class _Whole:
    """A raw stream whose writes are never partial."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._raw.write(view):]

    def flush(self) -> None:
        """Nothing is held back."""


def _own_folder(value: object) -> Path:
    """The client's folder for us, if nobody else can look into it.

    Raises:
        ProtocolError: it is not there, not empty, or not private.
    """
    if not isinstance(value, str) or not Path(value).is_absolute():
        raise ProtocolError("`hello` names no folder.")
    folder = Path(value)
    try:
        facts = folder.lstat()
        empty = not any(folder.iterdir())
    except (OSError, ValueError) as error:
        raise ProtocolError(f"The folder {value:.200} cannot be used: {error}.") from error
    if not stat.S_ISDIR(facts.st_mode) or not empty:
        raise ProtocolError(f"{value:.200} is no empty folder.")
    if os.name == "posix" and (facts.st_uid != os.getuid() or facts.st_mode & 0o077):
        raise ProtocolError(f"{value:.200} is open to others; make a private folder for the engine.")
    return folder


def _result(work: Work, message: Message) -> dict[str, Any]:
    work.check()
    job = JOBS.get(str(message.get("job")))
    if job is None:
        raise MissingPart(f"This Mien {__version__} cannot do {message.get('job')!r:.40}; "
                          "install the same version of Mien on both sides.")
    work.folder.mkdir(mode=0o700)
    result = job(Params(message.get("params", {})), work)
    work.check()
    return result


def _outcome(work: Work, error: BaseException) -> Message:
    """How a job's end is told."""
    if isinstance(error, Cancelled):
        return {"type": "cancelled", "id": work.name}
    if isinstance(error, MienError):
        kind, text = "missing" if isinstance(error, MissingPart) else "input", str(error)
    elif isinstance(error, MemoryError):
        kind, text = "memory", "Not enough memory: try a smaller photo or video."
    elif isinstance(error, OSError) and error.filename:
        kind, text = "input", f"{error.filename}: {error.strerror or error}; choose another file or place."
    else:
        traceback.print_exception(error)
        sys.stderr.flush()
        kind, text = "bug", f"This is a bug in Mien ({type(error).__name__}: {str(error)[:200]}); the log tells more."
    return {"type": "error", "id": work.name, "kind": kind, "text": " ".join(text.split())}


def _quietly_warm_up() -> None:
    """What cannot be loaded now will say so when a job needs it."""
    try:
        warm_up()
    except Exception:
        traceback.print_exc()
