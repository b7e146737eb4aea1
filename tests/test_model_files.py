# SPDX-License-Identifier: Apache-2.0
"""Face model files: what goes in comes out, to the byte, and nothing in a hostile file gets further than an error."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mien.core.errors import BadInput, CannotWrite
from mien.core.face_model import Embedding, FaceModel
from mien.core.model_files import DEFAULT_MODEL, default_model, load_model, rounded, save_model

RNG = np.random.default_rng(0)


def small_model() -> FaceModel:
    floats = lambda *shape: RNG.normal(size=shape).astype(np.float32)  # noqa: E731
    return FaceModel(
        name="small", licence="none", mean=floats(5, 3), identity_basis=floats(2, 5, 3) * np.float32(0.01),
        expression_basis=np.concatenate([floats(1, 5, 3), np.zeros((1, 5, 3), np.float32)]),
        expression_names=("a", "b"), triangles=np.array([[0, 1, 2], [2, 3, 4]], np.int32), uv=np.abs(floats(4, 2)),
        uv_triangles=np.array([[0, 1, 2], [1, 2, 3]], np.int32), part_names=("skin",),
        triangle_part=np.zeros(2, np.int32), mirror=np.zeros(0, np.int32),
        embeddings={"two": Embedding(np.array([0, 1], np.int32), np.full((2, 3), 1 / 3, np.float32))},
        regions={"face": np.ones(5, np.float32)}, extra={"table": np.arange(6).reshape(2, 3)})


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.npz"
    save_model(small_model(), path)
    return path


def rewritten(source: Path, target: Path, **entries: bytes | None) -> Path:
    """A copy of a model file with some entries replaced, added, or left out (None)."""
    changes = {f"{name}.npy": data for name, data in entries.items()}
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in changes:
                new.writestr(name, old.read(name))
        for name, data in changes.items():
            if data is not None:
                new.writestr(name, data)
    return target


def npy(array: np.ndarray, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def npy_header(shape: object, descr: str = "<f4", padding: int = 0) -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b" " * padding + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def equal(a: FaceModel, b: FaceModel) -> bool:
    names = ("mean", "identity_basis", "expression_basis", "triangles", "uv", "uv_triangles", "triangle_part", "mirror")
    same = all(np.array_equal(getattr(a, n), getattr(b, n)) for n in names)
    return same and (a.name, a.licence, a.expression_names, a.part_names) == (
        b.name, b.licence, b.expression_names, b.part_names)


def test_round_trip_is_what_rounded_promises(good: Path, tmp_path: Path) -> None:
    loaded = load_model(good)
    model = small_model()
    save_model(model, tmp_path / "m.npz")
    back, promised = load_model(tmp_path / "m.npz"), rounded(model)
    assert equal(back, promised) and back.hash == promised.hash
    assert set(loaded.embeddings) == {"two"} and len(loaded.embeddings["two"]) == 2
    np.testing.assert_array_equal(loaded.extra["table"], np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(loaded.regions["face"], np.ones(5))


def test_rounding_is_finer_than_a_fifteenth_bit(tmp_path: Path) -> None:
    model = small_model()
    save_model(model, tmp_path / "m.npz")
    for name in ("identity_basis", "expression_basis"):
        exact, stored = getattr(model, name), getattr(load_model(tmp_path / "m.npz"), name)
        largest = np.abs(exact).max((1, 2), keepdims=True)
        assert (np.abs(exact - stored) <= largest / 32766 + 1e-12).all()


def test_saving_what_was_loaded_changes_no_byte(good: Path, tmp_path: Path) -> None:
    for source in (good, DEFAULT_MODEL):
        save_model(load_model(source), tmp_path / "again.npz")
        assert (tmp_path / "again.npz").read_bytes() == source.read_bytes()


def test_default_model_is_loaded_once() -> None:
    assert default_model() is default_model()


def test_a_failed_write_leaves_the_old_file(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = good.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(CannotWrite, match="No space left"):
        save_model(small_model(), good)
    assert good.read_bytes() == before
    assert [p.name for p in good.parent.iterdir()] == [good.name]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no file"):
        load_model(tmp_path / "none.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello" * 100, b"\x93NUMPY\x01\x00"])
def test_not_a_zip(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(BadInput, match="damaged"):
        load_model(tmp_path / "bad.npz")


def test_truncated_anywhere(good: Path, tmp_path: Path) -> None:
    data = good.read_bytes()
    for size in range(0, len(data), 97):
        (tmp_path / "cut.npz").write_bytes(data[:size])
        with pytest.raises(BadInput):
            load_model(tmp_path / "cut.npz")


def test_flipped_bytes_never_crash(good: Path, tmp_path: Path) -> None:
    data = good.read_bytes()
    for place in range(0, len(data), 31):
        (tmp_path / "bent.npz").write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1:])
        try:
            load_model(tmp_path / "bent.npz")
        except BadInput:
            continue


class Trap:
    """Writes a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.write_text, (self.path, "caught")


