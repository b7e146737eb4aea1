# SPDX-License-Identifier: Apache-2.0
"""Motions and face models from strangers: refused in one sentence, without executing or unpacking them."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mien.core.camera import Camera
from mien.core.model_files import DEFAULT_MODEL, default_model
from mien.core.motion import Motion
from mien.core.motion_files import save_motion
from PIL import Image
from skimage.data import astronaut

FACE = astronaut()[0:240, 100:340]
Arrays = dict[str, np.ndarray]
MARK = Path("executed-by-a-stranger")


class Evil:
    """Unpickling this makes a file."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (MARK,))


def _good_motion(frames: int = 5) -> Motion:
    model = default_model()
    return Motion(25.0, np.zeros((frames, len(model.expression_names)), np.float32), np.zeros((frames, 3), np.float32),
                  np.tile(np.float32([0, 0, 1]), (frames, 1)), np.zeros(len(model.identity_basis), np.float32),
                  model.expression_names, model.name, model.hash, Camera.for_image(240, 240),
                  np.ones(frames, np.float32))


def _changed(source: Path, target: Path, change: Callable[[Arrays], None]) -> None:
    """A copy of an npz with its arrays changed."""
    with np.load(source) as data:
        arrays = {name: data[name].copy() for name in data.files}
    change(arrays)
    np.savez(target, **arrays)


def _motion(change: Callable[[Arrays], None]) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        save_motion(_good_motion(), path.with_name("good.npz"))
        _changed(path.with_name("good.npz"), path, change)

    return make


def _set(name: str, index: tuple[int, ...], value: float) -> Callable[[Arrays], None]:
    return lambda arrays: arrays[name].__setitem__(index, value)


def _replace(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.__setitem__(name, change(arrays[name]))


def _header(**entries: object) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        text = json.dumps(json.loads(arrays["header"].tobytes()) | entries)
        arrays["header"] = np.frombuffer(text.encode(), np.uint8)

    return change


def _objects(arrays: Arrays) -> None:
    arrays["expression"] = np.array([[Evil()]], object)


def _json_motion(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        save_motion(_good_motion(), path)
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    return make


BAD_MOTIONS: dict[str, Callable[[Path], object]] = {
    "nan.npz": _motion(_set("expression", (2, 7), np.nan)),
    "infinite_pose.npz": _motion(_set("rotation", (1, 0), np.inf)),
    "behind.npz": _motion(_set("translation", (3, 2), -1)),
    "fewer_channels.npz": _motion(_replace("expression", lambda a: a[:, :-2])),
    "other_lengths.npz": _motion(_replace("rotation", lambda a: a[:-1])),
    "no_frames.npz": _motion(lambda a: [a.__setitem__(n, a[n][:0]) for n in
                                        ("expression", "rotation", "translation", "confidence")]),
    "integers.npz": _motion(_replace("expression", lambda a: a.astype(int))),
    "strange_channels.npz": _motion(_header(channels=[f"channel{i}" for i in range(52)])),
    "no_rate.npz": _motion(_header(fps=0)),
    "rate_in_words.npz": _motion(_header(fps="fast")),
    "newer.npz": _motion(_header(version=99)),
    "camera_in_words.npz": _motion(_header(camera={"width": "wide", "height": 1, "focal": 1, "projection": "x"})),
    "camera_nan.npz": _motion(_header(camera={"width": 9, "height": 9, "focal": float("nan"),
                                              "projection": "orthographic"})),
    "missing_part.npz": _motion(lambda a: a.pop("rotation")),
    "objects.npz": _motion(_objects),
    "text.npz": lambda path: path.write_text("not a motion"),
    "text.json": lambda path: path.write_text("not a motion"),
    "list.json": lambda path: path.write_text("[1, 2, 3]"),
    "deep.json": lambda path: path.write_text("[" * 200_000),
    "nan.json": _json_motion(lambda d: d["frames"][1]["rotation"].__setitem__(0, float("nan"))),
    "words.json": _json_motion(lambda d: d["frames"][1].__setitem__("translation", "here")),
    "text.csv": lambda path: path.write_text("not,a,motion\n1,2,3\n"),
    "binary.csv": lambda path: path.write_bytes(bytes(range(256)) * 20),
    "empty.csv": lambda path: path.write_bytes(b""),
    "motion.mp3": lambda path: path.write_bytes(b"ID3"),
    "missing.npz": lambda path: None,
}


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(FACE).save(path)
    return path


@pytest.mark.parametrize("name", BAD_MOTIONS)
def test_a_bad_motion_is_refused_in_one_sentence(name, tmp_path, photo, mien, untouched):
    BAD_MOTIONS[name](tmp_path / name)
    (tmp_path / "out.mp4").write_bytes(b"an earlier result")
    check = untouched(tmp_path)
    sentence = mien("animate", photo, "--motion", tmp_path / name, "-o", tmp_path / "out.mp4").sentence()
    assert name in sentence or "motion" in sentence
    check()
    assert not MARK.exists()


def test_a_motion_of_another_model_with_the_same_channels_is_played(tmp_path, photo, mien):
    _motion(_header(model="another", model_hash="0123456789abcdef"))(tmp_path / "other.npz")
    outcome = mien("animate", photo, "--motion", tmp_path / "other.npz", "-o", tmp_path / "out.mp4")
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "out.mp4").stat().st_size > 1000


def _model(change: Callable[[Arrays], None]) -> Callable[[Path], None]:
    return lambda path: _changed(DEFAULT_MODEL, path, change)


def _huge_header(path: Path) -> None:
    """An array whose header alone claims ten million characters."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }" + b" " * 10_000_000 + b"\n"
        archive.writestr("mean.npy", b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text + bytes(12))


def _claims_too_much(path: Path) -> None:
    """Twelve bytes of data under a header that promises four terabytes."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mean.npy", buffer.getvalue() + bytes(12))


