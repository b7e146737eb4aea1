# SPDX-License-Identifier: GPL-3.0-or-later
"""The one engine of this Blender: started when it is needed, anew when it failed, ended with Blender."""

import atexit
from pathlib import Path

from .client import Engine

_engine: Engine | None = None


def command(python: str) -> list[str]:
    """How an interpreter that has Mien is told to be an engine."""
    return [python, "-m", "mien.core.engine"]


def running_engine(program: list[str], log: Path | None = None) -> Engine:
    """The running engine of this program, or a new one.

    Raises:
        EngineError: it could not be started.
    """
    global _engine
    if _engine is not None:
        _engine.poll()
        if _engine.alive and _engine.program == program:
            return _engine
        _engine.stop(wait=0.0)
    _engine = Engine(program, log=log)
    return _engine


def stop_engine() -> None:
    """End the engine, if there is one."""
    global _engine
    if _engine is not None:
        _engine.stop()
        _engine = None


atexit.register(stop_engine)
