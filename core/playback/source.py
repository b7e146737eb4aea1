# SPDX-License-Identifier: Apache-2.0
"""What does not change from frame to frame: the photo, the head in it, and how far each point is believed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..camera import project, unproject
from ..face_model import FaceModel
from ..resample import padded
from ..texture import check_fit, paint_texture, view_of
from ..visibility import MOUTH, View, solid_triangles, sure_kinds, triangle_kinds
from .lids import Lids, lids_of
from .register import registered

if TYPE_CHECKING:
    from ..fitting import Fit

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

_OPENING = (0.006, 0.009)
"""Metres by which the jaw opens until teeth that the photo shows before tongue and palate are gone from there"""
_LIPS, _LIP_SHADOW = (0.003, 0.011), 0.25
"""Metres between the lips from which on, and from which on wholly, light falls into the mouth; and its lack"""
_CARRIED = (1.4, 2.0)
"""How many times as far apart the lips are, up to which the photo's open mouth goes with them, and from which not"""
_SLIT = 0.001
"""Metres between the lips that count as none"""
_OPEN = 6e-5
"""Square metres of the mouth's inside from which on a photo's mouth counts as open"""


@dataclass(frozen=True, eq=False)
class Source:
    """A photo with its fitted head, made ready to be moved."""

    photo: Bytes
    """(H, W, 3)"""
    padded: Floats
    """The photo for `resample`"""
    fit: "Fit"
    model: FaceModel
    view: View
    triangles: Ints
    """(F, 3) lashes collapsed"""
    kinds: NDArray[np.int8]
    """(F,) see visibility.py"""
    layers: NDArray[np.int8]
    """(F,) 0 on the skin, else a number for each part"""
    texture: Bytes
    """(S, S, 3) for what the photo hides"""
    hold: Floats
    """(V,) 0..1: how far the surface, not its surroundings, decides where a pixel comes from"""
    lids: Lids
    throat: Floats
    """(V,) 1 on what teeth may hide: tongue and cavity"""
    unseen: Floats
    """(V,) 1 on the inside of a mouth that is shut in the photo"""
    jaw: Ints
    """Vertices that move with the lower jaw: the lower teeth"""
    mouth: NDArray[np.int16]
    """(H, W, 2) row and column of the nearest pixel that shows the inside of the mouth; empty where it is shut"""
    neutral: Floats
    """(V, 3) the head in model space without expression"""
    rest: Floats
    """(V, 3) the head in model space with the photo's expression, registered to the photo"""
    offset: Floats
    """(V, 3) pixels that rounding leaves between the projected head and `fit.vertices_image`"""

    def shape(self, expression: NDArray[np.floating]) -> Floats:
        """The head (V, 3) in model space with this expression (E,)."""
        return np.asarray(self.neutral + _moved(self.model, expression), np.float32)

    def vertices(self, shape: Floats, rotation: NDArray[np.floating],
                 translation: NDArray[np.floating]) -> Floats:
        """The head's vertices (V, 3) in the photo's pixels; at the fit's own coefficients exactly the fit's."""
        return np.asarray(project(shape, rotation, translation, self.fit.camera) + self.offset, np.float32)

    def renewed(self, shape: Floats) -> Floats:
        """How far the photo no longer shows what a vertex (V,) looks like, 0..1.

        Lids that come down over the eye are no longer in folds; an opening jaw leaves teeth that hid the tongue.
        """
        jaw = np.linalg.norm((shape - self.rest)[self.jaw].mean(0)) if len(self.jaw) else 0.0
        open_wide = float(np.clip((jaw - _OPENING[0]) / (_OPENING[1] - _OPENING[0]), 0, 1))
        return np.asarray(np.maximum(self.lids.renewed(self.rest, shape), self.throat * open_wide), np.float32)

    def shadow(self, shape: Floats) -> Floats:
        """How much darker than its texture each vertex (V,) is, 0..1.

        Shut eyes have a lash line; lips that open a little leave the mouth, which the photo does not show, dark.
        """
        gap, before = _lip_gap(self.model, shape), _lip_gap(self.model, self.rest)
        narrow = np.clip((_LIPS[1] - gap) / (_LIPS[1] - _LIPS[0]), 0, 1)
        opened = np.clip((gap - before) / _LIPS[0], 0, 1)
        dim = self.unseen * (_LIP_SHADOW * float(narrow * opened))
        return np.asarray(np.maximum(self.lids.lashes(self.rest, shape), dim), np.float32)

    def carried(self, shape: Floats) -> float:
        """How far what the photo shows between open lips goes with them, 0..1."""
        if (self.view.kind == MOUTH).sum() < _OPEN * self.view.scale**2:
            return 0.0
        gap, before = _lip_gap(self.model, shape) + _SLIT, _lip_gap(self.model, self.rest) + _SLIT
        return float(np.clip((_CARRIED[1] - gap / before) / (_CARRIED[1] - _CARRIED[0]), 0, 1))