def _bomb(path: Path) -> None:
    """A gigabyte of zeros in one megabyte."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("mean.npy", "w") as entry:
        np.lib.format.write_array_header_1_0(entry, {"descr": "<f4", "fortran_order": False, "shape": (2**28,)})
        for _ in range(64):
            entry.write(bytes(2**24))


def _cut(path: Path) -> None:
    data = DEFAULT_MODEL.read_bytes()
    path.write_bytes(data[: len(data) // 2])


BAD_MODELS: dict[str, Callable[[Path], object]] = {
    "huge_header.npz": _huge_header,
    "claims.npz": _claims_too_much,
    "cut.npz": _cut,
    "wrong_shape.npz": _model(_replace("mean", lambda a: a[:-1])),
    "flat.npz": _model(_replace("mean", lambda a: a.ravel())),
    "triangles_outside.npz": _model(_set("triangles", (0, 0), 60_000)),
    "nan.npz": _model(_set("mean", (0, 0), np.nan)),
    "objects.npz": _model(lambda a: a.__setitem__("mean", np.array([Evil()], object))),
    "complex.npz": _model(_replace("mean", lambda a: a.astype(complex))),
    "newer.npz": _model(_header(mien_face_model=99)),
    "no_landmarks.npz": _model(lambda a: [a.pop(n) for n in list(a) if n.startswith("embedding/mesh478")]),
    "a_motion.npz": lambda path: save_motion(_good_motion(), path),
    "text.npz": lambda path: path.write_text("not a model"),
    "missing.npz": lambda path: None,
}


@pytest.mark.parametrize("name", BAD_MODELS)
def test_a_bad_model_is_refused_in_one_sentence(name, tmp_path, photo, mien, untouched):
    BAD_MODELS[name](tmp_path / name)
    check = untouched(tmp_path)
    sentence = mien("fit", photo, "--model", tmp_path / name, "-o", tmp_path / "face.npz").sentence()
    assert name in sentence or "model" in sentence
    check()
    assert not MARK.exists()


def test_a_bomb_is_refused_in_little_memory(tmp_path, mien_process):
    _bomb(tmp_path / "bomb.npz")
    outcome = mien_process("model", "info", "--model", tmp_path / "bomb.npz", seconds=20)
    assert "bomb.npz" in outcome.sentence()
    assert outcome.peak_mib < 300
