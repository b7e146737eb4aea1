# SPDX-License-Identifier: Apache-2.0
"""What the dynamics look like: a contact sheet and a video of three free predictions, three that go to a target and the
idle loop, on the demo portrait.

    python -m mien.models.dynamics.evaluation.pictures FOLDER
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ....core.commands.imagined import HEAD_GAIN
from ....core.contact_sheet import grid
from ....core.demo import PORTRAIT
from ....core.fitting import fit_photo
from ....core.image import read_image
from ....core.model_files import default_model
from ....core.motion import Motion
from ....core.playback import animate, write_video
from ....core.retarget import Rules
from ..corpus import SHIPPED, unpack
from ..idle import idle_motion
from ..predict import from_fit, joined, part, predict

FREE, AIMED, IDLE = 90, 60, 90
TARGETS = ((3, 500), (8, 40), (2, 300))
"""Clip and frame of the expressions and poses gone to"""
CALM = Rules(rotation_gain=HEAD_GAIN, translation_gain=HEAD_GAIN)
COLUMNS, FPS, TILE = 8, 30.0, 128
ROOM = 1.9
"""Width of what is shown, in widths of the face"""


def runs(start: Motion) -> dict[str, Motion]:
    """The motions by name."""
    known = unpack(SHIPPED)
    out = {f"free {seed + 1}": joined(start, predict(start, FREE, seed=seed)) for seed in range(3)}
    for number, (clip, frame) in enumerate(TARGETS):
        target = replace(part(known[clip], frame, frame + 1), translation=start.translation)
        out[f"to target {number + 1}"] = joined(start, predict(start, AIMED, target=target, seed=number))
    return {**out, "idle": idle_motion(start, IDLE, seed=1)}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    model, photo = default_model(), read_image(PORTRAIT)
    fit = fit_photo(photo, model)
    low, high = fit.landmarks_68[:, :2].min(0), fit.landmarks_68[:, :2].max(0)
    half = int(ROOM * (high - low).max() / 2)
    left, top = (max(0, int(v)) for v in (low + high) / 2 - half)
    tiles, labels, videos = [], [], []
    for name, motion in runs(from_fit(fit, model.expression_names)).items():
        rules = CALM if name.startswith("free") else Rules()
        frames = list(animate(photo, fit, motion, model, rules=rules))
        videos.append(frames)
        for i in np.linspace(0, len(frames) - 1, COLUMNS).astype(int):
            shown = frames[i][top:top + 2 * half, left:left + 2 * half]
            size = TILE, round(TILE * shown.shape[0] / shown.shape[1])
            tiles.append(np.asarray(Image.fromarray(shown).resize(size, Image.Resampling.LANCZOS)))
            labels.append(f"{name}, {i / FPS:.1f} s")
    Image.fromarray(grid(tiles, COLUMNS, labels)).save(folder / "dynamics.jpg", quality=80, optimize=True)
    last = max(map(len, videos))
    near = [[f[top:top + 2 * half, left:left + 2 * half] for f in v] for v in videos]
    rows = (np.concatenate([v[min(i, len(v) - 1)] for v in near], 1) for i in range(last))
    write_video(folder / "dynamics.mp4", rows, FPS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
