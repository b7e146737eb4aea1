# SPDX-License-Identifier: Apache-2.0
"""Pictures of the default model's heads, painted so that a landmark net takes them for photographs.

Colours are a function of the place on the mean head, so they stay with the features whoever the head belongs to.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera, project
from ..face_model import FaceModel
from ..normals import pixel_normals
from ..rasterize import Raster, interpolate, rasterize_image
from .makehuman_lids import fit_sphere

Floats = NDArray[np.floating]
SIDE = 512
HEAD_METRES = 0.34
IRIS_DEGREES, PUPIL_DEGREES = 20.5, 8.0
"""Half angles seen from the eyeball's centre. The model's eyeballs are larger than real ones; this angle gives the
iris its true share (0.2) of the distance between the pupils."""
_HAIRS = ((30, 22, 18), (70, 48, 30), (20, 18, 18), (110, 80, 50))
_IRISES = ((70, 45, 28), (90, 110, 130), (80, 90, 60))
_INSIDE = {"lashes": (45, 32, 28), "tongue": (190, 85, 85), "teeth_upper": (238, 232, 215),
           "teeth_lower": (230, 222, 205), "mouth_cavity": (90, 30, 30)}


@dataclass(frozen=True)
class Style:
    """How a person and the light look: sRGB colours 0..255, a direction, and the height of the brows in metres."""

    skin: Floats
    hair: tuple[int, int, int]
    iris: tuple[int, int, int]
    ground: Floats
    light: Floats
    brow: float
    lips: float
    bald: bool

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Style":
        tone = rng.random()
        skin = (1 - tone) * np.array([236.0, 196.0, 172.0]) + tone * np.array([110.0, 72.0, 52.0])
        light = np.array([rng.uniform(-0.5, 0.5), -rng.uniform(0.1, 0.7), 1.0])
        return cls(skin, _HAIRS[rng.integers(4)], _IRISES[rng.integers(3)], rng.uniform(60, 220, 3),
                   light / np.linalg.norm(light), rng.uniform(0.017, 0.0205), rng.uniform(0.5, 1), rng.random() < 0.2)


@dataclass(frozen=True)
class Portrait:
    """A picture (SIDE, SIDE, 3), what it shows where, and how far each pixel's surface faces the viewer (0..1)."""

    rgb: NDArray[np.uint8]
    raster: Raster
    facing: Floats
    box: tuple[float, float, float, float]


def paint(model: FaceModel, vertices: Floats, yaw: float, pitch: float, style: Style) -> Portrait:
    """Draw a head turned by `yaw` and `pitch` degrees."""
    camera = Camera.for_image(SIDE, SIDE)
    rotation = np.array([np.radians(pitch), -np.radians(yaw), 0.0])
    points = project(vertices, rotation, np.array([0.0, -0.02, camera.focal * HEAD_METRES / SIDE]), camera)
    raster = rasterize_image(points, model.triangles, SIDE, SIDE)
    normals = interpolate(raster, model.triangles, pixel_normals(points, model.triangles))
    normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    face = points[model.regions["face"] > 0.5, :2]
    box = (*face.min(0).tolist(), *face.max(0).tolist())
    return Portrait(_light(_albedo(model, raster, style), normals, raster, style), raster, normals[..., 2], box)


def _light(albedo: Floats, normals: Floats, raster: Raster, style: Style) -> NDArray[np.uint8]:
    from scipy.ndimage import gaussian_filter

    halfway = style.light + np.array([0.0, 0.0, 1.0])
    halfway = halfway / np.linalg.norm(halfway)
    bright = 0.45 + 0.6 * np.clip(normals @ style.light, 0, 1)
    shine = 22 * np.clip(normals @ halfway, 0, 1) ** 20
    picture = np.where((raster.triangle_id > 0)[..., None], albedo * bright[..., None] + shine[..., None], style.ground)
    grain = np.random.default_rng(0).normal(0, 2, picture.shape)
    return np.clip(gaussian_filter(picture, (0.7, 0.7, 0)) + grain, 0, 255).astype(np.uint8)


