# SPDX-License-Identifier: Apache-2.0
"""Motions and models of chance, for the tests of their files."""

import json
from types import SimpleNamespace

import numpy as np
from mien.core.camera import Camera
from mien.core.channels import ARKIT52
from mien.core.motion import Motion
from mien.core.motion_files import save_motion

F = np.float32
FIELDS = ("expression", "rotation", "translation", "identity", "confidence")


def a_motion(count=40, fps=25.0, channels=ARKIT52, seed=0):
    rng = np.random.default_rng(seed)
    expression = rng.random((count, len(channels)), F)
    expression[:, ::3] = 0
    translation = rng.normal(0, 0.05, (count, 3)).astype(F) + np.array([0, 0, 0.8], F)
    return Motion(fps, expression, rng.normal(0, 0.3, (count, 3)).astype(F), translation,
                  rng.normal(0, 1, 80).astype(F), channels, "a model", "0123456789abcdef",
                  Camera(640, 480, 900.5, "perspective"), (rng.random(count) > 0.2).astype(F),
                  {"source": "clip.mp4", "consent": "given by Zoë"})


def a_model(names=ARKIT52, digest="fedcba9876543210", identities=80):
    """What `for_model` reads of a face model."""
    return SimpleNamespace(name="other", hash=digest, expression_names=tuple(names),
                           identity_basis=np.zeros((identities, 3, 3), F))


def json_of(folder, motion):
    save_motion(motion, folder / "a.json")
    return json.loads((folder / "a.json").read_text())
