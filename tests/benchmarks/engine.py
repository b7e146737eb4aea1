# SPDX-License-Identifier: Apache-2.0
"""The engine as Blender's side meets it: how soon it is there, and how long the main thread is held."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from mien.addon.engine.client import Engine, Job, JobState
from mien.addon.engine.shared import command

from .measuring import Result

PHOTO = Path(__file__).parents[2] / "core" / "demo_data" / "astronaut.jpg"
_ROUNDS = 5
_LOOK = 0.002


def results() -> Iterator[Result]:
    """A few engines one after the other, as this Python would run them for Blender."""
    rounds = [_round() for _ in range(_ROUNDS)]
    yield Result("engine: start", "ms", median(r["start"] for r in rounds), "≤ 50")
    yield Result("engine: ready", "s", median(r["ready"] for r in rounds), "≤ 3")
    yield Result("engine: first face from photo", "s", median(r["first"] for r in rounds))
    yield Result("engine: next face from photo", "s", median(r["next"] for r in rounds))
    yield Result("engine: cancelled after", "ms", median(r["cancel"] for r in rounds))
    yield Result("engine: longest poll", "ms", median(r["poll"] for r in rounds), "≤ 5")


def _round() -> dict[str, float]:
    began = time.perf_counter()
    engine = Engine(command(sys.executable))
    out = {"start": 1000 * (time.perf_counter() - began), "poll": 0.0}
    while not engine.facts:
        engine.poll()
        time.sleep(_LOOK)
    out["ready"] = time.perf_counter() - began
    params = {"photos": [str(PHOTO)]}
    for name in ("first", "next"):
        began = time.perf_counter()
        job = engine.submit("fit_photos", params)
        out["poll"] = max(out["poll"], _finish(job))
        out[name] = time.perf_counter() - began
    out["cancel"] = _cancel(engine)
    engine.stop()
    return out


def _finish(job: Job) -> float:
    """Poll until the job is done; the longest poll in milliseconds."""
    longest = 0.0
    while not job.state.final:
        began = time.perf_counter()
        job.poll()
        longest = max(longest, time.perf_counter() - began)
        time.sleep(_LOOK)
    if job.state is not JobState.DONE:
        raise RuntimeError(job.error)
    return 1000 * longest


def _cancel(engine: Engine) -> float:
    """Milliseconds until the engine says that a running job has ended."""
    job = engine.submit("wait", {"seconds": 30})
    while job.poll() is not JobState.RUNNING:
        time.sleep(_LOOK)
    began = time.perf_counter()
    job.cancel()
    while engine.busy:
        engine.poll()
        time.sleep(_LOOK / 4)
    return 1000 * (time.perf_counter() - began)