def _albedo(model: FaceModel, raster: Raster, style: Style) -> Floats:
    place = interpolate(raster, model.triangles, model.mean).astype(np.float64)
    part = np.array([*model.part_names, ""])[np.append(model.triangle_part, -1)[raster.triangle_id - 1]]
    x, y, z = np.abs(place[..., 0]), place[..., 1], place[..., 2]

    def region(name: str) -> Floats:
        return np.asarray(interpolate(raster, model.triangles, model.regions[name][:, None]), np.float64)

    colour = style.skin * (1 + 0.02 * _grain(place * 900, 0) + 0.04 * _grain(place * 400, 1))[..., None]
    flush = np.exp(-(((x - 0.04) / 0.018) ** 2 + ((y + 0.035) / 0.02) ** 2))[..., None]
    colour *= 1 - flush * np.array([0, 0.06, 0.05])
    colour = _over(colour, style.skin * np.array([0.85, 0.55, 0.55]), style.lips * region("lips"))
    skin = (part == "skin")[..., None]
    hair = np.array(style.hair, np.float64)
    colour = _over(colour, hair, 0.9 * _brow(x, y, z, style.brow, place)[..., None] * skin)
    if not style.bald:
        strands = hair * (1 + 0.25 * _grain(place * np.array([1500, 450, 450]), 0))[..., None]
        colour = _over(colour, strands, _hairline(x, y, z)[..., None] * (1 - np.clip(3 * region("ears"), 0, 1)) * skin)
    for name, inside in _INSIDE.items():
        colour[part == name] = inside
    for side in ("left", "right"):
        _paint_eye(model, f"eye_{side}", part, place, style, colour)
    return colour


def _paint_eye(model: FaceModel, name: str, part: NDArray[np.str_], place: Floats, style: Style,
               colour: Floats) -> None:
    seen = part == name
    centre, _ = fit_sphere(model.mean[model.regions[name] > 0].astype(np.float64))
    away = place[seen] - centre
    angle = np.degrees(np.arccos(np.clip(away[:, 2] / np.linalg.norm(away, axis=1), -1, 1)))[:, None]
    iris = np.array(style.iris) * np.where(angle < 0.9 * IRIS_DEGREES, 1.0, 0.8)
    colour[seen] = np.where(angle < PUPIL_DEGREES, 15.0, np.where(angle < IRIS_DEGREES, iris, (235.0, 230.0, 226.0)))


def _brow(x: Floats, y: Floats, z: Floats, height: float, place: Floats) -> Floats:
    along = (x - 0.012) / 0.042
    inner = np.clip(along, 0, 1)
    line = height - 0.001 + 0.0085 * np.sin(2.2 * inner)
    band = np.exp(-np.clip(np.abs(y - line) / (0.0042 * (1 - 0.55 * inner)), 0, 9) ** 4)
    ends = np.clip((along + 0.03) / 0.08, 0, 1) * np.clip((1.03 - along) / 0.1, 0, 1) * (z > -0.01)
    hairs = 0.75 + 0.25 * np.clip(_grain(place * np.array([6000, 1500, 1500]), 0), -1, 1)
    return np.asarray(band * ends * hairs)


def _hairline(x: Floats, y: Floats, z: Floats) -> Floats:
    above = y - 0.085 + 0.25 * np.clip(x - 0.045, 0, 1) + 1.6 * np.clip(-z - 0.02, 0, 1)
    back = np.clip((-z - 0.045) / 0.01, 0, 1) * (y > -0.06)
    return np.asarray(np.maximum(np.clip(above / 0.006, 0, 1), back))


def _over(below: Floats, above: Floats, weight: Floats) -> Floats:
    return np.asarray(below + (above - below) * weight)


def _grain(place: Floats, kind: int) -> Floats:
    """Smooth noise of unit variance at places (..., 3), one cell a unit."""
    from scipy.ndimage import map_coordinates

    at = np.moveaxis(place % 64, -1, 0)
    return np.asarray(map_coordinates(_noise()[kind], at, order=1, mode="grid-wrap"))


@cache
def _noise() -> tuple[Floats, Floats]:
    from scipy.ndimage import gaussian_filter

    white = np.random.default_rng(7).normal(size=(64, 64, 64))
    fine, coarse = (gaussian_filter(white, width, mode="wrap") for width in (0.7, 2.0))
    return fine / fine.std(), coarse / coarse.std()
