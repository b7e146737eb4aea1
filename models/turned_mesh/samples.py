# SPDX-License-Identifier: Apache-2.0
"""Draw training pictures: `python -m mien.models.turned_mesh.samples CLIPS FOLDER --thousands 20 --seed 1`.

CLIPS is a folder of face videos. Pieces of a thousand pictures appear in FOLDER one by one, so that training can begin
before all are there, and drawing that was stopped goes on where it was.
"""

import argparse
from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray

from ...core.files import atomic_write
from ...core.model_files import default_model
from .pictures import Painter
from .textures import heads_of_clips

PIECE = 1000
_GROUNDS = ("coffee", "rocket", "chelsea", "brick", "grass", "gravel", "immunohistochemistry", "coins", "page")


def grounds() -> list[NDArray[np.uint8]]:
    """Pictures (H, W, 3) without faces that come with scikit-image."""
    pictures = [np.asarray(getattr(skimage.data, name)()) for name in _GROUNDS]
    return [np.repeat(p[..., None], 3, -1) if p.ndim == 2 else p for p in pictures]


def draw(clips: list[Path], folder: Path, thousands: int, seed: int) -> None:
    """Write pieces piece_SEED_NUMBER.npz with `windows` and `landmarks`."""
    model = default_model()
    painter = Painter(model, heads_of_clips(clips, model), grounds())
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(thousands):
        path = folder / f"piece_{seed}_{number:03d}.npz"
        if path.exists():
            continue
        random = np.random.default_rng((seed, number))
        windows, landmarks = zip(*(painter.picture(random) for _ in range(PIECE)), strict=True)
        with atomic_write(path) as temporary:
            np.savez(temporary, windows=np.stack(windows), landmarks=np.stack(landmarks))
        print(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--thousands", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw(sorted(options.clips.glob("*.mp4")), options.folder, options.thousands, options.seed)
