# SPDX-License-Identifier: Apache-2.0
"""Photos that cannot be used are refused in one sentence; odd ones that can are used."""

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

SHARED = Path(__file__).parents[2] / "shared/data/bad_input"
FACE = astronaut()[0:240, 100:340]
MEMORY_MIB = 1024


def _noise(side: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))


def _save_truncated(path: Path) -> None:
    Image.fromarray(FACE).save(path)
    path.write_bytes(path.read_bytes()[:3000])


def _save_huge(path: Path) -> None:
    """A small file of 108 million pixels."""
    Image.new("1", (12000, 9000)).save(path)


BAD: dict[str, Callable[[Path], object]] = {
    "empty.jpg": lambda path: path.write_bytes(b""),
    "text.jpg": lambda path: path.write_text("This is not a picture.\n" * 40),
    "truncated.jpg": _save_truncated,
    "damaged.png": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200)),
    "one_pixel.png": lambda path: Image.new("RGB", (1, 1)).save(path),
    "tiny.png": lambda path: _noise(16).save(path),
    "no_face.png": lambda path: _noise(200).save(path),
    "folder.jpg": lambda path: path.mkdir(),
    "missing.jpg": lambda path: None,
}


@pytest.fixture
def place(tmp_path):
    """A folder for results that already holds one that must survive."""
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "face.npz").write_bytes(b"an earlier result")
    return folder


@pytest.mark.parametrize("name", BAD)
def test_a_bad_photo_is_refused_in_one_sentence(name, tmp_path, place, mien, untouched):
    BAD[name](tmp_path / name)
    check = untouched(place)
    outcome = mien("fit", tmp_path / name, "-o", place / "face.npz", "--overlay", place / "overlay.png")
    sentence = outcome.sentence()
    assert name in sentence or "face" in sentence
    check()


def test_a_huge_photo_is_refused_before_it_is_decoded(tmp_path, place, mien_process, untouched):
    _save_huge(tmp_path / "huge.png")
    check = untouched(place)
    outcome = mien_process("fit", tmp_path / "huge.png", "-o", place / "face.npz", seconds=20)
    assert "huge.png" in outcome.sentence()
    assert outcome.peak_mib < MEMORY_MIB
    check()


def _exif_rotated(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(FACE))).save(path, exif=exif, quality=95)


def _sixteen_bit(path: Path) -> None:
    """A PNG of 16 bits a channel, which Pillow cannot write."""
    height, width = FACE.shape[:2]
    rows = (FACE.astype(">u2") * 257).reshape(height, -1)
    data = zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks))


ODD: dict[str, Callable[[Path], object]] = {
    "grey.png": lambda path: Image.fromarray(FACE).convert("L").save(path),
    "cmyk.jpg": lambda path: Image.fromarray(FACE).convert("CMYK").save(path, quality=95),
    "alpha.png": lambda path: Image.fromarray(FACE).convert("RGBA").save(path),
    "palette.gif": lambda path: Image.fromarray(FACE).save(path),
    "rotated.jpg": _exif_rotated,
    "sixteen.png": _sixteen_bit,
    "odd_size.png": lambda path: Image.fromarray(FACE[:-3, :-7]).save(path),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_photo_of_a_face_is_fitted(name, tmp_path, mien):
    ODD[name](tmp_path / name)
    outcome = mien("fit", tmp_path / name, "-o", tmp_path / "face.npz", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["confidence"] > 0.5
    assert (tmp_path / "face.npz").stat().st_size > 1000


def test_a_face_that_is_not_there_is_named(tmp_path, mien):
    Image.fromarray(FACE).save(tmp_path / "one.png")
    outcome = mien("fit", tmp_path / "one.png", "--face", 5, "-o", tmp_path / "face.npz")
    assert "5" in outcome.sentence()


REFUSED = ("empty.jpg", "text.jpg", "truncated.jpg", "one_pixel.png", "tiny_16x16.png", "no_face.jpg",
           "huge_12000x9000.png")


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data/bad_input")
@pytest.mark.parametrize("path", sorted(SHARED.glob("*.*")), ids=lambda p: p.name)
def test_every_file_of_the_collection_is_used_or_refused(path, place, mien, untouched):
    check = untouched(place)
    outcome = mien("fit", path, "-o", place / "face.npz")
    if path.name in REFUSED:
        outcome.sentence()
        check()
    else:
        assert outcome.code == 0, outcome.err
        assert (place / "face.npz").read_bytes() != b"an earlier result"
