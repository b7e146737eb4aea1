# SPDX-License-Identifier: GPL-3.0-or-later
"""A job for which another Blender makes something ready first; to those who watch it, one job."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import MienError
from ..engine.client import EngineError, Job, JobState
from ..rendering.process import RenderProcess


@dataclass(frozen=True)
class Preparation:
    """What goes before a job."""

    start: Callable[[], RenderProcess]
    """May raise a MienError"""
    params: Callable[[], Mapping[str, Any]]
    """The job's parameters, once it is done"""


class StagedJob:
    """Has what `engine.client.Job` has."""

    def __init__(self, preparation: Preparation, submit: Callable[[Mapping[str, Any]], Job]) -> None:
        self._preparation, self._submit = preparation, submit
        self._process: RenderProcess | None = preparation.start()
        self.last: Job | None = None
        """The engine's, once it was asked"""
        self._state, self._text, self._error = JobState.RUNNING, "", ""

    @property
    def state(self) -> JobState:
        return self.last.state if self.last else self._state

    @property
    def text(self) -> str:
        return self.last.text if self.last else self._text

    @property
    def error(self) -> str:
        return self.last.error if self.last else self._error

    @property
    def fraction(self) -> float | None:
        return self.last.fraction if self.last else None

    @property
    def preview(self) -> Path | None:
        return self.last.preview if self.last else None

    @property
    def result(self) -> Mapping[str, Any]:
        return self.last.result if self.last else {}

    @property
    def folder(self) -> Path:
        return self.last.folder if self.last else Path()

    def poll(self) -> JobState:
        """See Job.poll."""
        if self.last is not None:
            return self.last.poll()
        if self._process is not None:
            status = self._process.poll()
            self._text = status.text
            if status.state == "failed":
                self._end(JobState.FAILED, status.text)
            elif status.state == "done":
                self._go_on()
        return self.state

    def cancel(self) -> None:
        """See Job.cancel."""
        if self.last is not None:
            self.last.cancel()
        elif not self._state.final:
            self._end(JobState.CANCELLED)

    def file(self, key: str) -> Path | None:
        """See Job.file."""
        return self.last.file(key) if self.last else None

    def close(self) -> None:
        """See Job.close."""
        self.cancel()
        if self.last is not None:
            self.last.close()

    def _go_on(self) -> None:
        """Ask the engine, now that everything is ready."""
        self._end(JobState.RUNNING)
        try:
            self.last = self._submit(self._preparation.params())
        except (MienError, EngineError) as error:
            self._end(JobState.FAILED, str(error))

    def _end(self, state: JobState, error: str = "") -> None:
        self._state, self._error = state, error
        if self._process is not None:
            self._process.close()
            self._process = None
