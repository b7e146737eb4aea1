# SPDX-License-Identifier: Apache-2.0
"""Face from Photo with the real engine: the head lies on the photo, the operator does what the API does."""

from pathlib import Path

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from engine_python import needs_engine
from mathutils import Vector
from mien.addon.capture import face_from_photo
from mien.addon.face import pose
from mien.addon.face.head import heads_in, is_head
from mien.addon.face.identity import identity_of
from mien.core.fit_files import load_fit
from mien.core.model_files import default_model

PHOTO = Path(__file__).parents[2] / "core" / "demo_data" / "astronaut.jpg"

pytestmark = needs_engine


def _make(**options: object) -> bpy.types.Object:
    assert bpy.ops.mien.face_from_photo(filepath=str(PHOTO), **options) == {"FINISHED"}
    (head,) = heads_in(bpy.context)
    return head


def _fit() -> object:
    from mien.addon.capture import jobs

    return load_fit(jobs._last.job.file("fit"), default_model())


def _pixels(head: bpy.types.Object) -> np.ndarray:
    """Every vertex of the evaluated head through Blender's own camera, pixels from the top left."""
    scene = bpy.context.scene
    bpy.context.view_layer.update()
    evaluated = head.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = (evaluated.matrix_world @ Vector(vertex.co) for vertex in evaluated.data.vertices)
    seen = np.array([world_to_camera_view(scene, scene.camera, point)[:2] for point in points])
    size = np.array([scene.render.resolution_x, scene.render.resolution_y])
    return np.column_stack([seen[:, 0], 1 - seen[:, 1]]) * size


def test_the_head_lies_on_the_photo() -> None:
    head, fit = _make(), _fit()
    assert fit.camera.projection == "perspective"
    assert (bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y) == (512, 512)
    assert np.abs(_pixels(head) - fit.vertices_image[:, :2]).max() < 0.5


@pytest.mark.parametrize("unit", [0.01, 1.0, 25.4])
def test_the_head_lies_on_the_photo_at_every_scale_and_place(unit: float) -> None:
    scene = bpy.context.scene
    scene.unit_settings.scale_length = unit
    scene.cursor.location = (1 / unit, -2 / unit, 0.5 / unit)
    head, fit = _make(), _fit()
    assert np.abs(_pixels(head) - fit.vertices_image[:, :2]).max() < 0.5
    np.testing.assert_allclose(head.location, scene.cursor.location, rtol=1e-6)


def test_the_head_has_what_was_fitted() -> None:
    head, fit = _make(), _fit()
    np.testing.assert_allclose(identity_of(head.data), fit.identity, atol=1e-6)
    values = [head.data.shape_keys.key_blocks[name].value for name in default_model().expression_names]
    np.testing.assert_allclose(values, fit.expression, atol=1e-6)
    assert head.data.mien.source == PHOTO.name
    assert head.data.mien.confidence == pytest.approx(fit.confidence)
    assert head.data.mien.warnings == "\n".join(fit.warnings)
    assert bpy.context.view_layer.objects.active == head and head.select_get()


def test_pictures_are_in_the_file() -> None:
    head = _make(texture_size="512")
    images = {image.name: image for image in bpy.data.images}
    assert set(images) == {"astronaut Texture", "astronaut Photo"}
    assert all(image.packed_file and len(image.packed_file.data) == image.packed_file.size for image in images.values())
    assert tuple(images["astronaut Texture"].size) == (512, 512)
    assert images["astronaut Photo"].packed_file.data == PHOTO.read_bytes()
    used = {node.image for slot in head.material_slots for node in slot.material.node_tree.nodes
            if node.type == "TEX_IMAGE"}
    assert used == {images["astronaut Texture"]}
    (view,) = bpy.context.scene.camera.data.background_images
    assert view.image == images["astronaut Photo"]


def test_saved_and_reopened_it_is_the_same(tmp_path: Path) -> None:
    before = _pixels(_make())
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "gesicht ü.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "gesicht ü.blend"))
    (head,) = heads_in(bpy.context)
    np.testing.assert_allclose(_pixels(head), before, atol=1e-3)
    assert all(image.has_data or image.packed_file for image in bpy.data.images)


def test_the_operator_is_the_api() -> None:
    first, fit = _make(), _fit()
    second = face_from_photo.head_from_fit(fit, default_model(), bpy.context.scene, name="astronaut", photo=PHOTO)
    for key in first.data.shape_keys.key_blocks:
        other = second.data.shape_keys.key_blocks[key.name]
        ours, theirs = (np.empty(3 * len(first.data.vertices), np.float32) for _ in range(2))
        key.points.foreach_get("co", ours)
        other.points.foreach_get("co", theirs)
        np.testing.assert_array_equal(ours, theirs)
        assert key.value == other.value
    np.testing.assert_allclose(pose.world_matrix(first), pose.world_matrix(second), atol=1e-6)
    np.testing.assert_allclose(pose.world_matrix(first.mien.camera), pose.world_matrix(second.mien.camera), atol=1e-6)


