# SPDX-License-Identifier: Apache-2.0
"""Imports FLAME (Li, Bolkart, Black, Li and Romero 2017), versions 2020 and 2023, from .pkl or .npz."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..camera import rotation_matrix
from ..errors import BadInput
from ..face_model import FaceModel, Floats, Ints
from ..npz_reader import read_arrays
from .linear_model import numbers, signed_pairs, triangle_indices
from .quarantine import decode
from .surface import cylindrical_uv, facing_outward, mirror_table, pieces

LICENCE = "FLAME licence (Max Planck Society; 2023 Open: CC-BY-4.0): bound to the licence you accepted"
IDENTITY_MODES = 300
JAW, EYES = 2, (3, 4)
"""Joints of the kinematic tree: root, neck, jaw and the eyes"""
_JAW_TURNS = {"jawOpen": (0.35, 0.0, 0.0), "jawLeft": (0.0, 0.1, 0.0), "jawRight": (0.0, -0.1, 0.0)}
_EYE_TURNS = {"Up": (-0.45, 0.0, 0.0), "Down": (0.55, 0.0, 0.0),
              "Left": (0.0, 0.6, 0.0), "Right": (0.0, -0.6, 0.0)}
"""Axis-angle in radians about +x (subject's left) and +y (up) at coefficient 1"""
PARTS = ("skin", "eye_left", "eye_right")


def import_flame(path: Path) -> FaceModel:
    """FLAME as a FaceModel in its rest pose.

    Identity: the first 300 shape modes, σ units. Expressions: first what FLAME does with joints, as linear
    displacements under ARKit's names (jawOpen, jawLeft, jawRight and the eyeLook channels: linear blend
    skinning and pose correctives at one angle each), then its expression modes, see
    `linear_model.signed_pairs`. Texture coordinates are cylindrical: FLAME's own come in a separate file.

    Raises:
        BadInput: the file is no FLAME model, is truncated, or asks for more than arrays (a malicious pickle).
    """
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    arrays = read_arrays(path) if zipped else decode(path, "pickle")
    mean = numbers(path, "v_template", arrays.get("v_template"), (None, 3))
    v = len(mean)
    directions = np.moveaxis(numbers(path, "shapedirs", arrays.get("shapedirs"), (v, 3, None)), 2, 0)
    if len(directions) <= IDENTITY_MODES:
        raise BadInput(f"{path} has {len(directions)} shape and expression modes, FLAME has 400;"
                       " it is another kind of model.")
    triangles = facing_outward(mean, triangle_indices(path, "f", arrays.get("f"), v))
    turned, turned_names = _joint_shapes(path, mean, arrays)
    modes, mode_names = signed_pairs(np.ascontiguousarray(directions[IDENTITY_MODES:]), "flameExpr")
    part, origin = _parts(mean, triangles)
    mean = np.asarray(mean - origin, np.float32)
    uv, uv_triangles = cylindrical_uv(mean, triangles)
    return FaceModel(
        name="flame", licence=LICENCE, mean=mean, expression_basis=np.concatenate([turned, modes]),
        identity_basis=np.ascontiguousarray(directions[:IDENTITY_MODES]),
        expression_names=turned_names + mode_names, triangles=triangles, uv=uv, uv_triangles=uv_triangles,
        part_names=PARTS, triangle_part=part, mirror=mirror_table(mean, triangles),
        regions=_regions(v, triangles, part))


def _joint_shapes(path: Path, mean: Floats,
                  arrays: dict[str, NDArray[np.generic]]) -> tuple[Floats, tuple[str, ...]]:
    """Displacements (N, V, 3) and names of the jaw's and the eyes' turns."""
    v = len(mean)
    weights = numbers(path, "weights", arrays.get("weights"), (v, None))
    joints = weights.shape[1]
    regressor = numbers(path, "J_regressor", arrays.get("J_regressor"), (joints, v))
    posedirs = numbers(path, "posedirs", arrays.get("posedirs"), (v, 3, 9 * (joints - 1)))
    if joints <= max(EYES):
        raise BadInput(f"{path} has {joints} joints, FLAME has 5; it is another kind of model.")
    places = regressor @ mean
    left, right = sorted(EYES, key=lambda joint: -places[joint, 0])
    turns = {name: (JAW, turn) for name, turn in _JAW_TURNS.items()}
    for side, joint, outward in (("Left", left, "Left"), ("Right", right, "Right")):
        for way, turn in _EYE_TURNS.items():
            word = way if way in ("Up", "Down") else "Out" if way == outward else "In"
            turns[f"eyeLook{word}{side}"] = (joint, turn)
    own = {joint: posedirs[:, :, 9 * (joint - 1):9 * joint] for joint in (JAW, *EYES)}
    shapes = [_turn(mean, weights[:, joint], places[joint], own[joint], np.array(turn))
              for joint, turn in turns.values()]
    return np.stack(shapes), tuple(turns)


def _turn(mean: Floats, weight: Floats, centre: Floats, corrective: Floats,
          turn: NDArray[np.float64]) -> Floats:
    """Displacement (V, 3) when one joint turns: pose correctives, then linear blend skinning (eq. 2-4)."""
    spin = rotation_matrix(turn) - np.eye(3)
    posed = mean + corrective @ spin.ravel()
    moved = posed + weight[:, None] * ((posed - centre) @ spin.T)
    return np.asarray(moved - mean, np.float32)


def _parts(mean: Floats, triangles: Ints) -> tuple[Ints, NDArray[np.float64]]:
    """Part (F,) of each triangle, skin or an eyeball by the mesh's pieces, and the point between the eyes."""
    piece = pieces(triangles, len(mean))
    part = np.zeros(len(triangles), np.int32)
    centres = {p: mean[piece == p].mean(0, dtype=np.float64) for p in (1, 2) if (piece == p).any()}
    if len(centres) < 2:
        return part, mean.mean(0, dtype=np.float64)
    for p, centre in centres.items():
        part[piece[triangles[:, 0]] == p] = PARTS.index("eye_left" if centre[0] > 0 else "eye_right")
    return part, np.mean(list(centres.values()), 0)


def _regions(vertex_count: int, triangles: Ints, part: Ints) -> dict[str, Floats]:
    regions = {}
    for index, name in enumerate(PARTS):
        regions[name] = np.zeros(vertex_count, np.float32)
        regions[name][np.unique(triangles[part == index])] = 1
    return regions
