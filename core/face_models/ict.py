# SPDX-License-Identifier: Apache-2.0
"""Makes a FaceModel of ICT-FaceKit (Li et al. 2020, *Learning Formation of Physically-Based Face…*)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..channels import ARKIT52
from ..errors import BadInput
from ..face_model import Embedding, FaceModel, Floats, Ints
from .ict_files import IctData, read_folder, read_packed
from .landmark_regions import landmark_regions
from .surface import mirror_table, pieces, triangulate

METRES = 0.01
LICENCE = "MIT, (c) 2020 USC Institute for Creative Technologies"
SEE_THROUGH = ("M_LacrimalFluid", "M_EyeBlend", "M_EyeOcclusion")
"""Layers in front of the eyes that need a renderer with transparency: drawn opaque they hide the eyes."""
PARTS = ("skin", "eye_left", "eye_right", "tongue", "teeth_upper", "teeth_lower", "lashes", "mouth_cavity",
         "sockets")
_PART_OF_MATERIAL = {"M_ScleraLeft": "eye_left", "M_IrisLeft": "eye_left", "M_ScleraRight": "eye_right",
                     "M_IrisRight": "eye_right", "M_EyeLashes": "lashes", "M_Teeth": "teeth_upper",
                     "M_GumsTongue": "tongue"}
_PART_OF_RANGE = {"Mouth socket": "mouth_cavity", "Eye socket left": "sockets",
                  "Eye socket right": "sockets"}
_UV_CELLS = {
    "M_Face": (0.0, 0.25, 0.75), "M_BackHead": (0.75, 0.75, 0.25), "M_GumsTongue": (0.75, 0.5, 0.25),
    "M_Teeth": (0.75, 0.25, 0.25), "M_ScleraLeft": (0.0, 0.0, 0.25), "M_ScleraRight": (0.25, 0.0, 0.25),
    "M_EyeLashes": (0.5, 0.0, 0.25), "M_IrisLeft": (0.75, 0.0, 0.125), "M_IrisRight": (0.875, 0.0, 0.125)}
"""Where each material's unit tile goes in the one square: left, bottom, side."""
_UV_MARGIN = 0.004


def import_ict(path: Path) -> FaceModel:
    """ICT-FaceKit as a FaceModel, from its OBJ folder or the packed .npz.

    Identity coefficients are the kit's own (normally distributed, σ = 1). Expressions stand in ARKit order:
    the halves of browInnerUp and cheekPuff are summed, and tongueOut, which the kit lacks, is there without
    effect, so that every 52-channel motion plays. Layers that need transparency are left out.

    Raises:
        BadInput: files are missing, truncated or do not fit together.
    """
    data = read_folder(path) if path.is_dir() else read_packed(path)
    triangles, corners, quad = triangulate(data.neutral, data.quads, data.quad_uv)
    material = data.material[quad]
    shown = ~np.isin(material, [i for i, name in enumerate(data.material_names) if name in SEE_THROUGH])
    triangles, corners, material = triangles[shown], corners[shown], material[shown]
    kept, inverse = np.unique(triangles, return_inverse=True)
    triangles = inverse.reshape(-1, 3).astype(np.int32)
    uv, uv_triangles = _pack_uv(data, corners, material)
    mean = data.neutral[kept] * METRES
    part = _parts(data, kept, mean, triangles, material)
    origin = _between_eyes(mean, triangles, part)
    embeddings = {"ibug68": _at_vertices(_renumber(data.landmarks, kept, len(data.neutral)), triangles)}
    mean = np.asarray(mean - origin, np.float32)
    return FaceModel(
        name="ict-facekit", licence=LICENCE, mean=mean,
        identity_basis=data.identity[:, kept] * np.float32(METRES),
        expression_basis=_arkit(data)[:, kept] * np.float32(METRES), expression_names=ARKIT52,
        triangles=triangles, uv=uv, uv_triangles=uv_triangles, part_names=PARTS, triangle_part=part,
        mirror=mirror_table(mean, triangles), embeddings=embeddings,
        regions=_regions(data, kept, mean, triangles, part, embeddings["ibug68"]))


def _arkit(data: IctData) -> NDArray[np.float32]:
    """The 52 ARKit shapes (52, V, 3) in centimetres; `_L` and `_R` are Left and Right, or halves of one."""
    own = dict(zip(data.expression_names, data.expression, strict=True))
    shapes = np.zeros((len(ARKIT52), *data.neutral.shape), np.float32)
    found = False
    for row, name in enumerate(ARKIT52):
        stem = name.removesuffix("Left").removesuffix("Right")
        side = name.removeprefix(stem)[:1]
        sources = [name] if name in own else [f"{stem}_{side}"] if side else [f"{name}_L", f"{name}_R"]
        for source in sources:
            if source in own:
                shapes[row] += own[source]
                found = True
    if not found:
        raise BadInput("The ICT-FaceKit data has none of its expressions (browDown_L, jawOpen, …);"
                       " the files are not complete.")
    return shapes


