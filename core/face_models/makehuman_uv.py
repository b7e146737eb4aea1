# SPDX-License-Identifier: Apache-2.0
"""Texture coordinates of the head's own: the face takes most of the sheet, the other parts have corners."""

import numpy as np

from .makehuman_head import PARTS, Head
from .makehuman_source import BaseMesh, Floats, Ints

ZOOM = 2.2
"""How much more texture the face's middle gets than the back of the head, per length."""
BOXES = {
    "face": (0.012, 0.20, 0.988, 0.988), "neck": (0.36, 0.012, 0.80, 0.17), "mouth_cavity": (0.012, 0.012, 0.16, 0.17),
    "tongue": (0.17, 0.012, 0.23, 0.17), "eye_left": (0.82, 0.012, 0.90, 0.09), "eye_right": (0.908, 0.012, 0.988, 0.09),
    "teeth_upper": (0.24, 0.10, 0.34, 0.17), "teeth_lower": (0.24, 0.012, 0.34, 0.085),
    "lashes": (0.82, 0.10, 0.988, 0.135), "sockets": (0.82, 0.14, 0.988, 0.19),
}


def head_uv(mesh: BaseMesh, head: Head) -> tuple[Floats, Ints]:
    """Coordinates (U, 2) in 0..1 and the quads that use them (Q, 4)."""
    used, quads = np.unique(head.uv_quads, return_inverse=True)
    quads = quads.reshape(head.uv_quads.shape)
    uv = mesh.uv[used].copy()
    sheets = _sheets(head)
    for name, box in BOXES.items():
        members = np.unique(quads[sheets == name])
        points = uv[members]
        if name == "face":
            points = _zoom(points[:, ::-1] * np.array([1.0, -1.0]))
        uv[members] = _fit(points, box, keep_shape=name in ("eye_left", "eye_right"))
    return uv, quads


def _sheets(head: Head) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Name of the box for each quad: its part, but skin is divided into face and neck."""
    names = np.array(PARTS, dtype="<U16")[head.part]
    skin = head.part == 0
    pieces = np.unique(head.island[skin])
    sizes = [(head.island == piece).sum() for piece in pieces]
    largest = pieces[int(np.argmax(sizes))]
    names[skin] = np.where(head.island[skin] == largest, "face", "neck")
    return np.asarray(names)


def _zoom(points: Floats) -> Floats:
    """Magnify about the middle of the face; radii keep their order, so nothing folds over."""
    centre = np.array([(points[:, 0].min() + points[:, 0].max()) / 2, -0.87])
    ray = points - centre
    radius = np.linalg.norm(ray, axis=1, keepdims=True)
    reach = radius.max()
    scaled = np.log1p((ZOOM**2 - 1) * radius / reach) / np.log(ZOOM**2)
    return np.asarray(centre + ray / np.maximum(radius, 1e-12) * scaled)


def _fit(points: Floats, box: tuple[float, float, float, float], keep_shape: bool) -> Floats:
    low, high = points.min(0), points.max(0)
    size = np.array(box[2:]) - box[:2]
    scale = size / (high - low)
    if keep_shape:
        scale[:] = scale.min()
    return np.asarray((points - (low + high) / 2) * scale + (np.array(box[:2]) + box[2:]) / 2)
