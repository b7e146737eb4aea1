# SPDX-License-Identifier: Apache-2.0
"""Videos and landmark tracks of a folder to motions: resumable, in several processes or on a Ray cluster."""

import csv
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.motion import Motion
from ...core.motion_files import load_motion, save_motion
from ...core.npz_reader import read_arrays
from ...core.progress import Progress
from ...core.resampling import linear, spherical
from ..spreading import spread

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi")
TRACK_SIDE = 256
"""Pixels of a landmark track's square picture, where the file does not say"""
_SAME_PICTURE = 0.35
"""Mean change of a pixel, 0..255, below which a frame shows the picture before it again"""
_SAME_POINTS = 0.4, 0.25
"""A frame of a landmark track repeats the one before if its mean step is below so many pixels and this share of a
neighbour's step: on a picture shown twice the landmarks tremble, while before and after they move on"""
_DONE_BEFORE, _DONE = "there", "tracked"

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Job:
    """One clip to be tracked: where it is, where its motion goes, and what is known of it."""

    source: Path
    target: Path
    notes: tuple[tuple[str, str], ...]


def jobs_of(folder: Path, output: Path) -> list[Job]:
    """Every video of a folder, and every landmark track (.npz) that is not a video's; notes come from `clips.csv`.

    Raises:
        BadInput: there is neither, or `clips.csv` cannot be read.
    """
    videos = [p for p in sorted(folder.glob("*")) if p.suffix.lower() in VIDEOS]
    stems = {p.stem for p in videos}
    tracks = [p for p in sorted(folder.glob("*.npz")) if p.stem not in stems]
    if not videos and not tracks:
        raise BadInput(f"{folder} holds neither videos nor landmark tracks.")
    notes = notes_of(folder / "clips.csv")
    return [Job(p, output / f"{p.stem}.npz", tuple({"clip": p.stem, "person": p.stem, **notes.get(p.stem, {})}.items()))
            for p in [*videos, *tracks]]


def notes_of(path: Path) -> dict[str, dict[str, str]]:
    """Person, kind, licence and source of each clip, as far as a table says."""
    if not path.exists():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        wanted = ("person", "kind", "quality", "licence", "repo", "path")
        return {row["clip"]: {name: row[name] for name in wanted if row.get(name)} for row in rows}
    except (KeyError, ValueError, csv.Error) as error:
        raise BadInput(f"{path} is not a table of clips: it needs a column 'clip'.") from error


def track(job: Job) -> str:
    """Do one job unless it was done before; says which."""
    if job.target.exists():
        try:
            load_motion(job.target)
            return _DONE_BEFORE
        except BadInput:
            pass  # a damaged file is made again
    motion, repeated = track_clip(job.source) if job.source.suffix.lower() in VIDEOS else _from_track(job.source)
    metadata = {**motion.metadata, **dict(job.notes), "repeated_frames_bridged": str(int(repeated.sum()))}
    save_motion(replace(without_repeats(motion, repeated), metadata=metadata), job.target)
    return _DONE


def track_clip(path: Path) -> tuple[Motion, Flags]:
    """A video's motion, and which frames (T,) show the picture before them again."""
    from ...core.fitting import track_video

    repeated: list[bool] = []
    last: list[NDArray[np.int16]] = []

    def compare(_: int, rgb: NDArray[np.uint8], __: NDArray[np.float32] | None) -> None:
        small = rgb[::2, ::2].astype(np.int16)
        repeated.append(bool(last) and float(np.abs(small - last[0]).mean()) < _SAME_PICTURE)
        last[:] = [small]

    motion = track_video(path, on_frame=compare)
    return motion, np.array(repeated)


def _from_track(path: Path) -> tuple[Motion, Flags]:
    """A track of MediaPipe landmarks: `landmarks` in pixels or `landmarks_64` in 64ths, `fps`, maybe `side`."""
    from ...core.fitting.video import solve_sequence

    arrays = read_arrays(path)
    try:
        points = arrays["landmarks"] if "landmarks" in arrays else arrays["landmarks_64"] / np.float32(64)
        fps, side = float(arrays["fps"]), int(arrays.get("side", np.array(TRACK_SIDE)))
        if points.ndim != 3 or points.shape[1:] != (478, 3):
            raise ValueError("shape")
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path.name} is not a landmark track: it needs landmarks (T, 478, 3) and fps.") from error
    nearer_is_larger = points.astype(np.float32) * np.array([1, 1, -1], np.float32)
    return solve_sequence(nearer_is_larger, np.ones(len(points)), fps, side, side), _standing(points)


def _standing(points: NDArray[np.floating]) -> Flags:
    """Frames (T,) of landmarks (T, 478, 3) that show the picture before them again."""
    step = np.concatenate([[0.0], np.abs(np.diff(points[..., :2], axis=0)).mean((1, 2))])
    around = np.pad(step, 1)
    near = np.maximum(around[:-2], around[2:])
    repeated = (step < _SAME_POINTS[0]) & (step < _SAME_POINTS[1] * near)
    repeated[0] = False
    return np.asarray(repeated)


def without_repeats(motion: Motion, repeated: Flags) -> Motion:
    """The motion with frames that show the picture before them again bridged from their neighbours.

    A video of 15 pictures a second stored at 30 stands still on every second frame; a face does not.
    """
    keep = ~repeated
    keep[0] = True
    times, frames = np.flatnonzero(keep).astype(float), np.arange(len(motion), dtype=float)
    return replace(motion, expression=linear(times, motion.expression[keep], frames),
                   rotation=spherical(times, motion.rotation[keep], frames),
                   translation=linear(times, motion.translation[keep], frames))


def make_motions(folder: str | os.PathLike[str], output: str | os.PathLike[str], *, processes: int = 1,
                 ray: bool = False, progress: Progress | None = None) -> dict[str, str]:
    """Track every clip of a folder into `output`; what is there already is kept. Clip name to what became of it.

    Args:
        processes: how many clips at once on this machine.
        ray: spread the clips over the Ray cluster that this machine belongs to, or over a local one.

    Raises:
        BadInput: nothing to track.
        MissingPart: `ray` without the package.
    """
    jobs = jobs_of(Path(folder), Path(output))
    Path(output).mkdir(parents=True, exist_ok=True)
    outcomes = spread(track, jobs, processes=processes, ray=ray, progress=progress)
    return {job.source.stem: outcome for job, outcome in zip(jobs, outcomes, strict=True)}
