# SPDX-License-Identifier: Apache-2.0
"""The same work on many things: one after the other, in several processes, or on a Ray cluster."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from typing import TypeVar

from ..core.errors import MienError, MissingPart
from ..core.progress import Progress

Job = TypeVar("Job")
Work = Callable[[Job], str]
"""Does one job and says what became of it; a module's own function, so that it can travel to other processes"""


def spread(work: Work[Job], jobs: Sequence[Job], *, processes: int = 1, ray: bool = False,
           progress: Progress | None = None) -> list[str]:
    """Do all jobs; the answer of each, in their order. One that fails answers "failed: …" and stops no other.

    Args:
        processes: how many at once on this machine.
        ray: spread over the Ray cluster that this machine belongs to, or over a local one.

    Raises:
        MissingPart: `ray` without the package.
    """
    many = processes > 1
    run = _on_ray(work, jobs) if ray else _in_processes(work, jobs, processes) if many else _in_turn(work, jobs)
    answers = [""] * len(jobs)
    for done, (index, answer) in enumerate(run, 1):
        answers[index] = answer
        if progress:
            progress(done, len(jobs))
    return answers


def attempt(work: Work[Job], job: Job) -> str:
    """Work whose failure is an answer."""
    try:
        return work(job)
    except MienError as error:
        return f"failed: {error}"


def _in_turn(work: Work[Job], jobs: Sequence[Job]) -> Iterator[tuple[int, str]]:
    for index, job in enumerate(jobs):
        yield index, attempt(work, job)


def _in_processes(work: Work[Job], jobs: Sequence[Job], processes: int) -> Iterator[tuple[int, str]]:
    from multiprocessing import get_context

    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(attempt, work, job): index for index, job in enumerate(jobs)}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def _on_ray(work: Work[Job], jobs: Sequence[Job]) -> Iterator[tuple[int, str]]:
    try:
        ray = import_module("ray")
    except ImportError as error:
        raise MissingPart("Spreading work over machines needs Ray: pip install 'mien[cluster]'.") from error
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    remote: Callable[..., object] = ray.remote(attempt).remote
    waiting = {remote(work, job): index for index, job in enumerate(jobs)}
    while waiting:
        done, _rest = ray.wait(list(waiting), num_returns=1)
        yield waiting.pop(done[0]), ray.get(done[0])
