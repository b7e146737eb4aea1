# SPDX-License-Identifier: Apache-2.0
"""BFM 2009 (.mat), 2017 and 2019 (.h5): format-true small files come in with the right units."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from mien.core.errors import BadInput
from mien.core.face_model import FaceModel
from mien.core.face_models.bfm import EYE_RADIUS
from mien.core.face_models.importers import import_model
from scipy.io import savemat

COLUMNS, ROWS, MODES = 9, 11, 5


def mask() -> tuple[np.ndarray, np.ndarray]:
    """A bulging mask in metres, +z out of the face, and its triangles, counter-clockwise from the front."""
    x, y = np.meshgrid(np.linspace(-0.07, 0.07, COLUMNS), np.linspace(-0.09, 0.09, ROWS))
    z = 0.05 - 4 * x**2 - 2 * y**2
    index = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    return np.stack([x, y, z], -1).reshape(-1, 3), faces


def basis(seed: int) -> np.ndarray:
    """Orthonormal columns (3V, MODES)."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(3 * COLUMNS * ROWS, MODES)))[0]


def bfm2009() -> dict[str, np.ndarray]:
    vertices, faces = mask()
    return {"texMU": np.zeros((3 * len(vertices), 1), np.float32), "segbin": np.ones((len(vertices), 4)),
            "shapeMU": (vertices.reshape(-1, 1) * 1e6).astype(np.float32),
            "shapePC": basis(1).astype(np.float32),
            "shapeEV": np.linspace(9e5, 1e5, MODES).astype(np.float32)[:, None],
            "tl": (faces[:, ::-1] + 1).astype(float)}


