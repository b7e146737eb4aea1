# SPDX-License-Identifier: Apache-2.0
"""All shards of a data set: `mien dataset faces`. Resumable, in several processes or on a Ray cluster."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import BadInput
from ...core.progress import Progress
from ..spreading import spread
from .clips import PERMISSIVE, ClipJob, clip_jobs, make_clip
from .made_up import PeopleJob, make_people, people_jobs


@dataclass(frozen=True)
class Wanted:
    """What goes into the set."""

    clip_frames: int = 120
    """At most, of each clip"""
    persons: int = 0
    """Made-up people"""
    person_frames: int = 10
    size: int = 256
    seed: int = 0
    licences: Sequence[str] | None = PERMISSIVE
    """Of clips; None for any"""

    def __post_init__(self) -> None:
        if min(self.clip_frames, self.person_frames) < 2 or self.persons < 0 or not 32 <= self.size <= 1024:
            raise BadInput("A set of faces needs two or more frames of each person, and pictures of 32 to 1024 pixels.")


def make_faces(clips: str | os.PathLike[str] | None, output: str | os.PathLike[str], wanted: Wanted, *,
               processes: int = 1, ray: bool = False, progress: Progress | None = None) -> dict[str, str]:
    """Make every shard that is not there yet; shard's name to what became of it.

    Raises:
        BadInput: there is nothing to make shards of.
        MissingPart: `ray` without the package.
    """
    place = Path(output)
    jobs: list[ClipJob | PeopleJob] = []
    if clips is not None:
        jobs += clip_jobs(Path(clips), place, frames=wanted.clip_frames, size=wanted.size, licences=wanted.licences)
    jobs += people_jobs(place, wanted.persons, frames=wanted.person_frames, size=wanted.size, seed=wanted.seed)
    if not jobs:
        raise BadInput("There is nothing to do: give a folder of clips, or a number of --made-up people.")
    place.mkdir(parents=True, exist_ok=True)
    answers = spread(make_shard, jobs, processes=processes, ray=ray, progress=progress)
    return {job.target.stem: answer for job, answer in zip(jobs, answers, strict=True)}


def make_shard(job: ClipJob | PeopleJob) -> str:
    """Do one job unless its shard is there."""
    return make_clip(job) if isinstance(job, ClipJob) else make_people(job)
