# SPDX-License-Identifier: Apache-2.0
import io
import json
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mien.core.camera import Camera, rotation_matrix, to_camera
from mien.core.channels import ARKIT52
from mien.core.errors import BadInput, CannotWrite
from mien.core.face_model import FaceModel
from mien.core.gltf import write_glb
from mien.core.gltf_looks import eye_coordinates, eye_picture
from mien.core.model_files import default_model
from mien.core.motion import Motion
from PIL import Image

F = np.float32
ROOT = Path(__file__).parents[1]
COMPONENTS = {5126: "<f4", 5123: "<u2", 5125: "<u4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


class Document:
    """A .glb taken apart by the rules of the specification."""

    def __init__(self, data: bytes) -> None:
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON" and size % 4 == 0
        self.json = json.loads(data[20:20 + size])
        length, kind = struct.unpack_from("<I4s", data, 20 + size)
        assert kind == b"BIN\0" and length % 4 == 0 and 28 + size + length == len(data)
        self.binary = data[28 + size:]

    def view(self, index: int) -> bytes:
        view = self.json["bufferViews"][index]
        return self.binary[view["byteOffset"]:view["byteOffset"] + view["byteLength"]]

    def array(self, index: int) -> np.ndarray:
        accessor = self.json["accessors"][index]
        width, dtype = WIDTHS[accessor["type"]], COMPONENTS[accessor["componentType"]]
        values = np.zeros((accessor["count"], width), dtype)
        if "bufferView" in accessor:
            values = np.frombuffer(self.view(accessor["bufferView"]), dtype).reshape(values.shape)
        if "sparse" in accessor:
            sparse = accessor["sparse"]
            rows = np.frombuffer(self.view(sparse["indices"]["bufferView"]),
                                 COMPONENTS[sparse["indices"]["componentType"]])
            assert len(rows) == sparse["count"] and (np.diff(rows.astype(int)) > 0).all()
            values = values.copy()
            values[rows] = np.frombuffer(self.view(sparse["values"]["bufferView"]), dtype).reshape(-1, width)
        if "min" in accessor:
            np.testing.assert_allclose([values.min(0), values.max(0)], [accessor["min"], accessor["max"]])
        return values

    def triangles(self, offset_of: int | None = None) -> np.ndarray:
        """Corners (F, 3, 3) of all primitives, with one morph target at full effect."""
        corners = []
        for primitive in self.json["meshes"][0]["primitives"]:
            points = self.array(primitive["attributes"]["POSITION"])
            if offset_of is not None:
                points = points + self.array(primitive["targets"][offset_of]["POSITION"])
            corners.append(points[self.array(primitive["indices"]).reshape(-1, 3)])
        return np.concatenate(corners)


@pytest.fixture
def model():
    """A bumpy sheet with a seam in its texture, two expressions, and a second part."""
    rows, columns = 7, 9
    y, x = np.mgrid[0:1:rows * 1j, 0:1:columns * 1j]
    mean = np.stack([x, y, 0.1 * np.sin(5 * x) * np.cos(4 * y)], -1).reshape(-1, 3).astype(F) * 0.1
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    low = np.stack([corner, corner + 1, corner + columns + 1], 1)
    high = np.stack([corner, corner + columns + 1, corner + columns], 1)
    triangles = np.concatenate([low, high]).astype(np.int32)
    uv = np.concatenate([mean[:, :2] * 5, mean[:, :2] * 5 + 0.45]).astype(F)
    part = (mean[triangles[:, 0], 0] > 0.05).astype(np.int32)
    seam = (triangles + len(mean) * part[:, None]).astype(np.int32)
    rng = np.random.default_rng(0)
    expression = np.zeros((52, len(mean), 3), F)
    expression[0, :5] = rng.normal(0, 0.01, (5, 3))
    expression[17] = rng.normal(0, 0.01, (len(mean), 3))
    return FaceModel("sheet", "CC0-1.0", mean, rng.normal(0, 0.002, (4, len(mean), 3)).astype(F), expression,
                     ARKIT52, triangles, uv, seam, ("skin", "tongue"), part, np.zeros(0, np.int32))


@pytest.fixture
def motion(model):
    rng = np.random.default_rng(1)
    count = 30
    turn = np.zeros((count, 3), F)
    turn[:, 1] = np.linspace(-3.5, 3.5, count)
    return Motion(25.0, rng.random((count, 52), F), turn, rng.normal(0, 0.1, (count, 3)).astype(F) + F([0, 0, 1]),
                  np.zeros(4, F), ARKIT52[::-1], "m", "h", Camera.for_image(64, 64), np.ones(count, F))


TEXTURE = np.random.default_rng(2).integers(0, 255, (32, 48, 3), np.uint8)


def export(folder, *arguments):
    write_glb(folder / "a.glb", *arguments)
    return Document((folder / "a.glb").read_bytes())


def _sorted(corners):
    flat = corners.reshape(len(corners), 9)
    return flat[np.lexsort(flat.round(6).T)]


@pytest.mark.parametrize("expression", [None, 0, 17, 30])
def test_the_triangles_are_the_models(tmp_path, model, expression):
    identity = np.array([1, -1, 0.5, 2], F)
    weights = None if expression is None else np.eye(52, dtype=F)[expression]
    expected = model.vertices(identity, weights)[model.triangles]
    found = export(tmp_path, model, identity).triangles(expression)
    np.testing.assert_allclose(_sorted(found), _sorted(expected), atol=3e-6)


def test_targets_are_named_and_every_primitive_has_all(tmp_path, model):
    mesh = export(tmp_path, model, None).json["meshes"][0]
    assert mesh["extras"]["targetNames"] == list(ARKIT52)
    assert mesh["weights"] == [0.0] * 52
    assert len(mesh["primitives"]) == 2
    assert all(len(primitive["targets"]) == 52 for primitive in mesh["primitives"])


def test_normals_are_unit_and_turn_with_the_expression(tmp_path, model):
    document = export(tmp_path, model, None)
    for primitive in document.json["meshes"][0]["primitives"]:
        normals = document.array(primitive["attributes"]["NORMAL"])
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
        moved = normals + document.array(primitive["targets"][17]["NORMAL"])
        np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1, atol=5e-3)


