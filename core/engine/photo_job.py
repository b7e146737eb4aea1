# SPDX-License-Identifier: Apache-2.0
"""Job `fit_photos`: photos of one person to a fit, a texture and a picture of the fit."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from ..errors import BadInput
from ..face_model import FaceModel
from ..fit import Fit
from ..fit_files import save_fit
from ..fitting import fit_photos
from ..image import Rgb, read_image, write_image
from ..overlay import draw_overlay
from ..provenance.reading import consent_in
from ..texture import uv_texture
from .params import Params
from .work import Work, shrunk

MAX_PHOTOS = 20
MAX_FACES = 100
_OVERLAY_SIDE = 2048
_PLAIN_MODES = ("RGB", "L", "P")
_PLAIN_FORMATS = ("JPEG", "PNG", "BMP")
_ORIENTATION_TAG = 0x0112


def fit_photos_job(params: Params, work: Work) -> dict[str, Any]:
    """See protocol.py."""
    paths, projection = params.paths("photos"), params.projection()
    face, size = params.optional_whole("face", 0, MAX_FACES), params.texture_size(1024)
    if len(paths) > MAX_PHOTOS:
        raise BadInput(f"{len(paths)} photos are too many; choose the {MAX_PHOTOS} best.")
    photos = []
    for number, path in enumerate(paths):
        work.step(0.2 * number / len(paths), f"Reading {path.name}")
        photos.append(read_image(path))
    work.step(0.2, "Finding the face" if len(paths) == 1 else f"Finding the face in {len(paths)} photos")
    model = params.model()
    fits = fit_photos(photos, model, projection=projection, face=face)
    work.step(0.5, "Saving the face")
    save_fit(replace(fits[0], consent=consent_in(paths[0])), work.folder / "face.npz")
    work.step(0.55, "Drawing the fit")
    overlay = shrunk(draw_overlay(photos[0], fits[0], model), _OVERLAY_SIDE)
    write_image(work.folder / "overlay.png", overlay)
    work.preview(overlay)
    upright = _upright_copy(paths[0], photos[0], work)
    texture = _texture(photos, fits, model, size, work)
    return {"fit": "face.npz", "texture": texture, "overlay": "overlay.png", "photo": upright,
            "confidence": fits[0].confidence, "warnings": list(fits[0].warnings)}


def _texture(photos: Sequence[Rgb], fits: Sequence[Fit], model: FaceModel, size: int,
             work: Work) -> str | None:
    if not size:
        return None
    work.step(0.7, "Making the texture")
    texture = uv_texture(photos, fits, model, size)
    work.step(0.95, "Saving the texture")
    write_image(work.folder / "texture.png", texture.rgb)
    return "texture.png"


def _upright_copy(path: Path, rgb: Rgb, work: Work) -> str | None:
    """Write the photo as it was fitted, unless the file itself looks so to every program."""
    with Image.open(path) as picture:
        plain = (picture.format in _PLAIN_FORMATS and picture.mode in _PLAIN_MODES
                 and "transparency" not in picture.info and "icc_profile" not in picture.info
                 and picture.getexif().get(_ORIENTATION_TAG, 1) == 1)
    if plain:
        return None
    work.step(0.65, "Turning the photo upright")
    write_image(work.folder / "photo.jpg", rgb)
    return "photo.jpg"