def check_surface(model: FaceModel) -> None:
    faces = mask()[1]
    corners = model.mean[model.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (normals[:, 2] > 0).all(), "triangles face out of the face"
    assert {frozenset(t) for t in model.triangles.tolist()} == {frozenset(t) for t in faces.tolist()}
    table = model.mirror
    assert np.allclose(model.mean[table], model.mean * [-1, 1, 1], atol=1e-5)


@pytest.mark.parametrize("compressed", [False, True])
def test_bfm2009(tmp_path: Path, compressed: bool) -> None:
    savemat(tmp_path / "01_MorphableModel.mat", bfm2009(), do_compression=compressed)
    model = import_model(tmp_path / "01_MorphableModel.mat")
    assert np.allclose(model.mean, mask()[0], atol=1e-7)
    assert np.allclose(model.identity_basis[0].ravel(), basis(1)[:, 0] * 0.9, atol=1e-6)
    assert model.expression_names == () and model.expression_basis.shape == (0, COLUMNS * ROWS, 3)
    check_surface(model)


def test_bfm2009_as_matlab73(tmp_path: Path) -> None:
    """MATLAB's HDF5 files hold transposed matrices, behind a block of 512 bytes."""
    path = tmp_path / "01_MorphableModel.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in bfm2009().items():
            file[name] = array.T
    content = bytearray(path.read_bytes())
    content[:19] = b"MATLAB 7.3 MAT-file"
    path.write_bytes(content)
    savemat(tmp_path / "v5.mat", bfm2009())
    assert import_model(path).hash == import_model(tmp_path / "v5.mat").hash


def write_statismo(path: Path, *, scaled: bool = False, transposed: bool = False, expression: bool = True,
                   landmarks: bool = True) -> None:
    vertices, faces = mask()
    variance = np.linspace(400.0, 25.0, MODES)
    half = vertices.ravel() * 1000
    with h5py.File(path, "w") as file:
        share = 0.75 if expression else 1.0
        for group, seed, mean in (("shape", 2, half * share), ("expression", 3, half * 0.25)):
            if group == "expression" and not expression:
                continue
            file[f"{group}/model/mean"] = mean.astype(np.float32)
            file[f"{group}/model/pcaBasis"] = basis(seed) * (np.sqrt(variance) if scaled else 1)
            file[f"{group}/model/pcaVariance"] = variance.astype(np.float32)
            file[f"{group}/model/noiseVariance"] = np.float32(0)
            file[f"{group}/representer/points"] = vertices.T.astype(np.float32)
            file[f"{group}/representer/cells"] = (faces if transposed else faces.T).astype(np.int32)
        if landmarks:
            places = {"right.eye.corner_outer": -45.0, "right.eye.corner_inner": -15.0,
                      "left.eye.corner_inner": 15.0, "left.eye.corner_outer": 45.0}
            marks = [{"id": name, "coordinates": [x, 30.0, 40.0]} for name, x in places.items()]
            file["metadata/landmarks/json"] = json.dumps(marks)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
def test_bfm2017(tmp_path: Path, scaled: bool, transposed: bool) -> None:
    path = tmp_path / "model2017-1_face12_nomouth.h5"
    write_statismo(path, scaled=scaled, transposed=transposed)
    model = import_model(path)
    assert model.name == "bfm2017"
    assert np.allclose(model.mean, mask()[0] - [0, 0.03, 0.04 - EYE_RADIUS], atol=1e-6)
    assert np.allclose(model.identity_basis[0].ravel(), basis(2)[:, 0] * 0.020, atol=1e-6)
    assert model.expression_names[:3] == ("bfmExpr000+", "bfmExpr000-", "bfmExpr001+")
    assert np.allclose(model.expression_basis[8].ravel(), basis(3)[:, 4] * 3 * 0.005, atol=1e-6)
    check_surface(model)


def test_h5_without_expressions_and_landmarks(tmp_path: Path) -> None:
    write_statismo(tmp_path / "m.h5", expression=False, landmarks=False)
    model = import_model(tmp_path / "m.h5")
    assert np.allclose(model.mean, mask()[0], atol=1e-6) and not model.expression_names


@pytest.mark.parametrize("name", ["shape/model/mean", "shape/model/pcaBasis", "shape/model/pcaVariance",
                                  "shape/representer/cells", "expression/model/mean"])
@pytest.mark.parametrize("damage", ["gone", "short", "text", "nan"])
def test_damaged_h5_is_told(tmp_path: Path, name: str, damage: str) -> None:
    path = tmp_path / "m.h5"
    write_statismo(path)
    with h5py.File(path, "a") as file:
        array = file[name][()]
        del file[name]
        if damage == "text":
            file[name] = "hello"
        elif damage == "nan":
            file[name] = np.full(array.shape, np.nan)
        elif damage == "short":
            file[name] = array[..., :-1] if "cells" not in name else array + 1000
    with pytest.raises(BadInput) as caught:
        import_model(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("key", ["shapeMU", "shapePC", "shapeEV", "tl"])
@pytest.mark.parametrize("damage", ["gone", "short", "text"])
def test_damaged_mat_is_told(tmp_path: Path, key: str, damage: str) -> None:
    data = bfm2009()
    array = data.pop(key)
    if damage != "gone":
        data[key] = np.array("hello") if damage == "text" else array[:-1, :] if key != "tl" else array + 1000
    savemat(tmp_path / "m.mat", data)
    with pytest.raises(BadInput):
        import_model(tmp_path / "m.mat")


@pytest.mark.parametrize("kind", ["mat", "h5"])
def test_truncated_files_are_told(tmp_path: Path, kind: str) -> None:
    whole = tmp_path / f"whole.{kind}"
    if kind == "mat":
        savemat(whole, bfm2009())
    else:
        write_statismo(whole)
    content = whole.read_bytes()
    for part in (0.02, 0.5, 0.97):
        path = tmp_path / f"cut.{kind}"
        path.write_bytes(content[:int(len(content) * part)])
        with pytest.raises(BadInput):
            import_model(path)


def test_a_mat_that_claims_too_much_is_refused_unread(tmp_path: Path) -> None:
    savemat(tmp_path / "m.mat", bfm2009())
    content = bytearray((tmp_path / "m.mat").read_bytes())
    rows = np.int32(3 * COLUMNS * ROWS).tobytes() + np.int32(MODES).tobytes()
    place = content.index(rows)
    content[place:place + 8] = np.int32(2**30).tobytes() + np.int32(2**20).tobytes()
    (tmp_path / "m.mat").write_bytes(content)
    with pytest.raises(BadInput, match="too large"):
        import_model(tmp_path / "m.mat")