def test_object_arrays_are_not_unpickled(good: Path, tmp_path: Path) -> None:
    trap = np.empty(1, object)
    trap[0] = Trap(tmp_path / "caught.txt")
    bad = rewritten(good, tmp_path / "bad.npz", mean=npy(trap, allow_pickle=True))
    with pytest.raises(BadInput):
        load_model(bad)
    assert not (tmp_path / "caught.txt").exists()


@pytest.mark.parametrize("data", [
    npy_header((10**12, 3)), npy_header((2**62, 4)), npy_header((-1, 3)), npy_header((5, 3), padding=30000),
    npy_header((5, 3), descr="|O"), npy_header((5, 3), descr="<f4,(1000000000,)f8"), npy_header("x"),
    npy_header((5, 3)) + b"\0" * 10, npy_header((5, 3)) + b"\0" * 100, b"\x93NUMPY\x02\x00" + b"\xff" * 8,
    b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535, b""])
def test_lying_headers_allocate_nothing(good: Path, tmp_path: Path, data: bytes) -> None:
    import tracemalloc

    bad = rewritten(good, tmp_path / "bad.npz", mean=data)
    tracemalloc.start()
    with pytest.raises(BadInput):
        load_model(bad)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_zip_bomb_is_refused_before_unpacking(good: Path, tmp_path: Path) -> None:
    import tracemalloc

    bomb = tmp_path / "bomb.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("mean.npy", "w") as entry:
        entry.write(npy_header((600 * 2**18,)))
        for _ in range(600):
            entry.write(b"\0" * 2**20)
    tracemalloc.start()
    with pytest.raises(BadInput, match="more than 512 MB"):
        load_model(bomb)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_too_many_entries(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.npz", "w") as archive:
        for i in range(1001):
            archive.writestr(f"{i}.npy", b"")
    with pytest.raises(BadInput):
        load_model(tmp_path / "many.npz")


@pytest.mark.parametrize("name, array", [
    ("mean", np.zeros((4, 3), np.float32)), ("mean", np.zeros((5, 3), np.int32)), ("mean", np.zeros(5, np.float32)),
    ("mean", np.full((5, 3), np.nan, np.float32)), ("triangles", np.full((2, 3), 9, np.uint16)),
    ("triangles", np.zeros((2, 3), np.float32)), ("uv", np.full((4, 2), np.inf, np.float32)),
    ("identity_basis", np.zeros((2, 5, 3), np.float32)), ("identity_basis", np.zeros((2, 5), np.int16)),
    ("identity_basis_scale", np.zeros(3, np.float32)), ("identity_basis_scale", np.full(2, np.inf, np.float32)),
    ("triangle_part", np.full(2, 7, np.uint16)), ("region/face", np.zeros(4, np.float32)),
    ("embedding/two/triangles", np.array([0, 5], np.uint16)),
    ("embedding/two/barycentric", np.zeros((3, 3), np.float32)), ("header", np.zeros(3, np.uint8))])
def test_wrong_arrays(good: Path, tmp_path: Path, name: str, array: np.ndarray) -> None:
    with pytest.raises(BadInput), np.errstate(invalid="ignore"):
        load_model(rewritten(good, tmp_path / "bad.npz", **{name: npy(array)}))


@pytest.mark.parametrize("name", ["header", "mean", "identity_basis", "identity_basis_scale", "triangles", "uv",
                                  "embedding/two/triangles"])
def test_missing_arrays(good: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput):
        load_model(rewritten(good, tmp_path / "bad.npz", **{name: None}))


@pytest.mark.parametrize("change", [{"mien_face_model": 2}, {"mien_face_model": None}, {"expression_names": 5},
                                    {"expression_names": ["a"]}, {"part_names": []}])
def test_wrong_header_words(good: Path, tmp_path: Path, change: dict[str, object]) -> None:
    with zipfile.ZipFile(good) as archive:
        header = json.loads(np.load(io.BytesIO(archive.read("header.npy"))).tobytes())
    text = json.dumps(header | change).encode()
    with pytest.raises(BadInput):
        load_model(rewritten(good, tmp_path / "bad.npz", header=npy(np.frombuffer(text, np.uint8))))


def test_a_motion_or_other_npz_is_told_apart(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(BadInput, match="not a Mien face model"):
        load_model(tmp_path / "other.npz")


def test_big_models_keep_big_indices(tmp_path: Path) -> None:
    count = 70000
    model = replace(small_model(), mean=np.zeros((count, 3), np.float32), mirror=np.zeros(0, np.int32),
                    identity_basis=np.zeros((0, count, 3), np.float32), expression_names=(),
                    expression_basis=np.zeros((0, count, 3), np.float32), regions={}, embeddings={},
                    triangles=np.array([[0, 1, 69999], [2, 3, 4]], np.int32))
    save_model(model, tmp_path / "big.npz")
    assert load_model(tmp_path / "big.npz").triangles.max() == 69999
