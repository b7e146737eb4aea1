# SPDX-License-Identifier: GPL-3.0-or-later
"""The photo and the fit that a face was made from, kept with its mesh: frames of the photo are made from them."""

import base64
import binascii
import tempfile
import zlib
from pathlib import Path

import bpy

from ...core.errors import BadInput
from ...core.fit import Fit
from ...core.fit_files import load_fit, save_fit
from .models import model_of

_LARGEST = 64 << 20


def keep_fit(mesh: bpy.types.Mesh, fit: Fit, photo: bpy.types.Image | None) -> None:
    """Remember what a face was made from; the fit as the text of its compressed file."""
    with tempfile.TemporaryDirectory(prefix="mien-") as folder:
        path = Path(folder, "fit.npz")
        save_fit(fit, path)
        mesh.mien.fit = base64.b64encode(zlib.compress(path.read_bytes(), 6)).decode()
    mesh.mien.photo = photo


def write_fit(mesh: bpy.types.Mesh, path: Path) -> Fit:
    """Write the fit that a face was made from into a file.

    Raises:
        BadInput: the face was not made from a photo, or what the file holds of it is damaged.
    """
    text = mesh.mien.fit
    if not text:
        raise BadInput(f"“{mesh.name}” was not made from a photo; select a face that Face from Photo "
                       "made, or make one.")
    try:
        path.write_bytes(zlib.decompressobj().decompress(base64.b64decode(text, validate=True), _LARGEST))
    except (ValueError, zlib.error, binascii.Error) as error:
        raise BadInput(f"The fit that the file keeps of “{mesh.name}” is damaged; make the face anew.") from error
    return load_fit(path, model_of(mesh))


def write_photo(mesh: bpy.types.Mesh, folder: Path) -> Path:
    """The file of the photo that a face was made from: its own, or a copy in the folder where it is in the .blend.

    Raises:
        BadInput: there is no photo, or its file is gone.
    """
    photo = mesh.mien.photo
    if photo is None:
        raise BadInput(f"The photo of “{mesh.name}” is not in the file any more; choose it in the panel Neural Render.")
    if photo.packed_file is not None:
        copy = folder / f"photo{Path(photo.filepath).suffix.lower() or '.png'}"
        copy.write_bytes(photo.packed_file.data)
        return copy
    path = Path(bpy.path.abspath(photo.filepath, library=photo.library))
    if not path.is_file():
        raise BadInput(f"The photo of “{mesh.name}”, {path}, is not there any more; put it back, or choose it in the "
                       "panel Neural Render.")
    return path
