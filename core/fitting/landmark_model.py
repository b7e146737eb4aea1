# SPDX-License-Identifier: Apache-2.0
"""The part of a face model that a fit sees: its landmarks as linear functions of the coefficients."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..face_model import FaceModel
from .kernels import Shape
from .schemes import Scheme, scheme_of

Array = NDArray[np.float64]
Single = NDArray[np.float32]

HABITS = Path(__file__).with_name("habits.npz")
"""Offsets of the detector's points from the default model's embedding (see habits.py)"""

@dataclass(frozen=True, eq=False)
class LandmarkModel:
    """L landmarks in model space (metres) for S identity and E expression coefficients."""

    scheme: Scheme
    mean: Array
    """(L, 3), with the detector's own habit added (see `offsets_of`)"""
    identity: Single
    """(3 L, S)"""
    expression: Single
    """(3 L, E)"""
    normals: Array
    """(L, 3) of the mean face"""
    expression_names: tuple[str, ...]

    @cached_property
    def precision(self) -> Array:
        """(L,) 1 / σ² in 1 / m²; 0 for surface points that are left out because their neighbours say the same."""
        sigma = 1e-3 * self.scheme.sigmas()
        surface = self.scheme.members().get("surface", np.zeros(0, np.int64))
        step = self.scheme.surface_step
        precision = sigma**-2.0
        precision[surface] *= np.where(np.arange(len(surface)) % step == 0, step, 0)
        return precision

    @cached_property
    def deep(self) -> Array:
        """(L,) 1 where a depth is used: every third landmark, for depth is smooth."""
        return np.where(np.arange(self.scheme.count) % 3 == 0, 3.0, 0.0)

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """(P, 2) landmarks whose difference counts."""
        rows = [np.stack([p.first, p.second], 1) for p in self.scheme.pairs.values()]
        return np.concatenate(rows).astype(np.int64) if rows else np.zeros((0, 2), np.int64)

    @cached_property
    def pair_rows(self) -> dict[str, slice]:
        """Each kind of pair to its rows of `pairs`."""
        rows, start = {}, 0
        for name, kind in self.scheme.pairs.items():
            rows[name] = slice(start, start + len(kind.first))
            start += len(kind.first)
        return rows

    @cached_property
    def pair_precision(self) -> Array:
        """(P,) 1 / σ² of a difference in 1 / m²."""
        kinds = self.scheme.pairs.values()
        return np.array([(1e-3 * kind.sigma) ** -2.0 for kind in kinds for _ in kind.first])

    @cached_property
    def pair_shut(self) -> Array:
        """(P,) millimetres between shut lids or lips as the detector sees them."""
        return np.array([kind.shut for kind in self.scheme.pairs.values() for _ in kind.first])

    @cached_property
    def joint(self) -> Shape:
        """Landmarks as functions of identity and expression, in this order."""
        return Shape(self.mean, np.ascontiguousarray(np.concatenate([self.identity, self.expression], 1)), self.pairs)

    def of_person(self, identity: NDArray[np.floating], peculiar: Array | None = None) -> Shape:
        """Landmarks of one person as functions of the expression alone.

        Args:
            peculiar: (L, 3) metres that the person's landmarks lie beside those that the identity can show.
        """
        offset = (self.identity @ identity.astype(np.float32)).astype(np.float64).reshape(-1, 3)
        return Shape(self.mean + (offset if peculiar is None else offset + peculiar), self.expression, self.pairs)


@lru_cache(maxsize=8)
def landmark_model(model: FaceModel, scheme: str = "mesh478") -> LandmarkModel:
    """The landmarks `scheme` of a face model.

    Raises:
        BadInput: the face model has no such landmarks, or they are not as many as the scheme has.
    """
    mean = model.points(scheme, model.mean).astype(np.float64)
    kind = scheme_of(scheme, len(mean))
    if kind.count != len(mean):
        raise BadInput(f"The face model {model.name} has {len(mean)} landmarks '{scheme}', expected {kind.count}.")
    return LandmarkModel(kind, mean + offsets_of(model, scheme, len(mean)), _columns(model, scheme, "identity_basis"),
                         _columns(model, scheme, "expression_basis"), _normals(model, scheme),
                         model.expression_names)


def offsets_of(model: FaceModel, scheme: str, count: int) -> Array:
    """(L, 3) metres from a point of the surface to where the detector puts it on average; zero if not known.

    From the model's own `<scheme>_offset`, or for the default model from the table that was measured for it.

    Raises:
        BadInput: the model's table has the wrong shape.
    """
    stored = model.extra.get(f"{scheme}_offset")
    if stored is None:
        name, tables = _habits()
        known = model.name == name and scheme in tables
        return tables[scheme] if known else np.zeros((count, 3))
    if stored.shape != (count, 3):
        raise BadInput(f"The face model's {scheme}_offset has shape {stored.shape}, expected {(count, 3)}.")
    return np.asarray(stored, np.float64)


@lru_cache(maxsize=1)
def _habits() -> tuple[str, dict[str, Array]]:
    """The name of the model that the table belongs to, and its offsets by scheme."""
    with np.load(HABITS, allow_pickle=False) as data:
        tables = {name: data[name].astype(np.float64) for name in ("mesh478", "ibug68")}
        return str(data["model"]), tables


def embedding_digest(model: FaceModel, scheme: str = "mesh478") -> str:
    """Tells whether a table of habits was measured on this geometry and embedding."""
    embedding = model.embeddings[scheme]
    digest = sha256(model.hash.encode())
    digest.update(embedding.triangles.tobytes() + embedding.barycentric.tobytes())
    return digest.hexdigest()[:16]


def _columns(model: FaceModel, scheme: str, basis: str) -> Single:
    """A basis (K, V, 3) at the landmarks, as a matrix (3 L, K)."""
    modes = model.points(scheme, getattr(model, basis))
    return np.ascontiguousarray(modes.transpose(1, 2, 0).reshape(-1, len(modes)), np.float32)


def _normals(model: FaceModel, scheme: str) -> Array:
    """(L, 3) unit normals of the mean surface, smoothed over each vertex's triangles."""
    corners = model.mean[model.triangles].astype(np.float64)
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    vertices = np.zeros((model.vertex_count, 3))
    for corner in range(3):
        np.add.at(vertices, model.triangles[:, corner], faces)
    normals = model.points(scheme, vertices)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12))
