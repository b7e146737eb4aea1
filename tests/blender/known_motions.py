# SPDX-License-Identifier: Apache-2.0
"""Motions that are known exactly, and how far two are apart."""

from pathlib import Path

import bpy
import numpy as np
from mien.core.camera import Camera, rotation_matrix
from mien.core.channels import ARKIT52
from mien.core.model_files import default_model
from mien.core.motion import Motion
from mien.core.motion_files import load_motion

TALKING = Path(__file__).parents[2] / "core" / "demo_data" / "talking.npz"
TALKING_FRAMES = 34, 38
"""A few of the frames in which the fixture `talking_face` plays it"""


def talking() -> Motion:
    """A tracked take, 199 frames at 30 per second."""
    return load_motion(TALKING)


def random_motion(seed: int = 0, frames: int = 60, fps: float = 24.0, turns: float = 0.5) -> Motion:
    """Values beyond 0 and 1 too, turns of any size, a perspective camera."""
    rng = np.random.default_rng(seed)
    model = default_model()
    t = np.linspace(0, 1, frames)[:, None]
    waves = np.sin(2 * np.pi * (t * rng.uniform(0.5, 3, 6) + rng.uniform(0, 1, 6)))
    return Motion(fps=fps, expression=rng.uniform(-0.4, 1.6, (frames, 52)).astype(np.float32),
                  rotation=(turns * waves[:, :3]).astype(np.float32),
                  translation=(np.array([0, 0, 0.7]) + 0.05 * waves[:, 3:]).astype(np.float32),
                  identity=np.zeros(len(model.identity_basis), np.float32), channels=ARKIT52, model=model.name,
                  model_hash=model.hash, camera=Camera(640, 480, 900.0, "perspective"),
                  confidence=np.ones(frames, np.float32), metadata={"source": "random", "consent": "none needed"})


def pose_error(a: Motion, b: Motion) -> float:
    """The largest difference of rotations, as matrices, and of translations, in metres."""
    turns = np.abs(rotation_matrix(a.rotation) - rotation_matrix(b.rotation)).max()
    return float(max(turns, np.abs(a.translation - b.translation).max()))


def set_rate(scene: bpy.types.Scene, rate: str) -> float:
    """Blender's own way to 23.976, 25 or 60 frames per second."""
    scene.render.fps, scene.render.fps_base = (24, 1.001) if rate == "23.976" else (int(rate), 1.0)
    return scene.render.fps / scene.render.fps_base


def counts() -> dict[str, int]:
    """How many data-blocks of each kind there are."""
    return {name: len(getattr(bpy.data, name)) for name in ("actions", "objects", "meshes", "shape_keys", "cameras",
                                                            "materials", "images", "scenes", "collections")}