def test_several_photos_share_one_identity(tmp_path: Path) -> None:
    image = bpy.data.images.load(str(PHOTO))
    image.scale(400, 400)
    image.filepath_raw, image.file_format = str(tmp_path / "zweites bild.png"), "PNG"
    image.save()
    bpy.data.images.remove(image)
    (tmp_path / "eins.jpg").write_bytes(PHOTO.read_bytes())
    files = [{"name": "eins.jpg"}, {"name": "zweites bild.png"}]
    assert bpy.ops.mien.face_from_photo(directory=str(tmp_path), files=files, texture_size="0") == {"FINISHED"}
    (head,) = heads_in(bpy.context)
    assert head.name == "eins" and "eins Texture" not in bpy.data.images
    assert np.abs(_pixels(head) - _fit().vertices_image[:, :2]).max() < 0.5


def test_a_turned_photo_comes_upright(tmp_path: Path) -> None:
    """EXIF orientation, which Blender knows nothing of: the picture behind the head is the engine's upright copy."""
    turned = tmp_path / "turned.jpg"
    turned.write_bytes(_with_orientation(PHOTO.read_bytes(), 6))
    assert bpy.ops.mien.face_from_photo(filepath=str(turned), face=0) in ({"FINISHED"}, {"CANCELLED"})
    heads = heads_in(bpy.context)
    if heads:
        assert bpy.data.images["turned Photo"].packed_file.data != turned.read_bytes()


@pytest.mark.parametrize("make", [lambda folder: folder / "missing.jpg",
                                  lambda folder: _written(folder, b"not a photo"), lambda folder: _flat(folder)],
                         ids=["missing", "garbage", "no face"])
def test_what_cannot_be_used_changes_nothing(make: object, tmp_path: Path) -> None:
    before = _counts()
    with pytest.raises(RuntimeError) as raised:
        bpy.ops.mien.face_from_photo(filepath=str(make(tmp_path)))
    assert len(str(raised.value).strip().splitlines()) == 1
    assert _counts() == before


def test_a_wide_photo_and_a_tall_one(tmp_path: Path) -> None:
    for size in ((640, 400), (400, 640)):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        path = _padded(tmp_path, size)
        assert bpy.ops.mien.face_from_photo(filepath=str(path)) == {"FINISHED"}
        (head,) = heads_in(bpy.context)
        assert np.abs(_pixels(head) - _fit().vertices_image[:, :2]).max() < 0.5


def test_undo_restores_the_counts() -> None:
    bpy.ops.ed.undo_push(message="start")
    before = _counts()
    head = _make()
    bpy.ops.ed.undo_push(message="face")
    after = _counts()
    assert is_head(head) and after != before
    bpy.ops.ed.undo()
    assert _counts() == before
    bpy.ops.ed.redo()
    assert _counts() == after


def _counts() -> dict[str, int]:
    names = ("objects", "meshes", "materials", "images", "cameras", "actions", "shape_keys")
    return {name: len(getattr(bpy.data, name)) for name in names}


def _written(folder: Path, data: bytes) -> Path:
    path = folder / "file.jpg"
    path.write_bytes(data)
    return path


def _flat(folder: Path) -> Path:
    image = bpy.data.images.new("flat", 300, 200)
    image.filepath_raw, image.file_format = str(folder / "flat.png"), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return folder / "flat.png"


def _padded(folder: Path, size: tuple[int, int]) -> Path:
    """The photo in the corner of a grey picture of another shape."""
    photo = bpy.data.images.load(str(PHOTO))
    photo.scale(400, 400)
    pixels = np.full((size[1], size[0], 4), 0.5, np.float32)
    pixels[..., 3] = 1
    pixels[:400, :400] = np.array(photo.pixels[:], np.float32).reshape(400, 400, 4)
    bpy.data.images.remove(photo)
    image = bpy.data.images.new("padded", *size)
    image.pixels.foreach_set(pixels.ravel())
    image.filepath_raw, image.file_format = str(folder / f"padded {size[0]}.png"), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return folder / f"padded {size[0]}.png"


def _with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG with an EXIF segment that says how to turn it."""
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([orientation, 0, 0, 0]) + b"\0\0\0\0"
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]
