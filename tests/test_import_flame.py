# SPDX-License-Identifier: Apache-2.0
"""FLAME files: a format-true small model comes in whole, and a malicious pickle runs nothing."""

import io
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from mien.core.errors import BadInput
from mien.core.face_models.flame import import_flame
from mien.core.face_models.importers import import_model
from mien.core.face_models.quarantine import decode
from scipy.sparse import csc_matrix

SHAPES, EXPRESSIONS = 300, 4


Mesh = tuple[np.ndarray, np.ndarray]


def ball(centre: tuple[float, float, float], radius: float, rings: int, sides: int) -> Mesh:
    """A closed sphere: vertices and outward triangles."""
    polar = np.linspace(0, np.pi, rings + 2)[1:-1]
    around = np.arange(sides) * 2 * np.pi / sides
    body = np.stack([np.outer(np.sin(polar), np.sin(around)), np.outer(np.cos(polar), np.ones(sides)),
                     np.outer(np.sin(polar), np.cos(around))], -1).reshape(-1, 3)
    points = np.concatenate([body, [[0, 1, 0], [0, -1, 0]]])
    faces = []
    for r in range(rings - 1):
        for s in range(sides):
            a, b = r * sides + s, r * sides + (s + 1) % sides
            faces += [(a, a + sides, b), (b, a + sides, b + sides)]
    top, bottom, last = rings * sides, rings * sides + 1, (rings - 1) * sides
    faces += [(top, s, (s + 1) % sides) for s in range(sides)]
    faces += [(bottom, last + (s + 1) % sides, last + s) for s in range(sides)]
    return points * radius + centre, np.array(faces)


def small_flame() -> dict[str, object]:
    """A head and two eyeballs with FLAME's arrays, joints and dtypes."""
    meshes = [ball((0, 0, 0), 0.1, 8, 12), ball((0.03, 0.03, 0.07), 0.012, 3, 6),
              ball((-0.03, 0.03, 0.07), 0.012, 3, 6)]
    vertices, faces = np.concatenate([m[0] for m in meshes]), []
    start = 0
    for points, triangles in meshes:
        faces.append(triangles + start)
        start += len(points)
    v, skin, eye = len(vertices), len(meshes[0][0]), len(meshes[1][0])
    rng = np.random.default_rng(7)
    weights = np.zeros((v, 5))
    weights[:skin, 0] = 1
    low = np.flatnonzero(vertices[:skin, 1] < -0.03)
    weights[low] = [0.2, 0, 0.8, 0, 0]
    weights[skin:skin + eye, 3] = weights[skin + eye:, 4] = 1
    regressor = np.zeros((5, v))
    regressor[[0, 1, 2], [0, 0, 0]] = 1
    regressor[3, skin:skin + eye] = regressor[4, skin + eye:] = 1 / eye
    return {
        "v_template": vertices, "f": np.concatenate(faces).astype(np.uint32), "weights": weights,
        "shapedirs": rng.normal(0, 1e-3, (v, 3, SHAPES + EXPRESSIONS)), "posedirs": np.zeros((v, 3, 36)),
        "J_regressor": csc_matrix(regressor), "bs_style": "lbs", "bs_type": "lrotmin",
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]])}


@pytest.fixture
def chumpy(monkeypatch: pytest.MonkeyPatch) -> type:
    """A class that pickles as chumpy.ch.Ch does: a dict of state with the array in `x`."""
    module = types.ModuleType("chumpy.ch")
    Ch = type("Ch", (), {"__module__": "chumpy.ch"})
    module.Ch = Ch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    return Ch


def as_chumpy(kind: type, array: np.ndarray) -> object:
    wrapped = kind()
    wrapped.__dict__.update(x=array, _dirty_vars=None, _itr=None)
    return wrapped


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_pickle_with_chumpy_and_scipy_comes_in(tmp_path: Path, chumpy: type, protocol: int) -> None:
    data = small_flame()
    plain = import_flame(save_npz(tmp_path, data))
    for key in ("v_template", "shapedirs", "posedirs"):
        data[key] = as_chumpy(chumpy, np.asarray(data[key]))
    path = tmp_path / "generic_model.pkl"
    path.write_bytes(pickle.dumps(data, protocol=protocol))
    model = import_model(path)
    assert model.hash == plain.hash
    assert len(model.identity_basis) == 300
    template = np.asarray(small_flame()["v_template"])
    assert np.allclose(model.mean[:, :2], template[:, :2] - [0, 0.03], atol=1e-6)


