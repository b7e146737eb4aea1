# SPDX-License-Identifier: Apache-2.0
"""A head out by Blender's exporter and in again."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender.known_heads import known_fit, new_head
from mien.addon.face import head as heads
from mien.addon.face.head import set_source
from mien.addon.gltf.export_gltf import export_gltf
from mien.addon.gltf.glb import read_document
from mien.core.channels import ARKIT52
from mien.core.errors import BadInput, CannotWrite
from mien.core.model_files import default_model

ROOT = Path(__file__).parents[2]
COMPONENTS = {5126: "<f4", 5123: "<u2", 5125: "<u4", 5121: "u1"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
FRAMES = 6


class Document:
    """A .glb file's arrays, by the rules of the specification."""

    def __init__(self, path: Path) -> None:
        self.json, rest = read_document(path)
        assert rest[4:8] == b"BIN\0"
        self.binary = rest[8:]

    def _view(self, index: int, dtype: str, offset: int) -> np.ndarray:
        view = self.json["bufferViews"][index]
        start = view.get("byteOffset", 0)
        return np.frombuffer(self.binary[start + offset:start + view["byteLength"]], dtype)

    def array(self, index: int) -> np.ndarray:
        accessor = self.json["accessors"][index]
        width, dtype = WIDTHS[accessor["type"]], COMPONENTS[accessor["componentType"]]
        count = accessor["count"]
        values = np.zeros(count * width, dtype)
        if "bufferView" in accessor:
            values = self._view(accessor["bufferView"], dtype, accessor.get("byteOffset", 0))[:count * width]
        values = values.reshape(count, width)
        if "sparse" in accessor:
            sparse, values = accessor["sparse"], values.copy()
            rows = self._view(sparse["indices"]["bufferView"], COMPONENTS[sparse["indices"]["componentType"]],
                              sparse["indices"].get("byteOffset", 0))[:sparse["count"]]
            values[rows] = self._view(sparse["values"]["bufferView"], dtype, sparse["values"].get(
                "byteOffset", 0))[:sparse["count"] * width].reshape(-1, width)
        return values

    def triangles(self, target: int | None = None) -> np.ndarray:
        """Corners (F, 3, 3) of all primitives, with one morph target at full effect."""
        corners = []
        for primitive in self.json["meshes"][0]["primitives"]:
            points = self.array(primitive["attributes"]["POSITION"])
            if target is not None:
                points = points + self.array(primitive["targets"][target]["POSITION"])
            corners.append(points[self.array(primitive["indices"]).reshape(-1, 3)])
        return np.concatenate(corners)

    def tracks(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Times and values of the one animation, by what they move."""
        (animation,) = self.json["animations"]
        samplers = animation["samplers"]
        return {channel["target"]["path"]: (self.array(samplers[channel["sampler"]]["input"])[:, 0],
                                            self.array(samplers[channel["sampler"]]["output"]))
                for channel in animation["channels"]}


def _animated_head(identity: np.ndarray | None = None) -> bpy.types.Object:
    """A head with noise on every channel and a turning, moving object."""
    model, scene = default_model(), bpy.context.scene
    made = heads.make_head(model, name="Face", scene=scene, identity=identity)
    scene.frame_start, scene.frame_end, scene.render.fps = 3, 2 + FRAMES, 25
    rng = np.random.default_rng(0)
    for frame in range(3, 3 + FRAMES):
        for key in list(made.data.shape_keys.key_blocks)[1:]:
            key.value = rng.random() * 1.4 - 0.2
            key.keyframe_insert("value", frame=frame)
        made.location, made.rotation_euler = rng.normal(0, 0.1, 3), rng.normal(0, 0.3, 3)
        made.keyframe_insert("location", frame=frame)
        made.keyframe_insert("rotation_euler", frame=frame)
    scene.frame_set(5)
    return made


def _export(head: bpy.types.Object, folder: Path) -> Document:
    path = folder / "face.glb"
    export_gltf(head, path)
    assert [p.name for p in folder.iterdir()] == ["face.glb"]
    return Document(path)


def _sorted(corners: np.ndarray) -> np.ndarray:
    flat = corners.reshape(len(corners), 9).astype(np.float64)
    return flat[np.lexsort(flat.round(5).T)]


def _same_triangles(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    order = [np.lexsort(np.rint(c.mean(1) * 1e4).T) for c in (found, expected)]
    centres = [c.mean(1)[o] for c, o in zip((found, expected), order, strict=True)]
    # neighbours may change places where rounding splits them: each centre has one within 1e-5 m
    from mathutils.kdtree import KDTree

    tree = KDTree(len(centres[1]))
    for index, centre in enumerate(centres[1]):
        tree.insert(centre, index)
    tree.balance()
    distances, partners = zip(*((hit[2], hit[1]) for hit in map(tree.find, centres[0])), strict=True)
    assert max(distances) <= 1e-5
    assert len(set(partners)) >= 0.999 * len(partners)


@pytest.mark.parametrize("channel", [None, "jawOpen", "mouthSmileLeft", "tongueOut"])
def test_positions_are_the_models(tmp_path: Path, channel: str | None) -> None:
    model = default_model()
    identity = np.random.default_rng(1).normal(0, 1, len(model.identity_basis)).astype(np.float32)
    head = heads.make_head(model, name="Face", scene=bpy.context.scene, identity=identity)
    document = _export(head, tmp_path)
    names = document.json["meshes"][0]["extras"]["targetNames"]
    assert names == list(ARKIT52)
    weights = None if channel is None else np.eye(52, dtype=np.float32)[ARKIT52.index(channel)]
    expected = model.vertices(identity, weights)[model.triangles]
    _same_triangles(document.triangles(None if channel is None else names.index(channel)), expected)
    assert "animations" not in document.json


def test_the_animation_is_the_curves(tmp_path: Path) -> None:
    head, scene = _animated_head(), bpy.context.scene
    document = _export(head, tmp_path)
    assert scene.frame_current == 5
    tracks = document.tracks()
    times, weights = tracks["weights"]
    np.testing.assert_allclose(times, np.arange(FRAMES) / 25, atol=1e-6)
    weights = weights.reshape(FRAMES, 52)
    for index, frame in enumerate(range(3, 3 + FRAMES)):
        scene.frame_set(frame)
        values = [head.data.shape_keys.key_blocks[name].value for name in ARKIT52]
        np.testing.assert_allclose(weights[index], values, atol=1e-5)
        x, y, z = head.location
        np.testing.assert_allclose(tracks["translation"][1][index], (x, z, -y), atol=1e-5)
        w, a, b, c = head.rotation_euler.to_quaternion()
        turned = tracks["rotation"][1][index]
        assert abs(abs(np.dot(turned, (a, c, -b, w))) - 1) <= 1e-5


def test_blender_reads_it_back(tmp_path: Path) -> None:
    head, scene = _animated_head(), bpy.context.scene
    _export(head, tmp_path)
    scene.frame_set(4)
    values = _within_limits(head)
    world = np.array(head.matrix_world)
    count = len(head.data.polygons)
    bpy.data.objects.remove(head)
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "face.glb"))
    (back,) = [thing for thing in bpy.data.objects if thing.type == "MESH" and thing.data.shape_keys]
    assert [key.name for key in back.data.shape_keys.key_blocks][1:] == list(ARKIT52)
    assert len(back.data.polygons) == count
    scene.frame_set(1)  # the importer puts second 1/25, the export's second frame, at frame 1
    assert _within_limits(back) == pytest.approx(values, abs=1e-4)
    np.testing.assert_allclose(np.array(back.matrix_world), world, atol=1e-4)


def _within_limits(head: bpy.types.Object) -> dict[str, float]:
    """Values of the shape keys in 0..1, for the importer limits most of them to that."""
    keys = head.data.shape_keys.key_blocks
    return {name: min(max(keys[name].value, 0.0), 1.0) for name in ARKIT52}


def test_other_units_come_out_in_metres(tmp_path: Path) -> None:
    bpy.context.scene.unit_settings.scale_length = 0.01
    model = default_model()
    head = heads.make_head(model, name="Face", scene=bpy.context.scene)
    document = _export(head, tmp_path)
    (root,) = document.json["scenes"][0]["nodes"]
    node = document.json["nodes"][root]
    assert node["scale"] == pytest.approx([0.01] * 3)
    seen = document.triangles() * np.float32(0.01)
    _same_triangles(seen, model.mean[model.triangles])


def test_the_consent_goes_along(tmp_path: Path) -> None:
    head = new_head()
    set_source(head.data, "a fit", replace(known_fit(64, 64), consent="yes, in writing"))
    export_gltf(head, tmp_path / "head.glb")
    assert read_document(tmp_path / "head.glb")[0]["asset"]["extras"] == {"consent": "yes, in writing"}
    set_source(head.data, "nobody")
    export_gltf(head, tmp_path / "head.glb")
    assert "extras" not in read_document(tmp_path / "head.glb")[0]["asset"]


def test_what_was_selected_is_selected_again(tmp_path: Path) -> None:
    scene = bpy.context.scene
    head = heads.make_head(default_model(), name="Face", scene=scene)
    other = bpy.data.objects.new("Other", None)
    scene.collection.objects.link(other)
    other.select_set(True)
    bpy.context.view_layer.objects.active = other
    document = _export(head, tmp_path)
    assert [node["name"] for node in document.json["nodes"]] == ["Face"]
    assert bpy.context.selected_objects == [other] and bpy.context.view_layer.objects.active == other


def test_what_cannot_be_is_told(tmp_path: Path) -> None:
    head = heads.make_head(default_model(), name="Face", scene=bpy.context.scene)
    with pytest.raises(BadInput, match=r"\.glb"):
        export_gltf(head, tmp_path / "face.fbx")
    with pytest.raises(CannotWrite):
        export_gltf(head, tmp_path / "no" / "face.glb")
    head.hide_set(True)
    with pytest.raises(BadInput, match="hidden"):
        export_gltf(head, tmp_path / "face.glb")
    assert list(tmp_path.iterdir()) == []


def test_the_operator_writes_the_same(tmp_path: Path) -> None:
    head = _animated_head()
    bpy.context.view_layer.objects.active = head
    export_gltf(head, tmp_path / "a.glb")
    assert bpy.ops.mien.export_gltf(filepath=str(tmp_path / "b.glb")) == {"FINISHED"}
    assert (tmp_path / "a.glb").read_bytes() == (tmp_path / "b.glb").read_bytes()
    with pytest.raises(RuntimeError, match="Cannot write"):
        bpy.ops.mien.export_gltf(filepath=str(tmp_path / "no" / "b.glb"))


VALIDATE = """
const validator = require('gltf-validator'), fs = require('fs');
validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then(report => console.log(JSON.stringify(report)));
"""


def _has_validator() -> bool:
    if shutil.which("node") is None or not (ROOT / "build").is_dir():
        return False
    return subprocess.run(["node", "-e", "require('gltf-validator')"], cwd=ROOT / "build", capture_output=True,
                          timeout=60, check=False).returncode == 0


@pytest.mark.skipif(not _has_validator(), reason="needs node, and `npm install --prefix build gltf-validator`")
def test_the_official_validator_finds_no_error(tmp_path: Path) -> None:
    _export(_animated_head(), tmp_path)
    done = subprocess.run(["node", "-e", VALIDATE, str(tmp_path / "face.glb")], cwd=ROOT / "build",
                          capture_output=True, text=True, timeout=60, check=True)
    report = json.loads(done.stdout)
    assert report["issues"]["numErrors"] == 0, report["issues"]["messages"]
    assert report["info"]["hasMorphTargets"] and report["info"]["animationCount"] == 1
