# SPDX-License-Identifier: Apache-2.0
"""Learn `profile.npz` again from renders of the default head: `python -m mien.core.landmarks.build_profile`.

Random people and expressions, turned 25° to 105°, lit and tinted, on patterned grounds. Takes a few minutes; the same
every time on one machine.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera, project
from ..face_model import FaceModel
from ..files import atomic_write
from ..model_files import default_model
from ..progress import progress_bar
from ..shade import shade_head
from .detector import SHORT_RANGE, detect
from .faces import views_of_turned_face
from .keypoints import KEYPOINT_MIRROR, pose_of_keypoints
from .mirror import MIRROR
from .profile import Correction, to_frame
from .roi import Pixels, whole_image

Doubles = NDArray[np.float64]
HEADS, SIDE, MODES = 1000, 384, 20
STRENGTH = 100.0
"""The ridge's penalty"""
_UNSURE = 14.0
_LOST_CM = 6.0


def learn(heads: int, seed: int = 1) -> Correction:
    """The regression from that many random heads."""
    random = np.random.default_rng(seed)
    model = default_model()
    samples = []
    with progress_bar("Learning from heads", heads, unit="heads") as show:
        for done in range(heads):
            samples += [sample] if (sample := _sample(model, random)) else []
            show(done + 1, heads)
    keypoints, points, logits, poses, truths = zip(*samples, strict=True)
    places, seen = np.stack(keypoints).reshape(len(samples), -1), np.stack(points)[..., :2].reshape(len(samples), -1)
    centre, answers = seen.mean(0), np.stack(truths).reshape(len(samples), -1)
    _, spread, directions = np.linalg.svd(seen - centre, full_matrices=False)
    modes = np.asarray((directions[:MODES] / (spread[:MODES, None] / np.sqrt(len(samples)))).T, np.float64)
    draft = Correction(places.mean(0), centre, modes, answers.mean(0), np.zeros((0, 0)))
    design = np.stack([draft.features(*one) for one in zip(keypoints, points, logits, poses, strict=True)])
    penalty = STRENGTH * np.eye(design.shape[1])
    penalty[0, 0] = 1e-6
    weights = np.linalg.solve(design.T @ design + penalty, design.T @ (answers - draft.mean))
    return replace(draft, weights=np.asarray(weights, np.float64))


def _sample(model: FaceModel, random: np.random.Generator
            ) -> tuple[Doubles, Doubles, NDArray[np.float32], object, Doubles] | None:
    """Keypoints, mesh points, logits, pose and true points of one head; None when it was not seen, or surely seen."""
    picture, truth = _picture(model, random)
    found = detect(picture, whole_image(SIDE, SIDE), SHORT_RANGE, threshold=0.4)
    if not found:
        return None
    pose = pose_of_keypoints(found[0].keypoints)
    points, logits, guess = views_of_turned_face(picture, pose)
    lost = np.linalg.norm((guess - truth)[:, :2], axis=1).mean() / pose.scale
    if logits.max() > _UNSURE or lost > _LOST_CM:
        return None
    return (to_frame(pose, found[0].keypoints, KEYPOINT_MIRROR), to_frame(pose, points, MIRROR), logits, pose,
            to_frame(pose, truth, MIRROR))


def _picture(model: FaceModel, random: np.random.Generator) -> tuple[Pixels, Doubles]:
    """A turned head (SIDE, SIDE, 3) and its 478 points in pixels."""
    from scipy.spatial.transform import Rotation

    identity = 0.9 * random.standard_normal(len(model.identity_basis))
    expression = np.zeros(len(model.expression_names))
    expression[random.choice(len(expression), 6, replace=False)] = 0.6 * random.random(6)
    yaw = random.uniform(25, 105) * random.choice([-1, 1])
    turn = Rotation.from_euler("yxz", [yaw, random.normal(0, 15), random.normal(0, 15)], degrees=True)
    place = np.array([random.uniform(-0.04, 0.04), random.uniform(-0.03, 0.06), 1.0])
    camera = Camera(SIDE, SIDE, random.uniform(900, 1300), "orthographic")
    vertices = project(model.vertices(identity, expression), turn.as_rotvec(), place, camera)
    head = shade_head(model, vertices.astype(np.float32), SIDE, SIDE, supersample=1)
    return _photographed(head, random), np.asarray(model.points("mesh478", vertices), np.float64)


def _photographed(head: NDArray[np.uint8], random: np.random.Generator) -> Pixels:
    """The head (n, n, 4) in another tint on a random ground, blurred and with noise."""
    from scipy.ndimage import gaussian_filter

    tint = random.uniform(0.35, 1.15) * (1 + 0.07 * random.standard_normal(3))
    colour = 255 * (head[..., :3] / 255) ** random.uniform(0.7, 1.5) * tint
    size = random.uniform(1, 40)
    ground = gaussian_filter(random.standard_normal((*head.shape[:2], 3)), (size, size, 0))
    ground = 255 * random.random(3) + random.uniform(10, 80) * ground / ground.std()
    alpha = head[..., 3:] / 255
    blur = random.uniform(0, 1.2)
    picture = gaussian_filter(colour * alpha + ground * (1 - alpha), (blur, blur, 0))
    picture += random.uniform(0, 8) * random.standard_normal(picture.shape)
    if random.random() < 0.3:
        picture[:] = picture.mean(2, keepdims=True)
    return np.clip(picture, 0, 255).astype(np.uint8)


def main(heads: int) -> None:
    """Learn the correction and write it beside this file, in half precision."""
    correction = learn(heads)
    arrays = {name: getattr(correction, name).astype(np.float16) for name in Correction.__dataclass_fields__}
    with atomic_write(Path(__file__).with_name("profile.npz")) as path:
        np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else HEADS)
