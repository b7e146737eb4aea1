# SPDX-License-Identifier: Apache-2.0
"""Face clips to shards: tracked, one fixed square cut out, frames spread over the clip."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.camera import project
from ...core.errors import BadInput
from ...core.face_model import FaceModel
from ...core.face_square import FaceSquare
from ...core.model_files import default_model
from ...core.motion import Motion
from ...core.video import VideoReader
from ..dynamics.data import VIDEOS, notes_of, track_clip
from .shards import Frames, is_whole, jpeg, write_shard

PERMISSIVE = ("MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "CC0-1.0", "CC-BY-4.0", "Unlicense")
"""Licences whose clips may be learned from for weights that are given away"""
DONE, THERE = "made", "there"


@dataclass(frozen=True)
class ClipJob:
    """One clip to be cut into training frames."""

    source: Path
    target: Path
    person: str
    licence: str
    frames: int
    size: int


def clip_jobs(folder: Path, output: Path, *, frames: int, size: int,
              licences: Sequence[str] | None = PERMISSIVE) -> list[ClipJob]:
    """Jobs for the videos of a folder whose licence, by its table clips.csv, is among `licences` (None: all).

    Synthetic, face-swapped and poor clips are left out where the table says so.

    Raises:
        BadInput: no video is left, or the table cannot be read.
    """
    notes = notes_of(folder / "clips.csv")
    videos = [p for p in sorted(folder.glob("*")) if p.suffix.lower() in VIDEOS]
    if not videos:
        raise BadInput(f"{folder} holds no videos.")
    jobs = []
    for path in videos:
        note = notes.get(path.stem, {})
        licence = note.get("licence", "")
        if licences is not None and licence.lower() not in {name.lower() for name in licences}:
            continue
        if note.get("kind", "real") == "real" and note.get("quality", "A") != "C":
            target, person = output / f"clip_{path.stem}.npz", note.get("person", path.stem)
            jobs.append(ClipJob(path, target, person, licence, frames, size))
    if not jobs:
        raise BadInput(f"No clip of {folder} has a licence that allows shipping what is learned from it; name the "
                       "licences in clips.csv (columns clip, person, licence), or take all with --any-licence.")
    return jobs


def make_clip(job: ClipJob) -> str:
    """Do one job unless its shard is there and whole."""
    model = default_model()
    if is_whole(job.target, model.hash):
        return THERE
    motion, repeated = track_clip(job.source)
    chosen = _chosen(motion, ~repeated, job.frames)
    square = square_of(motion, chosen, model)
    wanted = set(chosen.tolist())
    with VideoReader(job.source) as reader:
        pictures = [jpeg(square.cut(f.rgb, job.size)) for f in reader if f.index in wanted]
    take = Frames(pictures, motion.identity, motion.expression[chosen], motion.rotation[chosen],
                  square.translation(motion.translation[chosen], motion.camera, job.size), job.size, job.person,
                  job.source.stem, False, job.licence)
    write_shard(job.target, [take], model.hash)
    return DONE


def square_of(motion: Motion, chosen: NDArray[np.integer], model: FaceModel) -> FaceSquare:
    """The one square of a clip in which the face is in all these frames."""
    points = np.stack([model.points("mesh478", project(model.vertices(motion.identity, motion.expression[i]),
                                                       motion.rotation[i], motion.translation[i], motion.camera))
                       for i in chosen])
    return FaceSquare.around(points).within(motion.camera.width, motion.camera.height)


def _chosen(motion: Motion, fresh: NDArray[np.bool_], count: int) -> NDArray[np.intp]:
    """Frames, at most `count`, spread over those that show a face and are no repetition.

    Raises:
        BadInput: fewer than two frames show a face.
    """
    usable = np.flatnonzero((motion.confidence > 0) & fresh[:len(motion)])
    if len(usable) < 2:
        raise BadInput("fewer than two frames show a face")
    return np.asarray(usable[np.unique(np.linspace(0, len(usable) - 1, min(count, len(usable))).round().astype(int))])
