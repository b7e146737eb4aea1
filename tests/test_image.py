# SPDX-License-Identifier: Apache-2.0
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from mien.core.errors import BadInput, CannotWrite
from mien.core.image import is_picture, read_image, write_image
from PIL import Image, ImageCms

BAD_INPUT = Path(__file__).parents[2] / "shared" / "data" / "bad_input"


@pytest.fixture
def rgb():
    ramp = np.linspace(0, 255, 40).astype(np.uint8)
    picture = np.zeros((30, 40, 3), np.uint8)
    picture[..., 0] = ramp
    picture[..., 1] = ramp[:30, None]
    picture[10:20, 10:20, 2] = 200
    return picture


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_picture_comes_back_as_it_was_written(tmp_path, rgb, suffix):
    write_image(tmp_path / f"a.{suffix}", rgb)
    back = read_image(tmp_path / f"a.{suffix}")
    assert back.shape == rgb.shape and back.dtype == np.uint8 and back.flags.c_contiguous
    limit = {"png": 0, "jpg": 4, "webp": 8}[suffix]
    assert np.abs(back.astype(int) - rgb).mean() <= limit


@pytest.mark.parametrize(("orientation", "undo"), [
    (1, lambda a: a), (2, lambda a: a[:, ::-1]), (3, lambda a: a[::-1, ::-1]), (4, lambda a: a[::-1]),
    (5, lambda a: a.transpose(1, 0, 2)), (6, lambda a: np.rot90(a, -1)),
    (7, lambda a: a.transpose(1, 0, 2)[::-1, ::-1]), (8, lambda a: np.rot90(a)),
])
def test_exif_orientation_is_applied(tmp_path, rgb, orientation, undo):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(rgb).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), undo(rgb))


def test_transparency_lies_on_white(tmp_path, rgb):
    alpha = np.zeros(rgb.shape[:2], np.uint8)
    alpha[:15] = 255
    Image.fromarray(np.dstack([rgb, alpha])).save(tmp_path / "a.png")
    back = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(back[:15], rgb[:15])
    assert (back[15:] == 255).all()


def test_sixteen_bits_and_floats_keep_the_whole_range(tmp_path):
    grey = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (8, 1))
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray((grey / 65535).astype(np.float32)).save(tmp_path / "b.tif")
    expected = np.repeat(np.floor(grey / 257 + 0.5).astype(np.uint8)[..., None], 3, 2)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)
    np.testing.assert_array_equal(read_image(tmp_path / "b.tif"), expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "YCbCr"])
def test_every_mode_becomes_rgb(tmp_path, rgb, mode):
    name = {"CMYK": "a.tif", "YCbCr": "a.jpg"}.get(mode, "a.png")
    source = Image.fromarray(rgb).convert(mode)
    source.save(tmp_path / name, quality=100)
    difference = read_image(tmp_path / name).astype(int) - np.asarray(source.convert("RGB"))
    assert np.abs(difference).mean() < 2


def test_an_embedded_profile_is_applied_and_a_broken_one_ignored(tmp_path, rgb):
    lab_like = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(rgb).save(tmp_path / "same.png", icc_profile=lab_like)
    Image.fromarray(rgb).save(tmp_path / "broken.png", icc_profile=b"nonsense" * 20)
    assert np.abs(read_image(tmp_path / "same.png").astype(int) - rgb).max() <= 1
    np.testing.assert_array_equal(read_image(tmp_path / "broken.png"), rgb)


def test_an_animation_gives_its_first_frame(tmp_path, rgb):
    frames = [Image.fromarray(rgb), Image.fromarray(255 - rgb)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert np.abs(read_image(tmp_path / "a.gif").astype(int) - rgb).mean() < 6


def _png_header_of(width: int, height: int) -> bytes:
    """A PNG that says it is huge and holds next to nothing."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 99)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("name", "content", "message"), [
    ("empty.jpg", b"", "is empty"),
    ("text.jpg", b"just some words " * 60, "not a picture"),
    ("phone.jpg", b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
    ("bomb.png", _png_header_of(100_000, 100_000), "pixels"),
    ("large.png", _png_header_of(12_000, 9_000), "12000 × 9000"),
    ("long.png", _png_header_of(60_000, 10), "60000 × 10"),
    ("hollow.png", _png_header_of(200, 200), "cut off or damaged"),
])
def test_what_is_no_good_picture_is_refused_in_a_sentence(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message) as caught:
        read_image(path)
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_a_cut_off_photo_is_refused_at_every_length(tmp_path, rgb):
    write_image(tmp_path / "whole.jpg", np.tile(rgb, (4, 4, 1)))
    whole = (tmp_path / "whole.jpg").read_bytes()
    for length in range(1, len(whole) - 2, max(1, len(whole) // 25)):
        (tmp_path / "cut.jpg").write_bytes(whole[:length])
        with pytest.raises(BadInput):
            read_image(tmp_path / "cut.jpg")


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        read_image(tmp_path / "no.png")
    with pytest.raises(BadInput, match="folder"):
        read_image(tmp_path)


def test_writing_refuses_what_it_cannot_write(tmp_path, rgb):
    with pytest.raises(BadInput, match="written as"):
        write_image(tmp_path / "a.xyz", rgb)
    with pytest.raises(BadInput, match="uint8"):
        write_image(tmp_path / "a.png", rgb.astype(np.float32))
    with pytest.raises(BadInput, match="transparency"):
        write_image(tmp_path / "a.jpg", np.dstack([rgb, rgb[..., :1]]))
    with pytest.raises(CannotWrite):
        write_image(tmp_path / "no" / "a.png", rgb)
    assert list(tmp_path.iterdir()) == []


def test_still_pictures_are_told_from_other_files(tmp_path, rgb):
    write_image(tmp_path / "a.png", rgb)
    (tmp_path / "b.png").write_text("words")
    Image.fromarray(rgb).save(tmp_path / "c.gif")
    assert is_picture(tmp_path / "a.png")
    assert not is_picture(tmp_path / "b.png")
    assert not is_picture(tmp_path / "c.gif")


GOOD = {"animated.gif": (256, 256), "cmyk.jpg": (512, 512), "exif_rotated.jpg": (512, 340),
        "grey.jpg": (512, 512), "no_face.jpg": (480, 640), "one_pixel.png": (1, 1), "rgb16.png": (512, 512),
        "rgba.png": (512, 512), "tiny_16x16.png": (16, 16), "two_faces.jpg": (512, 800)}
BAD = ("empty.jpg", "huge_12000x9000.png", "text.jpg", "truncated.jpg")


@pytest.mark.shared
@pytest.mark.skipif(not BAD_INPUT.is_dir(), reason="the development data is not beside the checkout")
def test_the_collection_of_bad_input_is_read_or_refused():
    assert {p.name for p in BAD_INPUT.iterdir()} == {*GOOD, *BAD}
    for name, shape in GOOD.items():
        assert read_image(BAD_INPUT / name).shape == (*shape, 3)
    reference = read_image(BAD_INPUT / "rgb16.png").astype(int)
    assert np.abs(read_image(BAD_INPUT / "cmyk.jpg").astype(int) - reference).mean() < 3
    for name in BAD:
        with pytest.raises(BadInput, match=name):
            read_image(BAD_INPUT / name)


MEASURE = """
import sys
from mien.core.image import read_image
read_image(sys.argv[1])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process its own peak")
def test_the_largest_picture_needs_less_than_a_gigabyte(tmp_path):
    Image.new("RGBA", (8000, 8000), (200, 150, 120, 128)).save(tmp_path / "a.png", compress_level=1)
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "a.png")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) < 1_000_000