def test_python2_pickle_comes_in(tmp_path: Path) -> None:
    """Protocol 2 as Python 2 wrote it: str for bytes, module names of old numpy and scipy."""
    path = tmp_path / "flame.pkl"
    raw = pickle.dumps(small_flame(), protocol=2, fix_imports=True)
    for new, old in ((b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"),
                     (b"cscipy.sparse._csc\n", b"cscipy.sparse.csc\n")):
        assert new in raw
        raw = raw.replace(new, old)
    path.write_bytes(raw)
    assert import_flame(path).hash == import_flame(save_npz(tmp_path, small_flame())).hash


def save_npz(folder: Path, data: dict[str, object]) -> Path:
    arrays = {k: a.toarray() if k == "J_regressor" else a for k, a in data.items() if not isinstance(a, str)}
    np.savez(folder / "flame.npz", **arrays)
    return folder / "flame.npz"


def test_modes_joints_and_parts(tmp_path: Path) -> None:
    data = small_flame()
    model = import_model(save_npz(tmp_path, data))
    names = model.expression_names
    shapedirs = np.asarray(data["shapedirs"])
    assert np.allclose(model.identity_basis[5], shapedirs[:, :, 5], atol=1e-9)
    plus, minus = (model.expression_basis[names.index(f"flameExpr002{s}")] for s in "+-")
    assert np.allclose(plus, 3 * shapedirs[:, :, SHAPES + 2], atol=1e-8)
    assert np.array_equal(plus, -minus)
    assert names[0] == "jawOpen"
    chin = model.mean[:, 1].argmin()
    assert model.expression_basis[0][chin, 1] != 0
    jaw = np.asarray(data["weights"])[:, 2] > 0
    front = np.flatnonzero((model.mean[:, 1] < -0.09) & (model.mean[:, 2] > 0) & jaw)
    assert (model.expression_basis[0][front, 2] < 0).all(), "an opening jaw swings back"
    left = np.unique(model.triangles[model.triangle_part == model.part_names.index("eye_left")])
    assert (model.mean[left, 0] > 0).all()
    pupil = left[model.mean[left, 2].argmax()]
    assert model.expression_basis[names.index("eyeLookUpLeft")][pupil, 1] > 0
    assert model.expression_basis[names.index("eyeLookOutLeft")][pupil, 0] > 0
    assert model.expression_basis[names.index("eyeLookInRight")].max() > 0
    assert not model.expression_basis[names.index("eyeLookUpRight")][left].any()
    centres = [model.mean[np.unique(model.triangles[model.triangle_part == p])].mean(0) for p in (1, 2)]
    assert np.allclose(np.mean(centres, 0), 0, atol=1e-6)


class Payload:
    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


def hostile(mark: Path) -> dict[str, bytes]:
    import os
    import subprocess

    touch = f"touch {mark}"
    good = pickle.dumps(small_flame(), protocol=2)
    return {
        "system": pickle.dumps({"v_template": Payload(os.system, touch)}),
        "popen": pickle.dumps(Payload(subprocess.Popen, ["touch", str(mark)])),
        "eval": pickle.dumps(Payload(eval, f"open({str(mark)!r}, 'w')")),
        "exec after a model": good[:-1] + pickle.dumps(Payload(exec, f"open({str(mark)!r}, 'w')"), 2)[2:],
        "getattr": pickle.dumps(Payload(getattr, "x", "upper")),
        "import by name": b"\x80\x04\x8c\x08builtins\x8c\n__import__\x93\x8c\x02os\x85R.",
        "dotted": b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__init__\x93.",
        "numpy load": pickle.dumps(Payload(np.load, str(mark))),
        "object array": pickle.dumps({"v_template": np.array([object], dtype=object)}),
        "build on a class": b"\x80\x02cnumpy\ndtype\n}X\x04\x00\x00\x00codeX\x02\x00\x00\x00f8sb.",
        "persistent": b"\x80\x02X\x01\x00\x00\x00aQ.",
        "extension": b"\x80\x02\x82\x01.",
        "a list": pickle.dumps([1, 2, 3]),
        "truncated": good[:len(good) // 2],
        "empty": b"",
    }


@pytest.mark.parametrize("name", sorted(hostile(Path("x"))))
def test_malicious_pickle_runs_nothing(tmp_path: Path, name: str) -> None:
    mark = tmp_path / "ran"
    path = tmp_path / "model.pkl"
    path.write_bytes(hostile(mark)[name])
    with pytest.raises(BadInput) as caught:
        import_model(path, "flame")
    assert not mark.exists()
    assert "\n" not in str(caught.value) and str(path) in str(caught.value) and len(str(caught.value)) < 400


def test_the_payload_would_have_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    pickle.loads(hostile(mark)["system"])
    assert mark.exists()


def hash_bomb() -> bytes:
    """Nested tuples (t, t) as a dictionary's key: hashing takes 2^60 steps."""
    out = io.BytesIO(b"\x80\x02")
    out.seek(0, 2)
    out.write(b"}K\x01\x85")
    out.write(b"2\x86" * 60 + b"K\x01s.")
    return out.getvalue()


def memory_bomb() -> bytes:
    """A sparse matrix of 10^5 x 10^5 without entries."""
    return pickle.dumps({"J_regressor": csc_matrix((100_000, 100_000))}, protocol=2)


def growing_bomb() -> bytes:
    """Bytes objects decoded over and over from one memoised text of 1 MB, kept alive on the stack."""
    text = b"\x80\x02X\x00\x00\x10\x00" + b"a" * (1 << 20) + b"q\x00c_codecs\nencode\nq\x01"
    return text + b"h\x01h\x00X\x06\x00\x00\x00latin1\x86R" * 3000 + b"."


@pytest.mark.parametrize("bomb", [hash_bomb, memory_bomb, growing_bomb])
def test_pickle_bombs_are_defused(tmp_path: Path, bomb: object) -> None:
    path = tmp_path / "bomb.pkl"
    path.write_bytes(bomb())  # type: ignore[operator]
    with pytest.raises(BadInput):
        decode(path, "pickle", seconds=2, megabytes=1500)


@pytest.mark.parametrize("key", ["v_template", "shapedirs", "f", "weights", "J_regressor", "posedirs"])
def test_missing_and_damaged_arrays_are_named(tmp_path: Path, key: str) -> None:
    data = small_flame()
    value = data.pop(key)
    with pytest.raises(BadInput, match=key):
        import_flame(save_npz(tmp_path, data))
    data[key] = value[:, :-1] if key == "J_regressor" else np.asarray(value)[:-1, ..., :-1]  # type: ignore[index]
    with pytest.raises(BadInput):
        import_flame(save_npz(tmp_path, data))


def test_npz_with_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "o.npz", v_template=np.array([{}], dtype=object), shapedirs=np.zeros((1, 3, 400)))
    with pytest.raises(BadInput):
        import_model(tmp_path / "o.npz")
