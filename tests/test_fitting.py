# SPDX-License-Identifier: Apache-2.0
"""Fitting one image or several: recovery of known faces, derivatives, bounds, symmetry, equivariance, files."""

from dataclasses import replace

import numpy as np
import pytest
from mien.core.camera import Camera, project, rotation_matrix, rotation_vector
from mien.core.channels import mirror_index
from mien.core.errors import BadInput
from mien.core.face_model import FaceModel
from mien.core.fit_files import load_fit, save_fit
from mien.core.fitting import Fit, fit_landmarks, fit_photo, fit_views, kernels
from mien.core.fitting.boxqp import solve_box_qp
from mien.core.fitting.derivatives import weighted_rows
from mien.core.fitting.descent import moved_pose
from mien.core.fitting.landmark_model import HABITS, embedding_digest, landmark_model
from mien.core.fitting.observe import centred, observe, starting_pose
from mien.core.fitting.pose import Pose, initial_pose
from mien.core.fitting.priors import expression_prior
from mien.core.fitting.solver import Face, Options, solve_face, solve_shared
from mien.core.landmarks.mirror import MIRROR
from mien.core.model_files import default_model
from scipy.optimize import lsq_linear

WIDTH, HEIGHT = 640, 480
ACTIVE = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft", "browInnerUp", "mouthPucker")


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return default_model()


def fit_exact(points: np.ndarray, width: int, height: int, model: FaceModel, **options: object) -> Fit:
    """A fit that takes landmarks for true: these do not come from the net, whose habits on turned heads are known."""
    return fit_landmarks(points, width, height, model, **options)  # type: ignore[arg-type]


class Truth:
    """A known face and the landmarks that a perfect detector would give."""

    def __init__(self, model: FaceModel, seed: int, projection: str = "orthographic", yaw: float = 30.0) -> None:
        rng = np.random.default_rng(seed)
        self.camera = Camera.for_image(WIDTH, HEIGHT, projection)
        self.identity = 0.7 * rng.standard_normal(len(model.identity_basis))
        self.expression = np.zeros(len(model.expression_names))
        for name in ACTIVE:
            self.expression[model.expression_names.index(name)] = rng.uniform(0, 0.8)
        self.rotation = np.radians(rng.uniform(-1, 1, 3) * [15, yaw, 15])
        self.translation = np.array([*rng.uniform(-0.03, 0.03, 2), 0.75])
        self.vertices = model.vertices(self.identity, self.expression)
        self.points = detector_points(model, self)

    def angle_to(self, rotation: np.ndarray) -> float:
        """Degrees between this pose and another."""
        turn = rotation_matrix(rotation) @ rotation_matrix(self.rotation).T
        return float(np.degrees(np.linalg.norm(rotation_vector(turn))))


def detector_points(model: FaceModel, truth: Truth) -> np.ndarray:
    """(478, 3) pixels of the landmarks where the detector puts them, pairs' shut gaps aside."""
    landmarks = landmark_model(model)
    offsets = landmarks.identity @ truth.identity + landmarks.expression @ truth.expression
    points = landmarks.mean + offsets.reshape(-1, 3)
    return project(points, truth.rotation, truth.translation, truth.camera)


@pytest.mark.parametrize("projection", ["orthographic", "perspective"])
@pytest.mark.parametrize("seed", range(4))
def test_a_known_face_is_recovered(model: FaceModel, seed: int, projection: str) -> None:
    truth = Truth(model, seed, projection)
    fit = fit_exact(truth.points, WIDTH, HEIGHT, model, projection=projection, noise=0.02)
    assert truth.angle_to(fit.rotation) < 0.25
    face = model.regions["face"] > 0.5
    shape = model.vertices(fit.identity, fit.expression)
    assert np.linalg.norm(shape - truth.vertices, axis=1)[face].mean() < 1e-3
    assert fit.residuals["all"] < 0.25
    away = fit.vertices_image - project(truth.vertices, truth.rotation, truth.translation, truth.camera)
    assert np.linalg.norm(away[face, :2], axis=1).mean() < 0.6


