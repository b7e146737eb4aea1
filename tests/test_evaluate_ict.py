# SPDX-License-Identifier: Apache-2.0
"""The measure of shape: distances are exact, alignment takes out a similarity, and it tells a good fit from none."""

from pathlib import Path

import numpy as np
import pytest
from mien.core.camera import rotation_matrix
from mien.core.errors import BadInput
from mien.core.evaluate import ict
from mien.core.evaluate.register import align_landmarks, register, skin_triangles, with_landmarks
from mien.core.evaluate.surface_distance import Similarity, Surface, aligned_error, similarity, vertex_areas
from mien.core.face_model import FaceModel
from mien.core.model_files import default_model

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "ict_facekit"
RNG = np.random.default_rng


def soup(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Loose triangles."""
    return rng.normal(size=(3 * count, 3)), np.arange(3 * count, dtype=np.int32).reshape(-1, 3)


def test_nearest_point_is_the_nearest() -> None:
    rng = RNG(0)
    vertices, triangles = soup(rng, 8)
    points = rng.normal(size=(200, 3)) * 2
    near, triangle, weights = Surface(vertices, triangles).nearest(points)
    assert weights.min() > -1e-12 and np.allclose(weights.sum(1), 1)
    assert np.allclose(np.einsum("nc,nci->ni", weights, vertices[triangles[triangle]]), near)
    u, v = np.meshgrid(*[np.linspace(0, 1, 60)] * 2)
    inside = u + v <= 1
    samples = np.stack([1 - u - v, u, v], -1)[inside] @ vertices[triangles]
    brute = np.linalg.norm(points[:, None] - samples.reshape(-1, 3), axis=-1).min(1)
    own = np.linalg.norm(points - near, axis=1)
    assert (own <= brute + 1e-9).all() and (brute - own).max() < 0.05


def test_similarity_is_recovered() -> None:
    rng = RNG(1)
    points = rng.normal(size=(30, 3))
    truth = Similarity(1.7, rotation_matrix(np.array([0.4, -1.0, 0.3])), np.array([3.0, 1.0, -2.0]))
    found = similarity(points, truth.apply(points), rng.uniform(0.1, 1, 30))
    assert np.isclose(found.scale, truth.scale) and np.allclose(found.rotation, truth.rotation)
    assert np.allclose(found.translation, truth.translation)
    assert np.allclose(found.undo(found.apply(points)), points)
    mirrored = similarity(points, points * [-1, 1, 1], np.ones(30))
    assert np.isclose(np.linalg.det(mirrored.rotation), 1), "never a reflection"


def test_alignment_takes_out_a_similarity() -> None:
    model = default_model()
    vertices = model.mean.astype(np.float64)
    truth = Similarity(1.2, rotation_matrix(np.array([0.05, -0.1, 0.03])), np.array([0.004, 0.002, -0.003]))
    face = model.regions["face"] > 0.5
    points = truth.apply(vertices[face])
    start = Similarity(1.0, np.eye(3), np.zeros(3))
    error, pose = aligned_error(points, np.ones(len(points)), Surface(vertices, skin_triangles(model)), start, 200)
    assert error < 2e-4 and abs(pose.scale - 1.2) < 0.02


def test_areas_add_up() -> None:
    vertices, triangles = soup(RNG(2), 20)
    areas = vertex_areas(vertices, triangles)
    corners = vertices[triangles]
    whole = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2
    assert np.isclose(areas.sum(), whole)


def as_truth(model: FaceModel) -> ict.Truth:
    """Our own model in the kit's place."""
    face = model.regions["face"] > 0.5
    return ict.Truth(model, face, vertex_areas(model.mean, skin_triangles(model))[face])


def test_registration_finds_a_known_identity() -> None:
    model = default_model()
    truth = as_truth(model)
    identity = RNG(3).normal(0, 0.6, len(model.identity_basis))
    points, landmarks = truth.person(identity)
    start = align_landmarks(model.points("ibug68", model.mean), landmarks)
    before = aligned_error(points, truth.weights, Surface(model.mean, skin_triangles(model)), start)[0]
    found, pose = register(model, points, truth.weights, start, rounds=6)
    vertices = model.vertices(found)
    after = aligned_error(points, truth.weights, Surface(vertices, skin_triangles(model)), pose)[0]
    assert after < 0.25 * before
    placed = with_landmarks(model, "other", vertices, pose.undo(landmarks))
    shift = placed.points("other", model.mean) + placed.extra["other_offset"] - model.points("ibug68", model.mean)
    assert np.median(np.linalg.norm(shift, axis=1)) < 1e-3, "the landmarks are found again on the mean face"


def test_more_views_of_a_known_person_tell_more() -> None:
    model = default_model()
    truth = as_truth(model)
    same = ict.at_rest(with_landmarks(model, ict.SCHEME, model.mean, model.points("ibug68", model.mean)))
    errors = []
    for seed in range(3):
        points, landmarks = truth.person(RNG(seed).normal(0, 1, len(model.identity_basis)))
        shapes = [same.mean] + [same.vertices(ict.identity_of(same, ict.views(landmarks)[:n])) for n in (1, 5)]
        errors.append([ict.shape_error(truth, same, shape, points, landmarks) for shape in shapes])
    mean, one, five = np.mean(errors, 0)
    assert five < 0.45 * mean and five < one < 0.75 * mean


def test_a_folder_without_the_kit_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        ict.evaluate_ict(tmp_path, lambda done, total=None: None, people=1)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="needs the packed ICT-FaceKit beside the checkout")
def test_report_on_the_kit() -> None:
    steps: list[int] = []
    report = ict.evaluate_ict(SHARED, lambda done, total=None: steps.append(done), people=2)
    figures = report.figures
    assert steps == [0, 1, 2] and figures["people"] == 2
    assert figures["five views"]["mean"] < figures["one view"]["mean"] < figures["mean face"]["mean"]
    assert figures["five views, with the kit itself"]["mean"] < figures["five views"]["mean"]
    assert "five views" in report.table