def prepare(photo: Bytes, fit: "Fit", model: FaceModel) -> Source:
    """Do once what every frame needs.

    Raises:
        BadInput: the fit does not belong to the photo or the model.
    """
    check_fit(photo, fit, model)
    fit = registered(fit, model)
    view = view_of(photo, fit, model)
    # the head as the photo has it, so that what registration moved turns and grows with the head
    rest = np.asarray(unproject(fit.vertices_image, fit.rotation, fit.translation, fit.camera), np.float32)
    neutral = np.asarray(rest - _moved(model, fit.expression), np.float32)
    offset = fit.vertices_image - project(rest, fit.rotation, fit.translation, fit.camera)
    texture = paint_texture([photo], [view], model, _texture_size(view), bare_lids=True).rgb
    mouth = _mouth(view)
    return Source(photo, padded(photo), fit, model, view, solid_triangles(model), triangle_kinds(model),
                  _layers(model), texture, _hold(model), lids_of(model), _throat(model), _unseen(model, mouth),
                  _vertices_of(model, "teeth_lower"), mouth, neutral, rest, np.asarray(offset, np.float32))


def _moved(model: FaceModel, expression: NDArray[np.floating]) -> Floats:
    """What an expression (E,) adds to the vertices (V, 3)."""
    active = np.flatnonzero(expression)
    flat = model.expression_basis.reshape(len(model.expression_basis), -1)
    return np.asarray(np.asarray(expression[active], np.float32) @ flat[active], np.float32).reshape(-1, 3)


def _mouth(view: View) -> NDArray[np.int16]:
    from scipy.ndimage import distance_transform_edt

    inside = sure_kinds(view) == MOUTH
    if inside.sum() < _OPEN * view.scale**2:
        return np.zeros((0, 0, 2), np.int16)
    nearest = distance_transform_edt(~inside, return_distances=False, return_indices=True)
    return np.ascontiguousarray(np.moveaxis(nearest, 0, -1).astype(np.int16))


def _throat(model: FaceModel) -> Floats:
    throat = np.zeros(model.vertex_count, np.float32)
    throat[_vertices_of(model, "tongue")] = throat[_vertices_of(model, "mouth_cavity")] = 1
    return throat


def _unseen(model: FaceModel, mouth: NDArray[np.int16]) -> Floats:
    inside = np.zeros(model.vertex_count, np.float32)
    if not len(mouth):
        inside[np.unique(model.triangles[triangle_kinds(model) == MOUTH])] = 1
    return inside


def _lip_gap(model: FaceModel, shape: Floats) -> float:
    """Metres between the middles of the inner lips; wide open where the model does not know its lips."""
    if "ibug68" not in model.embeddings:
        return 1.0
    points = model.points("ibug68", shape)
    return float(np.linalg.norm(points[62] - points[66]))


def _vertices_of(model: FaceModel, part: str) -> Ints:
    """The vertices of one part; none where the model has no such part."""
    index = model.part_names.index(part) if part in model.part_names else -1
    return np.unique(model.triangles[model.triangle_part == index])


def _texture_size(view: View) -> int:
    """Enough texels for the head's size in the photo: the face fills half of the map."""
    head = float(np.ptp(view.points[:, 1]))
    return int(np.clip(2 ** np.ceil(np.log2(max(1.2 * head, 1))), 256, 1024))


def _layers(model: FaceModel) -> NDArray[np.int8]:
    skin = [name in ("skin", "lashes") for name in model.part_names]
    return np.where(np.array(skin), 0, np.arange(1, len(skin) + 1)).astype(np.int8)[model.triangle_part]


def _hold(model: FaceModel) -> Floats:
    """1 on the face, falling to 0 on ears, scalp and neck, where hair and clothes lie over the surface."""
    none = np.zeros(model.vertex_count, np.float32)
    hold = model.regions.get("face", none + 1).copy()
    for region in ("ears", "scalp", "neck"):
        hold *= 1 - model.regions.get(region, none)
    return hold
