# SPDX-License-Identifier: Apache-2.0
"""Identity: sliders reshape basis and keys exactly, keep what was sculpted, and refuse with one sentence."""

from pathlib import Path

import bpy
import numpy as np
import pytest
from blender.known_heads import evaluated, express, key_points, known_fit, new_head, random_expression, random_identity
from mien.addon.face import axes, models
from mien.addon.face.head import active_head
from mien.addon.face.identity import identity_of, set_identity, why_fixed
from mien.addon.face.identity import random_identity as give_random
from mien.core.errors import BadInput
from mien.core.fit_files import save_fit
from mien.core.model_files import default_model

TOLERANCE = 1e-5


def _values(mesh: bpy.types.Mesh) -> np.ndarray:
    return np.array([coefficient.value for coefficient in mesh.mien.identity], np.float32)


def _activate(head: bpy.types.Object) -> bpy.types.Object:
    bpy.context.view_layer.objects.active = head
    head.select_set(True)
    return head


def _error(head: bpy.types.Object, identity: np.ndarray) -> float:
    """The head's distance (m) from the model with every expression key at its place, and at rest."""
    model = default_model()
    expected = np.concatenate([model.vertices(identity)[None], model.vertices(identity, np.eye(52))])
    keys = axes.to_model(key_points(head.data), head.data.mien.metres_per_unit)
    return float(np.abs(keys - expected).max())


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_all_at_once_and_one_slider_at_a_time(scale: float) -> None:
    bpy.context.scene.unit_settings.scale_length = scale
    head, identity = new_head(), random_identity(1)
    set_identity(head.data, identity)
    assert _error(head, identity) <= TOLERANCE
    np.testing.assert_array_equal(_values(head.data), identity)
    for index, value in ((0, 2.5), (79, -1.0), (7, 0.0)):
        head.data.mien.identity[index].value = identity[index] = value
        assert _error(head, identity) <= TOLERANCE
    np.testing.assert_array_equal(identity_of(head.data), identity)
    expression = random_expression(1)
    express(head, expression)
    assert np.abs(evaluated(head) - default_model().vertices(identity, expression)).max() <= TOLERANCE


def test_a_long_drag_does_not_drift() -> None:
    head = new_head()
    for value in np.sin(np.arange(600)):
        head.data.mien.identity[2].value = value
    head.data.mien.identity[2].value = 0.0
    assert _error(head, np.zeros(80, np.float32)) <= TOLERANCE


def test_sculpted_corrections_and_keys_of_the_users_own_survive() -> None:
    head = new_head()
    mesh = head.data
    mesh.shape_keys.key_blocks["jawOpen"].data[100].co.x += 0.003
    mesh.shape_keys.key_blocks["Basis"].data[200].co.z -= 0.002
    own = head.shape_key_add(name="My Wart", from_mix=False)
    own.data[300].co.y -= 0.004
    before = key_points(mesh) - key_points(mesh)[:1]
    basis = key_points(mesh)[0]
    set_identity(mesh, random_identity(2))
    after = key_points(mesh)
    np.testing.assert_allclose(after - after[:1], before, atol=2e-7)
    moved = axes.to_blender(default_model().vertices(random_identity(2)) - default_model().mean)
    np.testing.assert_allclose(after[0] - basis, moved, atol=2e-7)
    vertices = np.empty_like(basis)
    mesh.vertices.foreach_get("co", vertices.ravel())
    np.testing.assert_allclose(vertices, after[0], atol=2e-7)
    set_identity(mesh, np.zeros(80, np.float32))
    np.testing.assert_allclose(key_points(mesh)[0], basis, atol=5e-7)


def test_undo_and_redo() -> None:
    bpy.ops.ed.undo_push(message="start")
    bpy.ops.mien.add_face(seed=4)
    bpy.ops.ed.undo_push(message="added")
    start = _values(active_head(bpy.context).data)
    counts = [len(getattr(bpy.data, kind)) for kind in ("objects", "meshes", "materials", "images", "shape_keys")]
    bpy.ops.mien.random_identity(seed=5)
    bpy.ops.ed.undo_push(message="random")
    other = _values(active_head(bpy.context).data)
    assert np.any(other != start)
    bpy.ops.ed.undo()
    head = active_head(bpy.context)
    np.testing.assert_array_equal(_values(head.data), start)
    assert _error(head, start) <= TOLERANCE
    bpy.ops.ed.redo()
    head = active_head(bpy.context)
    np.testing.assert_array_equal(_values(head.data), other)
    assert _error(head, other) <= TOLERANCE
    head.data.mien.identity[0].value = other[0] = 1.25
    assert _error(head, other) <= TOLERANCE
    assert [len(getattr(bpy.data, k)) for k in ("objects", "meshes", "materials", "images", "shape_keys")] == counts
    bpy.ops.ed.undo()
    bpy.ops.ed.undo()
    assert not bpy.data.objects and not bpy.data.meshes and not bpy.data.materials


def test_goes_on_after_save_close_and_reopen(tmp_path: Path) -> None:
    identity = random_identity(6)
    new_head("Kept", identity=identity)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    models.forget()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    head = bpy.data.objects["Kept"]
    np.testing.assert_array_equal(_values(head.data), identity)
    head.data.mien.identity[3].value = identity[3] = -0.5
    assert _error(head, identity) <= TOLERANCE


def test_a_copy_is_its_own_and_a_linked_duplicate_is_not() -> None:
    head = new_head(identity=random_identity(7))
    copy, linked = head.copy(), head.copy()
    copy.data = head.data.copy()
    for other in (copy, linked):
        bpy.context.scene.collection.objects.link(other)
    set_identity(copy.data, random_identity(8))
    assert _error(head, random_identity(7)) <= TOLERANCE
    assert _error(copy, random_identity(8)) <= TOLERANCE
    head.data.mien.identity[0].value = 2.0
    np.testing.assert_array_equal(evaluated(linked), evaluated(head))