def test_pose_is_exact_when_the_shape_is_known(model: FaceModel) -> None:
    truth = Truth(model, 7)
    fit = fit_exact(truth.points, WIDTH, HEIGHT, model, identity=truth.identity, noise=0.02)
    assert truth.angle_to(fit.rotation) < 0.1
    np.testing.assert_allclose(fit.translation, truth.translation, atol=5e-4, rtol=2e-3)
    np.testing.assert_array_equal(fit.identity, truth.identity.astype(np.float32))
    for name in ACTIVE:
        index = model.expression_names.index(name)
        assert abs(fit.expression[index] - truth.expression[index]) < 0.06, name


def test_more_views_say_more_about_the_person(model: FaceModel) -> None:
    face = model.regions["face"] > 0.5
    errors = []
    for seed in range(4):
        truths = [Truth(model, 100 + 10 * seed + view, yaw=50) for view in range(4)]
        for truth in truths:
            truth.identity = truths[0].identity
            truth.expression *= 0.3
        points = [detector_points(model, truth) for truth in truths]
        neutral = model.vertices(truths[0].identity)
        row = [model.mean]
        for count in (1, 4):
            fits = fit_views(points[:count], [(WIDTH, HEIGHT)] * count, model, noise=0.1)
            assert all(np.array_equal(fit.identity, fits[0].identity) for fit in fits)
            row.append(model.vertices(fits[0].identity))
        errors.append([np.linalg.norm(v - neutral, axis=1)[face].mean() for v in row])
    mean_face, one_view, four_views = np.mean(errors, axis=0)
    assert one_view < 0.6 * mean_face
    assert four_views < 0.8 * one_view


@pytest.mark.parametrize("q", [0.0, 1 / 700])
def test_derivatives_agree_with_differences(model: FaceModel, q: float) -> None:
    landmarks, truth = landmark_model(model), Truth(model, 3)
    shape = landmarks.joint
    coefficients = np.concatenate([truth.identity, truth.expression])
    target = centred(truth.points + 3, truth.camera, 478)
    pose = starting_pose(landmarks, target)
    seen = observe(landmarks, target, pose)
    ones = np.ones(478)
    even = seen._replace(weight=ones, depth_weight=ones, pair_weight=0 * seen.pair_weight, huber=np.inf)

    def residual(step: np.ndarray) -> np.ndarray:
        turn, numbers = moved_pose(pose.turn, pose.numbers, step)
        p = kernels.head_pixels(shape, coefficients + step[7:], turn, numbers[2])
        return kernels.residuals(p, numbers, q, seen)

    p = kernels.head_pixels(shape, coefficients, pose.turn, pose.numbers[2])
    rows, right = weighted_rows(shape, p, residual(np.zeros(139)), pose.turn, pose.numbers, q, even)
    jac = rows.reshape(478, 3, -1)
    np.testing.assert_allclose(right.reshape(478, 3), residual(np.zeros(139)), rtol=1e-5)
    rng = np.random.default_rng(0)
    for column in [*range(7), *(7 + rng.choice(len(coefficients), 12, replace=False))]:
        step = np.zeros(7 + len(coefficients))
        step[column] = 0.05 if column in (3, 4, 6) else 0.3 if column > 6 else 1e-4
        slope = (residual(step) - residual(-step)) / (2 * step[column])
        np.testing.assert_allclose(jac[..., column], slope, atol=5e-4 * np.abs(slope).max() + 1e-9)


