# SPDX-License-Identifier: Apache-2.0
"""Imports the Basel Face Model: 2009 (.mat; Paysan et al. 2009), 2017 and 2019 (.h5; Gerig et al. 2018)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, MissingPart
from ..face_model import FaceModel, Floats, Ints
from .linear_model import modes, numbers, signed_pairs, triangle_indices
from .quarantine import decode
from .surface import cylindrical_uv, facing_outward, mirror_table

LICENCE = "Basel Face Model licence (University of Basel; non-commercial): bound to the licence you signed"
MICROMETRES, MILLIMETRES = 1e-6, 1e-3
EYE_RADIUS = 0.012
_MAX_ELEMENTS = 1 << 27
_MAX_JSON = 1 << 20
_EYE_CORNERS = tuple(f"{side}.eye.corner_{at}" for side in ("right", "left") for at in ("outer", "inner"))
_ARRAYS_2009 = ("shapeMU", "shapePC", "shapeEV", "tl")


@dataclass(frozen=True)
class _Parts:
    """In metres: mean (V, 3), modes (K, V, 3) per σ; triangles (F, 3); origin (3,): between the eyes."""

    name: str
    mean: Floats
    identity: Floats
    expression: Floats
    triangles: Ints
    origin: NDArray[np.float64]


def import_bfm(path: Path) -> FaceModel:
    """BFM 2009, 2017 or 2019 as a FaceModel, whole or cropped to the face.

    Identity in σ units. Expressions (2017, 2019) are the model's modes, see `linear_model.signed_pairs`; 2009
    has none. Texture coordinates are cylindrical, since the model brings none; there is one part, the skin.
    The colour model is not read.

    Raises:
        BadInput: the file is no such model, or truncated. MissingPart: h5py is not installed (.h5 only).
    """
    parts = _read_hdf5(path) if is_hdf5(path) else _read_mat(path)
    mean = np.asarray(parts.mean - parts.origin, np.float32)
    triangles = facing_outward(mean, parts.triangles)
    shapes, names = signed_pairs(parts.expression, "bfmExpr")
    uv, uv_triangles = cylindrical_uv(mean, triangles)
    return FaceModel(
        name=parts.name, licence=LICENCE, mean=mean, identity_basis=parts.identity, expression_basis=shapes,
        expression_names=names, triangles=triangles, uv=uv, uv_triangles=uv_triangles, part_names=("skin",),
        triangle_part=np.zeros(len(triangles), np.int32), mirror=mirror_table(mean, triangles),
        regions={"face": np.ones(len(mean), np.float32)})


def is_hdf5(path: Path) -> bool:
    """Whether the file is HDF5, also behind the 512 bytes that MATLAB 7.3 puts before it."""
    with path.open("rb") as file:
        head = file.read(520)
    return head.startswith(b"\x89HDF\r\n\x1a\n") or head[512:] == b"\x89HDF\r\n\x1a\n"


def _read_mat(path: Path) -> _Parts:
    return _bfm2009(path, decode(path, "mat"))


def _bfm2009(path: Path, arrays: dict[str, NDArray[np.generic]]) -> _Parts:
    """Micrometres; shapeEV holds standard deviations; triangles count from 1."""
    mean = _mean(path, "shapeMU", arrays.get("shapeMU")) * np.float32(MICROMETRES)
    basis = modes(path, "shapePC", arrays.get("shapePC"), len(mean)) * np.float32(MICROMETRES)
    deviation = _vector(path, "shapeEV", arrays.get("shapeEV"), len(basis))
    triangles = triangle_indices(path, "tl", arrays.get("tl"), len(mean), first=1)
    none = np.zeros((0, *mean.shape), np.float32)
    return _Parts("bfm2009", mean, basis * deviation[:, None, None], none, triangles, np.zeros(3))


def _read_hdf5(path: Path) -> _Parts:
    try:
        import h5py
    except ImportError:
        raise MissingPart("Reading .h5 models needs h5py: pip install 'mien[models]'.") from None
    try:
        with h5py.File(path, "r") as file:
            if "shapeMU" in file:
                return _bfm2009(path, {name: _dataset(path, file, name) for name in _ARRAYS_2009})
            return _statismo(path, file)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise BadInput(f"{path} is no readable BFM file, or truncated ({reason}).") from error


def _statismo(path: Path, file: Any) -> _Parts:
    """Millimetres; the mean face is the sum of the shape's and the expression's means."""
    mean = _mean(path, "shape/model/mean", _dataset(path, file, "shape/model/mean"))
    identity = _sigma_modes(path, file, "shape", len(mean))
    if "expression" in file:
        name = "expression/model/mean"
        mean = mean + _mean(path, name, _dataset(path, file, name), len(mean))
        expression = _sigma_modes(path, file, "expression", len(mean))
    else:
        expression = np.zeros((0, *mean.shape), np.float32)
    triangles = triangle_indices(path, "cells", _dataset(path, file, "shape/representer/cells"), len(mean))
    scale = np.float32(MILLIMETRES)
    name = next((f"bfm{year}" for year in ("2017", "2019") if year in path.name), "bfm")
    return _Parts(name, mean * scale, identity * scale, expression * scale, triangles,
                  _between_eyes(file) * MILLIMETRES)


def _sigma_modes(path: Path, file: Any, group: str, vertex_count: int) -> Floats:
    """Unit modes times standard deviations. Old files store the modes already scaled, hence the division."""
    names = f"{group}/model/pcaBasis", f"{group}/model/pcaVariance"
    basis = modes(path, names[0], _dataset(path, file, names[0]), vertex_count)
    variance = _vector(path, names[1], _dataset(path, file, names[1]), len(basis))
    length = np.linalg.norm(basis.reshape(len(basis), -1), axis=1)
    factor = np.sqrt(np.maximum(variance, 0)) / np.maximum(length, np.float32(1e-12))
    return np.asarray(basis * factor[:, None, None], np.float32)


def _dataset(path: Path, file: Any, name: str) -> NDArray[np.generic]:
    if name not in file:
        raise BadInput(f"{path} lacks the array {name}; it is no Basel Face Model, or damaged.")
    dataset = file[name]
    if int(np.prod(dataset.shape, dtype=np.float64)) > _MAX_ELEMENTS or dataset.dtype.kind not in "fiu":
        raise BadInput(f"{path}: {name} is too large or holds no numbers; that is no Basel Face Model.")
    return np.asarray(dataset[()])


def _mean(path: Path, name: str, array: NDArray[np.generic] | None,
          vertex_count: int | None = None) -> Floats:
    flat = None if array is None else array.reshape(-1)
    if flat is not None and (flat.size % 3 or flat.size < 9):
        raise BadInput(f"{path}: {name} has {flat.size} numbers, which are no vertices; the file is damaged.")
    count = None if vertex_count is None else 3 * vertex_count
    return numbers(path, name, flat, (count,)).reshape(-1, 3)


def _vector(path: Path, name: str, array: NDArray[np.generic] | None, length: int) -> Floats:
    return numbers(path, name, None if array is None else array.reshape(-1), (length,))


def _between_eyes(file: Any) -> NDArray[np.float64]:
    """The point between the eyeballs (3,) in millimetres, by the file's landmarks if it has them, or zero."""
    try:
        dataset = file["metadata/landmarks/json"]
        if dataset.size != 1 or dataset.id.get_storage_size() > _MAX_JSON:
            return np.zeros(3)
        text = np.asarray(dataset[()]).reshape(-1)[0]
        places = {mark["id"]: mark["coordinates"] for mark in json.loads(text)}
        corners = np.array([places[name] for name in _EYE_CORNERS], np.float64)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return np.zeros(3)
    good = corners.shape == (4, 3) and np.isfinite(corners).all()
    return corners.mean(0) - [0, 0, EYE_RADIUS / MILLIMETRES] if good else np.zeros(3)