def test_cannot_be_animated() -> None:
    head = new_head()
    with pytest.raises(TypeError, match="not animatable"):
        head.data.mien.identity[0].keyframe_insert("value")


def _refuses(mesh: bpy.types.Mesh, match: str) -> None:
    """Function and slider leave everything as it is."""
    points, values = key_points(mesh), _values(mesh)
    with pytest.raises(BadInput, match=match):
        set_identity(mesh, values + 1)
    mesh.mien.identity[0].value = values[0] + 1
    np.testing.assert_array_equal(_values(mesh), values)
    np.testing.assert_array_equal(key_points(mesh), points)


def test_a_library_mesh_stays(tmp_path: Path) -> None:
    new_head("Stored", identity=random_identity(9))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_there, here):
        here.objects = ["Stored"]
    head = here.objects[0]
    bpy.context.scene.collection.objects.link(head)
    assert "make it local" in why_fixed(head.data)
    _refuses(head.data, "belongs to another file")
    _activate(head)
    for call in (bpy.ops.mien.random_identity, bpy.ops.mien.reset_identity, bpy.ops.mien.reset_expression):
        with pytest.raises(RuntimeError, match="belongs to another file"):
            call()
    local = head.make_local()
    local.data.make_local()
    identity = random_identity(9)
    local.data.mien.identity[0].value = identity[0] = 0.75
    assert _error(local, identity) <= TOLERANCE


def test_a_mesh_in_edit_mode_stays() -> None:
    head = _activate(new_head())
    bpy.ops.object.mode_set(mode="EDIT")
    _refuses(head.data, "leave Edit Mode")
    bpy.ops.object.mode_set(mode="OBJECT")
    head.data.mien.identity[0].value = 1.0
    assert identity_of(head.data)[0] == 1.0


def test_an_edited_mesh_stays() -> None:
    head = _activate(new_head())
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="DESELECT")
    bpy.ops.object.mode_set(mode="OBJECT")
    head.data.vertices[0].select = True
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.delete(type="VERT")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert len(head.data.vertices) == default_model().vertex_count - 1
    _refuses(head.data, "was edited: it has 4563 vertices, its face model 4564")
    with pytest.raises(RuntimeError, match="was edited"):
        bpy.ops.mien.random_identity()


def test_a_lost_model_is_one_sentence() -> None:
    head = new_head()
    head.data.mien.model_hash, head.data.mien.model_path = "gone", "/nowhere/model.npz"
    _refuses(head.data, r"is not at .*nowhere.* any more")


def test_a_mesh_without_shape_keys_follows() -> None:
    head = new_head()
    head.shape_key_clear()
    set_identity(head.data, random_identity(3))
    assert np.abs(evaluated(head) - default_model().vertices(random_identity(3))).max() <= TOLERANCE


@pytest.mark.parametrize("values", [np.zeros(3), np.full(80, np.nan), np.zeros((80, 1))])
def test_nonsense_is_refused(values: np.ndarray) -> None:
    head = new_head()
    with pytest.raises(BadInput, match="80 finite numbers"):
        set_identity(head.data, values)
    assert not identity_of(head.data).any()


def test_operators_do_what_the_functions_do() -> None:
    head, same = new_head("One"), new_head("Two")
    _activate(head)
    assert bpy.ops.mien.random_identity(seed=11, strength=0.5) == {"FINISHED"}
    give_random(same.data, 11, 0.5)
    np.testing.assert_array_equal(key_points(head.data), key_points(same.data))
    assert 0.2 < identity_of(head.data).std() < 0.8
    assert bpy.ops.mien.reset_identity() == {"FINISHED"}
    assert _error(head, np.zeros(80, np.float32)) <= TOLERANCE
    assert bpy.ops.mien.try_channel(channel="jawOpen") == {"FINISHED"}
    assert head.data.shape_keys.key_blocks["jawOpen"].value == 1.0
    assert bpy.ops.mien.try_channel(channel="jawOpen") == {"FINISHED"}
    assert head.data.shape_keys.key_blocks["jawOpen"].value == 0.0
    express(head, random_expression(1))
    assert bpy.ops.mien.reset_expression() == {"FINISHED"}
    assert not any(key.value for key in list(head.data.shape_keys.key_blocks)[1:])
    with pytest.raises(RuntimeError, match="has no control 'nonsense'"):
        bpy.ops.mien.try_channel(channel="nonsense")


def test_a_saved_fit(tmp_path: Path) -> None:
    fit, head = known_fit(640, 480), _activate(new_head())
    save_fit(fit, tmp_path / "fit é.npz")
    assert bpy.ops.mien.load_fit(filepath=str(tmp_path / "fit é.npz")) == {"FINISHED"}
    assert _error(head, fit.identity) <= TOLERANCE
    assert np.abs(evaluated(head) - default_model().vertices(fit.identity, fit.expression)).max() <= TOLERANCE
    data = head.data.mien
    assert (data.source, data.warnings.split("\n")) == ("fit é.npz", list(fit.warnings))
    assert data.confidence == pytest.approx(0.87) and head.mien.camera == bpy.context.scene.camera
    (tmp_path / "fit é.npz").write_bytes(b"nonsense")
    with pytest.raises(RuntimeError, match="fit é"):
        bpy.ops.mien.load_fit(filepath=str(tmp_path / "fit é.npz"))
    assert _error(head, fit.identity) <= TOLERANCE


def test_no_head_no_operator() -> None:
    assert not bpy.ops.mien.random_identity.poll()
    assert not bpy.ops.mien.try_channel.poll()
    assert bpy.ops.mien.add_face.poll()
