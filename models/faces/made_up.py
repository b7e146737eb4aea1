# SPDX-License-Identifier: Apache-2.0
"""Shards of made-up people, as many as wanted: every shard holds some persons with several frames each."""

from dataclasses import dataclass
from pathlib import Path

from ...core.model_files import default_model
from .clips import DONE, THERE
from .shards import Frames, is_whole, jpeg, write_shard
from .synthetic.scene import make_take

PERSONS = 16
"""In one shard"""
LICENCE = "CC0-1.0"


@dataclass(frozen=True)
class PeopleJob:
    """Persons of consecutive seeds."""

    target: Path
    first: int
    persons: int
    frames: int
    size: int


def people_jobs(output: Path, persons: int, *, frames: int, size: int, seed: int = 0) -> list[PeopleJob]:
    """Jobs for persons `seed`, `seed` + 1 …; a shard's name says which."""
    return [PeopleJob(output / f"people_{first:07d}.npz", first, min(PERSONS, seed + persons - first), frames, size)
            for first in range(seed, seed + persons, PERSONS)]


def make_people(job: PeopleJob) -> str:
    """Do one job unless its shard is there and whole."""
    model = default_model()
    if is_whole(job.target, model.hash):
        return THERE
    takes = []
    for seed in range(job.first, job.first + job.persons):
        take = make_take(seed, model, job.frames, job.size)
        takes.append(Frames([jpeg(f) for f in take.frames], take.identity, take.expression, take.rotation,
                            take.translation, job.size, f"made-up {seed}", f"made-up {seed}", True, LICENCE))
    write_shard(job.target, takes, model.hash)
    return DONE
