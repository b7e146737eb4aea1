# SPDX-License-Identifier: Apache-2.0
"""Shaded pictures: where the light falls, what covers what, and what eyes look like."""

import numpy as np
import pytest
from mien.core.camera import Camera, project
from mien.core.face_model import FaceModel
from mien.core.model_files import default_model
from mien.core.shade import Shading, shade, shade_head
from numpy.typing import NDArray


def ball(size: int, rows: int = 40) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """A sphere in the middle of a square picture, triangles counter-clockwise seen from outside."""
    t, p = np.meshgrid(np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, 2 * rows), indexing="ij")
    unit = np.stack([np.sin(t) * np.cos(p), np.cos(t), -np.sin(t) * np.sin(p)], -1).reshape(-1, 3)
    i = np.arange(rows * 2 * rows).reshape(rows, 2 * rows)
    quads = np.stack([i[:-1, :-1], i[1:, :-1], i[1:, 1:], i[:-1, 1:]], -1).reshape(-1, 4)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    image = unit * [1, -1, 1] * (0.4 * size) + [size / 2, size / 2, 0]
    return image.astype(np.float32), triangles


def test_alpha_is_the_coverage() -> None:
    points, triangles = ball(64)
    alpha = shade(points, triangles, 64, 64)[..., 3]
    y, x = np.mgrid[:64, :64] + 0.5
    radius = np.hypot(x - 32, y - 32)
    assert (alpha[radius < 24.5] == 255).all()
    assert (alpha[radius > 26.5] == 0).all()
    assert alpha.sum() / 255 == pytest.approx(np.pi * 25.6**2, rel=0.01)
    assert {64, 128, 191} <= set(np.unique(alpha).tolist())


def test_light_comes_from_the_upper_left() -> None:
    points, triangles = ball(64)
    grey = shade(points, triangles, 64, 64)[..., :3].mean(-1)
    assert grey[22, 22] > grey[22, 42] > grey[48, 44]
    assert grey[22, 22] > grey[42, 22]


def test_a_texture_is_read_the_right_way_up() -> None:
    square = np.array([[0, 0, 0], [32, 0, 0], [32, 32, 0], [0, 32, 0.0]])
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    triangles = np.array([[0, 3, 2], [0, 2, 1]], np.int32)
    texture = np.zeros((16, 16, 3), np.uint8)
    texture[:8, :8, 0] = texture[:8, 8:, 1] = texture[8:, :8, 2] = 255
    shading = Shading(np.ones((4, 3), np.float32), texture, uv, triangles)
    picture = shade(square, triangles, 32, 32, shading)[..., :3].astype(int)
    corners = [picture[4, 4], picture[4, 27], picture[27, 4]]
    assert [int(c.argmax()) for c in corners] == [0, 1, 2]
    assert all(c.max() - np.sort(c)[1] > 100 for c in corners)
    assert picture[27, 27].max() < 80


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return default_model()


def head(model: FaceModel, size: int, yaw: float = 0.0, **expression: float) -> NDArray[np.float64]:
    beta = np.array([expression.get(name, 0.0) for name in model.expression_names])
    camera = Camera.for_image(size, size)
    place = np.array([0, 0, camera.focal / size * 0.25])
    return project(model.vertices(None, beta), np.array([0, yaw, 0]), place, camera)


def test_the_head_has_eyes_that_look_where_they_are_told(model: FaceModel) -> None:
    """The pupils, the darkest places on the balls, move to the subject's left (the image's right)."""
    def pupil(vertices: NDArray[np.float64]) -> float:
        picture = shade_head(model, vertices, 256, 256)[..., :3].astype(float).mean(-1)
        eye = model.regions["eye_left"] > 0.5
        box = project_box(vertices[eye])
        dark = np.clip(70 - picture[box], 0, None) ** 2
        return float((dark.sum(0) * np.arange(dark.shape[1])).sum() / max(dark.sum(), 1e-9))

    def project_box(points: NDArray[np.float64]) -> tuple[slice, slice]:
        middle = (points.min(0) + points.max(0)) / 2
        return slice(int(middle[1]) - 5, int(middle[1]) + 6), slice(int(middle[0]) - 12, int(middle[0]) + 13)

    ahead, aside = pupil(head(model, 256)), pupil(head(model, 256, eyeLookOutLeft=1.0, eyeLookInRight=1.0))
    assert aside > ahead + 2


def test_a_head_drawn_in_one_colour_differs_from_its_parts(model: FaceModel) -> None:
    vertices = head(model, 128, 0.3, jawOpen=0.6)
    texture = np.full((8, 8, 3), 180, np.uint8)
    plain, parts = shade_head(model, vertices, 128, 128, texture), shade_head(model, vertices, 128, 128)
    inside = plain[..., 3] == 255
    assert np.abs(plain[inside][:, 0].astype(int) - plain[inside][:, 1]).max() < 25
    assert parts[inside][:, 0].astype(float).mean() > parts[inside][:, 2].mean() + 20
