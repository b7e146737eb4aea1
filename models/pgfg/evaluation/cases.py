# SPDX-License-Identifier: Apache-2.0
"""Clips cut to the face's square, with what the tracker says of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....core.camera import Camera, project
from ....core.errors import BadInput
from ....core.evaluate.reenactment import thinned
from ....core.face_model import FaceModel
from ....core.face_square import FaceSquare
from ....core.motion import Motion
from ....core.video import VideoReader
from ...dynamics.corpus import split_of
from ...dynamics.data import VIDEOS, notes_of, track_clip
from ...faces.clips import square_of

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

SIZE = 256


@dataclass(frozen=True)
class Found:
    """A clip that is measured on."""

    path: Path
    person: str


@dataclass(frozen=True, eq=False)
class Case:
    """The square of a clip at SIZE: the source, then frames in pairs of neighbours (before, shown)."""

    clip: Found
    motion: Motion
    """In the square's own camera; frame 0 is the source's, then before, shown, before, shown, …"""
    frames: list[Bytes]
    """(SIZE, SIZE, 3) as in `motion`"""

    def vertices(self, index: int, model: FaceModel) -> Floats:
        """The tracked head (V, 3) of a frame, in the square's pixels."""
        m = self.motion
        shape = model.vertices(m.identity, m.expression[index])
        return np.asarray(project(shape, m.rotation[index], m.translation[index], m.camera), np.float32)

    def scale(self, index: int) -> float:
        """Pixels a metre of the head."""
        return self.motion.camera.focal / float(self.motion.translation[index, 2])


def clips_of(folder: Path, everyone: bool = False) -> list[Found]:
    """Videos of a folder of real people who were not learned from, by its table clips.csv; without one, all.

    Args:
        everyone: those learned from, too.

    Raises:
        BadInput: none is left.
    """
    notes = notes_of(folder / "clips.csv")
    videos = [p for p in sorted(folder.glob("*")) if p.suffix.lower() in VIDEOS]
    if not videos:
        raise BadInput(f"{folder} holds no videos to evaluate.")
    out = []
    for path in videos:
        note = notes.get(path.stem, {})
        person = note.get("person", path.stem)
        apart = everyone or path.stem not in notes or split_of(person) != "train"
        if apart and note.get("kind", "real") == "real" and note.get("quality", "A") != "C":
            out.append(Found(path, person))
    if not out:
        raise BadInput(f"Everyone in {folder} was learned from; give clips of other people, or --everyone.")
    return out


def case_of(clip: Found, model: FaceModel, pairs: int) -> Case:
    """Track a clip and cut out the source and at most `pairs` pairs of neighbouring frames, spread evenly.

    Raises:
        BadInput: fewer than two neighbouring frames show the face.
    """
    motion, repeated = track_clip(clip.path)
    good = (motion.confidence > 0) & ~repeated[:len(motion)]
    first = int(np.argmax(good))
    shown = np.flatnonzero(good[1:] & good[:-1]) + 1
    shown = shown[shown > first]
    if not len(shown):
        raise BadInput(f"{clip.path.name}: no two neighbouring frames show a face.")
    chosen = shown[np.unique(np.linspace(0, len(shown) - 1, min(pairs, len(shown))).round().astype(int))]
    order = np.array([first, *np.stack([chosen - 1, chosen], 1).ravel()])
    square = square_of(motion, np.unique(order), model)
    pictures = dict(_cut(clip.path, square, set(order.tolist())))
    inside = replace(motion, translation=square.translation(motion.translation, motion.camera, SIZE),
                     camera=Camera.for_image(SIZE, SIZE))
    return Case(clip, thinned(inside, order), [pictures[i] for i in order])


def _cut(path: Path, square: FaceSquare, wanted: set[int]) -> Iterator[tuple[int, Bytes]]:
    with VideoReader(path) as reader:
        for frame in reader:
            if frame.index in wanted:
                yield frame.index, square.cut(frame.rgb, SIZE)
