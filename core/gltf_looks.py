# SPDX-License-Identifier: Apache-2.0
"""Materials of an exported head."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .face_model import FaceModel
from .glb import Glb
from .image import encode_image

Floats = NDArray[np.float32]

_CLAMP, _LINEAR, _MIPMAP = 33071, 9729, 9987
_EYE_SIZE = 256
_IRIS, _PUPIL = 0.49, 0.19
"""Radii over the eyeball's: an iris of 11.8 mm and a pupil of 4.5 mm on a ball of 24 mm"""


@dataclass(frozen=True)
class Look:
    """A material: `colour` is linear RGB where no texture is given."""

    name: str
    parts: tuple[str, ...]
    colour: tuple[float, float, float]
    roughness: float
    two_sided: bool = False


LOOKS = (
    Look("skin", ("skin",), (0.52, 0.29, 0.20), 0.55, two_sided=True),
    Look("eyes", ("eye_left", "eye_right"), (1.0, 1.0, 1.0), 0.12),
    Look("teeth", ("teeth_upper", "teeth_lower"), (0.78, 0.72, 0.60), 0.25),
    Look("tongue", ("tongue",), (0.45, 0.13, 0.12), 0.4),
    Look("lashes", ("lashes",), (0.02, 0.015, 0.012), 0.8, two_sided=True),
    Look("mouth", ("mouth_cavity", "sockets"), (0.18, 0.05, 0.045), 0.7, two_sided=True),
)
"""Materials by part; parts of other names get the first"""


def look_of(part: str) -> int:
    """Index into `LOOKS`."""
    return next((i for i, look in enumerate(LOOKS) if part in look.parts), 0)


def material(look: Look, texture: int | None) -> dict[str, Any]:
    """A glTF material; `texture` is an index into the document's textures."""
    surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": look.roughness}
    if texture is None:
        surface["baseColorFactor"] = [*look.colour, 1.0]
    else:
        surface["baseColorTexture"] = {"index": texture}
    return {"name": look.name, "pbrMetallicRoughness": surface, "doubleSided": look.two_sided}


def add_texture(glb: Glb, rgb: NDArray[np.uint8], name: str) -> int:
    """Put a picture (H, W, 3) into the file; the index of its texture."""
    data = encode_image(rgb, {"format": "JPEG", "quality": 92, "subsampling": 0})
    image = glb.add("images", {"name": name, "mimeType": "image/jpeg", "bufferView": glb.bytes_view(data)})
    sampler = glb.add("samplers", {"magFilter": _LINEAR, "minFilter": _MIPMAP, "wrapS": _CLAMP, "wrapT": _CLAMP})
    return glb.add("textures", {"source": image, "sampler": sampler})


def eye_coordinates(model: FaceModel, rest: Floats) -> Floats:
    """Where each vertex (V, 3) of the eyeballs lies in `eye_picture`, (V, 2): the eye seen from the front."""
    coordinates = np.zeros((len(rest), 2), np.float32)
    for name in LOOKS[1].parts:
        if name in model.part_names:
            faces = model.triangles[model.triangle_part == model.part_names.index(name)]
            members = np.unique(faces)
            low, high = rest[members, :2].min(0), rest[members, :2].max(0)
            offset = (rest[members, :2] - (low + high) / 2) / float((high - low).max())
            coordinates[members] = offset * np.array([1, -1], np.float32) + np.float32(0.5)
    return coordinates


def eye_picture() -> NDArray[np.uint8]:
    """A plain brown eye from the front, (256, 256, 3)."""
    grid = (np.indices((_EYE_SIZE, _EYE_SIZE)) + 0.5) / _EYE_SIZE * 2 - 1
    radius = np.hypot(grid[0], grid[1])[..., None]
    white, iris, rim, pupil = (np.array(c, float) for c in ((232, 226, 220), (112, 72, 42), (46, 28, 18), (10, 8, 8)))
    rays = 0.12 * np.sin(np.arctan2(grid[0], grid[1]) * 23)[..., None]
    ring = iris * (1 + rays) + (rim - iris) * _edge(radius, _IRIS - 0.07, 0.05)
    inside = pupil + (ring - pupil) * _edge(radius, _PUPIL, 0.015)
    whole = inside + (white - inside) * _edge(radius, _IRIS, 0.02)
    return np.asarray(np.clip(whole, 0, 255), np.uint8)


def _edge(radius: NDArray[np.floating], place: float, width: float) -> NDArray[np.floating]:
    """0 inside and 1 outside of a circle, smooth over its edge."""
    return np.asarray(np.clip((radius - place) / width + 0.5, 0, 1))
