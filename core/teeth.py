# SPDX-License-Identifier: Apache-2.0
"""The inside of the mouth: teeth painted onto the plain strips that stand for them, and the dark behind."""

import numpy as np
from numpy.typing import NDArray

from .face_model import FaceModel
from .rasterize import Raster

Floats = NDArray[np.float32]

_GAPS = {"teeth_upper": (0.0, 0.0086, 0.0153, 0.0229, 0.0299, 0.0367, 0.0460),
         "teeth_lower": (0.0, 0.0054, 0.0114, 0.0182, 0.0252, 0.0323, 0.0420)}
"""Metres along the arch from the middle to each gap: mean crown widths of adults (Nelson, Wheeler's Dental
Anatomy), added up"""
_CROWN = 0.0092
_GAP_WIDTH = 0.0005
_THROAT, _LIP_SHADE = 0.045, 1.0
"""Metres behind the front teeth where it is dark, and the light that the lips let through"""
_GUM_COLOUR = np.array((0.62, 0.34, 0.33), np.float32)


def paint_teeth(model: FaceModel, raster: Raster, albedo: Floats) -> None:
    """Draw gaps and gums into `albedo` (H, W, 3) where the parts `teeth_upper` and `teeth_lower` are seen."""
    part = np.append(np.int32(-1), model.triangle_part)[raster.triangle_id]
    for name, gaps in _GAPS.items():
        if name not in model.part_names:
            continue
        index = model.part_names.index(name)
        seen = part == index
        if seen.any():
            strip = model.mean[np.unique(model.triangles[model.triangle_part == index])]
            albedo[seen] = _painted(model, raster, seen, strip, np.array(gaps), name == "teeth_upper", albedo[seen])


def inner_light(model: FaceModel) -> Floats:
    """Light (V,) that reaches a point inside the open mouth and the rim of the eyeballs; 1 elsewhere."""
    light = np.ones(model.vertex_count, np.float32)
    inner = [i for i, name in enumerate(model.part_names) if name.startswith(("teeth", "tongue", "mouth"))]
    vertices = np.unique(model.triangles[np.isin(model.triangle_part, inner)])
    if len(vertices):
        z = model.mean[vertices, 2]
        light[vertices] = np.clip(1 - (np.percentile(z, 95) - z) / _THROAT, 0.4, 1) * _LIP_SHADE
    for index, name in enumerate(model.part_names):
        if name.startswith("eye_"):
            vertices = np.unique(model.triangles[model.triangle_part == index])
            ball = model.mean[vertices]
            at = ball - (ball.min(0) + ball.max(0)) / 2
            light[vertices] = 0.65 + 0.35 * np.clip(at[:, 2] / np.linalg.norm(at, axis=1), 0, 1)
    return light


def _painted(model: FaceModel, raster: Raster, seen: NDArray[np.bool_], strip: Floats, gaps: NDArray[np.float64],
             upper: bool, enamel: Floats) -> Floats:
    corners = model.mean[model.triangles[raster.triangle_id[seen] - 1]]
    u, v = raster.barycentric[seen].T
    at = np.einsum("nc,ncd->nd", np.stack([u, v, 1 - u - v], 1), corners)
    along = _arch_length(np.abs(at[:, 0]), strip)
    height = at[:, 1] - strip[:, 1].min() if upper else strip[:, 1].max() - at[:, 1]
    tooth = np.clip(np.searchsorted(gaps, along) - 1, 0, len(gaps) - 2)
    low, high = gaps[tooth], gaps[tooth + 1]
    across = (2 * along - low - high) / (high - low)
    near_gap = np.abs(along[:, None] - gaps[None]).min(1)
    shade = 1 - 0.45 * np.exp(-(near_gap / _GAP_WIDTH) ** 2) - 0.10 * across**2
    # The gum hangs lower between the teeth.
    gum = _CROWN + 0.0012 * (1 - across**2) - 0.0012
    share = np.clip((height - gum) / 0.0008 + 0.5, 0, 1)[:, None]
    crown = enamel * shade[:, None] * (1 - 0.12 * np.clip(height / _CROWN, 0, 1)[:, None])
    return np.asarray(crown + (_GUM_COLOUR - crown) * share, np.float32)


def _arch_length(x: Floats, strip: Floats) -> Floats:
    """Metres along the dental arch from its middle to |x|; the arch is a parabola through the strip's ends."""
    widest = float(np.abs(strip[:, 0]).max())
    bend = float(strip[:, 2].max() - strip[:, 2].min()) / widest**2
    grid = np.linspace(0, widest, 256)
    step = np.sqrt(1 + (2 * bend * grid) ** 2)
    length = np.concatenate([[0], np.cumsum((step[1:] + step[:-1]) / 2 * np.diff(grid))])
    return np.asarray(np.interp(x, grid, length), np.float32)
