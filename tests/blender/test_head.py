# SPDX-License-Identifier: Apache-2.0
"""The head: Blender's evaluated mesh is the face model's, however the head is copied, linked or scaled."""

from pathlib import Path

import bpy
import numpy as np
import pytest
from blender.known_heads import evaluated, express, new_head, random_expression, random_identity
from mien.addon.face import models
from mien.addon.face.head import active_head, heads_in, is_head, make_head, set_expression, set_source
from mien.addon.face.models import model_of
from mien.core.channels import ARKIT52
from mien.core.errors import BadInput
from mien.core.model_files import default_model, save_model

TOLERANCE = 1e-5


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_evaluated_mesh_is_the_models(seed: int, scale: float) -> None:
    bpy.context.scene.unit_settings.scale_length = scale
    identity, expression = random_identity(seed), random_expression(seed)
    head = new_head(identity=identity, expression=expression)
    expected = default_model().vertices(identity, expression)
    assert np.abs(evaluated(head) - expected).max() <= TOLERANCE
    size = np.ptp([v.co.z for v in head.data.vertices])
    assert size * scale == pytest.approx(np.ptp(expected[:, 1]), rel=0.2)
    express(head, np.zeros(52))
    assert np.abs(evaluated(head) - default_model().vertices(identity)).max() <= TOLERANCE


def test_surface_is_the_models() -> None:
    model, mesh = default_model(), new_head().data
    assert [key.name for key in mesh.shape_keys.key_blocks] == ["Basis", *ARKIT52]
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    np.testing.assert_array_equal(corners.reshape(-1, 3), model.triangles)
    uv = np.empty((len(mesh.loops), 2), np.float32)
    mesh.uv_layers["UVMap"].uv.foreach_get("vector", uv.ravel())
    np.testing.assert_array_equal(uv.reshape(-1, 3, 2), model.uv[model.uv_triangles])
    slots = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", slots)
    iris = slots == len(model.part_names)
    np.testing.assert_array_equal(slots[~iris], model.triangle_part[~iris])
    assert {model.part_names[part] for part in model.triangle_part[iris]} == {"eye_left", "eye_right"}
    assert len(mesh.materials) == len(model.part_names) + 1 and all(mesh.materials)
    assert all(polygon.use_smooth for polygon in mesh.polygons)
    assert not mesh.validate()
    normals = np.array([polygon.normal[:] for polygon in mesh.polygons])
    face = [i for i, p in enumerate(mesh.polygons) if (p.center.y < -0.03) and model.triangle_part[i] == 0]
    assert normals[face, 1].mean() < -0.5  # out of the face, along −Y


def test_vertex_groups_are_the_regions() -> None:
    model, head = default_model(), new_head()
    assert {group.name for group in head.vertex_groups} == set(model.regions)
    for name in ("lips", "neck", "brows"):
        group = head.vertex_groups[name]
        weights = np.zeros(model.vertex_count)
        for vertex in head.data.vertices:
            for member in vertex.groups:
                if member.group == group.index:
                    weights[vertex.index] = member.weight
        assert np.abs(weights - np.clip(model.regions[name], 0, 1)).max() <= 0.0051


def test_duplicated_and_linked_duplicates_and_two_heads() -> None:
    first = new_head("First", identity=random_identity(1))
    second = new_head("Second", identity=random_identity(2))
    bpy.ops.object.select_all(action="DESELECT")
    first.select_set(True)
    bpy.context.view_layer.objects.active = first
    bpy.ops.object.duplicate(linked=False)
    copy = bpy.context.active_object
    bpy.ops.object.select_all(action="DESELECT")
    first.select_set(True)
    bpy.context.view_layer.objects.active = first
    bpy.ops.object.duplicate(linked=True)
    linked = bpy.context.active_object
    assert copy.data != first.data and linked.data == first.data
    expressions = {head: random_expression(i) for i, head in enumerate((first, second, copy))}
    for head, expression in expressions.items():
        express(head, expression)
    expressions[linked] = expressions[first]
    for head, seed in ((first, 1), (second, 2), (copy, 1), (linked, 1)):
        expected = default_model().vertices(random_identity(seed), expressions[head])
        assert np.abs(evaluated(head) - expected).max() <= TOLERANCE
        assert is_head(head) and model_of(head.data) is default_model()
    assert set(heads_in(bpy.context)) == {first, second, copy, linked}


@pytest.mark.parametrize("link", [True, False])
def test_library_linked_and_appended_heads(tmp_path: Path, link: bool) -> None:
    identity, expression = random_identity(5), random_expression(5)
    new_head("Stored", identity=identity, expression=expression)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library ü.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library ü.blend"), link=link) as (_there, here):
        here.objects = ["Stored"]
    head = here.objects[0]
    bpy.context.scene.collection.objects.link(head)
    assert (head.data.library is not None) == link
    assert np.abs(evaluated(head) - default_model().vertices(identity, expression)).max() <= TOLERANCE