def test_the_texture_and_its_coordinates(tmp_path, model):
    document = export(tmp_path, model, None, TEXTURE)
    (image,) = document.json["images"]
    picture = np.asarray(Image.open(io.BytesIO(document.view(image["bufferView"]))))
    assert picture.shape == TEXTURE.shape and np.abs(picture.astype(int) - TEXTURE).mean() < 6
    uv = np.concatenate([document.array(p["attributes"]["TEXCOORD_0"])
                         for p in document.json["meshes"][0]["primitives"]])
    used = model.uv[np.unique(model.uv_triangles)]
    expected = np.stack([used[:, 0], 1 - used[:, 1]], 1)
    assert {tuple(row) for row in uv.round(5).tolist()} == {tuple(row) for row in expected.round(5).tolist()}
    assert all("baseColorTexture" in m["pbrMetallicRoughness"] for m in document.json["materials"])


def test_the_animation_is_the_motion(tmp_path, model, motion):
    document = export(tmp_path, model, None, None, motion)
    (animation,) = document.json["animations"]
    tracks = {}
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        tracks[channel["target"]["path"]] = document.array(sampler["output"])
        np.testing.assert_allclose(document.array(sampler["input"])[:, 0], np.arange(30) / 25, atol=1e-6)
    np.testing.assert_array_equal(tracks["weights"].reshape(30, 52), motion.expression[:, ::-1])
    assert ((tracks["rotation"][1:] * tracks["rotation"][:-1]).sum(1) > 0).all()
    middle = np.median(motion.translation, 0)
    for frame in range(30):
        x, y, z, w = tracks["rotation"][frame].astype(float)
        half = np.arctan2(np.linalg.norm([x, y, z]), w)
        axis = np.array([x, y, z]) / max(np.linalg.norm([x, y, z]), 1e-12)
        turned = model.mean @ rotation_matrix(axis * 2 * half).T + tracks["translation"][frame]
        seen = to_camera(model.mean, motion.rotation[frame], motion.translation[frame] - middle)
        np.testing.assert_allclose(turned * [1, -1, -1], seen, atol=1e-5)


