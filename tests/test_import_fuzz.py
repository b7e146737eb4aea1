# SPDX-License-Identifier: Apache-2.0
"""Damaged model files, at random: a model comes in or BadInput is raised, nothing else, in bounded time."""

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mien.core.errors import BadInput
from mien.core.face_model import FaceModel
from mien.core.face_models.importers import import_model
from scipy.io import savemat
from scipy.sparse import csc_matrix

VERTICES, MODES = 12, 3
EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12)
CUT = st.one_of(st.just(1.0), st.floats(0, 1))


def arrays() -> dict[str, np.ndarray]:
    """A strip of triangles with enough of everything."""
    rng = np.random.default_rng(0)
    faces = np.array([(i, i + 1, i + 2) for i in range(VERTICES - 2)])
    return {"points": rng.normal(0, 0.1, (VERTICES, 3)), "faces": faces,
            "basis": rng.normal(size=(3 * VERTICES, MODES)), "spread": np.ones(MODES)}


def write_mat(path: Path) -> None:
    a = arrays()
    savemat(path, {"shapeMU": a["points"].reshape(-1, 1) * 1e6, "shapePC": a["basis"], "tl": a["faces"] + 1.0,
                   "shapeEV": a["spread"][:, None]}, do_compression=True)


def write_h5(path: Path) -> None:
    a = arrays()
    with h5py.File(path, "w") as file:
        for group in ("shape", "expression"):
            file[f"{group}/model/mean"] = a["points"].ravel()
            file[f"{group}/model/pcaBasis"] = a["basis"]
            file[f"{group}/model/pcaVariance"] = a["spread"]
        file["shape/representer/cells"] = a["faces"].T
        file["metadata/landmarks/json"] = "[]"


def flame() -> dict[str, object]:
    a = arrays()
    weights = np.eye(5)[np.arange(VERTICES) % 5]
    return {"v_template": a["points"], "f": a["faces"], "weights": weights, "posedirs": np.zeros((VERTICES, 3, 36)),
            "shapedirs": np.ones((VERTICES, 3, 302)) * 1e-3, "J_regressor": csc_matrix(weights.T / 3)}


def write_pkl(path: Path) -> None:
    path.write_bytes(pickle.dumps(flame(), protocol=2))


def write_npz(path: Path) -> None:
    np.savez_compressed(path, **{k: v.toarray() if k == "J_regressor" else v  # type: ignore[attr-defined]
                                 for k, v in flame().items()})


WRITERS = {"mat": write_mat, "h5": write_h5, "pkl": write_pkl, "npz": write_npz}


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_whole_files_come_in(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path / f"m.{kind}")
    assert import_model(tmp_path / f"m.{kind}").vertex_count == VERTICES


def check(path: Path, content: bytes, edits: list[tuple[float, int]], cut: float) -> None:
    damaged = bytearray(content[:int(len(content) * cut)])
    for place, value in edits:
        if damaged:
            damaged[int(place * len(damaged))] = value
    path.write_bytes(damaged)
    try:
        assert isinstance(import_model(path), FaceModel)
    except BadInput as error:
        assert "\n" not in str(error) and len(str(error)) < 600


SETTINGS = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("kind", ["h5", "npz"])
@settings(SETTINGS, max_examples=150)
@given(edits=EDITS, cut=CUT)
def test_damage_read_here(tmp_path: Path, kind: str, edits: list[tuple[float, int]], cut: float) -> None:
    whole = tmp_path / "whole"
    if not whole.exists():
        WRITERS[kind](whole.with_suffix(f".{kind}"))
        whole.with_suffix(f".{kind}").rename(whole)
    check(tmp_path / "damaged", whole.read_bytes(), edits, cut)


@pytest.mark.parametrize("kind", ["mat", "pkl"])
@settings(SETTINGS, max_examples=12)
@given(edits=EDITS, cut=CUT)
def test_damage_read_by_the_child(tmp_path: Path, kind: str, edits: list[tuple[float, int]], cut: float) -> None:
    whole = tmp_path / "whole"
    if not whole.exists():
        WRITERS[kind](whole.with_suffix(f".{kind}"))
        whole.with_suffix(f".{kind}").rename(whole)
    check(tmp_path / "damaged", whole.read_bytes(), edits, cut)


@settings(SETTINGS, max_examples=100)
@given(content=st.binary(max_size=300), start=st.sampled_from([b"", b"PK\x03\x04", b"MATLAB 5.0 MAT-file", b"\x80\x02",
                                                                b"\x89HDF\r\n\x1a\n"]))
def test_noise_is_refused(tmp_path: Path, content: bytes, start: bytes) -> None:
    path = tmp_path / "noise"
    path.write_bytes(start + content)
    if start in (b"MATLAB 5.0 MAT-file", b"\x80\x02"):
        path.write_bytes(b"x" + content)
    with pytest.raises(BadInput):
        import_model(path)
