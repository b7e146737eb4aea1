# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of the engine as Blender sees them: one at a time.

What a job works on is remembered by name and number, so that it may be undone, deleted or closed meanwhile.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.errors import BadInput, MissingPart
from ..engine import shared
from ..engine.client import Job, JobState
from ..engine_choice import engine_log, engine_python
from ..refs import Ref
from .staged_job import Preparation, StagedJob


@dataclass(frozen=True)
class Request:
    """What an operator wants of the engine; `head` must be there still when the result comes."""

    kind: str
    params: Mapping[str, Any]
    title: str
    head: bpy.types.Object | None = None
    tidy: Callable[[], None] | None = None
    """Called once when the job is over, however it ended"""
    preparation: Preparation | None = None
    """What another Blender does before; the parameters are known then"""


class Task:
    """A job and what its result is for."""

    def __init__(self, job: Job | StagedJob, request: Request, scene: bpy.types.Scene) -> None:
        self.job = job
        self.key = _key(request)
        self.kind, self.title = request.kind, request.title
        self.tidy = request.tidy
        self.scene = Ref(scene)
        self.head = Ref(request.head) if request.head else None
        self.why_cancelled = ""

    @property
    def engine_job(self) -> Job:
        """The job that the engine did; only of one that is done."""
        made = self.job.last if isinstance(self.job, StagedJob) else self.job
        assert made is not None
        return made

    def poll(self) -> JobState:
        """Where the job is; it is cancelled when what it is for is gone."""
        if not self.job.state.final:
            self._look_after()
        return self.job.poll()

    def cancel(self, why: str = "") -> None:
        """End the job; `why` is said to the user."""
        self.why_cancelled = self.why_cancelled or why
        self.job.cancel()

    def _look_after(self) -> None:
        for ref in (self.scene, self.head):
            if ref is not None and ref.get() is None:
                self.cancel(f"“{ref.name}” is gone; {self.title} was cancelled.")


_current: Task | None = None
_last: Task | None = None
"""The one that ended well last: its files are kept for changing the operator's settings afterwards"""


def running() -> Task | None:
    """The job that runs now."""
    return _current


def cancel(why: str = "") -> None:
    """Cancel the job that runs now, if there is one."""
    if _current is not None:
        _current.cancel(why)


def submit(kind: str, params: Mapping[str, Any]) -> Job:
    """Ask the engine for a job; it is started when it does not run.

    Raises:
        MienError: there is no Python with Mien.
        EngineError: the engine cannot be started.
    """
    found = engine_python()
    if not found:
        from ..engine.sentences import NO_PYTHON

        raise MissingPart(NO_PYTHON)
    return shared.running_engine(shared.command(found), log=engine_log()).submit(kind, params)


def start(request: Request, scene: bpy.types.Scene) -> Task:
    """Start the job that is wanted.

    Raises:
        BadInput: another one runs.
        MienError, EngineError: as `submit` does.
    """
    global _current
    try:
        if _current is not None:
            raise BadInput(f"{_current.title} is still running; wait for it or cancel it.")
        _forget_last()
        _current = Task(_begin(request), request, scene)
    except BaseException:
        if request.tidy:
            request.tidy()
        raise
    return _current


def _begin(request: Request) -> Job | StagedJob:
    if request.preparation is None:
        return submit(request.kind, request.params)
    return StagedJob(request.preparation, partial(submit, request.kind))


def _key(request: Request) -> str:
    return json.dumps([request.kind, dict(request.params)], sort_keys=True)


def kept(request: Request, scene: bpy.types.Scene) -> Task | None:
    """The job that ended well last, if the same is wanted again and its files are there."""
    if _last is None or _last.key != _key(request) or not _last.job.folder.is_dir():
        return None
    return Task(_last.job, request, scene)


def keep(task: Task) -> None:
    """Remember a job that ended well; the files of the one before go."""
    global _last
    if _last is None or _last.job is not task.job:
        _forget_last()
    _last = task


def _forget_last() -> None:
    global _last
    if _last is not None:
        _last.job.close()
    _last = None


def ended(task: Task) -> None:
    """Another job may start after this one."""
    global _current
    if task.tidy:
        task.tidy()
        task.tidy = None
    if _current is task:
        _current = None


@persistent
def _before_load(*_: Any) -> None:
    """Another file comes: the job's scene goes."""
    cancel()
    if _current is not None:
        ended(_current)
    _forget_last()


CLASSES: tuple[type, ...] = ()


def register() -> None:
    """Watch for other files being opened."""
    bpy.app.handlers.load_pre.append(_before_load)


def unregister() -> None:
    """Cancel what runs and end the engine."""
    _before_load()
    shared.stop_engine()
    bpy.app.handlers.load_pre.remove(_before_load)
