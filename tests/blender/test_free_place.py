# SPDX-License-Identifier: Apache-2.0
"""A new face is seen by its camera, whatever stood where it was wanted; nothing of the user's is touched."""

import bpy
import numpy as np
import pytest
from blender.known_heads import known_fit
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector
from mien.addon.capture.face_from_photo import head_from_fit
from mien.addon.face.free_place import Place, free_place
from mien.core.camera import Camera
from mien.core.fit import Fit
from mien.core.model_files import default_model

CAMERA = Camera.for_image(600, 400, "perspective")


def place(distance: float = 1.5) -> Place:
    return free_place(bpy.context.scene, bpy.context.view_layer, CAMERA, np.array([0.02, -0.03, distance]))


def new_face(fit: Fit) -> tuple[bpy.types.Object, Place]:
    scene = bpy.context.scene
    found = free_place(scene, bpy.context.view_layer, fit.camera, fit.translation)
    head = head_from_fit(fit, default_model(), scene, name="new", location=found.location)
    bpy.context.view_layer.update()
    return head, found


def assert_alone_in_the_picture(head: bpy.types.Object) -> None:
    """Every ray of the camera through its picture meets the head or nothing."""
    scene, camera = bpy.context.scene, head.mien.camera
    graph = bpy.context.evaluated_depsgraph_get()
    frame = [camera.matrix_world @ corner for corner in camera.data.view_frame(scene=scene)]
    origin, seen = camera.matrix_world.translation, set()
    for across in np.linspace(0.01, 0.99, 9):
        for down in np.linspace(0.01, 0.99, 9):
            upper, lower = frame[3].lerp(frame[0], across), frame[2].lerp(frame[1], across)
            hit, *_, thing, _ = scene.ray_cast(graph, origin, upper.lerp(lower, down) - origin)
            seen |= {thing} if hit else set()
    assert seen == {head}


def test_the_cursor_where_nothing_is() -> None:
    bpy.context.scene.cursor.location = (1, 2, 3)
    found = place()
    assert found.location == (1, 2, 3) and not found.moved and found.sentence() == ""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_beside_the_cube_that_every_new_file_has(seed: int) -> None:
    bpy.ops.mesh.primitive_cube_add(size=2)
    cube = bpy.context.active_object
    before = np.array(cube.matrix_world)
    head, found = new_face(known_fit(600, 400, seed))
    assert found.moved and found.in_the_way == ("Cube",) and "beside “Cube”" in found.sentence()
    assert head.location.x > 1 and tuple(head.location[1:]) == pytest.approx((0, 0), abs=1e-6)
    assert_alone_in_the_picture(head)
    np.testing.assert_array_equal(np.array(cube.matrix_world), before)
    assert not cube.hide_render and not cube.hide_get()


def test_two_faces_stand_side_by_side() -> None:
    first, at_first = new_face(known_fit(600, 400, 1))
    second, _ = new_face(known_fit(600, 400, 1))
    third, at_third = new_face(known_fit(600, 400, 1))
    assert not at_first.moved and first.location.length < 1e-6
    assert 0.1 < second.location.x < third.location.x and set(at_third.in_the_way) == {"new", "new.001"}
    for head in (second, third):
        assert_alone_in_the_picture(head)
        seen = world_to_camera_view(bpy.context.scene, head.mien.camera, Vector(head.location))
        assert 0 < seen.x < 1 and 0 < seen.y < 1


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_at_every_scale(scale: float) -> None:
    bpy.context.scene.unit_settings.scale_length = scale
    bpy.ops.mesh.primitive_cube_add(size=0.8 / scale)
    found = place()
    assert found.moved and 0.4 < found.location[0] * scale < 5


def test_a_box_around_the_camera_too_is_in_the_way_a_room_is_not() -> None:
    bpy.ops.mesh.primitive_cube_add(size=2)
    assert place(0.6).moved
    bpy.context.active_object.scale = (3, 3, 3)
    assert not place(0.6).moved
    bpy.context.active_object.hide_set(True)
    assert not place(0.6).moved and not place(5).moved


def test_what_stands_behind_or_aside_or_cannot_be_seen_is_not_in_the_way() -> None:
    for where in ((0, 0.8, 0), (1.5, 0, 0), (0, -4, 0)):
        bpy.ops.mesh.primitive_cube_add(size=0.5, location=where)
    bpy.ops.mesh.primitive_cube_add(size=0.5, location=(0, -0.7, 0))
    bpy.context.active_object.hide_set(True)
    bpy.ops.object.light_add(location=(0, -0.5, 0))
    bpy.ops.object.empty_add(location=(0, -0.5, 0))
    assert not place().moved


def test_where_there_is_no_room_it_is_said() -> None:
    bpy.ops.mesh.primitive_plane_add(size=500, location=(0, -0.5, 0), rotation=(np.pi / 2, 0, 0))
    found = place()
    assert not found.moved and found.location == (0, 0, 0) and "hide it" in found.sentence()
