# SPDX-License-Identifier: Apache-2.0
"""Brings a face model's identity onto another surface, and one model's landmarks onto another's mesh."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..face_model import Embedding, FaceModel
from .surface_distance import Floats, Similarity, Surface, aligned_error, similarity

SIGMA = 5e-4
"""Metres by which the registered surface may be off, against one standard deviation of the identity"""
_POINTS_WORTH = 300
"""Independent measurements that a whole face of points stands for"""


def skin_triangles(model: FaceModel) -> NDArray[np.int32]:
    """The outer surface: triangles of the part called skin, or all of them."""
    if "skin" not in model.part_names:
        return model.triangles
    chosen: NDArray[np.int32] = model.triangles[model.triangle_part == model.part_names.index("skin")]
    return chosen


def align_landmarks(source: NDArray[np.floating], target: NDArray[np.floating]) -> Similarity:
    """The similarity between two sets of landmarks (L, 3)."""
    return similarity(np.asarray(source, np.float64), np.asarray(target, np.float64), np.ones(len(source)))


def register(model: FaceModel, points: Floats, weights: Floats, start: Similarity,
             rounds: int = 10) -> tuple[Floats, Similarity]:
    """The identity (S,) that lies nearest to points (N, 3), and the similarity that takes it there.

    Gauss-Newton on the distances along the normals, with the identity's prior, and the alignment anew after each
    step (non-rigid ICP over a model's own modes).
    """
    skin, pose = skin_triangles(model), start
    alpha = np.zeros(len(model.identity_basis))
    trust = weights / weights.sum() * _POINTS_WORTH / SIGMA**2
    for _ in range(rounds):
        vertices = model.vertices(alpha).astype(np.float64)
        goal = pose.undo(points)
        near, triangle, corners = Surface(vertices, skin).nearest(goal)
        normals = _normals(vertices[skin[triangle]])
        basis = model.identity_basis[:, skin[triangle]]
        columns = np.einsum("snci,nc,ni->ns", basis, corners, normals, optimize=True)
        distance = np.einsum("ni,ni->n", goal - near, normals)
        hessian = (columns * trust[:, None]).T @ columns + np.eye(len(alpha))
        alpha = alpha + np.linalg.solve(hessian, (columns * trust[:, None]).T @ distance - alpha)
        pose = aligned_error(points, weights, Surface(model.vertices(alpha), skin), pose)[1]
    return alpha, pose


def with_landmarks(model: FaceModel, scheme: str, vertices: NDArray[np.floating], landmarks: Floats) -> FaceModel:
    """The model with landmarks `scheme` where points (L, 3) lie on or near its vertices (V, 3) of some identity.

    What is left of the distance is kept as the scheme's constant offset.
    """
    skin = np.arange(len(model.triangles), dtype=np.int32)
    if "skin" in model.part_names:
        skin = np.flatnonzero(model.triangle_part == model.part_names.index("skin")).astype(np.int32)
    near, triangle, corners = Surface(vertices, model.triangles[skin]).nearest(landmarks)
    embedding = Embedding(skin[triangle], corners.astype(np.float32))
    offset = (landmarks - near).astype(np.float32)
    return replace(model, embeddings={**model.embeddings, scheme: embedding},
                   extra={**model.extra, f"{scheme}_offset": offset})


def _normals(corners: NDArray[np.floating]) -> Floats:
    """Unit normals (N, 3) of triangles (N, 3, 3)."""
    n = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.asarray(n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-12))