def test_still_parts_of_expressions_are_not_stored(tmp_path, model):
    sparse = export(tmp_path, model, None)
    accessors = sparse.json["accessors"]
    primitive = sparse.json["meshes"][0]["primitives"][0]
    assert "sparse" in accessors[primitive["targets"][0]["POSITION"]]
    assert "bufferView" in accessors[primitive["targets"][17]["POSITION"]]
    empty = accessors[primitive["targets"][5]["POSITION"]]
    assert "sparse" not in empty and "bufferView" not in empty


def test_other_names_of_parts_are_exported_too(tmp_path, model):
    document = export(tmp_path, replace(model, part_names=("left half", "right half")), None)
    assert len(document.json["meshes"][0]["primitives"]) == 1
    assert len(document.triangles()) == len(model.triangles)


def test_what_does_not_fit_is_refused(tmp_path, model, motion):
    with pytest.raises(BadInput, match=r"\.glb"):
        write_glb(tmp_path / "a.gltf", model, None)
    with pytest.raises(BadInput, match="identity"):
        write_glb(tmp_path / "a.glb", model, np.zeros(5, F))
    with pytest.raises(BadInput, match="uint8"):
        write_glb(tmp_path / "a.glb", model, None, TEXTURE.astype(F))
    with pytest.raises(BadInput, match="none of the channels"):
        names = tuple(f"c{i}" for i in range(52))
        write_glb(tmp_path / "a.glb", model, None, None, replace(motion, channels=names))
    with pytest.raises(CannotWrite):
        write_glb(tmp_path / "no" / "a.glb", model, None)
    assert list(tmp_path.iterdir()) == []


def test_the_plain_eyes_look_ahead():
    model = default_model()
    eye = model.triangles[model.triangle_part == model.part_names.index("eye_left")]
    members = np.unique(eye)
    front = members[np.argmax(model.mean[members, 2])]
    row, column = (eye_coordinates(model, model.mean)[front][::-1] * 256).astype(int)
    picture = eye_picture()
    assert picture[row, column].max() < 60
    assert picture[128, 128].max() < 30 and picture[8, 8].min() > 200


VALIDATE = """
const validator = require('gltf-validator'), fs = require('fs');
validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then(report => console.log(JSON.stringify(report)));
"""


def _has_validator() -> bool:
    if shutil.which("node") is None:
        return False
    found = subprocess.run(["node", "-e", "require('gltf-validator')"], cwd=_node_folder(), capture_output=True,
                           timeout=60, check=False)
    return found.returncode == 0


def _node_folder() -> Path:
    folder = ROOT / "build"
    return folder if folder.is_dir() else ROOT


@pytest.mark.skipif(not _has_validator(), reason="needs node, and `npm install --prefix build gltf-validator`")
@pytest.mark.parametrize("which", ["plain", "textured", "moving"])
def test_the_official_validator_finds_nothing(tmp_path, motion, which):
    model = default_model()
    identity = np.random.default_rng(3).normal(0, 1, len(model.identity_basis)).astype(F)
    write_glb(tmp_path / "a.glb", model, identity, None if which == "plain" else TEXTURE,
              motion if which == "moving" else None)
    done = subprocess.run(["node", "-e", VALIDATE, str(tmp_path / "a.glb")], cwd=_node_folder(), capture_output=True,
                          text=True, timeout=60, check=True)
    report = json.loads(done.stdout)
    assert report["issues"]["numErrors"] == report["issues"]["numWarnings"] == 0, report["issues"]["messages"]
    assert report["info"]["hasMorphTargets"] and report["info"]["totalTriangleCount"] == len(model.triangles)
