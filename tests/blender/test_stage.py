# SPDX-License-Identifier: Apache-2.0
"""The stage: Blender's camera sees every vertex where the fit has it, and the picture fills the frame behind."""

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender.known_heads import known_fit, new_head
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector
from mien.addon.face import backdrop, pose, stage
from mien.addon.face.head import set_expression
from mien.core.camera import Camera
from mien.core.errors import BadInput
from mien.core.fit import Fit
from mien.core.model_files import default_model

SIZES = [(640, 480), (480, 641), (1001, 333), (333, 1001), (512, 512), (16, 9)]


def _fitted(fit: Fit, **options: object) -> bpy.types.Object:
    head = new_head(identity=fit.identity, expression=fit.expression)
    for name, value in options.items():
        setattr(head, name, value)
    return head


def _seen(head: bpy.types.Object, camera: bpy.types.Object) -> np.ndarray:
    """Pixels (N, 2) of the evaluated vertices in the render, by Blender's own projection."""
    scene = bpy.context.scene
    bpy.context.view_layer.update()
    mesh = head.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    places = [head.matrix_world @ vertex.co for vertex in list(mesh.vertices)[::5]]
    points = np.array([world_to_camera_view(scene, camera, place)[:2] for place in places])
    return np.stack([points[:, 0] * scene.render.resolution_x, (1 - points[:, 1]) * scene.render.resolution_y], 1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_the_head_lies_on_the_face(size: tuple[int, int], scale: float) -> None:
    bpy.context.scene.unit_settings.scale_length = scale
    fit = known_fit(*size, seed=size[0])
    head = _fitted(fit, location=(1.0, -2.0, 0.5))
    camera = stage.match_fit(head, fit, bpy.context.scene)
    assert np.abs(_seen(head, camera) - fit.vertices_image[::5, :2]).max() <= 0.1
    assert head.location[:] == pytest.approx((1.0, -2.0, 0.5), abs=1e-5 / scale)
    assert camera.rotation_euler[:] == pytest.approx((np.pi / 2, 0, 0), abs=1e-6)
    assert bpy.context.scene.camera == camera == head.mien.camera


@pytest.mark.parametrize("mode", ["QUATERNION", "ZXY"])
def test_a_scaled_head_with_a_parent_lies_there_too(mode: str) -> None:
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.location, parent.rotation_euler, parent.scale = (1, 2, 3), (0.3, -0.2, 1.0), (3, 3, 3)
    fit = known_fit(640, 360)
    head = _fitted(fit, parent=parent, scale=(0.5, 0.5, 0.5), rotation_mode=mode)
    bpy.context.view_layer.update()
    camera = stage.match_fit(head, fit, bpy.context.scene)
    assert np.abs(_seen(head, camera) - fit.vertices_image[::5, :2]).max() <= 0.1
    assert np.abs(np.array(head.scale) - 0.5).max() < 1e-6


def test_the_camera_reads_back() -> None:
    fit = known_fit(333, 500)
    head = _fitted(fit)
    camera = stage.match_fit(head, fit, bpy.context.scene)
    read, world = pose.stage_of(head, bpy.context.scene)
    assert (read.width, read.height, read.projection) == (333, 500, "perspective")
    assert read.focal == pytest.approx(fit.camera.focal, rel=1e-6)
    bpy.context.view_layer.update()
    rotation, translation = pose.poses_of(head, np.array(head.matrix_world)[None], world)
    np.testing.assert_allclose(rotation[0], fit.rotation, atol=1e-6)
    np.testing.assert_allclose(translation[0], fit.translation, atol=1e-6)
    camera.data.sensor_fit, camera.data.sensor_width = "AUTO", 24.0
    assert pose.camera_of(camera, bpy.context.scene).focal == pytest.approx(fit.camera.focal * 36 / 24, rel=1e-6)


def test_without_a_camera_the_standard_one_looks_at_the_head() -> None:
    head = new_head()
    head.location = (5, 6, 7)
    camera, world = pose.stage_of(head, bpy.context.scene)
    assert (camera.width, camera.height) == (1024, 1024)
    rotation, translation = pose.poses_of(head, np.array(head.matrix_basis)[None], world)
    np.testing.assert_allclose(rotation[0], 0, atol=1e-7)
    np.testing.assert_allclose(translation[0], pose.STANDARD_TRANSLATION, atol=1e-6)


def test_an_own_camera_is_used_again_and_a_users_is_left_alone() -> None:
    fit, scene = known_fit(640, 480), bpy.context.scene
    head = _fitted(fit)
    first = stage.match_fit(head, fit, scene)
    assert stage.match_fit(head, known_fit(480, 640, 3), scene) == first
    assert len(bpy.data.cameras) == 1
    other = _fitted(fit)
    other.mien.camera = first
    second = stage.match_fit(other, fit, scene)
    assert second != first and head.mien.camera == first
    users = bpy.data.objects.new("Users", bpy.data.cameras.new("Users"))
    scene.collection.objects.link(users)
    head.mien.camera = users
    assert stage.match_fit(head, fit, scene) != users
    assert users.data.lens == 50.0 and users.location[:] == (0, 0, 0)


def test_the_resolution_is_the_pictures_if_wanted() -> None:
    fit, render = known_fit(641, 480), bpy.context.scene.render
    head = _fitted(fit)
    stage.match_fit(head, fit, bpy.context.scene, set_resolution=False)
    assert (render.resolution_x, render.resolution_y) == (1920, 1080)
    stage.match_fit(head, fit, bpy.context.scene)
    assert (render.resolution_x, render.resolution_y, render.resolution_percentage) == (641, 480, 100)


def _picture(path: Path, width: int, height: int) -> bpy.types.Image:
    """Every pixel has its own colour."""
    image = bpy.data.images.new("Made", width, height)
    rows, columns = np.mgrid[0:height, 0:width]
    rgba = np.stack([columns / width, rows / height, (columns + rows) % 2 * 0.5, np.ones((height, width))], -1)
    image.pixels.foreach_set(rgba.astype(np.float32).ravel())
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return backdrop.load_picture(str(path))


@pytest.mark.parametrize("size", [(64, 48), (33, 60)])
def test_the_backdrop_renders_as_the_picture_itself(tmp_path: Path, size: tuple[int, int]) -> None:
    fit, scene = known_fit(*size), bpy.context.scene
    head = _fitted(fit)
    camera = stage.match_fit(head, fit, scene)
    head.hide_render = True
    picture = _picture(tmp_path / "photo.png", *size)
    plane = backdrop.make_backdrop(camera, picture, scene, distance=float(fit.translation[2]))
    corners = np.array([world_to_camera_view(scene, camera, _world(plane) @ v.co)[:2] for v in plane.data.vertices])
    edge = np.array([loop.uv[:] for loop in plane.data.uv_layers[0].data])
    np.testing.assert_allclose(corners, edge, atol=2e-5)
    np.testing.assert_allclose(edge, np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * 1.06 - 0.03, atol=1e-6)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 64, False
    scene.cycles.pixel_filter_type, scene.view_settings.view_transform = "BOX", "Standard"
    scene.render.filepath = str(tmp_path / "render.png")
    bpy.ops.render.render(write_still=True)
    made = bpy.data.images.load(scene.render.filepath)
    assert tuple(made.size) == size
    difference = np.abs(np.array(made.pixels[:]) - np.array(picture.pixels[:])).reshape(size[1], size[0], 4)
    assert difference[..., :2].max() < 0.02
    assert not any((plane.visible_diffuse, plane.visible_glossy, plane.visible_shadow, plane.visible_transmission))


def _world(thing: bpy.types.Object) -> object:
    bpy.context.view_layer.update()
    return thing.matrix_world


def test_one_backdrop_for_a_camera(tmp_path: Path) -> None:
    fit, scene = known_fit(64, 48), bpy.context.scene
    camera = stage.match_fit(_fitted(fit), fit, scene)
    picture = _picture(tmp_path / "photo.png", 64, 48)
    before = {kind: len(getattr(bpy.data, kind)) for kind in ("objects", "meshes", "materials")}
    for _ in range(3):
        plane = backdrop.make_backdrop(camera, picture, scene, distance=0.6)
    assert backdrop.backdrop_of(camera) == plane
    assert {kind: len(getattr(bpy.data, kind)) - n for kind, n in before.items()} == dict.fromkeys(before, 1)
    backdrop.remove_backdrop(camera)
    assert {kind: len(getattr(bpy.data, kind)) for kind in before} == before


def test_picture_in_the_cameras_view(tmp_path: Path) -> None:
    fit, scene = known_fit(64, 48), bpy.context.scene
    picture = _picture(tmp_path / "photo.png", 64, 48)
    camera = stage.match_fit(_fitted(fit), fit, scene, picture=picture)
    backdrop.show_behind(camera, picture)
    (view,) = camera.data.background_images
    assert view.image == picture and view.show_background_image and camera.data.show_background_images


def _clip(path: Path, frames: int) -> bpy.types.Image:
    scene = bpy.data.scenes.new("Film")
    scene.camera = bpy.data.objects.new("Film", bpy.data.cameras.new("Film"))
    scene.collection.objects.link(scene.camera)
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x = scene.render.resolution_y = 16
    scene.frame_end, scene.render.filepath, scene.render.use_file_extension = frames, str(path), False
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "VIDEO"
    settings.file_format, scene.render.ffmpeg.format, scene.render.ffmpeg.codec = "FFMPEG", "MPEG4", "H264"
    bpy.ops.render.render(animation=True, scene=scene.name)
    bpy.data.scenes.remove(scene)
    return backdrop.load_picture(str(path))


@pytest.mark.parametrize("rate", [1.0, 25 / 24, 24 / 60])
def test_a_clip_runs_at_its_own_speed(tmp_path: Path, rate: float) -> None:
    scene = bpy.context.scene
    clip = _clip(tmp_path / "clip.mp4", 12)
    assert clip.source == "MOVIE" and clip.frame_duration == 12
    camera = stage.match_fit(new_head(), known_fit(64, 64), scene)
    for _ in range(2):
        backdrop.show_behind(camera, clip, start_frame=5, frames=12, rate=rate)
    plane = backdrop.make_backdrop(camera, clip, scene, distance=0.6, start_frame=5, frames=12, rate=rate)
    users = (camera.data.background_images[0].image_user,
             plane.data.materials[0].node_tree.nodes.active.image_user)
    for frame in range(1, 30):
        scene.frame_set(frame)
        expected = int(np.floor(max(frame - 5, 0) * rate + 0.5))  # from 0
        for user in users:
            assert max(frame - user.frame_start, 0) + user.frame_offset == expected
            assert user.frame_duration >= expected - user.frame_offset or expected >= 12
    assert len(camera.data.animation_data.drivers if camera.data.animation_data else ()) == (rate != 1.0)


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    before = len(bpy.data.images)
    with pytest.raises(BadInput, match="cannot read"):
        backdrop.load_picture(str(tmp_path / "missing.png"))
    assert len(bpy.data.images) == before


def test_orthographic_fits_are_right_at_the_heads_origin() -> None:
    fit = known_fit(400, 300)
    fit = replace(fit, camera=Camera(400, 300, fit.camera.focal, "orthographic"))
    head = new_head()
    camera = stage.match_fit(head, fit, bpy.context.scene)
    bpy.context.view_layer.update()
    x, y, _ = world_to_camera_view(bpy.context.scene, camera, head.matrix_world @ Vector((0, 0, 0)))
    expected = fit.translation[:2] * fit.camera.focal / fit.translation[2] + fit.camera.centre
    np.testing.assert_allclose((x * 400, (1 - y) * 300), expected, atol=1e-2)
    assert camera.data.mien.projection == "orthographic"


def test_everything_keeps_its_place_after_reopening(tmp_path: Path) -> None:
    fit = known_fit(640, 480)
    head = _fitted(fit)
    stage.match_fit(head, fit, bpy.context.scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "stage.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "stage.blend"))
    head = bpy.data.objects["Face"]
    camera = head.mien.camera
    set_expression(head.data, dict(zip(default_model().expression_names, map(float, fit.expression), strict=True)))
    assert np.abs(_seen(head, camera) - fit.vertices_image[::5, :2]).max() <= 0.1
