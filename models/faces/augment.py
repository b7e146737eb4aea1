# SPDX-License-Identifier: Apache-2.0
"""Heavy, consistent changes of a pair: the same for source and target, the coefficients changed with the pictures."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ...core.camera import Camera, rotation_matrix, rotation_vector
from ...core.channels import mirror_index
from ...core.compiled import compiled_loosely
from ...core.face_model import FaceModel

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Still:
    """One frame: the picture, where the head's vertices lie in it, and the coefficients that put them there."""

    picture: Bytes
    """(S, S, 3)"""
    points: Floats
    """(V, 3) pixels, nearer = larger"""
    expression: Floats
    rotation: Floats
    translation: Floats


@dataclass(frozen=True, eq=False)
class Change:
    """What is done to both frames of a pair."""

    flip: bool = False
    turn: float = 0.0
    """Radians, clockwise in the picture"""
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    """Of the picture's side"""
    matrix: Floats | None = None
    """(3, 4) colours to colours, 0..255"""
    gamma: float = 1.0
    blur: float = 0.0
    """Radius in pixels"""
    coarse: float = 1.0
    """Shrunk to this share of its size and enlarged again"""
    noise: float = 0.0
    patches: tuple[tuple[float, ...], ...] = ()
    """Things before the face: x, y, half width, half height, turn (of the side, radians), red, green, blue"""


def random_change(random: np.random.Generator) -> Change:
    """A change as heavy as photos differ."""
    matrix = np.concatenate([np.eye(3), np.zeros((3, 1))], 1)
    if random.random() < 0.8:
        saturation = random.uniform(0.5, 1.4) if random.random() < 0.93 else 0.0
        matrix[:, :3] = saturation * np.eye(3) + (1 - saturation) / 3
        matrix[:, :3] += random.normal(0, 0.035, (3, 3))
        matrix *= random.uniform(0.7, 1.3) * (1 + random.normal(0, 0.06, 3))[:, None]
        matrix[:, 3] += random.normal(0, 10) + random.normal(0, 4, 3)
    seldom = random.random(5)
    patches = tuple(_patch(random) for _ in range(int(random.integers(1, 3)))) if seldom[3] < 0.12 else ()
    return Change(
        flip=bool(random.random() < 0.5), turn=float(random.normal(0, 0.07)),
        scale=float(np.exp(random.normal(0, 0.10))),
        shift=(float(random.normal(0, 0.035)), float(random.normal(0, 0.035))), matrix=matrix.astype(np.float32),
        gamma=float(np.exp(random.normal(0, 0.15))), blur=float(random.uniform(0.3, 1.2) if seldom[0] < 0.15 else 0),
        coarse=float(random.uniform(0.4, 0.9) if seldom[1] < 0.15 else 1),
        noise=float(random.uniform(1, 7) if seldom[2] < 0.2 else 0), patches=patches)


def _patch(random: np.random.Generator) -> tuple[float, ...]:
    """Something that stands still near the border: a microphone, a hand, a caption."""
    angle, away = random.uniform(0, 2 * np.pi), random.uniform(0.3, 0.6)
    place = 0.5 + away * np.cos(angle), 0.5 + away * np.sin(angle)
    return (*place, *random.uniform(0.03, 0.16, 2), random.uniform(0, np.pi), *random.uniform(0, 255, 3))


def changed(still: Still, change: Change, model: FaceModel, random: np.random.Generator) -> Still:
    """The frame after the change; `random` makes its noise alone."""
    size = still.picture.shape[0]
    affine = _affine(change, size)
    moved = _moved(still, change, affine, size, model)
    inverse = np.linalg.inv(np.concatenate([affine, [[0, 0, 1]]]))[:2]
    matrix = np.eye(3, 4, dtype=np.float32) if change.matrix is None else change.matrix
    picture = _developed(still.picture, inverse.astype(np.float32), matrix, _curve(change.gamma))
    return replace(moved, picture=_spoiled(picture, change, random))


def _affine(change: Change, size: int) -> NDArray[np.float64]:
    """(2, 3) old pixels to new ones."""
    cos, sin = np.cos(change.turn) * change.scale, np.sin(change.turn) * change.scale
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([-1.0 if change.flip else 1.0, 1.0])
    middle = np.full(2, size / 2)
    return np.concatenate([linear, (middle + np.array(change.shift) * size - linear @ middle)[:, None]], 1)


