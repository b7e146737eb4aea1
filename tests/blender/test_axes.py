# SPDX-License-Identifier: Apache-2.0
"""Axes: every conversion is exact, agrees with mathutils, and has an exact inverse."""

import bpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mathutils import Euler, Matrix, Quaternion
from mien.addon.face import axes, pose
from mien.core.camera import rotation_matrix, to_camera

vectors = arrays(np.float64, 3, elements=st.floats(-2, 2))
places = arrays(np.float64, 3, elements=st.floats(-5, 5))
scales = st.sampled_from([1.0, 0.01, 1000.0])


def test_model_axes_become_blenders() -> None:
    left, up, out = np.eye(3, dtype=np.float32)
    assert axes.to_blender(left).tolist() == [1, 0, 0]
    assert axes.to_blender(up).tolist() == [0, 0, 1]
    assert axes.to_blender(out).tolist() == [0, -1, 0]
    assert np.linalg.det(axes.MODEL_TO_BLENDER) == 1
    np.testing.assert_array_equal(axes.to_blender(np.eye(3, dtype=np.float32)), axes.MODEL_TO_BLENDER.T)


@given(arrays(np.float32, (4, 5, 3), elements=st.floats(-1, 1, width=32)), scales)
def test_points_there_and_back(points: np.ndarray, scale: float) -> None:
    there = axes.to_blender(points, scale)
    assert there.dtype == np.float32 and there.flags.c_contiguous
    np.testing.assert_allclose(axes.to_model(there, scale), points, rtol=3e-7, atol=1e-30)
    np.testing.assert_array_equal(axes.to_model(axes.to_blender(points)), points)


@settings(deadline=None)
@given(vectors, vectors, places, places, scales)
def test_a_posed_head_is_where_the_camera_sees_it(rotation: np.ndarray, translation: np.ndarray, turn: np.ndarray,
                                                  place: np.ndarray, scale: float) -> None:
    camera = np.eye(4)
    camera[:3, :3], camera[:3, 3] = rotation_matrix(turn), place / scale
    points = np.random.default_rng(0).normal(size=(10, 3))
    turned, location = axes.pose_to_world(rotation, translation, camera, scale)
    world = axes.to_blender(points, scale).astype(float) @ turned.T + location
    local = (np.linalg.inv(camera) @ np.c_[world, np.ones(10)].T).T[:, :3] * scale
    seen = to_camera(points, rotation, translation)
    np.testing.assert_allclose(local * [1, -1, -1], seen, atol=2e-6)


@settings(deadline=None)
@given(vectors, vectors, places, places, scales)
def test_poses_there_and_back(rotation: np.ndarray, translation: np.ndarray, turn: np.ndarray, place: np.ndarray,
                              scale: float) -> None:
    camera = np.eye(4)
    camera[:3, :3], camera[:3, 3] = rotation_matrix(turn) * 2.5, place
    head = axes.pose_to_world(rotation, translation, camera, scale)
    back, moved = axes.world_to_pose(*head, camera, scale)
    np.testing.assert_allclose(rotation_matrix(back), rotation_matrix(rotation), atol=1e-7)
    np.testing.assert_allclose(moved, translation, atol=1e-9 * max(scale, 1))


def test_facing_the_stage_is_no_rotation_in_blender() -> None:
    matrix = axes.stage_matrix((1, 2, 3), (0, 0, 0.6), 1.0)
    np.testing.assert_allclose(matrix[:3, 3], (1, 1.4, 3))
    turned, location = axes.pose_to_world(np.zeros(3), np.array((0, 0, 0.6)), matrix, 1.0)
    np.testing.assert_allclose(turned, np.eye(3), atol=1e-15)
    np.testing.assert_allclose(location, (1, 2, 3), atol=1e-15)


@settings(deadline=None)
@given(arrays(np.float64, 3, elements=st.floats(-7, 7)))
def test_euler_angles_are_blenders(angles: np.ndarray) -> None:
    ours = axes.from_euler_xyz(angles)
    np.testing.assert_allclose(ours, np.array(Euler(angles, "XYZ").to_matrix()), atol=2e-6)
    np.testing.assert_allclose(axes.from_euler_xyz(axes.euler_xyz(ours[None]))[0], ours, atol=1e-7)


def test_angles_and_quaternions_do_not_jump() -> None:
    t = np.linspace(0, 1, 400)[:, None]
    turns = rotation_matrix(t * (1.0, 14.0, 3.0))
    for values in (axes.euler_xyz(rotation_matrix(t * (0.3, 1.2, 14.0))), axes.quaternions(turns)):
        assert np.abs(np.diff(values, axis=0)).max() < 0.2
    np.testing.assert_allclose(axes.from_euler_xyz(axes.euler_xyz(turns)), turns, atol=1e-9)


@pytest.mark.parametrize("mode", ["XYZ", "ZYX", "YXZ", "QUATERNION", "AXIS_ANGLE"])
@pytest.mark.parametrize("with_parent", [False, True])
@pytest.mark.parametrize("with_deltas", [False, True])
def test_posing_and_reading_a_head_in_every_rotation_mode(mode: str, with_parent: bool, with_deltas: bool) -> None:
    from blender.known_heads import new_head

    head = new_head()
    head.rotation_mode = mode
    head.scale = (1.5, 1.5, 1.5)
    if with_parent:
        head.parent = bpy.data.objects.new("Parent", None)
        bpy.context.scene.collection.objects.link(head.parent)
        head.parent.location, head.parent.rotation_euler = (1, -2, 0.5), (0.4, 0.2, -0.7)
        head.parent.scale = (2, 2, 2)
        head.matrix_parent_inverse = Matrix.Rotation(0.3, 4, "X")
    camera = axes.stage_matrix((0.2, -0.1, 0.4), (0, 0, 1), 1.0)
    if with_deltas:
        head.delta_location, head.delta_rotation_euler = (0.3, 0.1, -0.2), (0.5, -0.3, 0.2)
        head.delta_rotation_quaternion = Quaternion((1, 2, 3), 0.7)
    bpy.context.view_layer.update()
    rotation, translation = np.array((0.2, -0.5, 0.3)), np.array((0.05, -0.02, 0.8))
    pose.pose_head(head, rotation, translation, camera)
    bpy.context.view_layer.update()
    assert pose.metres_per_unit(head) == pytest.approx(1 / (3 if with_parent else 1.5), rel=1e-6)
    back = pose.poses_of(head, np.array(head.matrix_world)[None], camera)
    np.testing.assert_allclose(back[0][0], rotation, atol=1e-6)
    np.testing.assert_allclose(back[1][0], translation, atol=1e-6)
    assert head.scale[:] == (1.5, 1.5, 1.5)
