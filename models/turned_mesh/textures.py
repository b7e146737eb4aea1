# SPDX-License-Identifier: Apache-2.0
"""Textures and coefficients of real heads, taken from the frames of video clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import NoFaceFound
from ...core.face_model import FaceModel
from ...core.fitting import fit_photo
from ...core.texture import uv_texture
from ...core.video import VideoReader

FRAMES_A_CLIP = 7
TEXTURE_SIDE = 512


@dataclass(frozen=True)
class Heads:
    """What N frames gave: `textures` (N, T, T, 3) uint8, `identity` (N, S), `expression` (N, E)."""

    textures: NDArray[np.uint8]
    identity: NDArray[np.float32]
    expression: NDArray[np.float32]


def heads_of_clips(clips: Sequence[Path], model: FaceModel) -> Heads:
    """Fit evenly spread frames of each clip and unwrap them; frames without a face are left out.

    Raises:
        NoFaceFound: there is no face in any clip.
    """
    found = []
    for clip in clips:
        with VideoReader(clip) as reader:
            frames = [frame.rgb for frame in reader]
        for index in np.linspace(0, len(frames) - 1, FRAMES_A_CLIP).round().astype(int):
            try:
                fit = fit_photo(frames[index], model)
            except NoFaceFound:
                continue
            texture = uv_texture([frames[index]], [fit], model, TEXTURE_SIDE).rgb
            found.append((texture, fit.identity, fit.expression))
    if not found:
        raise NoFaceFound("No clip shows a face.")
    textures, identity, expression = (np.stack(column) for column in zip(*found, strict=True))
    return Heads(textures, identity, expression)
