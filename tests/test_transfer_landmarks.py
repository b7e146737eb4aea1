# SPDX-License-Identifier: Apache-2.0
"""Landmarks go over to another model of a face, and not to what is none."""

from dataclasses import replace

import numpy as np
from mien.core.face_models.transfer_landmarks import with_transferred_landmarks
from mien.core.model_files import default_model


def test_landmarks_come_back_to_their_places() -> None:
    """Another person's head, with vertices in another order, gets the landmarks where its own were."""
    model = default_model()
    order = np.random.default_rng(0).permutation(model.vertex_count)
    place = np.argsort(order).astype(np.int32)
    person = model.vertices(np.random.default_rng(1).normal(0, 0.5, len(model.identity_basis)))
    other = replace(model, mean=person[order], identity_basis=model.identity_basis[:, order], mirror=place[:0],
                    expression_basis=model.expression_basis[:, order], triangles=place[model.triangles],
                    embeddings={}, regions={})
    got = with_transferred_landmarks(other)
    for scheme in ("mesh478", "ibug68"):
        own = model.points(scheme, person)
        distance = np.linalg.norm(got.points(scheme, got.mean) - own, axis=1)
        assert np.median(distance) < 1e-3 and np.quantile(distance, 0.95) < 5e-3, scheme


def test_own_landmarks_are_kept() -> None:
    model = default_model()
    got = with_transferred_landmarks(replace(model, embeddings={"ibug68": model.embeddings["ibug68"]}))
    assert got.embeddings["ibug68"] is model.embeddings["ibug68"] and "mesh478" in got.embeddings


def test_what_is_no_face_gets_none() -> None:
    model = replace(default_model(), embeddings={})
    ball = model.mean / np.linalg.norm(model.mean, axis=1, keepdims=True) * 0.1
    assert not with_transferred_landmarks(replace(model, mean=ball.astype(np.float32))).embeddings
    few = replace(model, mean=model.mean * np.float32(3))
    assert not with_transferred_landmarks(few).embeddings