def test_saved_and_reopened(tmp_path: Path) -> None:
    head = new_head("Kept", identity=random_identity(6))
    set_source(head.data, "photo.jpg")
    path = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.wm.open_mainfile(filepath=path)
    head = bpy.data.objects["Kept"]
    expression = random_expression(6)
    express(head, expression)
    assert np.abs(evaluated(head) - default_model().vertices(random_identity(6), expression)).max() <= TOLERANCE
    assert head.data.mien.source == "photo.jpg"
    assert all(image.packed_file for image in bpy.data.images if image.source == "FILE")


def test_expression_beyond_the_sliders_widens_them() -> None:
    head = new_head()
    set_expression(head.data, {"jawOpen": 3.5, "browInnerUp": -2.5, "nonsense": 1.0})
    keys = head.data.shape_keys.key_blocks
    assert keys["jawOpen"].value == 3.5 and keys["browInnerUp"].value == -2.5
    assert keys["jawOpen"].slider_min == -1 and keys["browInnerUp"].slider_max == 2


def test_a_failure_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from mien.addon.face import head as module

    new_head("Before")
    kinds = ("objects", "meshes", "materials", "shape_keys", "images")
    before = {kind: set(getattr(bpy.data, kind)) for kind in kinds}
    with pytest.raises(BadInput):
        new_head(identity=np.zeros(3))
    with pytest.raises(BadInput):
        new_head(expression=np.zeros(3))

    def fail(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(module, "_describe", fail)
    with pytest.raises(RuntimeError):
        new_head()
    assert {kind: set(getattr(bpy.data, kind)) for kind in kinds} == before


def _other_model(path: Path) -> None:
    from dataclasses import replace

    model = default_model()
    save_model(replace(model, name="other", mean=model.mean * np.float32(1.1), identity_basis=model.identity_basis[:9],
                       expression_basis=model.expression_basis[:20], expression_names=model.expression_names[:20]),
               path)


def test_another_model_by_its_path(tmp_path: Path) -> None:
    from mien.core.model_files import load_model

    path = tmp_path / "other model é.npz"
    _other_model(path)
    assert bpy.ops.mien.add_face(model_path=str(path), seed=3) == {"FINISHED"}
    head = active_head(bpy.context)
    model = load_model(path)
    assert len(head.data.mien.identity) == 9 and head.data.mien.model_path == str(path)
    identity = np.array([c.value for c in head.data.mien.identity], np.float32)
    assert np.abs(evaluated(head) - model.vertices(identity)).max() <= TOLERANCE
    models.forget()
    assert model_of(head.data).hash == model.hash
    models.forget()
    path.unlink()
    with pytest.raises(BadInput, match=r"is not at .*other model é.npz any more"):
        model_of(head.data)
    save_model(default_model(), path)
    with pytest.raises(BadInput, match="another version"):
        model_of(head.data)
    path.write_bytes(b"nonsense")
    with pytest.raises(BadInput):
        model_of(head.data)


def test_a_missing_or_bad_model_file_is_one_sentence(tmp_path: Path) -> None:
    before = set(bpy.data.objects)
    for content in (None, b"", b"PK\x03\x04 nonsense"):
        path = tmp_path / "model.npz"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(RuntimeError, match=r"Error: .*model\.npz"):
            bpy.ops.mien.add_face(model_path=str(path))
    assert set(bpy.data.objects) == before


def test_not_a_head() -> None:
    mesh = bpy.data.meshes.new("Plain")
    thing = bpy.data.objects.new("Plain", mesh)
    bpy.context.scene.collection.objects.link(thing)
    assert not is_head(thing) and not is_head(None)
    with pytest.raises(BadInput, match="not a Mien head"):
        model_of(mesh)


def test_added_at_the_cursor_like_other_meshes() -> None:
    bpy.context.scene.cursor.location = (1, 2, 3)
    assert bpy.ops.mien.add_face() == {"FINISHED"}
    first = bpy.context.active_object
    assert first.location[:] == (1, 2, 3) and first.select_get() and first.rotation_euler[:] == (0, 0, 0)
    bpy.ops.mesh.primitive_cube_add(location=(0.5, 0, 0), rotation=(0.1, 0.2, 0.3))
    cube = bpy.context.active_object
    assert bpy.ops.mien.add_face(location=(0.5, 0, 0), rotation=(0.1, 0.2, 0.3), seed=5) == {"FINISHED"}
    second = bpy.context.active_object
    np.testing.assert_allclose(np.array(second.matrix_basis), np.array(cube.matrix_basis), atol=1e-6)
    assert bpy.context.selected_objects == [second]
    assert np.any(evaluated(second) != evaluated(first))
    assert active_head(bpy.context) == second


def test_operator_is_the_api() -> None:
    bpy.ops.mien.add_face(seed=9)
    identity = np.clip(np.random.default_rng(9).standard_normal(80), -3, 3).astype(np.float32)
    made = evaluated(bpy.context.active_object)
    same = make_head(default_model(), name="Same", scene=bpy.context.scene, identity=identity)
    np.testing.assert_array_equal(made, evaluated(same))
