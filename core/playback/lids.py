# SPDX-License-Identifier: Apache-2.0
"""Eyelids that shut: what of them the photo shows, and the line of lashes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..face_model import FaceModel
from ..visibility import SKIN, triangle_kinds

Floats = NDArray[np.float32]

_SCHEME = "mesh478"
_RINGS = {"right": ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
          "left": ((263, 466, 388, 387, 386, 385, 384, 398, 362), (263, 249, 390, 373, 374, 380, 381, 382, 362))}
"""Landmarks along the upper and the lower rim of each eye, corner to corner"""
_RIM = (0.0006, 0.0022)
"""Metres from the rim over which the line of lashes fades out"""
_SHUT = (0.0015, 0.0035)
"""Metres between the rims up to which an eye is shut, and from which on it is open"""
_SHUTTING = 0.0018
"""Metres by which a lid's skin comes down before it is no longer the skin that the photo shows"""
_RENEWED, _LASHES = 0.5, 0.45
"""Share of clear skin in a shut lid, the rest being what the photo has there (make-up, shadow); darkness of lashes"""


@dataclass(frozen=True, eq=False)
class Lids:
    """The upper lids and the rims of the eyes of one face model."""

    model: FaceModel
    upper: Floats
    """(V,) 1 on the upper lids, 0 at their rims"""
    rims: dict[str, Floats]
    """(V,) for each eye: 1 along its rims; no eye where the model does not know them"""

    def renewed(self, rest: Floats, shape: Floats) -> Floats:
        """How far the photo, of the shape `rest` (V, 3), does not show the lids' skin of `shape` (V,), 0..1."""
        down = np.clip((rest[:, 1] - shape[:, 1]) / _SHUTTING - 0.3, 0, 1)
        return np.asarray(self.upper * (_RENEWED * down), np.float32)

    def lashes(self, rest: Floats, shape: Floats) -> Floats:
        """How much darker (V,) the line is along which eyes shut that are open in the photo, 0..1."""
        dark = np.zeros(len(shape), np.float32)
        for side, rim in self.rims.items():
            more = _shut(self.model, side, shape) - _shut(self.model, side, rest)
            if more > 0:
                dark = np.maximum(dark, rim * np.float32(_LASHES * more))
        return dark


def lids_of(model: FaceModel) -> Lids:
    """Find the lids of a face model by its regions and landmarks."""
    upper = np.zeros(model.vertex_count, np.float32)
    for side in ("left", "right"):
        region = model.regions.get(f"eyelids_{side}")
        if region is not None and f"eye_{side}" in model.part_names:
            eye = model.triangle_part == model.part_names.index(f"eye_{side}")
            ball = model.mean[np.unique(model.triangles[eye])]
            upper = np.maximum(upper, region * (model.mean[:, 1] > ball[:, 1].mean() - 0.002))
    rims = _rims(model)
    for rim in rims.values():
        upper = upper * (1 - rim)
    return Lids(model, np.asarray(upper, np.float32), rims)


def _rims(model: FaceModel) -> dict[str, Floats]:
    from scipy.spatial import cKDTree

    if _SCHEME not in model.embeddings:
        return {}
    points = model.points(_SCHEME, model.mean)
    skin = np.zeros(model.vertex_count, np.float32)
    skin[np.unique(model.triangles[triangle_kinds(model) == SKIN])] = 1
    rims = {}
    for side, rings in _RINGS.items():
        lines = np.concatenate([_along(points[list(ring)]) for ring in rings])
        distance = cKDTree(lines).query(model.mean)[0]
        rims[side] = np.asarray(skin * np.clip((_RIM[1] - distance) / (_RIM[1] - _RIM[0]), 0, 1), np.float32)
    return rims


def _along(points: Floats, steps: int = 6) -> Floats:
    """Points close together on the line through points (N, 3)."""
    share = np.linspace(0, 1, steps, dtype=np.float32)[:, None, None]
    return np.asarray(points[:-1] + share * np.diff(points, axis=0)[None], np.float32).reshape(-1, 3)


def _shut(model: FaceModel, side: str, shape: Floats) -> float:
    """1 where the middles of an eye's rims meet, 0 where the eye is open."""
    points = model.points(_SCHEME, shape)
    upper, lower = (points[ring[len(ring) // 2]] for ring in _RINGS[side])
    return float(np.clip((_SHUT[1] - float(upper[1] - lower[1])) / (_SHUT[1] - _SHUT[0]), 0, 1))
