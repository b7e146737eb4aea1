# SPDX-License-Identifier: Apache-2.0
"""Reading and writing pictures, with limits that hold before anything is decoded."""

import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from .errors import BadInput
from .files import atomic_write

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Rgb = NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP")
MAX_PIXELS = 64_000_000
MAX_SIDE = 16_384
MAX_FILE_BYTES = 512 << 20
_ORIENTATION_TAG = 0x0112
_BAND = 512
_WRITE_OPTIONS: dict[str, dict[str, object]] = {
    ".png": {"format": "PNG", "compress_level": 4},
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".webp": {"format": "WEBP", "quality": 95},
}


def read_image(path: str | os.PathLike[str]) -> Rgb:
    """The picture as (H, W, 3) uint8 sRGB, upright.

    EXIF orientation and embedded colour profiles are applied, 16 bits become 8, transparency lies on white;
    of an animation or a document of several pages the first is taken. Peak memory is below 1 GB.

    Raises:
        BadInput: no such file, no picture, damaged, or above 64 million pixels, 16384 a side or 512 MB.
    """
    file = Path(path)
    check_file(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=FORMATS) as picture:
                _check_size(file, picture.size)
                orientation = int(picture.getexif().get(_ORIENTATION_TAG, 1))
                return _upright(_to_rgb(picture), orientation)
        except BadInput:
            raise
        except Image.DecompressionBombError as error:
            raise BadInput(f"{file.name} has far more than {MAX_PIXELS // 10**6} million pixels; "
                           "make it smaller.") from error
        except UnidentifiedImageError as error:
            raise BadInput(_not_a_picture(file)) from error
        except Exception as error:  # Pillow's decoders raise whatever the bytes lead them to
            raise BadInput(f"{file.name} is cut off or damaged; get a whole copy of it.") from error


def write_image(path: str | os.PathLike[str], rgb: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) or (H, W, 4) uint8 as .png, .jpg or .webp, chosen by the name.

    Raises:
        BadInput: another suffix, or an array that is no picture.
        CannotWrite: the place cannot be written or the disk is full.
    """
    target = Path(path)
    options = _WRITE_OPTIONS.get(target.suffix.lower())
    if options is None:
        raise BadInput(f"{target.name}: pictures are written as {', '.join(_WRITE_OPTIONS)}.")
    data = encode_image(rgb, options)
    with atomic_write(target) as temporary:
        temporary.write_bytes(data)


def encode_image(rgb: NDArray[np.uint8], options: dict[str, object]) -> bytes:
    """A picture's file as bytes; options are Pillow's, `format` among them.

    Raises:
        BadInput: not (H, W, 3) or (H, W, 4) uint8, or the format cannot hold it.
    """
    if rgb.ndim != 3 or rgb.shape[2] not in (3, 4) or rgb.dtype != np.uint8 or not rgb.size:
        raise BadInput(f"A picture is (height, width, 3) uint8, not {rgb.shape} {rgb.dtype}.")
    if options["format"] == "JPEG" and rgb.shape[2] == 4:
        raise BadInput("JPEG has no transparency; write a .png instead.")
    buffer = io.BytesIO()
    try:
        Image.fromarray(np.ascontiguousarray(rgb)).save(buffer, **options)  # type: ignore[arg-type]
    except ValueError as error:
        raise BadInput(f"{options['format']} cannot hold {rgb.shape[1]} × {rgb.shape[0]} pixels; "
                       "write a .png instead.") from error
    return buffer.getvalue()


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether the file is a still picture, judged by its first bytes."""
    try:
        with Image.open(path, formats=tuple(f for f in FORMATS if f != "GIF")):
            return True
    except Image.DecompressionBombError:
        return True
    except Exception:  # Pillow's plugins raise whatever the bytes lead them to
        return False


def check_file(file: Path, largest: int | None = MAX_FILE_BYTES) -> None:
    """A regular file, readable, not empty and not too large.

    Raises:
        BadInput: it is not.
    """
    if not file.exists():
        raise BadInput(f"{file} does not exist.")
    if not file.is_file():
        raise BadInput(f"{file} is a folder or a device, not a file.")
    if not os.access(file, os.R_OK):
        raise BadInput(f"{file} cannot be read: permission denied.")
    size = file.stat().st_size
    if size == 0:
        raise BadInput(f"{file.name} is empty.")
    if largest is not None and size > largest:
        raise BadInput(f"{file.name} has {size >> 20} MB; at most {largest >> 20} MB are read.")


def _check_size(file: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS or max(size) > MAX_SIDE:
        raise BadInput(f"{file.name} is {width} × {height}; make it smaller: pictures up to "
                       f"{MAX_PIXELS // 10**6} million pixels and {MAX_SIDE} a side are read.")


def _not_a_picture(file: Path) -> str:
    with file.open("rb") as stream:
        head = stream.read(12)
    if head[4:8] == b"ftyp" and head[8:11] in (b"hei", b"mif", b"hev"):
        return f"{file.name} is a HEIC picture; save it as JPEG or PNG first."
    return f"{file.name} is not a picture that can be read (PNG, JPEG, WebP, TIFF, GIF or BMP)."


def _to_rgb(picture: "Picture") -> Rgb:
    """Any of Pillow's modes to (H, W, 3) uint8, in bands of rows so that no second whole copy is held."""
    picture.load()
    out = np.empty((picture.height, picture.width, 3), np.uint8)
    top = _white_level(picture)
    for first in range(0, picture.height, _BAND):
        last = min(first + _BAND, picture.height)
        band = picture.crop((0, first, picture.width, last))
        out[first:last] = _grey_levels(band, top) if top else _band_to_rgb(band)
    return out


def _white_level(picture: "Picture") -> float:
    """The value that is white in a grey picture of 16 or 32 bits or of floats; 0 for every other mode."""
    if picture.mode != "F" and not picture.mode.startswith("I"):
        return 0.0
    brightest = float(np.ravel(picture.getextrema())[-1])
    if picture.mode == "F":
        return 1.0 if brightest <= 1 else 255.0
    return 65535.0 if brightest > 255 or picture.mode != "I" else 255.0


def _grey_levels(band: "Picture", white: float) -> Rgb:
    levels = np.nan_to_num(np.asarray(band, np.float32)) * (255 / white)
    rounded: Rgb = np.clip(levels + 0.5, 0, 255).astype(np.uint8)
    return rounded[..., None]


def _band_to_rgb(band: "Picture") -> Rgb:
    profile = band.info.get("icc_profile")
    if "transparency" in band.info or band.mode in ("LA", "PA", "La", "RGBa"):
        band = band.convert("RGBA")
    if band.mode == "RGBA":
        white = Image.new("RGB", band.size, (255, 255, 255))
        white.paste(_in_srgb(band.convert("RGB"), profile), mask=band.getchannel("A"))
        return np.asarray(white)
    if band.mode == "P":
        band = band.convert("RGB")
    return np.asarray(_in_srgb(band, profile))


def _in_srgb(band: "Picture", profile: bytes | None) -> "Picture":
    """Through the embedded colour profile where there is a usable one, else by Pillow's plain conversion."""
    if profile and band.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(band, source, target, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a broken profile says nothing about the pixels
    return band.convert("RGB")


def _upright(rgb: Rgb, orientation: int) -> Rgb:
    """Undo the EXIF orientation (values 1 to 8 of the EXIF 2.3 standard, tag 0x0112)."""
    if orientation in (5, 6, 7, 8):
        rgb = rgb.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        rgb = rgb[:, ::-1]
    if orientation in (3, 4, 7, 8):
        rgb = rgb[::-1]
    return np.ascontiguousarray(rgb)