def test_the_gradient_is_that_of_the_energy(model: FaceModel) -> None:
    landmarks, truth = landmark_model(model), Truth(model, 4)
    shape = landmarks.of_person(truth.identity)
    target = centred(truth.points + np.random.default_rng(1).normal(0, 4, (478, 3)), truth.camera, 478)
    pose = starting_pose(landmarks, target)
    seen = observe(landmarks, target, pose)

    def state(step: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        turn, numbers = moved_pose(pose.turn, pose.numbers, step)
        p = kernels.head_pixels(shape, truth.expression + step[7:], turn, numbers[2])
        return p, kernels.residuals(p, numbers, 0.0, seen), numbers

    p, r, _ = state(np.zeros(59))
    rows, right = weighted_rows(shape, p, r, pose.turn, pose.numbers, 0.0, seen)
    gradient = (rows.T @ right).astype(np.float64)
    assert not rows[:, 59:].any()
    for column in (0, 1, 2, 3, 5, 7, 24, 30, 50):
        step = np.zeros(59)
        step[column] = 1e-3 if column in (3, 4) else 1e-5
        high, low = (kernels.data_energy(state(s)[1], shape, seen) for s in (step, -step))
        slope = (high - low) / (2 * step[column])
        assert gradient[column] == pytest.approx(slope, rel=2e-3, abs=1e-3 * np.abs(gradient).max())


def test_box_programs_agree_with_scipy() -> None:
    rng = np.random.default_rng(0)
    for rows in (30, 80):
        for _ in range(20):
            jac, right = rng.normal(size=(rows, 40)), 3 * rng.normal(size=rows)
            lower, upper = -rng.uniform(0, 0.1, 40), rng.uniform(0, 0.2, 40)
            lower[:5], upper[:5] = -np.inf, np.inf
            lower[10:20], upper[20:30] = 0, 0
            hessian = jac.T @ jac + 0.01 * np.eye(40)
            x = solve_box_qp(hessian, jac.T @ right, lower, upper)
            stacked = np.vstack([jac, 0.1 * np.eye(40)])
            best = lsq_linear(stacked, np.concatenate([-right, np.zeros(40)]), (lower, upper), tol=1e-14).x
            np.testing.assert_allclose(x, best, atol=1e-6)
            assert (x >= lower).all() and (x <= upper).all()


def test_the_energy_never_grows_and_expressions_stay_in_their_box(model: FaceModel) -> None:
    landmarks = landmark_model(model)
    prior = expression_prior(landmarks.expression_names)
    rng = np.random.default_rng(5)
    for seed in range(3):
        truth = Truth(model, seed)
        noisy = truth.points + rng.normal(0, 6, (478, 3))
        target = centred(noisy, truth.camera, 478)
        pose = starting_pose(landmarks, target)
        seen, start = observe(landmarks, target, pose), Face(pose, np.zeros(52))
        energies = []
        for iterations in range(1, 8):
            face, energy = solve_face(landmarks.of_person(truth.identity), seen, start, prior,
                                      Options(iterations=iterations, tolerance=0))
            energies.append(energy)
            assert face.expression.min() >= 0 and face.expression.max() <= 1
        assert (np.diff(energies) <= 1e-9 * energies[0]).all()
        joint = [solve_shared(landmarks.joint, [seen], [start], np.zeros(80), [prior],
                              Options(iterations=n, tolerance=0))[2] for n in range(1, 6)]
        assert (np.diff(joint) <= 1e-9 * joint[0]).all()


def test_a_mirrored_face_has_the_mirrored_fit(model: FaceModel) -> None:
    truth = Truth(model, 11)
    fit = fit_exact(truth.points, WIDTH, HEIGHT, model)
    flipped = truth.points[MIRROR] * [-1, 1, 1] + [WIDTH, 0, 0]
    other = fit_exact(flipped, WIDTH, HEIGHT, model)
    swapped = mirror_index(model.expression_names)
    np.testing.assert_allclose(other.expression[swapped], fit.expression, atol=0.12)
    np.testing.assert_allclose(other.rotation, fit.rotation * [1, -1, -1], atol=np.radians(1.0))
    np.testing.assert_allclose(other.translation, fit.translation * [-1, 1, 1], rtol=0.01, atol=2e-3)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_size_and_place_in_the_image_change_nothing_else(model: FaceModel, factor: float) -> None:
    truth = Truth(model, 12)
    fit = fit_exact(truth.points, WIDTH, HEIGHT, model)
    shift = np.array([37.0, -21.0, 0.0])
    moved = fit_exact(truth.points * factor + shift, WIDTH, HEIGHT, model)
    np.testing.assert_allclose(moved.expression, fit.expression, atol=2e-3)
    np.testing.assert_allclose(moved.identity, fit.identity, atol=1e-2)
    np.testing.assert_allclose(moved.rotation, fit.rotation, atol=1e-3)
    np.testing.assert_allclose(moved.vertices_image, fit.vertices_image * factor + shift, atol=0.1 * factor)


def test_a_crop_is_the_same_face(model: FaceModel) -> None:
    truth = Truth(model, 13)
    fit = fit_exact(truth.points, WIDTH, HEIGHT, model)
    crop = fit_exact(truth.points - [100, 50, 0], 400, 380, model)
    np.testing.assert_allclose(crop.vertices_image + np.array([100, 50, 0]), fit.vertices_image, atol=0.1)
    np.testing.assert_allclose(crop.expression, fit.expression, atol=2e-3)


def test_a_few_wild_landmarks_do_no_harm(model: FaceModel) -> None:
    truth = Truth(model, 14)
    rng = np.random.default_rng(2)
    wild = truth.points.copy()
    wild[rng.choice(478, 24, replace=False), :2] += rng.uniform(-80, 80, (24, 2))
    fit, clean = (fit_exact(p, WIDTH, HEIGHT, model) for p in (wild, truth.points))
    assert truth.angle_to(fit.rotation) < truth.angle_to(clean.rotation) + 1.5
    away = np.linalg.norm((fit.vertices_image - clean.vertices_image)[:, :2], axis=1)
    assert away[model.regions["face"] > 0.5].mean() < 1.5


def test_missing_landmarks_and_missing_depths_are_allowed(model: FaceModel) -> None:
    truth = Truth(model, 15)
    holes = truth.points.copy()
    holes[::7] = np.nan
    for points in (holes, truth.points[:, :2]):
        fit = fit_exact(points, WIDTH, HEIGHT, model)
        assert truth.angle_to(fit.rotation) < 4
        assert np.isfinite(fit.vertices_image).all()


def test_shut_eyes_are_shut_and_rest_is_rest(model: FaceModel) -> None:
    truth = Truth(model, 16, yaw=10)
    names = model.expression_names
    truth.identity[:] = 0
    truth.expression[:] = 0
    rest = fit_exact(detector_points(model, truth), WIDTH, HEIGHT, model)
    assert rest.expression.max() < 0.05
    blinks = [names.index("eyeBlinkLeft"), names.index("eyeBlinkRight")]
    truth.expression[blinks] = 1
    shut = fit_exact(detector_points(model, truth), WIDTH, HEIGHT, model)
    assert (shut.expression[blinks] > 0.85).all()


def test_68_landmarks_alone_can_be_fitted(model: FaceModel) -> None:
    truth = Truth(model, 17)
    points = project(model.points("ibug68", truth.vertices) + landmark_offsets(model), truth.rotation,
                     truth.translation, truth.camera)[:, :2]
    fit = fit_exact(points, WIDTH, HEIGHT, model, scheme="ibug68", noise=0.05)
    assert truth.angle_to(fit.rotation) < 3
    assert np.linalg.norm(fit.landmarks_68[:, :2] - points, axis=1).mean() < 1.0


def landmark_offsets(model: FaceModel) -> np.ndarray:
    return landmark_model(model, "ibug68").mean - model.points("ibug68", model.mean)


def test_the_table_of_habits_was_measured_on_this_model(model: FaceModel) -> None:
    with np.load(HABITS) as data:
        assert str(data["embedding"]) == embedding_digest(model), "run mien.core.fitting.measure_habits again"
        offsets = data["mesh478"].astype(float)
    np.testing.assert_allclose(offsets[MIRROR] * [-1, 1, 1], offsets, atol=5e-4)
    assert np.abs(offsets).max() < 0.015


def test_warnings_speak_plainly(model: FaceModel) -> None:
    truth = Truth(model, 18)
    assert fit_exact(truth.points, WIDTH, HEIGHT, model).warnings == ()
    small = fit_exact(truth.points * 0.15, WIDTH, HEIGHT, model)
    assert any("pixels" in w for w in small.warnings) and small.confidence < 0.9
    truth.rotation = np.radians([0, 65, 0])
    turned = fit_exact(detector_points(model, truth), WIDTH, HEIGHT, model)
    assert any("turned" in w for w in turned.warnings)
    blurred = fit_exact(truth.points, WIDTH, HEIGHT, model, confidence=0.4)
    assert any("hard to make out" in w for w in blurred.warnings) and blurred.confidence <= 0.4


def test_input_that_is_no_face_is_refused(model: FaceModel) -> None:
    for points in (np.zeros((477, 3)), np.zeros((478, 4)), np.full((478, 3), np.nan)):
        with pytest.raises(BadInput):
            fit_exact(points, WIDTH, HEIGHT, model)
    with pytest.raises(BadInput):
        fit_exact(np.zeros((68, 2)), WIDTH, HEIGHT, replace(model, embeddings={}), scheme="ibug68")
    for picture in (np.zeros((40, 40, 3)), np.zeros((40, 40), np.uint8), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(BadInput):
            fit_photo(picture, model)  # type: ignore[arg-type]


def test_fits_survive_their_files(model: FaceModel, tmp_path) -> None:  # type: ignore[no-untyped-def]
    fit = fit_exact(Truth(model, 19).points, WIDTH, HEIGHT, model)
    save_fit(fit, tmp_path / "face.npz")
    again = load_fit(tmp_path / "face.npz", model)
    for name in Fit.__dataclass_fields__:
        first, second = getattr(fit, name), getattr(again, name)
        assert np.array_equal(first, second) if isinstance(first, np.ndarray) else first == second, name
    with pytest.raises(BadInput, match="made with the face model"):
        load_fit(tmp_path / "face.npz", replace(model, mean=model.mean + np.float32(0.001)))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "face.npz").read_bytes()[:2000])
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    for bad in ("cut.npz", "other.npz", "absent.npz"):
        with pytest.raises(BadInput):
            load_fit(tmp_path / bad)


