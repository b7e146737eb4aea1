# SPDX-License-Identifier: Apache-2.0
"""What the importers of BFM and FLAME share: modes in σ units become the shapes of a FaceModel."""

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..face_model import Floats, Ints

FULL_EFFECT = 3.0
"""Standard deviations that an expression mode reaches at coefficient 1"""
MAX_VERTICES, MAX_MODES = 400_000, 1000


def numbers(path: object, name: str, array: NDArray[np.generic] | None,
            shape: tuple[int | None, ...]) -> Floats:
    """The array as float32 if it is numeric, finite and of this shape (None: any extent).

    Raises:
        BadInput: it is missing or is not so.
    """
    if array is None:
        raise BadInput(f"{path} lacks the array {name}; it is damaged, or another kind of file.")
    fits = array.ndim == len(shape) and all(
        want in (None, got) for want, got in zip(shape, array.shape, strict=True))
    if not fits or array.dtype.kind not in "fiu" or 0 in array.shape:
        wanted = " x ".join("any" if n is None else str(n) for n in shape)
        raise BadInput(f"{path}: the array {name} has shape {array.shape}, expected {wanted} numbers;"
                       " the file is damaged.")
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(result).all():
        raise BadInput(f"{path}: the array {name} holds numbers that are not finite; the file is damaged.")
    return result


def triangle_indices(path: object, name: str, array: NDArray[np.generic] | None, vertex_count: int,
                     first: int = 0) -> Ints:
    """Triangles (F, 3) counted from zero, of a table (F, 3) or (3, F) that counts from `first`.

    Raises:
        BadInput: the table is missing, has another shape, or points outside the vertices.
    """
    if array is not None and array.ndim == 2 and array.shape[0] == 3 != array.shape[1]:
        array = array.T
    table = numbers(path, name, array, (None, 3)).astype(np.int64) - first
    if table.min() < 0 or table.max() >= vertex_count:
        raise BadInput(f"{path}: the array {name} points outside the {vertex_count} vertices;"
                       " the file is damaged.")
    return table.astype(np.int32)


def modes(path: object, name: str, array: NDArray[np.generic] | None, vertex_count: int) -> Floats:
    """Modes (K, V, 3) of a matrix (3V, K), or of its transpose as MATLAB's HDF5 files have it."""
    if array is not None and array.ndim == 2 and array.shape[1] == 3 * vertex_count != array.shape[0]:
        array = array.T
    matrix = numbers(path, name, array, (3 * vertex_count, None))
    if vertex_count > MAX_VERTICES or matrix.shape[1] > MAX_MODES:
        raise BadInput(f"{path} has {vertex_count} vertices and {matrix.shape[1]} modes:"
                       " too many for a face model.")
    return np.ascontiguousarray(matrix.T).reshape(-1, vertex_count, 3)


def signed_pairs(basis: Floats, prefix: str) -> tuple[Floats, tuple[str, ...]]:
    """Expression shapes (2K, V, 3) and names of K modes (K, V, 3) in metres per σ.

    A mode goes both ways, an expression channel from 0 to 1: so mode k gives the two channels
    ``{prefix}kkk+`` and ``{prefix}kkk-``, which reach FULL_EFFECT standard deviations at 1. A coefficient of
    the original model is 3 × (plus − minus).
    """
    shapes = np.stack([basis, -basis], 1).reshape(-1, *basis.shape[1:]) * np.float32(FULL_EFFECT)
    names = tuple(f"{prefix}{mode:03d}{sign}" for mode in range(len(basis)) for sign in "+-")
    return shapes, names
