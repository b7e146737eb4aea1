# SPDX-License-Identifier: Apache-2.0
"""Puts the landmarks of the model in the box on an imported one, so that photos can be fitted with it."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..evaluate.register import register, skin_triangles
from ..evaluate.surface_distance import Similarity, Surface, aligned_error, vertex_areas
from ..face_model import Embedding, FaceModel
from ..model_files import default_model

LEAST_VERTICES = 2000
LARGEST_ERROR, LARGEST_COEFFICIENT = 1e-3, 8.0
"""Mean distance in metres between the registered heads, and standard deviations of identity that it took, above
which nothing is transferred: what needs more is no face, or stands elsewhere"""
_MIDDLE = np.array([0.0, -0.035, 0.0])
_REACH = 0.085
"""Metres about the nose that count as face in the registration"""
_POINTS = 4000
_INSIDE = ("teeth", "tongue", "lash", "mouth", "socket")


def with_transferred_landmarks(model: FaceModel) -> FaceModel:
    """The model with `mesh478` and `ibug68` where it lacks them, or as it is if it is not enough of a face.

    The model in the box is registered to the imported mean face (its own identities, non-rigid ICP), starting from
    both models' common frame between the eyes; each landmark goes to the nearest point of the imported surface.
    """
    if model.vertex_count < LEAST_VERTICES:
        return model
    ours = default_model()
    mean = model.mean.astype(np.float64)
    skin = skin_triangles(model)
    face = (np.linalg.norm((mean - _MIDDLE) * [1, 1, 0], axis=1) < _REACH) & (mean[:, 2] > -0.02)
    face &= np.isin(np.arange(len(mean)), skin)
    if face.sum() < LEAST_VERTICES // 4:
        return model
    chosen = np.flatnonzero(face)[::max(int(face.sum()) // _POINTS, 1)]
    points, weights = mean[chosen], vertex_areas(mean, skin)[chosen]
    identity, pose = register(ours, points, weights, Similarity(1.0, np.eye(3), np.zeros(3)))
    vertices = ours.vertices(identity)
    error = aligned_error(points, weights, Surface(vertices, skin_triangles(ours)), pose)[0]
    if error > LARGEST_ERROR or np.abs(identity).max() > LARGEST_COEFFICIENT:
        return model
    placed = {scheme: _nearest(model, pose.apply(ours.points(scheme, vertices))) for scheme in ours.embeddings}
    return replace(model, embeddings={**placed, **model.embeddings})


def _nearest(model: FaceModel, points: NDArray[np.floating]) -> Embedding:
    """The points (L, 3) moved to the surface; teeth, lashes and what lies inside the mouth do not count."""
    inside = [i for i, name in enumerate(model.part_names) if name.startswith(_INSIDE)]
    outer = np.flatnonzero(~np.isin(model.triangle_part, inside)).astype(np.int32)
    _, triangle, weights = Surface(model.mean, model.triangles[outer]).nearest(points)
    return Embedding(outer[triangle], weights.astype(np.float32))
