# SPDX-License-Identifier: Apache-2.0
"""How well a face's shape is found from 68 points, on random people of ICT-FaceKit (Li et al. 2020).

The points are exact, so what is measured is what the model's identities can tell of a face, not the detector. The
error is the mean distance from the kit's face to the fitted surface after the best similarity, weighted by area,
over what five views show of the kit's narrow face; it stands against the error of the mean face aligned alike.

The kit marks its 68 points at other places than our own scheme. Where they lie on our mesh is found once, on the
kit's mean face alone: our model is registered to it, and its landmarks are read off there.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera, project
from ..errors import BadInput
from ..face_model import FaceModel
from ..face_models.importers import import_model
from ..fitting import fit_views
from ..model_files import default_model
from ..progress import Progress
from ..rasterize import rasterize_image
from .register import align_landmarks, register, skin_triangles, with_landmarks
from .report import Report, plain, text_table
from .surface_distance import Floats, Surface, aligned_error, vertex_areas

SCHEME = "exact68"
YAWS = (0.0, -30.0, 30.0, -60.0, 60.0)
"""Degrees; the first is the one view"""
SIDE = 512
FACE_PIXELS = 300.0
NOISE = 0.12
"""How far the solver trusts the points of one view, chosen like the scheme's σ on people of other seeds than those
that are reported"""
SEED = 20
TARGETS = {"one view": 25.0, "five views": 45.0}
_METRES_ACROSS = 0.18
_VISIBILITY_SIDE = 700
_VISIBILITY_PIXELS_PER_METRE = 2000.0


@dataclass(frozen=True)
class Truth:
    """The kit and its face: `face` (V,) bool of the vertices that count, `weights` (N,) their areas."""

    kit: FaceModel
    face: NDArray[np.bool_]
    weights: Floats

    def person(self, identity: NDArray[np.floating]) -> tuple[Floats, Floats]:
        """The face's points (N, 3) and the 68 landmarks of one identity, metres."""
        vertices = self.kit.vertices(identity).astype(np.float64)
        return vertices[self.face], np.asarray(self.kit.points("ibug68", vertices))


def evaluate_ict(data: str | os.PathLike[str], progress: Progress, *, people: int = 100, seed: int = SEED,
                 model: FaceModel | None = None) -> Report:
    """Measure `people` random identities (w ~ N(0, 1), neutral) of the ICT-FaceKit found at `data`.

    Raises:
        BadInput: `data` is no ICT-FaceKit: its folder, or a folder that holds its .npz, or that file.
    """
    truth = read_truth(_locate(Path(data)))
    ours = in_their_scheme(model or default_model(), truth)
    theirs = replace(truth.kit, embeddings={**truth.kit.embeddings, SCHEME: truth.kit.embeddings["ibug68"]})
    fitted = {"": at_rest(ours), ", expression unknown": ours, ", with the kit itself": at_rest(theirs)}
    rows: dict[str, list[float]] = {}
    identities = np.random.default_rng(seed).normal(size=(people, len(truth.kit.identity_basis)))
    for number, identity in enumerate(identities):
        progress(number, people)
        for name, error in _person(truth, fitted, identity).items():
            rows.setdefault(name, []).append(1000 * error)
    progress(people, people)
    return _report({name: np.array(errors) for name, errors in rows.items()}, seed)


def read_truth(path: Path) -> Truth:
    """The kit with the part of its narrow face that is seen from one of the five views."""
    kit = import_model(path, "ict")
    face = (kit.regions["face"] > 0) & _seen(kit)
    return Truth(kit, face, vertex_areas(kit.mean, skin_triangles(kit))[face])


def in_their_scheme(model: FaceModel, truth: Truth) -> FaceModel:
    """The model with the kit's 68 landmarks on its own mesh, found on the kit's mean face."""
    points, landmarks = truth.person(np.zeros(len(truth.kit.identity_basis)))
    start = align_landmarks(model.points("ibug68", model.mean), landmarks)
    identity, pose = register(model, points, truth.weights, start)
    return with_landmarks(model, SCHEME, model.vertices(identity), pose.undo(landmarks))


def at_rest(model: FaceModel) -> FaceModel:
    """The model without expressions: one channel that does nothing."""
    return replace(model, expression_basis=np.zeros((1, *model.mean.shape), np.float32),
                   expression_names=("rest",))


