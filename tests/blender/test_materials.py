# SPDX-License-Identifier: Apache-2.0
"""How a head looks: its picture shows in a render, is stored in the file once, and can be another one."""

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender.known_heads import new_head
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector
from mien.addon.face import stage
from mien.addon.face.head import make_head
from mien.addon.face.materials import scene_lit
from mien.core.camera import Camera
from mien.core.model_files import default_model

SIZE = 160


def _picture(path: Path, colour: tuple[float, float, float]) -> Path:
    image = bpy.data.images.new("Made", 8, 8)
    image.pixels.foreach_set(np.tile(np.array((*colour, 1), np.float32), 64))
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return path


def _render(head: bpy.types.Object, path: Path) -> np.ndarray:
    """Linear-light picture (SIZE, SIZE, 4) in even light, row 0 at the bottom."""
    scene = bpy.context.scene
    camera = stage.make_stage(head, Camera.for_image(SIZE, SIZE, "perspective"), np.array((0, 0, 0.45)), scene)
    stage.set_frame(scene, camera)
    scene.world = bpy.data.worlds.new("Even")
    scene.world.color = (1, 1, 1)
    if scene.world.node_tree:
        scene.world.node_tree.nodes["Background"].inputs[0].default_value = (1, 1, 1, 1)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 12, False
    scene.cycles.max_bounces, scene.view_settings.view_transform = 2, "Standard"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    return np.array(bpy.data.images.load(str(path)).pixels[:]).reshape(SIZE, SIZE, 4)


def _colour_at(pixels: np.ndarray, head: bpy.types.Object, vertices: np.ndarray) -> np.ndarray:
    """Mean colour (3,) around the middle of some vertices."""
    place = Vector(np.mean([head.data.vertices[int(i)].co for i in vertices], 0))
    bpy.context.view_layer.update()
    x, y, _ = world_to_camera_view(bpy.context.scene, head.mien.camera, head.matrix_world @ place)
    column, row = int(x * SIZE), int(y * SIZE)
    return pixels[row - 1:row + 1, column - 1:column + 1, :3].mean((0, 1))


def _front_of(part: str) -> np.ndarray:
    model = default_model()
    vertices = np.unique(model.triangles[model.triangle_part == model.part_names.index(part)])
    return vertices[np.argsort(model.mean[vertices, 2])[-8:]]


def test_the_painted_face_shows_in_a_render(tmp_path: Path) -> None:
    head = new_head()
    pixels = _render(head, tmp_path / "render.png")
    forehead = _colour_at(pixels, head, np.flatnonzero(default_model().regions["forehead"] > 0.99)[:20])
    assert forehead[0] > forehead[1] > forehead[2] > 0.1
    for part in ("eye_left", "eye_right"):
        assert _colour_at(pixels, head, _front_of(part)).mean() < 0.6 * forehead.mean()
    lips = _colour_at(pixels, head, np.flatnonzero(default_model().regions["lips"] > 0.99))
    assert lips[0] / lips[1] > 1.1 * forehead[0] / forehead[1]


def test_every_picture_is_the_active_texture_for_workbench() -> None:
    for material in new_head().data.materials:
        active = material.node_tree.nodes.active
        assert active.type == "TEX_IMAGE" and active.image.packed_file
        assert material.diffuse_color[3] > 0.5


def test_heads_share_the_painted_picture() -> None:
    for name in "ABC":
        new_head(name)
    assert len(bpy.data.images) == 1
    assert len(bpy.data.materials) == 3 * 7


def test_another_picture(tmp_path: Path) -> None:
    head = new_head()
    bpy.context.view_layer.objects.active = head
    own = bpy.data.materials.new("Users")
    head.data.materials[6] = own
    path = _picture(tmp_path / "green é.png", (0, 1, 0))
    assert bpy.ops.mien.set_texture(filepath=str(path)) == {"FINISHED"}
    path.unlink()
    for material in head.data.materials:
        if material != own:
            assert material.node_tree.nodes.active.image.name == "green é.png"
    bpy.context.scene.cycles.samples = 4
    colour = _colour_at(_render(head, tmp_path / "render.png"), head, _front_of("eye_left"))
    assert colour[1] > 2 * max(colour[0], colour[2])


@pytest.mark.parametrize("content", [None, b"nonsense"])
def test_a_bad_picture_is_one_sentence_and_leaves_nothing(tmp_path: Path, content: bytes | None) -> None:
    bpy.context.view_layer.objects.active = new_head()
    path = tmp_path / "bad.png"
    if content is not None:
        path.write_bytes(content)
    before = len(bpy.data.images)
    with pytest.raises(RuntimeError, match=r"Blender cannot read the picture .*bad\.png"):
        bpy.ops.mien.set_texture(filepath=str(path))
    assert len(bpy.data.images) == before


def test_a_model_without_a_picture_shows_its_vertices_colours(tmp_path: Path) -> None:
    model = default_model()
    other = replace(model, name="other", mean=model.mean * np.float32(1.01))
    head = make_head(other, name="Other", scene=bpy.context.scene)
    assert not bpy.data.images
    pixels = _render(head, tmp_path / "render.png")
    forehead = _colour_at(pixels, head, np.flatnonzero(model.regions["forehead"] > 0.99)[:20])
    assert forehead[0] > forehead[1] > forehead[2] > 0.1
    brows = np.flatnonzero((model.regions["brows"] > 0.9) & (model.mean[:, 0] > 0))
    assert _colour_at(pixels, head, brows).mean() < 0.9 * forehead.mean()


def test_scattering_is_as_deep_in_any_unit() -> None:
    depths = []
    for scale in (1.0, 0.01):
        bpy.context.scene.unit_settings.scale_length = scale
        skin = new_head().data.materials[0].node_tree.nodes["Principled BSDF"]
        depths.append(skin.inputs["Subsurface Scale"].default_value * scale)
    assert depths[0] == pytest.approx(depths[1]) == pytest.approx(0.0035, rel=0.5)


def test_a_photo_shines_as_photographed_whatever_the_light(tmp_path: Path) -> None:
    texture = bpy.data.images.load(str(_picture(tmp_path / "grey.png", (0.5, 0.4, 0.3))))
    head = new_head(texture=texture)
    assert head.data.mien.photo_light == 1.0
    pixels = _render(head, tmp_path / "render.png")
    cheek = np.flatnonzero(default_model().regions["cheeks"] > 0.99)
    np.testing.assert_allclose(_colour_at(pixels, head, cheek[default_model().mean[cheek, 0] > 0]), (0.5, 0.4, 0.3),
                               atol=0.01)
    mixed = {m.name for m in head.data.materials if m.node_tree.nodes.get("Mien Mix")}
    assert len(mixed) == 6  # not the lashes


def test_photo_light_can_be_taken_away() -> None:
    head = new_head()
    trees = [material.node_tree for material in head.data.materials]
    before = [(len(tree.nodes), len(tree.links)) for tree in trees]
    head.data.mien.photo_light = 0.5
    assert [tree.nodes["Mien Mix"].inputs[0].default_value for tree in trees if "Mien Mix" in tree.nodes] == [0.5] * 8
    with scene_lit(head.data):
        assert [(len(tree.nodes), len(tree.links)) for tree in trees] == before
        for tree in trees:
            assert tree.get_output_node("ALL").inputs["Surface"].links[0].from_node.type == "BSDF_PRINCIPLED"
    assert sum("Mien Mix" in tree.nodes for tree in trees) == 8
    head.data.mien.photo_light = 0.0
    assert [(len(tree.nodes), len(tree.links)) for tree in trees] == before
