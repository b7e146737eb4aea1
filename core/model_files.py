# SPDX-License-Identifier: Apache-2.0
"""Face models in .npz files: small, the same to the byte each time, and safe to read from strangers.

A file is a zip of .npy arrays. `header` holds JSON as bytes: the format's version, names and licence. A basis
is stored as int16 with one power-of-two scale for each component, so that saving again what was loaded changes
nothing; everything else is stored as it is, in the smallest integer type that holds it.
"""

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput
from .face_model import Embedding, FaceModel, Floats
from .npz_reader import read_arrays
from .npz_writer import write_arrays

VERSION = 1
DEFAULT_MODEL = Path(__file__).parent / "face_models" / "default.npz"
_BASES = ("identity_basis", "expression_basis")

Array = NDArray[Any]


def save_model(model: FaceModel, path: str | os.PathLike[str]) -> None:
    """Write a model to an .npz file; bases are rounded to 15 bits of each component's largest coordinate.

    Raises:
        CannotWrite: the place cannot be written.
    """
    write_arrays(path, _pack(model))


def load_model(path: str | os.PathLike[str]) -> FaceModel:
    """Read a model that `save_model` wrote. Nothing in the file is executed, and sizes are checked first.

    Raises:
        BadInput: there is no such file, or it is not a face model, is damaged, or comes from a newer version.
    """
    arrays = read_arrays(path)
    try:
        return _unpack(arrays)
    except BadInput as error:
        raise BadInput(f"{path} is not a usable face model: {error}") from error
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise BadInput(f"{path} is not a Mien face model, or it is damaged; "
                       "make it again with `mien model import` or `mien model build`.") from error


@functools.cache
def default_model() -> FaceModel:
    """The model in the box, made from MakeHuman's CC0 data (see face_models/NOTICE.md)."""
    return load_model(DEFAULT_MODEL)


def rounded(model: FaceModel) -> FaceModel:
    """The model as it comes back from a file, with the hash that it will have then."""
    return replace(model, identity_basis=_decode(*_encode(model.identity_basis)),
                   expression_basis=_decode(*_encode(model.expression_basis)))


def _encode(basis: NDArray[np.floating]) -> tuple[NDArray[np.int16], Floats]:
    """A basis (K, V, 3) as int16 and power-of-two scales (K,)."""
    largest = np.abs(basis).max(axis=(1, 2), initial=0.0).astype(np.float64)
    exponent = np.ceil(np.log2(np.where(largest > 0, largest, 32767.0) / 32767.0))
    scale = np.exp2(exponent)
    return np.rint(basis / scale[:, None, None]).astype(np.int16), scale.astype(np.float32)


def _decode(codes: Array, scale: Array) -> Floats:
    if codes.dtype != np.int16 or scale.shape != codes.shape[:1] or codes.ndim != 3:
        raise BadInput("a basis has the wrong type or shape.")
    return np.asarray(codes * np.asarray(scale, np.float32)[:, None, None], np.float32)


def _small_int(values: Array) -> Array:
    """The same integers in 16 bits where they fit."""
    if values.size and values.min() >= 0 and values.max() < 65536:
        return values.astype(np.uint16)
    return values.astype(np.int32)


def _pack(model: FaceModel) -> dict[str, Array]:
    header = {"mien_face_model": VERSION, "name": model.name, "licence": model.licence,
              "expression_names": list(model.expression_names), "part_names": list(model.part_names)}
    text = json.dumps(header, sort_keys=True).encode()
    arrays: dict[str, Array] = {"header": np.frombuffer(text, np.uint8), "mean": model.mean.astype(np.float32),
                                "uv": model.uv.astype(np.float32)}
    for name in ("triangles", "uv_triangles", "triangle_part", "mirror"):
        arrays[name] = _small_int(getattr(model, name))
    for name in _BASES:
        arrays[name], arrays[f"{name}_scale"] = _encode(getattr(model, name))
    for scheme, embedding in model.embeddings.items():
        arrays[f"embedding/{scheme}/triangles"] = _small_int(embedding.triangles)
        arrays[f"embedding/{scheme}/barycentric"] = embedding.barycentric.astype(np.float32)
    arrays |= {f"region/{name}": weights.astype(np.float32) for name, weights in model.regions.items()}
    return arrays | {f"extra/{name}": np.asarray(table) for name, table in model.extra.items()}


def _unpack(arrays: Mapping[str, Array]) -> FaceModel:
    header = json.loads(arrays["header"].tobytes().decode("utf-8"))
    if header["mien_face_model"] != VERSION:
        raise BadInput(f"its format is version {header['mien_face_model']}, this Mien reads {VERSION}; update Mien.")
    schemes = _folder(arrays, "embedding")
    names = sorted({key.split("/")[0] for key in schemes})
    return FaceModel(
        name=str(header["name"]), licence=str(header["licence"]), mean=_floats(arrays["mean"]),
        **{name: _decode(arrays[name], arrays[f"{name}_scale"]) for name in _BASES},
        expression_names=tuple(map(str, header["expression_names"])), triangles=_ints(arrays["triangles"]),
        uv=_floats(arrays["uv"]), uv_triangles=_ints(arrays["uv_triangles"]),
        part_names=tuple(map(str, header["part_names"])), triangle_part=_ints(arrays["triangle_part"]),
        mirror=_ints(arrays["mirror"]), regions={k: _floats(v) for k, v in _folder(arrays, "region").items()},
        embeddings={n: Embedding(_ints(schemes[f"{n}/triangles"]), _floats(schemes[f"{n}/barycentric"]))
                    for n in names}, extra=_folder(arrays, "extra"))


def _folder(arrays: Mapping[str, Array], folder: str) -> dict[str, Array]:
    return {k.removeprefix(f"{folder}/"): v for k, v in arrays.items() if k.startswith(f"{folder}/")}


def _floats(values: Array) -> Floats:
    if values.dtype.kind != "f":
        raise BadInput("an array of numbers has the wrong type.")
    return np.asarray(values, np.float32)


def _ints(values: Array) -> NDArray[np.int32]:
    if values.dtype.kind not in "ui":
        raise BadInput("an array of indices has the wrong type.")
    return np.asarray(values, np.int32)
