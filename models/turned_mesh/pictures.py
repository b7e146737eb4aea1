# SPDX-License-Identifier: Apache-2.0
"""Random pictures of turned heads with known landmarks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...core.camera import MODEL_TO_CAMERA_AXES, rotation_matrix
from ...core.face_model import FaceModel
from ...core.normals import vertex_normals
from ...core.rasterize import rasterize_image
from .graph_net import POINTS
from .painting import ellipse, paint_raster, strands
from .textures import Heads

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

SIDE = 192
WINDOW = 1.5
"""Side of a net's window over the longer side of the landmarks' box"""
TURNED_SHARE = 0.75
EARS = (234, 454)
"""Mesh points before the subject's right and left ear"""
_HAIR_ON_TOP = (slice(20, 60), slice(150, 360))
"""Rows and columns of a texture that show the hair above the forehead"""


@dataclass(frozen=True)
class Painter:
    """Draws heads of `model` with the textures of `heads` before random parts of `grounds`."""

    model: FaceModel
    heads: Heads
    grounds: Sequence[Bytes]

    @cached_property
    def corner_uv(self) -> Floats:
        return self.model.uv[self.model.uv_triangles]

    def picture(self, random: np.random.Generator) -> tuple[Bytes, Floats]:
        """A window (192, 192, 3) and its landmarks (468, 3): pixels of the window, z nearer = smaller."""
        pick, other = random.integers(len(self.heads.textures), size=2)
        textures = self.heads.textures[pick], self.heads.textures[other]
        flesh, styled = self._geometry(random, pick)
        points, landmarks = _windowed(random, styled, self.model.points("mesh478", flesh)[:POINTS])
        hair = textures[0][_HAIR_ON_TOP].mean((0, 1)) * random.uniform(0.4, 1.2)
        picture = background(random, self.grounds)
        self._behind(random, picture, points, styled, hair)
        raster = rasterize_image(points, self.model.triangles, SIDE, SIDE)
        share = random.uniform(0, 1) if random.random() < 0.35 else 0.0
        light = _light(random, vertex_normals(points, self.model.triangles))
        paint_raster(raster, self.model.triangles, self.corner_uv, textures, share, light, picture)
        _before(random, picture, landmarks, hair)
        return develop(random, picture), landmarks

    def _geometry(self, random: np.random.Generator, pick: int) -> tuple[Floats, Floats]:
        """Vertices (V, 3) of a random person with a random expression, bare and with hair on the skull."""
        identity = self.heads.identity[pick] * random.uniform(0.3, 1)
        identity = identity + random.normal(size=identity.shape) * 0.6
        bare = self.model.vertices(identity, self._expression(random))
        if random.random() < 0.2:
            return bare, bare
        waves, phases = random.normal(size=(3, 4)) * 25, random.uniform(0, 2 * np.pi, 4)
        height = np.clip(np.sin(bare @ waves + phases).sum(1) * 0.25 + 0.8, 0, None) * random.uniform(0, 0.05)
        normals = vertex_normals(bare, self.model.triangles)
        return bare, (bare + normals * (self.model.regions["scalp"] * height)[:, None]).astype(np.float32)

    def _expression(self, random: np.random.Generator) -> Floats:
        values = self.heads.expression[random.integers(len(self.heads.expression))] * random.uniform(0, 1.2)
        place = {name: index for index, name in enumerate(self.model.expression_names)}
        for names, chance in ((("jawOpen",), 0.4), (("mouthSmileLeft", "mouthSmileRight"), 0.3),
                              (("eyeBlinkLeft", "eyeBlinkRight"), 0.25)):
            if random.random() < chance:
                values[[place[name] for name in names]] = random.uniform(0, 1)
        values[random.integers(len(values), size=random.integers(0, 4))] = random.uniform(0, 0.7)
        return np.asarray(np.clip(values, 0, 1), np.float32)

    def _behind(self, random: np.random.Generator, picture: Floats, points: Floats, vertices: Floats,
                hair: NDArray[np.floating]) -> None:
        """Shoulders, and long hair behind the head."""
        if random.random() < 0.8:
            neck = points[np.argsort(vertices[:, 1])[:200], :2].mean(0)
            place = neck[0] + random.normal() * 8, neck[1] + SIDE * 0.55
            ellipse(picture, place, (SIDE * random.uniform(0.35, 0.8), SIDE * 0.55), 0.0,
                    random.uniform(0, 255, 3))
        if random.random() < 0.45:
            skull = points[self.model.regions["scalp"] > 0.5, :2].mean(0)
            radii = (SIDE * random.uniform(0.28, 0.45), SIDE * random.uniform(0.35, 0.6))
            place = skull[0] + random.normal() * 6, skull[1] + random.uniform(0, 50)
            ellipse(picture, place, radii, random.normal() * 0.2,
                    hair + strands(random, SIDE, random.normal() * 0.4))


