# SPDX-License-Identifier: Apache-2.0
"""Reads ICT-FaceKit (Li et al. 2020, MIT): its folder of OBJ files, or all of them packed in one .npz."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..face_model import Ints
from ..npz_reader import read_arrays
from .obj_file import read_obj, read_obj_vertices

NEUTRAL = "generic_neutral_mesh.obj"
FULL_MESH = 26719
FULL_MESH_RANGES = {"Mouth socket": (11248, 13294), "Eye socket left": (13294, 13678),
                    "Eye socket right": (13678, 14062), "Narrow face area": (0, 6706)}
"""Half-open vertex ranges of the published mesh, from the kit's README."""
_INDICES_MAX_BYTES, _MAX_BYTES = 16 << 20, 1 << 30
_ARRAYS = ("neutral", "quads", "quad_uv", "uv", "material", "material_names", "id_disp", "ex_disp",
           "ex_names", "landmarks68", "part_names", "part_verts")


@dataclass(frozen=True)
class IctData:
    """The kit's numbers as they stand: centimetres, +x subject's left, +y up, +z out of the face.

    neutral (V, 3); identity (S, V, 3) and expression (E, V, 3) displacements; polygons and their uv corners
    (Q, 4), a fourth index of -1 for triangles; uv (U, 2), the whole part of u numbers the tile; material (Q,)
    index into material_names; landmarks (68,) vertices in Multi-PIE order; half-open vertex ranges by name.
    """

    neutral: NDArray[np.float32]
    identity: NDArray[np.float32]
    expression: NDArray[np.float32]
    expression_names: tuple[str, ...]
    quads: Ints
    quad_uv: Ints
    uv: NDArray[np.float32]
    material: Ints
    material_names: tuple[str, ...]
    landmarks: Ints
    ranges: dict[str, tuple[int, int]]

    def __post_init__(self) -> None:
        _check(self)


def read_packed(path: Path) -> IctData:
    """Read the packed .npz.

    Raises:
        BadInput: it is no such file, or truncated, or its arrays do not fit together.
    """
    a = read_arrays(path, _MAX_BYTES)
    missing = [name for name in _ARRAYS if name not in a]
    if missing:
        raise BadInput(f"{path} is no packed ICT-FaceKit: it lacks {', '.join(missing)}.")
    try:
        spans = _ints(a["part_verts"]).reshape(-1, 2)
        ranges = {str(n): (int(r[0]), int(r[1])) for n, r in zip(a["part_names"], spans, strict=True)}
        return IctData(
            neutral=_floats(a["neutral"]), identity=_floats(a["id_disp"]), expression=_floats(a["ex_disp"]),
            expression_names=_names(a["ex_names"]), quads=_ints(a["quads"]), quad_uv=_ints(a["quad_uv"]),
            uv=_floats(a["uv"]), material=_ints(a["material"]), material_names=_names(a["material_names"]),
            landmarks=_ints(a["landmarks68"]), ranges=ranges)
    except (ValueError, TypeError, IndexError) as error:
        raise BadInput(f"{path} is a damaged ICT-FaceKit file: {error}.") from error


def read_folder(folder: Path) -> IctData:
    """Read the kit's folder `FaceXModel` (or its parent): about 150 OBJ files and vertex_indices.json.

    Raises:
        BadInput: a file is missing, truncated, or does not have the neutral mesh's vertices.
    """
    root = folder / "FaceXModel" if (folder / "FaceXModel").is_dir() else folder
    if not (root / NEUTRAL).is_file():
        raise BadInput(f"{folder} is no ICT-FaceKit folder: it has no {NEUTRAL}.")
    mesh = read_obj(root / NEUTRAL)
    names, landmarks = _read_indices(root / "vertex_indices.json")
    identities = sorted(path.stem for path in root.glob("identity*.obj"))
    if not identities:
        raise BadInput(f"{root} has no identity*.obj files; the ICT-FaceKit folder is not complete.")
    return IctData(
        neutral=mesh.vertices.astype(np.float32), identity=_displacements(root, identities, mesh.vertices),
        expression=_displacements(root, names, mesh.vertices), expression_names=names, quads=mesh.quads,
        quad_uv=mesh.quad_uv, uv=mesh.uv, material=mesh.material, material_names=mesh.material_names,
        landmarks=landmarks, ranges=FULL_MESH_RANGES if len(mesh.vertices) == FULL_MESH else {})


def _displacements(root: Path, names: list[str] | tuple[str, ...],
                   neutral: NDArray[np.float64]) -> NDArray[np.float32]:
    """Each named mesh minus the neutral one, (N, V, 3)."""
    result = np.zeros((len(names), *neutral.shape), np.float32)
    for row, name in enumerate(names):
        path = root / f"{name}.obj"
        vertices = read_obj_vertices(path)
        if vertices.shape != neutral.shape:
            raise BadInput(f"{path} has {len(vertices)} vertices, the neutral mesh {len(neutral)};"
                           " it is truncated or of another version.")
        result[row] = vertices - neutral
    return result


def _read_indices(path: Path) -> tuple[tuple[str, ...], Ints]:
    """Names of the expressions and the 68 landmark vertices."""
    try:
        if path.stat().st_size > _INDICES_MAX_BYTES:
            raise ValueError("it is too large")
        table = json.loads(path.read_text(encoding="utf-8"))
        names = tuple(str(name) for name in table["expressions"])
        if any(Path(name).name != name for name in names):
            raise ValueError("an expression's name is a path")
        return names, np.array(table["idx_to_landmark_verts"], np.int32)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(f"{path} is missing or damaged ({error}); take it from the ICT-FaceKit.") from error


def _floats(array: NDArray[np.generic]) -> NDArray[np.float32]:
    if array.dtype.kind not in "fiu":
        raise ValueError("an array of numbers holds something else")
    return np.ascontiguousarray(array, np.float32)


def _ints(array: NDArray[np.generic]) -> Ints:
    if array.dtype.kind not in "iu":
        raise ValueError("an array of indices holds something else")
    return np.ascontiguousarray(array, np.int32)


def _names(array: NDArray[np.generic]) -> tuple[str, ...]:
    return tuple(str(name) for name in array)


def _check(data: IctData) -> None:
    """Shapes fit together and indices are in range."""
    v, q = len(data.neutral), len(data.quads)
    good = (data.neutral.shape == (v, 3) and data.identity.shape == (len(data.identity), v, 3)
            and data.expression.shape == (len(data.expression_names), v, 3)
            and data.quads.shape == data.quad_uv.shape == (q, 4) and data.material.shape == (q,)
            and data.uv.shape == (len(data.uv), 2) and data.landmarks.shape == (68,))
    if not good or not q:
        raise BadInput("The ICT-FaceKit data is damaged: its arrays do not have shapes that fit together.")
    corners, uv_corners = data.quads[:, :3], data.quad_uv[:, :3]
    limits = ((corners, v), (uv_corners, len(data.uv)), (data.material, len(data.material_names)),
              (data.landmarks, v), (data.quads[:, 3] + 1, v + 1), (data.quad_uv[:, 3] + 1, len(data.uv) + 1))
    if any(values.min() < 0 or values.max() >= limit for values, limit in limits):
        raise BadInput("The ICT-FaceKit data is damaged: indices point outside the arrays.")
