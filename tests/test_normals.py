# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from mien.core.normals import pixel_normals, vertex_normals


@pytest.fixture(scope="module")
def ball() -> tuple[np.ndarray, np.ndarray]:
    """A ball's vertices and its triangles, counter-clockwise from outside."""
    trimesh = pytest.importorskip("trimesh")
    sphere = trimesh.creation.icosphere(3)
    return np.asarray(sphere.vertices), np.asarray(sphere.faces)


def test_normals_of_a_ball_point_outwards(ball) -> None:
    vertices, triangles = ball
    assert (vertex_normals(vertices, triangles) * vertices).sum(1).min() > 0.999


def test_in_pixels_they_point_outwards_too(ball) -> None:
    vertices, triangles = ball
    points = vertices * [1, -1, 1] * 40 + [50, 50, 7]
    normals = pixel_normals(points, triangles.astype(np.int32))
    assert (normals * vertices * [1, -1, 1]).sum(1).min() > 0.999
    np.testing.assert_allclose(normals * [1, -1, 1], vertex_normals(vertices, triangles), atol=1e-4)


def test_normals_of_a_slope_follow_its_triangles_by_area() -> None:
    """Two triangles share an edge along z: one lies flat and is large, the other stands and is a third of it."""
    vertices = np.array([[0, 0, 0], [0, 0, 1], [3, 0, 0], [0, 1, 0]], float)
    triangles = np.array([[0, 1, 2], [0, 1, 3]])
    flat, standing = np.array([0, 1.5, 0]), np.array([-0.5, 0, 0])
    expected = (flat + standing) / np.linalg.norm(flat + standing)
    np.testing.assert_allclose(vertex_normals(vertices, triangles)[:2], np.tile(expected, (2, 1)), atol=1e-6)


def test_where_there_is_no_surface() -> None:
    points, triangles = np.zeros((3, 3)), np.zeros((1, 3), np.int32)
    np.testing.assert_array_equal(vertex_normals(points, triangles), np.tile([0, 0, 1], (3, 1)))
    np.testing.assert_array_equal(pixel_normals(points, triangles), np.zeros((3, 3)))