def _pack_uv(data: IctData, corners: Ints, material: Ints) -> tuple[Floats, Ints]:
    """Texture coordinates with each material's tile in its cell of the unit square, without unused ones."""
    key = corners.astype(np.int64) * len(data.material_names) + material[:, None]
    unique, inverse = np.unique(key, return_inverse=True)
    source, owner = unique // len(data.material_names), unique % len(data.material_names)
    cells = np.array([_UV_CELLS.get(name, _UV_CELLS["M_Face"]) for name in data.material_names])[owner]
    tile = np.clip(data.uv[source] - np.floor(data.uv[source]), 0, 1)
    inset = cells[:, 2:] - 2 * _UV_MARGIN
    uv = cells[:, :2] + _UV_MARGIN + tile * inset
    return uv.astype(np.float32), inverse.reshape(-1, 3).astype(np.int32)


def _parts(data: IctData, kept: Ints, mean: Floats, triangles: Ints, material: Ints) -> Ints:
    """Part (F,) of every triangle, by material, by the kit's vertex ranges, and teeth by their height."""
    names = [_PART_OF_MATERIAL.get(name, "skin") for name in data.material_names]
    part = np.array([PARTS.index(name) for name in names], np.int32)[material]
    first = kept[triangles[:, 0]]
    for name, which in _PART_OF_RANGE.items():
        low, high = data.ranges.get(name, (0, 0))
        part[(first >= low) & (first < high) & (part == PARTS.index("skin"))] = PARTS.index(which)
    piece = pieces(triangles, len(mean))[triangles[:, 0]]
    _split_teeth(mean, triangles, part, piece)
    return part


def _split_teeth(mean: Floats, triangles: Ints, part: Ints, piece: Ints) -> None:
    """Tell lower teeth from upper ones, in place. Gums and tongue are one piece in the kit, and stay one."""
    middle = mean[triangles].mean(1)
    teeth = part == PARTS.index("teeth_upper")
    if teeth.any():
        heights = {p: middle[teeth & (piece == p), 1].mean() for p in np.unique(piece[teeth])}
        border = (min(heights.values()) + max(heights.values())) / 2
        lower = [p for p, height in heights.items() if height < border]
        part[teeth & np.isin(piece, lower)] = PARTS.index("teeth_lower")


def _between_eyes(mean: Floats, triangles: Ints, part: Ints) -> NDArray[np.float64]:
    """The point between the eyeballs' centres, or the mesh's own centre if it has no eyeballs."""
    centres = []
    for side in ("eye_left", "eye_right"):
        vertices = mean[np.unique(triangles[part == PARTS.index(side)])]
        if len(vertices):
            centres.append((vertices.min(0) + vertices.max(0)) / 2)
    middle: NDArray[np.float64] = np.mean(centres if len(centres) == 2 else mean, 0, dtype=np.float64)
    return middle


def _renumber(vertices: Ints, kept: Ints, count: int) -> Ints:
    place = np.full(count, -1, np.int32)
    place[kept] = np.arange(len(kept))
    if (place[vertices] < 0).any():
        raise BadInput("The ICT-FaceKit data is damaged: a landmark is on no visible polygon.")
    return place[vertices]


def _at_vertices(vertices: Ints, triangles: Ints) -> Embedding:
    """Points at vertices, each as a corner of the first triangle that has it."""
    flat = triangles.ravel()
    unique, first = np.unique(flat, return_index=True)
    corner = first[np.searchsorted(unique, vertices)]
    return Embedding((corner // 3).astype(np.int32), np.eye(3, dtype=np.float32)[corner % 3])


def _regions(data: IctData, kept: Ints, mean: Floats, triangles: Ints, part: Ints,
             ibug68: Embedding) -> dict[str, Floats]:
    """Regions from the kit's ranges and materials, and around the landmarks."""
    def weights(chosen: NDArray[np.bool_]) -> Floats:
        result = np.zeros(len(mean), np.float32)
        result[np.unique(triangles[chosen])] = 1
        return result

    low, high = data.ranges.get("Narrow face area", (0, len(data.neutral)))
    skin = weights(part == PARTS.index("skin"))
    face = skin * ((kept >= low) & (kept < high))
    points = np.einsum("lcd,lc->ld", mean[triangles[ibug68.triangles]], ibug68.barycentric)
    regions = {"face": face.astype(np.float32), "skin": skin}
    regions |= {side: weights(part == PARTS.index(side)) for side in ("eye_left", "eye_right")}
    return regions | landmark_regions(mean, points, face)
