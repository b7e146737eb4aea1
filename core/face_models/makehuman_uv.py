# SPDX-License-Identifier: Apache-2.0
"""Texture coordinates of the head's own: the face takes most of the sheet, the other parts have corners."""

import numpy as np

from .makehuman_head import PARTS, Head
from .makehuman_source import BaseMesh, Floats, Ints

ZOOM = 2.8
"""Strength of the lens over the face: the middle is drawn tanh(ZOOM) / ZOOM times finer than without it."""
Box = tuple[float, float, float, float]
BOXES: dict[str, Box] = {
    "face": (0.012, 0.20, 0.988, 0.988), "neck": (0.355, 0.012, 0.765, 0.16),
    "mouth_cavity": (0.012, 0.012, 0.16, 0.17), "tongue": (0.17, 0.012, 0.23, 0.17),
    "teeth_upper": (0.24, 0.10, 0.345, 0.17), "teeth_lower": (0.24, 0.012, 0.345, 0.085),
    "lashes": (0.775, 0.125, 0.988, 0.16),
    "eye_left": (0.775, 0.012, 0.845, 0.082), "eye_left_back": (0.775, 0.09, 0.8, 0.115),
    "eye_right": (0.855, 0.012, 0.925, 0.082), "eye_right_back": (0.855, 0.09, 0.88, 0.115),
}
"""Left, bottom, right and top of each piece's place on the sheet"""


def head_uv(mesh: BaseMesh, head: Head) -> tuple[Floats, Ints]:
    """Coordinates (U, 2) in 0..1 and the quads that use them (Q, 4)."""
    used, quads = np.unique(head.uv_quads, return_inverse=True)
    quads = quads.reshape(head.uv_quads.shape)
    uv = mesh.uv[used].copy()
    sheets = _sheets(head, mesh)
    for name, box in BOXES.items():
        members = np.unique(quads[sheets == name])
        points = uv[members]
        if name == "face":
            points = _zoom(points[:, ::-1] * np.array([1.0, -1.0]))
        uv[members] = _fit(points, box, keep_shape=name.startswith("eye"))
    return uv, quads


def _sheets(head: Head, mesh: BaseMesh) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Name of the box for each quad: its part, but skin is divided into face and neck, eyes into front and back."""
    names = np.array(PARTS, dtype="<U16")[head.part]
    depth = head.rest(mesh)[head.quads][:, :, 2].mean(1)
    for piece in np.unique(head.island):
        here = head.island == piece
        name = str(names[here][0])
        if name == "skin":
            names[here] = "face" if here.sum() > (head.part == 0).sum() / 2 else "neck"
        elif name.startswith("eye") and depth[here].mean() < depth[head.part == PARTS.index(name)].mean():
            names[here] = f"{name}_back"
    return np.asarray(names)


def _zoom(points: Floats) -> Floats:
    """Magnify about the middle of the face; radii keep their order, so nothing folds over."""
    centre = np.array([(points[:, 0].min() + points[:, 0].max()) / 2, -0.87])
    ray = points - centre
    radius = np.linalg.norm(ray, axis=1, keepdims=True)
    reach = radius.max()
    scaled = np.tanh(ZOOM * radius / reach)
    return np.asarray(centre + ray / np.maximum(radius, 1e-12) * scaled)


def _fit(points: Floats, box: Box, keep_shape: bool) -> Floats:
    low, high = points.min(0), points.max(0)
    size = np.array(box[2:]) - box[:2]
    scale = size / (high - low)
    if keep_shape:
        scale[:] = scale.min()
    return np.asarray((points - (low + high) / 2) * scale + (np.array(box[:2]) + box[2:]) / 2)
