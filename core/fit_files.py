# SPDX-License-Identifier: Apache-2.0
"""Fits in .npz files: no pickle, versioned, tied to their face model by its hash."""

import json
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .camera import Camera, Projection
from .errors import BadInput
from .face_model import FaceModel
from .files import atomic_write
from .fit import Fit
from .npz_reader import read_arrays

VERSION = 1
_ARRAYS = {"identity": 1, "expression": 1, "rotation": 1, "translation": 1, "vertices_image": 2, "landmarks_68": 2,
           "landmarks_478": 2}
"""Every array of a Fit and its number of dimensions"""
_LARGEST = 64 << 20


def save_fit(fit: Fit, path: str | os.PathLike[str]) -> None:
    """Write a fit to an .npz file.

    Raises:
        CannotWrite: the place cannot be written.
    """
    camera = fit.camera
    header = {
        "format": "mien fit", "version": VERSION, "model": fit.model, "model_hash": fit.model_hash,
        "camera": [camera.width, camera.height, camera.focal, camera.projection], "confidence": fit.confidence,
        "warnings": list(fit.warnings), "residuals": dict(fit.residuals), "consent": fit.consent}
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    arrays = {name: np.asarray(getattr(fit, name), np.float32) for name in _ARRAYS}
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, header=text, **arrays)


def load_fit(path: str | os.PathLike[str], model: FaceModel | None = None) -> Fit:
    """Read a fit; with a `model` given, only one that was made with that model.

    Raises:
        BadInput: no such file, not a fit, damaged, of a newer version, or made with another face model.
    """
    arrays = read_arrays(path, _LARGEST)
    try:
        header = json.loads(arrays.pop("header").tobytes())
        if header["format"] != "mien fit":
            raise KeyError
        if header["version"] > VERSION:
            raise BadInput(f"{path} was written by a newer version; update to read it.")
        fit = _fit(header, arrays)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"{path} is not a saved fit, or is damaged.") from error
    if model is not None and fit.model_hash != model.hash:
        raise BadInput(f"{path} was made with the face model {fit.model} ({fit.model_hash}), not with {model.name} "
                       f"({model.hash}); load that model.")
    return fit


def _fit(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Fit:
    """The Fit of a header and its arrays; ValueError, KeyError or TypeError where they are not one's."""
    for name, dimensions in _ARRAYS.items():
        array = arrays[name]
        if array.ndim != dimensions or array.dtype != np.float32 or (dimensions == 2 and array.shape[1] != 3):
            raise ValueError(name)
        if name != "landmarks_478" and not np.isfinite(array).all():
            raise ValueError(name)
    if len(arrays["rotation"]) != 3 or len(arrays["translation"]) != 3 or arrays["translation"][2] <= 0:
        raise ValueError("pose")
    return Fit(**{name: arrays[name] for name in _ARRAYS}, camera=_camera(*header["camera"]),
               confidence=float(header["confidence"]), warnings=tuple(str(w) for w in header["warnings"]),
               residuals={str(k): float(v) for k, v in header["residuals"].items()},
               model=str(header["model"]), model_hash=str(header["model_hash"]),
               consent=str(header.get("consent", "")))


def _camera(width: int, height: int, focal: float, projection: Projection) -> Camera:
    if projection not in ("orthographic", "perspective") or not (width > 0 and height > 0 and 0 < focal < 1e9):
        raise ValueError("camera")
    return Camera(int(width), int(height), float(focal), projection)