def views(landmarks: Floats, yaws: Sequence[float] = YAWS) -> list[Floats]:
    """The landmarks (68, 2) in pixels of a picture for each yaw in degrees, scaled orthographic."""
    camera = Camera.for_image(SIDE, SIDE)
    place = np.array([0.0, 0.0, camera.focal * _METRES_ACROSS / FACE_PIXELS])
    return [project(landmarks, np.array([0.0, -np.radians(yaw), 0.0]), place, camera)[:, :2] for yaw in yaws]


def identity_of(model: FaceModel, seen: Sequence[Floats]) -> NDArray[np.floating]:
    """The identity (S,) that fits points (68, 2) in each of several views of one person.

    All points are exact, those on the far side too. What keeps the model off them is what its modes cannot show;
    that is the same in every view, so that more views do not make it less: the noise grows with their root.
    """
    noise = NOISE * np.sqrt(len(seen))
    return fit_views(seen, [(SIDE, SIDE)] * len(seen), model, scheme=SCHEME, noise=noise, hidden=1.0)[0].identity


def shape_error(truth: Truth, model: FaceModel, vertices: NDArray[np.floating], points: Floats,
                landmarks: Floats) -> float:
    """Mean distance in metres of one person's face (N, 3) from the model's vertices, best aligned."""
    start = align_landmarks(model.points(SCHEME, vertices), landmarks)
    return aligned_error(points, truth.weights, Surface(vertices, skin_triangles(model)), start)[0]


def _person(truth: Truth, fitted: dict[str, FaceModel], identity: NDArray[np.floating]) -> dict[str, float]:
    """Errors in metres of one person by row of the table."""
    points, landmarks = truth.person(identity)
    seen = views(landmarks)
    errors = {}
    for suffix, model in fitted.items():
        if suffix != ", expression unknown":
            errors[f"mean face{suffix}"] = shape_error(truth, model, model.mean, points, landmarks)
        for name, count in (("one view", 1), ("five views", len(seen))):
            vertices = model.vertices(identity_of(model, seen[:count]))
            errors[name + suffix] = shape_error(truth, model, vertices, points, landmarks)
    return errors


def _report(errors: dict[str, Floats], seed: int) -> Report:
    rows: list[list[Any]] = []
    figures: dict[str, Any] = {"people": len(errors["mean face"]), "seed": seed, "unit": "mm"}
    for name, values in errors.items():
        own = "mean face, with the kit itself" if name.endswith("itself") else "mean face"
        base = errors[own].mean()
        lower = None if name == own else 100 * (1 - values.mean() / base)
        target = TARGETS.get(name)
        rows.append([name, values.mean(), np.quantile(values, 0.9), lower, target])
        figures[name] = {"mean": plain(values.mean()), "p90": plain(float(np.quantile(values, 0.9))),
                         "lower_percent": plain(lower, 2)}
    return Report(figures, text_table(("fit", "mean mm", "90 % mm", "lower by %", "target %"), rows))


def _seen(kit: FaceModel) -> NDArray[np.bool_]:
    """Vertices (V,) of the mean head that show in one of the five views: no nostrils, no mouth's inside."""
    side = _VISIBILITY_SIDE
    camera = Camera.for_image(side, side)
    place = np.array([0.0, 0.0, camera.focal / _VISIBILITY_PIXELS_PER_METRE])
    seen = np.zeros(kit.vertex_count, bool)
    for yaw in YAWS:
        pixels = project(kit.mean, np.array([0.0, -np.radians(yaw), 0.0]), place, camera)
        ids = np.unique(rasterize_image(pixels.astype(np.float32), kit.triangles, side, side).triangle_id)
        seen[kit.triangles[ids[ids > 0] - 1]] = True
    return seen


def _locate(path: Path) -> Path:
    """The kit itself: the path, or the one .npz in it."""
    if path.is_dir() and not (path / "FaceXModel").is_dir() and not (path / "generic_neutral_mesh.obj").exists():
        packed = sorted(path.glob("*.npz"))
        if len(packed) != 1:
            raise BadInput(f"{path} holds no ICT-FaceKit; give its folder of OBJ files, or its .npz.")
        return packed[0]
    return path
