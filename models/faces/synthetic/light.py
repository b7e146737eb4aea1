# SPDX-License-Identifier: Apache-2.0
"""Light on made-up people: a key with shadows, two fills without, sky and ground."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.compiled import compiled_loosely
from ....core.rasterize import rasterize_image

Floats = NDArray[np.float32]
Real = float | np.floating[Any]

MAP = 224
"""Side of the shadow map"""


@dataclass(frozen=True, eq=False)
class Lights:
    """Directions towards lights in the picture's axes (x right, y down, z to the viewer), and linear colours."""

    directions: Floats
    """(3, 3) key and two fills, unit"""
    colours: Floats
    """(3, 3)"""
    sky: Floats
    ground: Floats
    softness: float
    """Radius of the shadows' edge, in cells of the shadow map"""


@dataclass(frozen=True, eq=False)
class Shadow:
    """How far towards the key the nearest surface is, on a grid across the key's direction."""

    depth: Floats
    """(MAP, MAP) pixels of the picture; -1e9 where there is nothing"""
    axes: Floats
    """(3, 3) rows: across, across, and towards the key"""
    corner: Floats
    """(2,) where the grid begins"""
    scale: float
    """Cells a pixel"""


def random_lights(random: np.random.Generator) -> Lights:
    """Studio, window, sun, lamp or dusk: one strong side or hardly any, warm or cool."""
    hard = random.random()
    side = random.normal(0, 0.75)
    key = _unit(np.array([np.sin(side), random.uniform(-0.9, 0.05), np.cos(side) * random.uniform(0.5, 1.1) + 0.15]))
    fills = [_unit(random.normal(size=3) * spread + middle) for spread, middle in
             ((np.array((1.0, 0.5, 0.5)), np.array((0, -0.1, 0.35))),
              (np.array((1.0, 0.5, 0.2)), np.array((0, -0.3, -0.35))))]
    strength = random.uniform(0.35, 1.0)
    warm = random.normal(0, 0.09)
    tint = np.array((1 + warm, 1.0, 1 - warm))
    other = np.array((1 - 0.7 * warm, 1.0, 1 + 0.7 * warm)) * (1 + random.normal(0, 0.03, 3))
    amounts = np.array([strength, random.uniform(0, 0.30), random.uniform(0, 0.5) * (random.random() < 0.6)])
    colours = np.stack([tint, other, other * (1 + random.normal(0, 0.06, 3))]) * amounts[:, None]
    sky = other * random.uniform(0.18, 0.6) * (1.25 - 0.75 * strength)
    ground = sky * random.uniform(0.45, 0.95) * (1 + random.normal(0, 0.06, 3))
    facing = sum((_facing(f) * c for f, c in zip((key, *fills), colours, strict=True)), 0.6 * (sky + ground))
    gain = float(np.exp(random.normal(0.05, 0.16)) / facing.mean())
    return Lights(np.stack([key, *fills]).astype(np.float32), (colours * gain).astype(np.float32),
                  (sky * gain).astype(np.float32), (ground * gain).astype(np.float32), float(0.8 + 3.2 * hard**2))


def _unit(vector: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(vector / np.linalg.norm(vector))


def _facing(direction: NDArray[np.floating]) -> float:
    """How much a face that looks at the viewer, in the mean of its sides, gets from a direction."""
    return 0.35 + 0.55 * float(max(direction[2], 0))


def cast(points: Floats, triangles: NDArray[np.int32], key: Floats, reach: tuple[float, float, float]) -> Shadow:
    """The shadow map of a mesh (V, 3) in pixels; `reach` is the middle of what matters, x and y, and its radius."""
    across = np.cross(key, (0.0, 1.0, 0.1))
    across /= np.linalg.norm(across)
    axes = np.stack([across, np.cross(key, across), key]).astype(np.float32)
    centre = axes @ np.array([reach[0], reach[1], 0], np.float32)
    scale = MAP / (2 * reach[2])
    corner = centre[:2] - reach[2]
    placed = points @ axes.T
    placed[:, :2] = (placed[:, :2] - corner) * np.float32(scale)
    raster = rasterize_image(placed, triangles, MAP, MAP, backend="cpu")
    nearest = float(np.abs(placed[:, 2]).max()) * 1.01
    depth = np.where(raster.triangle_id > 0, raster.depth * np.float32(-nearest), np.float32(-1e9))
    return Shadow(depth.astype(np.float32), axes, corner.astype(np.float32), float(scale))


@compiled_loosely
def lit_share(depth: Floats, axes: Floats, corner: Floats, scale: Real, x: Real, y: Real, z: Real, bias: Real,
              radius: Real, turn: Real) -> Real:
    """How much of the key reaches a place in pixels: the mean over a ring and its middle (Reeves et al. 1987)."""
    u = ((axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z) - corner[0]) * scale
    v = ((axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z) - corner[1]) * scale
    own = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z + bias
    size = depth.shape[0]
    total = np.float32(0)
    cos, sin = np.cos(turn) * radius, np.sin(turn) * radius
    for tap in range(5):
        a, b = u, v
        if tap == 1:
            a, b = u + cos, v + sin
        elif tap == 2:
            a, b = u - sin, v + cos
        elif tap == 3:
            a, b = u - cos, v - sin
        elif tap == 4:
            a, b = u + sin, v - cos
        i, j = int(b), int(a)
        if i < 0 or j < 0 or i >= size or j >= size or depth[i, j] <= own:
            total += np.float32(0.2)
    return total
