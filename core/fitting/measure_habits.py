# SPDX-License-Identifier: Apache-2.0
"""Measure the landmark net's habits on the default model and store them: to be run when its embedding changes.

    python -m mien.core.fitting.measure_habits FOLDER…

Every folder holds .npz files, one person's landmarks each: `landmarks` (T, 478, 3) in pixels or `landmarks_64`, the
same times 64, with depths as MediaPipe gives them (nearer is smaller).
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files import atomic_write
from ..model_files import default_model
from .habits import measure_offsets, offsets_nearby
from .landmark_model import HABITS, embedding_digest

_TOWARDS_VIEWER = np.array([1, 1, -1], np.float32)


def read_tracks(folder: Path) -> list[NDArray[np.float32]]:
    """The tracks of a folder, depth nearer = larger, in order of their names."""
    tracks = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            if "landmarks_64" in data.files:
                tracks.append(data["landmarks_64"].astype(np.float32) / 64 * _TOWARDS_VIEWER)
            elif "landmarks" in data.files:
                tracks.append(data["landmarks"].astype(np.float32) * _TOWARDS_VIEWER)
    return tracks


def main() -> None:
    """Read the folders, measure, and write the table beside this file."""
    parser = argparse.ArgumentParser(description="Measure the landmark net's habits on the default model.")
    parser.add_argument("folders", nargs="+", type=Path)
    model = default_model()
    tracks = [track for folder in parser.parse_args().folders for track in read_tracks(folder)]
    offsets = measure_offsets(model, tracks)
    with atomic_write(HABITS) as path, path.open("wb") as file:
        np.savez(file, mesh478=offsets.astype(np.float32),
                 ibug68=offsets_nearby(model, offsets, "ibug68").astype(np.float32), model=np.array(model.name),
                 embedding=np.array(embedding_digest(model)))
    print(f"{len(tracks)} tracks, mean offset {1e3 * np.linalg.norm(offsets, axis=1).mean():.2f} mm: {HABITS}")


if __name__ == "__main__":
    main()