def _windowed(random: np.random.Generator, vertices: Floats, landmarks: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Vertices (z nearer = larger) and landmarks (z nearer = smaller) in a window placed as badly as a detector's."""
    turned = random.random() < TURNED_SHARE
    yaw = np.radians(random.uniform(30, 100) if turned else random.uniform(0, 35)) * random.choice((-1, 1))
    pitch, roll = np.radians(np.clip(random.normal() * 14, -40, 40)), np.radians(random.normal() * 12)
    turns = [rotation_matrix(np.array(axis)) for axis in ((0, 0, roll), (pitch, 0, 0), (0, -yaw, 0))]
    rotation = turns[0] @ turns[1] @ turns[2] @ MODEL_TO_CAMERA_AXES
    distance = random.uniform(0.35, 1.5) if random.random() < 0.6 else np.inf
    projected = []
    for points in (vertices, landmarks):
        camera = points @ rotation.T
        projected.append(np.c_[camera[:, :2] / (1 + camera[:, 2:] / distance), camera[:, 2]])
    low, high = projected[1][:, :2].min(0), projected[1][:, :2].max(0)
    side = WINDOW * (high - low).max() * np.exp(random.normal() * 0.13)
    centre = (low + high) / 2 + random.normal(size=2) * 0.055 * side
    for points in projected:
        points[:, :2] -= centre - side / 2
        points *= SIDE / side
    projected[0][:, 2] *= -1
    return projected[0].astype(np.float32), projected[1].astype(np.float32)


def _light(random: np.random.Generator, normals: Floats) -> Floats:
    """Brightness (V, 3) under an even light and one or two lamps."""
    light = np.full(normals.shape, random.uniform(0.5, 1.0), np.float32)
    facing = normals * np.sign(normals[:, 2:] + 1e-9)
    for _ in range(random.integers(1, 3)):
        lamp = random.normal(size=3)
        lamp[2] = abs(lamp[2])
        tint = random.uniform(0.05, 0.5) * (1 + random.normal(size=3) * 0.05)
        light += np.clip(facing @ (lamp / np.linalg.norm(lamp)), 0, None)[:, None] * tint
    return light


def background(random: np.random.Generator, grounds: Sequence[Bytes]) -> Floats:
    """A window (192, 192, 3) of colour gradients or of some picture."""
    if random.random() < 0.35:
        corners = random.uniform(0, 255, (2, 2, 3)).astype(np.uint8)
        return np.asarray(Image.fromarray(corners).resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32)
    part = ground_part(random, grounds, 0.15)[..., random.permutation(3)]
    return np.asarray(part * random.uniform(0.3, 1.2) + random.uniform(-30, 30), np.float32)


def ground_part(random: np.random.Generator, grounds: Sequence[Bytes], smallest: float) -> Floats:
    """A random square of a random ground, at least `smallest` of its shorter side, as (192, 192, 3)."""
    ground = grounds[int(random.integers(len(grounds)))]
    side = int(random.uniform(smallest, 1) * min(ground.shape[:2]))
    top, left = (int(random.integers(extent - side + 1)) for extent in ground.shape[:2])
    part = Image.fromarray(ground[top:top + side, left:left + side]).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(part, np.float32)


def _before(random: np.random.Generator, picture: Floats, landmarks: Floats, hair: NDArray[np.floating]) -> None:
    """An object at the edge of the face, and hair over the ear that is seen."""
    if random.random() < 0.3:
        point = landmarks[random.integers(POINTS), :2]
        centre = point + (point - SIDE / 2) * random.uniform(0.1, 0.5, 2)
        colour = hair if random.random() < 0.6 else random.uniform(0, 255, 3)
        radii = (SIDE * random.uniform(0.05, 0.2), SIDE * random.uniform(0.08, 0.4))
        colour = colour + strands(random, SIDE, random.normal())
        ellipse(picture, (centre[0], centre[1]), radii, random.normal() * 0.5, colour)
    if random.random() < 0.3:
        ear = min(EARS, key=lambda index: landmarks[index, 2])
        centre = landmarks[ear, :2] * 0.8 + landmarks[random.integers(POINTS), :2] * 0.2
        place = centre[0] + random.normal() * 6, centre[1] + random.uniform(-25, 40)
        radii = (SIDE * random.uniform(0.05, 0.13), SIDE * random.uniform(0.2, 0.5))
        ellipse(picture, place, radii, random.normal() * 0.25, hair + strands(random, SIDE, random.normal() * 0.3))


def develop(random: np.random.Generator, picture: Floats) -> Bytes:
    """What cameras do to colours, sharpness and noise, at random."""
    result = 255 * (np.clip(picture, 0, 255) / 255) ** np.exp(random.normal() * 0.25)
    result = result * (random.uniform(0.6, 1.25) * (1 + random.normal(size=3) * 0.08)) + random.uniform(-20, 20)
    if random.random() < 0.2:
        result = np.repeat(result.mean(-1, keepdims=True), 3, -1)
    if random.random() < 0.6:
        small = int(SIDE / random.uniform(1, 3.5))
        way = Image.Resampling.BOX if random.random() < 0.5 else Image.Resampling.BILINEAR
        coarse = Image.fromarray(np.clip(result, 0, 255).astype(np.uint8)).resize((small, small), way)
        result = np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float64)
    if random.random() < 0.6:
        result = result + random.normal(size=result.shape) * random.uniform(0, 8)
    return np.asarray(np.clip(result, 0, 255), np.uint8)
