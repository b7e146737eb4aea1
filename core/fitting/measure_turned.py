# SPDX-License-Identifier: Apache-2.0
"""Measure the landmark net's errors on turned heads from renders of the default model, and store them.

    python -m mien.core.fitting.measure_turned

To be run when the default model or the landmark net changes.
"""

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera, project, rotation_matrix, rotation_vector
from ..face_model import FaceModel
from ..files import atomic_write
from ..landmarks import detect_faces
from ..model_files import default_model
from ..shade import shade_head
from .landmark_model import landmark_model
from .turned import KNOTS, TABLE, Frames, features

Array = NDArray[np.float64]

SAMPLES = 700
SIDE = 400
_LARGEST_YAW, _PITCH = 88.0, 14.0
_RIDGE = 2.0
_GROSS = 0.02
"""Mean distance in metres from which the net has seen something else"""


def sample(model: FaceModel, rng: np.random.Generator) -> tuple[Array, Array] | None:
    """Landmarks that the net finds on a random render, and where they are, (478, 3) pixels each; None if none."""
    camera = Camera.for_image(SIDE, SIDE)
    identity = 0.7 * rng.standard_normal(len(model.identity_basis))
    expression = rng.uniform(0, 0.5, len(model.expression_names)) * (rng.random(len(model.expression_names)) < 0.1)
    yaw, pitch = np.radians([rng.uniform(-_LARGEST_YAW, _LARGEST_YAW), rng.uniform(-_PITCH, _PITCH)])
    rotation = rotation_vector(rotation_matrix(np.array([pitch, 0, 0])) @ rotation_matrix(np.array([0, yaw, 0])))
    vertices = model.vertices(identity, expression)
    translation = np.array([*rng.uniform(-0.02, 0.02, 2), camera.focal / rng.uniform(1000, 1500)])
    image = shade_head(model, project(vertices, rotation, translation, camera), SIDE, SIDE, supersample=1)
    alpha = image[..., 3:] / 255
    rgb = (image[..., :3] * alpha + rng.integers(0, 256, 3) * (1 - alpha)).astype(np.uint8)
    faces = detect_faces(rgb)
    if not faces:
        return None
    truth = project(model.points("mesh478", vertices), rotation, translation, camera)
    found = faces[0].points.astype(np.float64)
    found[:, 2] += (truth[:, 2] - found[:, 2]).mean()
    away = np.linalg.norm((found - truth)[:, :2], axis=1).mean() / camera.focal * translation[2]
    return (found, truth) if away < _GROSS else None


def measure(model: FaceModel, samples: int = SAMPLES) -> Array:
    """(2 K, 1434) metres: mean errors by `features`, less that at the front, which habits.py measures on people."""
    rng = np.random.default_rng(0)
    pairs = [pair for pair in (sample(model, rng) for _ in range(samples)) if pair is not None]
    found, truth = (np.stack(part) for part in zip(*pairs, strict=True))
    frames = Frames(landmark_model(model), found)
    x, y = features(frames.yaw, frames.pitch), frames.upright(found - truth).reshape(len(found), -1)
    error = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ y)
    error[: len(KNOTS)] -= error[0]
    print(f"{len(pairs)} of {samples} renders were found")
    return np.asarray(error)


def main() -> None:
    """Measure and write the table."""
    error = measure(default_model())
    with atomic_write(TABLE) as path, path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, error=error.astype(np.float16))
    print(f"mean by knot, mm: {np.round(1e3 * np.abs(error[: len(KNOTS)]).mean(1), 2)}: {TABLE}")


if __name__ == "__main__":
    main()
