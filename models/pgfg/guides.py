# SPDX-License-Identifier: Apache-2.0
"""What the fitted mesh says of every frame: priors, the photo moved, where each pixel comes from. Without torch.

The same for training and for use.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...core.compiled import compiled
from ...core.errors import BadInput
from ...core.face_model import FaceModel
from ...core.fit import Fit
from ...core.model_files import default_model
from ...core.playback.compose import composed
from ...core.playback.source import Source, prepare
from ...core.playback.surround import Surround, surround
from ...core.rasterize import rasterize_image
from ...core.sparse_texture import SparseMesh, SparsePrior, sparse_mesh, vertex_prior
from ...core.visibility import EYE, MOUTH, SKIN as SKIN_KIND, triangle_kinds
from .samples import BACKGROUND, CAVITY, EYE_AREA, HEAD, MOUTH_AREA, PLANES, SKIN, TEETH, TONGUE, still

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

STEP = 4
"""Every so-many-th vertex gives the mosaic a colour"""
MIDDLE, REACH = (0.0, -0.03, -0.06), 0.115
"""Metres on the mean face: where PLACE is 128, and how far from there it is 1 and 255"""
_STRETCH = (0.15, 0.6)
"""Change of the way from pixel to pixel up to which, and from which on, a photo's pixel is smeared or torn"""


@dataclass(frozen=True, eq=False)
class Guide:
    """One frame's fields of `samples.Sample`, without truth."""

    prior: Bytes
    warped: Bytes
    flow: Floats
    valid: Bytes
    regions: Bytes


@dataclass(frozen=True, eq=False)
class Tables:
    """What the model says of each of its vertices and triangles."""

    place: Floats
    """(V, 3) planes PLACE"""
    eyes: Bytes
    mouth: Bytes
    regions: Bytes
    """(F + 1,) by triangle id: planes EYES and MOUTH, and the codes of the regions"""
    mesh: SparseMesh


class Guides:
    """A source in the network's square, ready for every frame."""

    def __init__(self, square: Bytes, fit: Fit, model: FaceModel | None = None, step: int = STEP) -> None:
        """The square (S, S, 3) with its fit in it (`core.face_square`).

        Raises:
            BadInput: the picture is not square, or the fit does not belong to it or to the model.
        """
        if square.shape[0] != square.shape[1]:
            raise BadInput(f"The network reads squares, not {square.shape[1]}x{square.shape[0]} pixels.")
        self.model = model or default_model()
        self.size = len(square)
        self.source: Source = prepare(square, fit, self.model)
        self.net: Surround = surround(self.source)
        self.tables = tables(self.model, step)
        self.mosaic: SparsePrior = vertex_prior(square, self.source.view, self.tables.mesh)
        raster = self.source.view.raster
        self.prior = self._prior(raster.triangle_id, raster.barycentric, self.source.view.points)
        """(PLANES, S, S) at the source's own coefficients"""

    @property
    def picture(self) -> Bytes:
        """The source (3, S, S)."""
        return np.ascontiguousarray(self.source.photo.transpose(2, 0, 1))

    def at(self, expression: NDArray[np.floating], rotation: NDArray[np.floating],
           translation: NDArray[np.floating]) -> Guide:
        """One frame for coefficients in the square: expression (E,), rotation (3,), translation (3,)."""
        source = self.source
        shape = source.shape(np.asarray(expression, np.float32))
        vertices = source.vertices(shape, rotation, translation)
        nodes = self.net.targets(source, vertices, rotation, translation)
        found = composed(source, self.net, vertices, nodes, source.renewed(shape), source.shadow(shape),
                         source.carried(shape))
        ids = found.head.triangle_id
        shift = np.ascontiguousarray(found.shift.transpose(2, 0, 1))
        return Guide(self._prior(ids, found.head.barycentric, vertices),
                     np.ascontiguousarray(found.rgb.transpose(2, 0, 1)), still(self.size) + shift,
                     _valid(shift, found.hidden), self.tables.regions[ids][None])

    def _prior(self, ids: Ints, weights: Floats, vertices: Floats) -> Bytes:
        out = np.zeros((PLANES, self.size, self.size), np.uint8)
        out[:3] = self.mosaic.draw(vertices, self.size, self.size, backend="cpu").transpose(2, 0, 1)
        _places(ids, weights, self.source.triangles, self.tables.place, self.tables.eyes, self.tables.mouth, out)
        return out


@cache
def tables(model: FaceModel, step: int) -> Tables:
    names = np.array(model.part_names)[model.triangle_part]
    kinds = triangle_kinds(model)
    inner = np.select([np.char.startswith(names, "teeth"), names == "tongue", kinds == MOUTH],
                      [TEETH, TONGUE, CAVITY], 0)
    regions = np.select([(kinds == MOUTH) | _mostly(model, "lips"), (kinds == EYE) | _mostly(model, "eyelids_left")
                         | _mostly(model, "eyelids_right"), _mostly(model, "face") | (kinds != SKIN_KIND)],
                        [MOUTH_AREA, EYE_AREA, SKIN], HEAD)
    place = 128 + (model.mean - np.array(MIDDLE)) * np.array([1, -1, 1]) * (127 / REACH)
    return Tables(np.clip(place, 1, 255).astype(np.float32), _by_id(np.where(kinds == EYE, 255, 0), 0),
                  _by_id(inner, 0), _by_id(regions, BACKGROUND), sparse_mesh(model, step))


def _mostly(model: FaceModel, region: str) -> NDArray[np.bool_]:
    """(F,) triangles that belong to a region."""
    weight = model.regions.get(region, np.zeros(model.vertex_count, np.float32))
    return np.asarray(weight[model.triangles].mean(1) > 0.3)


def _by_id(values: NDArray[np.integer], nothing: int) -> Bytes:
    return np.concatenate([[nothing], values]).astype(np.uint8)


def _valid(shift: Floats, hidden: Floats) -> Bytes:
    """How far the photo shows what is seen (1, S, S): not hidden, and neither smeared nor torn."""
    down, right = np.abs(np.diff(shift, axis=1, append=shift[:, -1:])), np.abs(
        np.diff(shift, axis=2, append=shift[:, :, -1:]))
    torn = np.clip((np.maximum(down, right).max(0) - _STRETCH[0]) / (_STRETCH[1] - _STRETCH[0]), 0, 1)
    return np.asarray(255 * (1 - np.maximum(hidden, torn)) + 0.5, np.uint8)[None]


@compiled
def _places(ids: Ints, weights: Floats, triangles: Ints, place: Floats, eyes: Bytes, mouth: Bytes,
            out: Bytes) -> None:
    """Draw the planes PLACE, EYES and MOUTH."""
    height, width = ids.shape
    for row in range(height):
        for column in range(width):
            face = ids[row, column]
            if face == 0:
                continue
            a, b, c = triangles[face - 1]
            u, v = weights[row, column]
            t = np.float32(1) - u - v
            for k in range(3):
                out[3 + k, row, column] = np.uint8(u * place[a, k] + v * place[b, k] + t * place[c, k] + 0.5)
            out[6, row, column] = eyes[face]
            out[7, row, column] = mouth[face]
