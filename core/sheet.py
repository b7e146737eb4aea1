# SPDX-License-Identifier: Apache-2.0
"""The contact sheet of a face model: what its mean, its modes, random people and its expressions look like."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .contact_sheet import BACKGROUND, GAP, Rgb, grid, head_view
from .face_model import FaceModel

MODES, PEOPLE, SEED = 6, 16, 1
COLUMNS = 8
TOGETHER = {"mouthClose": "jawOpen"}
"""Expressions that mean something only with another: closing the lips undoes what the jaw has opened."""
_VIEWS = (("front", 0.0), ("three quarters", 40.0), ("profile", 90.0), ("back", 180.0))
_TURNS = (0.0, 30.0, -15.0, -60.0)
_FACE = (0.26, 0.26, 0.74, 0.78)
"""Left, top, right and bottom of the face in a view of the whole head"""


def model_sheet(model: FaceModel, side: int = 208) -> Rgb:
    """One picture (H, W, 3): the mean from all sides, the first modes at -2 and +2 standard deviations, random
    people drawn from the model's own distribution with a fixed seed, and every expression at full effect."""
    parts = [_mean_and_modes(model, side), _people(model, side), _expressions(model, side)]
    width = max(part.shape[1] for part in parts)
    sheet = Image.new("RGB", (width, sum(part.shape[0] + GAP for part in parts)), BACKGROUND)
    top = 0
    for part in parts:
        sheet.paste(Image.fromarray(part), (0, top))
        top += part.shape[0] + GAP
    return np.asarray(sheet)


def _mean_and_modes(model: FaceModel, side: int) -> Rgb:
    views = [head_view(model, None, None, yaw, side) for _, yaw in _VIEWS]
    labels = [f"mean, {name}" for name, _ in _VIEWS]
    for mode in range(min(MODES, len(model.identity_basis))):
        for deviations in (-2.0, 2.0):
            identity = np.zeros(len(model.identity_basis), np.float32)
            identity[mode] = deviations
            views.append(head_view(model, identity, None, 25.0, side))
            labels.append(f"mode {mode + 1} at {deviations:+.0f} sd")
    return grid(views, COLUMNS, labels)


def _people(model: FaceModel, side: int) -> Rgb:
    people = np.random.default_rng(SEED).normal(size=(PEOPLE, len(model.identity_basis)))
    views = [head_view(model, person, None, _TURNS[i % len(_TURNS)], side) for i, person in enumerate(people)]
    return grid(views, COLUMNS, [f"person {i + 1}" for i in range(PEOPLE)])


def _expressions(model: FaceModel, side: int) -> Rgb:
    whole = round(side / (_FACE[2] - _FACE[0]))
    left, top, right, bottom = (round(edge * whole) for edge in _FACE)
    names = model.expression_names
    views = [head_view(model, None, _one(model, name), 0.0, whole)[top:bottom, left:right] for name in names]
    labels = [f"{name} + {TOGETHER[name]}" if name in TOGETHER else name for name in names]
    return grid(views, COLUMNS, labels)


def _one(model: FaceModel, name: str) -> NDArray[np.float32]:
    """The expression with this channel at 1, and the one that belongs to it."""
    wanted = (name, TOGETHER.get(name, name))
    return np.isin(model.expression_names, wanted).astype(np.float32)
