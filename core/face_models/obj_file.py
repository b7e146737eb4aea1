# SPDX-License-Identifier: Apache-2.0
"""A reader of Wavefront OBJ files that is quick enough for folders of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..face_model import Ints

MAX_BYTES = 256 << 20


@dataclass(frozen=True)
class ObjMesh:
    """vertices (V, 3), uv (U, 2), polygons and their uv corners (Q, 4) with -1 where there is no fourth
    corner, material (Q,) as an index into material_names."""

    vertices: NDArray[np.float64]
    uv: NDArray[np.float32]
    quads: Ints
    quad_uv: Ints
    material: Ints
    material_names: tuple[str, ...]


def read_obj(path: Path) -> ObjMesh:
    """Read vertices, texture coordinates, triangles and quads, and materials.

    Raises:
        BadInput: the file is no OBJ, is truncated, or has polygons of more than four corners.
    """
    lines = _lines(path)
    faces: list[bytes] = []
    material: list[int] = []
    names: list[str] = []
    current = 0
    for line in lines:
        if line.startswith(b"f "):
            faces.append(line)
            material.append(current)
        elif line.startswith(b"usemtl"):
            name = line[6:].strip().decode("utf-8", "replace")
            if name not in names:
                names.append(name)
            current = names.index(name)
    quads, quad_uv = _faces(path, faces)
    vertices, uv = _numbers(path, lines, b"v ", 3), _numbers(path, lines, b"vt ", 2).astype(np.float32)
    if quads.size and (quads.max() >= len(vertices) or (len(uv) and quad_uv.max() >= len(uv))):
        raise BadInput(f"{path} has polygons that point outside its vertices; it is truncated or damaged.")
    return ObjMesh(vertices, uv, quads, quad_uv, np.array(material, np.int32), tuple(names) or ("",))


def read_obj_vertices(path: Path) -> NDArray[np.float64]:
    """Only the vertices (V, 3), which is most of what a morph target has to say.

    Raises:
        BadInput: as `read_obj`.
    """
    return _numbers(path, _lines(path), b"v ", 3)


def _lines(path: Path) -> list[bytes]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{path} is larger than {MAX_BYTES >> 20} MiB; that is no head mesh.")
        return path.read_bytes().splitlines()
    except OSError as error:
        raise BadInput(f"Cannot read {path}: {error.strerror}.") from error


def _numbers(path: Path, lines: list[bytes], start: bytes, count: int) -> NDArray[np.float64]:
    """The first `count` numbers of every line that begins with `start`."""
    rows = [line.split()[1:count + 1] for line in lines if line.startswith(start)]
    try:
        values = np.array(rows, dtype="S32").astype(np.float64).reshape(-1, count)
    except ValueError as error:
        raise BadInput(f"{path} has a '{start.decode().strip()}' line that is no {count} numbers.") from error
    if (start == b"v " and not len(values)) or not np.isfinite(values).all():
        raise BadInput(f"{path} is no OBJ mesh: it has no vertices, or some that are not finite.")
    return values


def _faces(path: Path, faces: list[bytes]) -> tuple[Ints, Ints]:
    """Zero-based polygons and uv corners (Q, 4), -1 where there is none."""
    quads = np.full((len(faces), 4), -1, np.int32)
    quad_uv = np.full((len(faces), 4), -1, np.int32)
    try:
        for row, line in enumerate(faces):
            corners = [corner.split(b"/") for corner in line.split()[1:]]
            quads[row, :len(corners)] = [int(corner[0]) - 1 for corner in corners]
            if len(corners[0]) > 1 and corners[0][1]:
                quad_uv[row, :len(corners)] = [int(corner[1]) - 1 for corner in corners]
    except (ValueError, IndexError, OverflowError) as error:
        raise BadInput(f"{path} has a polygon that is no triangle or quad.") from error
    if len(faces) and ((quads[:, :3] < 0).any() or (quads < -1).any()):
        raise BadInput(f"{path} has a polygon that is no triangle or quad.")
    return quads, quad_uv
