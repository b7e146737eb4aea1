# SPDX-License-Identifier: Apache-2.0
"""FaceModel: a linear 3D morphable model of the head, and what is known about its surface."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Embedding:
    """Points fixed on the surface: `triangles` (L,) indices, `barycentric` (L, 3) weights of their corners."""

    triangles: Ints
    barycentric: Floats

    def __len__(self) -> int:
        return len(self.triangles)


@dataclass(frozen=True, eq=False)
class FaceModel:
    """``vertices = mean + Σ αᵢ identity_basisᵢ + Σ βⱼ expression_basisⱼ`` (Blanz & Vetter 1999, eq. 1).

    Shapes: V vertices, F triangles, S identity and E expression coefficients, U texture coordinates.
    Units: metres in model space (+x subject's left, +y up, +z out of the face), origin between the eyes' centres.
    Identity coefficients are in standard deviations; expressions are 0 at rest and 1 at full effect.
    """

    name: str
    licence: str
    mean: Floats
    """(V, 3)"""
    identity_basis: Floats
    """(S, V, 3) metres per σ"""
    expression_basis: Floats
    """(E, V, 3) metres at coefficient 1"""
    expression_names: tuple[str, ...]
    triangles: Ints
    """(F, 3), counter-clockwise seen from outside"""
    uv: Floats
    """(U, 2) in 0..1, origin at the bottom left"""
    uv_triangles: Ints
    """(F, 3) indices into `uv`"""
    part_names: tuple[str, ...]
    triangle_part: Ints
    """(F,) index into `part_names` (skin, eye_left, teeth_upper, …)"""
    mirror: Ints
    """(V,) the vertex at the mirrored place; empty when the model has no such table"""
    embeddings: Mapping[str, Embedding] = field(default_factory=dict)
    """Points on the surface by scheme: `mesh478` (468-point mesh and 10 iris points), `ibug68`"""
    regions: Mapping[str, Floats] = field(default_factory=dict)
    """Vertex weights (V,) in 0..1 by region (face, lips, scalp, neck, …)"""
    extra: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    """Tables that belong to the model's data, such as the correction between landmark conventions"""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def vertex_count(self) -> int:
        return len(self.mean)

    @cached_property
    def hash(self) -> str:
        """Hexadecimal digest of the geometry: equal for models whose coefficients mean the same."""
        from hashlib import sha256

        digest = sha256()
        for array in (self.mean, self.identity_basis, self.expression_basis, self.triangles):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def _flat_basis(self) -> Floats:
        both = np.concatenate([self.identity_basis, self.expression_basis])
        return both.reshape(len(both), -1)

    def vertices(self, identity: NDArray[np.floating] | None = None,
                 expression: NDArray[np.floating] | None = None) -> Floats:
        """Vertices (..., V, 3) for identity (S,) or (..., S) and expression (E,) or (..., E); None is zero.

        Raises:
            BadInput: a coefficient vector has the wrong length.
        """
        alpha = self._coefficients(identity, len(self.identity_basis), "identity")
        beta = self._coefficients(expression, len(self.expression_basis), "expression")
        lead = np.broadcast_shapes(alpha.shape[:-1], beta.shape[:-1])
        both = np.concatenate([np.broadcast_to(alpha, (*lead, alpha.shape[-1])),
                               np.broadcast_to(beta, (*lead, beta.shape[-1]))], -1)
        offsets = both @ self._flat_basis
        return np.asarray(self.mean + offsets.reshape(*lead, -1, 3), np.float32)

    @staticmethod
    def _coefficients(values: NDArray[np.floating] | None, count: int, what: str) -> Floats:
        if values is None:
            return np.zeros(count, np.float32)
        array = np.asarray(values, np.float32)
        if array.shape[-1:] != (count,):
            raise BadInput(f"The {what} has {array.shape[-1:]} coefficients, the face model {count}.")
        return array

    def points(self, scheme: str, vertices: NDArray[np.floating]) -> NDArray[np.floating]:
        """The points of an embedding (..., L, 3) on vertices (..., V, 3) of any space.

        Raises:
            BadInput: the model has no such embedding.
        """
        if scheme not in self.embeddings:
            raise BadInput(f"The face model {self.name} has no landmarks '{scheme}'.")
        embedding = self.embeddings[scheme]
        corners = np.asarray(vertices)[..., self.triangles[embedding.triangles], :]
        return np.asarray(np.einsum("...lcd,lc->...ld", corners, embedding.barycentric))


def _check(model: FaceModel) -> None:
    """Every array has the shape that the others imply, indices are in range, numbers are finite."""
    v, f = len(model.mean), len(model.triangles)
    expected = {
        "mean": (v, 3), "identity_basis": (len(model.identity_basis), v, 3),
        "expression_basis": (len(model.expression_names), v, 3), "triangles": (f, 3),
        "uv": (len(model.uv), 2), "uv_triangles": (f, 3), "triangle_part": (f,),
    }
    for name, shape in expected.items():
        actual = getattr(model, name).shape
        if actual != shape:
            raise BadInput(f"The face model's {name} has shape {actual}, expected {shape}.")
    indices = {"triangles": v, "uv_triangles": len(model.uv), "triangle_part": len(model.part_names), "mirror": v}
    for name, limit in indices.items():
        values = getattr(model, name)
        if values.size and (values.min() < 0 or values.max() >= limit):
            raise BadInput(f"The face model's {name} points outside its {limit} entries.")
    for name in ("mean", "identity_basis", "expression_basis", "uv"):
        if not np.isfinite(getattr(model, name)).all():
            raise BadInput(f"The face model's {name} holds numbers that are not finite.")
    for name, weights in model.regions.items():
        if weights.shape != (v,):
            raise BadInput(f"The face model's region {name} has shape {weights.shape}, expected {(v,)}.")
    for name, embedding in model.embeddings.items():
        if embedding.barycentric.shape != (len(embedding), 3) or not _in_range(embedding.triangles, f):
            raise BadInput(f"The face model's landmarks {name} do not lie on its {f} triangles.")


def _in_range(values: Ints, limit: int) -> bool:
    return bool(values.size == 0 or (values.min() >= 0 and values.max() < limit))