def test_a_known_pose_starts_in_the_right_place(model: FaceModel) -> None:
    landmarks = landmark_model(model)
    for yaw in (-80, -40, 0, 40, 80):
        truth = Truth(model, 20)
        truth.rotation = np.radians([5, yaw, 3])
        truth.identity[:], truth.expression[:] = 0, 0
        target = centred(detector_points(model, truth), truth.camera, 478)
        for known in (target, np.where(np.arange(3) < 2, target, np.nan)):
            pose: Pose = starting_pose(landmarks, known)
            turn = rotation_matrix(truth.rotation) @ np.diag([1, -1, -1])
            np.testing.assert_allclose(pose.turn, turn, atol=1e-4)


def test_poses_of_many_images_at_once_are_those_of_each(model: FaceModel) -> None:
    landmarks = landmark_model(model)
    truths = [Truth(model, seed, yaw=50) for seed in range(5)]
    whole = np.stack([centred(truth.points, truth.camera, 478) for truth in truths])
    for targets in (whole, np.where(np.arange(3) < 2, whole, np.nan)):
        together = initial_pose(landmarks.mean, targets, landmarks.precision)
        for i, target in enumerate(targets):
            alone = initial_pose(landmarks.mean, target, landmarks.precision)
            np.testing.assert_allclose(together.turn[i], alone.turn, atol=1e-9)
            np.testing.assert_allclose(together.numbers[i], alone.numbers, atol=1e-6)