def _moved(still: Still, change: Change, affine: NDArray[np.float64], size: int, model: FaceModel) -> Still:
    """Vertices and coefficients; a mirrored face has the mirrored vertices, channels and pose."""
    points = still.points[model.mirror] if change.flip else still.points
    flat = points[:, :2] @ affine[:, :2].T.astype(np.float32) + affine[:, 2].astype(np.float32)
    points = np.concatenate([flat, points[:, 2:] * np.float32(change.scale)], 1)
    expression, rotation = still.expression, np.asarray(still.rotation, np.float64)
    if change.flip:
        expression, rotation = expression[mirror_index(model.expression_names)], rotation * (1, -1, -1)
    roll = rotation_matrix(np.array([0.0, 0.0, change.turn]))
    camera = Camera.for_image(size, size)
    place = np.asarray(still.translation, np.float64)
    at = affine[:, :2] @ (place[:2] * camera.focal / place[2] + camera.centre) + affine[:, 2]
    depth = place[2] / change.scale
    translation = np.append((at - camera.centre) * depth / camera.focal, depth)
    return Still(still.picture, np.ascontiguousarray(points, np.float32), expression,
                 rotation_vector(roll @ rotation_matrix(rotation)).astype(np.float32), translation.astype(np.float32))


def _curve(gamma: float) -> Bytes:
    return np.asarray(255 * np.linspace(0, 1, 256) ** gamma + 0.5, np.uint8)


@compiled_loosely
def _developed(picture: Bytes, back: Floats, matrix: Floats, curve: Bytes) -> Bytes:
    """The picture (H, W, 3) at the places that `back` (2, 3) gives to pixels, bilinear, recoloured; its rim goes on."""
    height, width = picture.shape[:2]
    out = np.empty_like(picture)
    half, one, full = np.float32(0.5), np.float32(1), np.float32(255)
    for row in range(height):
        for column in range(width):
            c, r = np.float32(column) + half, np.float32(row) + half
            x = back[0, 0] * c + back[0, 1] * r + back[0, 2] - half
            y = back[1, 0] * c + back[1, 1] * r + back[1, 2] - half
            x, y = min(max(x, np.float32(0)), np.float32(width - 1)), min(max(y, np.float32(0)), np.float32(height - 1))
            j, i = min(int(x), width - 2), min(int(y), height - 2)
            s, t = x - np.float32(j), y - np.float32(i)
            a, b, d, e = (one - s) * (one - t), s * (one - t), (one - s) * t, s * t
            p, q = i + 1, j + 1
            red = picture[i, j, 0] * a + picture[i, q, 0] * b + picture[p, j, 0] * d + picture[p, q, 0] * e
            green = picture[i, j, 1] * a + picture[i, q, 1] * b + picture[p, j, 1] * d + picture[p, q, 1] * e
            blue = picture[i, j, 2] * a + picture[i, q, 2] * b + picture[p, j, 2] * d + picture[p, q, 2] * e
            for k in range(3):
                value = matrix[k, 0] * red + matrix[k, 1] * green + matrix[k, 2] * blue + matrix[k, 3] + half
                out[row, column, k] = curve[int(min(max(value, np.float32(0)), full))]
    return out


def _spoiled(picture: Bytes, change: Change, random: np.random.Generator) -> Bytes:
    """Things before the face, softness and noise."""
    size = picture.shape[0]
    if change.patches:
        picture = picture.copy()
        for patch in change.patches:
            _cover(picture, np.array(patch, np.float32) * np.array([size] * 4 + [1] * 4, np.float32))
    if change.blur or change.coarse < 1:
        image = Image.fromarray(picture)
        if change.coarse < 1:
            small = max(int(size * change.coarse), 8)
            image = image.resize((small, small), Image.Resampling.BOX).resize((size, size), Image.Resampling.BICUBIC)
        if change.blur:
            image = image.filter(ImageFilter.GaussianBlur(change.blur))
        picture = np.asarray(image)
    if change.noise:
        grain = random.standard_normal(picture.shape[:2], np.float32)[..., None] * np.float32(change.noise)
        picture = np.clip(picture + grain, 0, 255).astype(np.uint8)
    return picture


@compiled_loosely
def _cover(picture: Bytes, patch: Floats) -> None:
    cos, sin = np.cos(patch[4]), np.sin(patch[4])
    for row in range(picture.shape[0]):
        for column in range(picture.shape[1]):
            x, y = column - patch[0], row - patch[1]
            u, v = (cos * x + sin * y) / patch[2], (cos * y - sin * x) / patch[3]
            if u * u * u * u + v * v * v * v < 1:
                for k in range(3):
                    picture[row, column, k] = np.uint8(patch[5 + k] * (np.float32(1) - np.float32(0.25) * u))
