# SPDX-License-Identifier: Apache-2.0
"""What does not change from frame to frame: the photo, the head in it, and how far each point is believed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..camera import project
from ..face_model import FaceModel
from ..texture import uv_texture, view_of
from ..visibility import View, solid_triangles, triangle_kinds

if TYPE_CHECKING:
    from ..fitting import Fit

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Source:
    """A photo with its fitted head, made ready to be moved."""

    photo: Bytes
    """(H, W, 3)"""
    fit: "Fit"
    model: FaceModel
    view: View
    triangles: Ints
    """(F, 3) lashes collapsed"""
    kinds: NDArray[np.int8]
    """(F,) see visibility.py"""
    texture: Bytes
    """(S, S, 3) for what the photo hides"""
    hold: Floats
    """(V,) 0..1: how far the surface, not its surroundings, decides where a pixel comes from"""
    gloom: Floats
    """(V,) 0..1: light that reaches a point inside the wide open mouth; 1 outside of it"""
    neutral: Floats
    """(V, 3) the fitted identity at rest"""
    offset: Floats
    """(V, 3) pixels from the projected fit to `fit.vertices_image`"""

    def vertices(self, expression: NDArray[np.floating], rotation: NDArray[np.floating],
                 translation: NDArray[np.floating]) -> Floats:
        """The head's vertices (V, 3) in the photo's pixels; at the fit's own coefficients exactly the fit's."""
        shape = self.neutral + np.tensordot(np.float32(expression), self.model.expression_basis, 1)
        return np.asarray(project(shape, rotation, translation, self.fit.camera) + self.offset, np.float32)


def prepare(photo: Bytes, fit: "Fit", model: FaceModel) -> Source:
    """Do once what every frame needs.

    Raises:
        BadInput: the fit does not belong to the photo or the model.
    """
    view = view_of(photo, fit, model)
    neutral = model.vertices(fit.identity)
    shape = neutral + np.tensordot(np.float32(fit.expression), model.expression_basis, 1)
    offset = fit.vertices_image - project(shape, fit.rotation, fit.translation, fit.camera)
    texture = uv_texture([photo], [fit], model, _texture_size(view)).rgb
    return Source(photo, fit, model, view, solid_triangles(model), triangle_kinds(model), texture, _hold(model),
                  _gloom(model), neutral, np.asarray(offset, np.float32))


def _texture_size(view: View) -> int:
    """Enough texels for the head's size in the photo: the face fills half of the map."""
    head = float(np.ptp(view.points[:, 1]))
    return int(np.clip(2 ** np.ceil(np.log2(max(1.2 * head, 1))), 256, 1024))


def _hold(model: FaceModel) -> Floats:
    """1 on the face, falling to 0 on ears, scalp and neck, where hair and clothes lie over the surface."""
    none = np.zeros(model.vertex_count, np.float32)
    hold = model.regions.get("face", none + 1).copy()
    for region in ("ears", "scalp", "neck"):
        hold *= 1 - model.regions.get(region, none)
    return hold


def _gloom(model: FaceModel) -> Floats:
    """Light falls off from the front teeth to the throat over some four centimetres."""
    light = np.ones(model.vertex_count, np.float32)
    inner = [i for i, name in enumerate(model.part_names)
             if name.startswith(("teeth", "tongue", "mouth"))]
    vertices = np.unique(model.triangles[np.isin(model.triangle_part, inner)])
    if len(vertices):
        z = model.mean[vertices, 2]
        front = np.percentile(z[z < np.inf], 98)
        light[vertices] = np.clip(1 - (front - z) / 0.045, 0.12, 1) ** 1.2 * 0.9
    return light
