# SPDX-License-Identifier: Apache-2.0
"""What stands behind made-up people: walls, rooms out of focus, lights, foliage."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from .noise import noise

Floats = NDArray[np.float32]


def random_background(random: np.random.Generator, size: int) -> Floats:
    """A picture (size, size, 3), linear 0..1."""
    kinds = (_wall, _gradient, _room, _lights, _leaves, _cloth)
    picture = kinds[int(random.choice(len(kinds), p=(0.27, 0.16, 0.30, 0.10, 0.14, 0.03)))](random, size)
    return np.asarray(np.clip(picture, 0, 255) / 255, np.float32) ** np.float32(2.2)


def _colour(random: np.random.Generator) -> NDArray[np.float64]:
    grey = random.uniform(15, 240)
    return np.asarray(np.clip(grey + random.normal(0, 1, 3) * random.uniform(2, 24), 3, 252))


def _gradient(random: np.random.Generator, size: int) -> Floats:
    low = np.stack([_colour(random) for _ in range(4)]).reshape(2, 2, 3)
    low = low.mean((0, 1)) + (low - low.mean((0, 1))) * random.uniform(0.2, 0.9)
    picture = Image.fromarray(np.clip(low, 0, 255).astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(picture, np.float32)


def _grid(size: int) -> Floats:
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    return np.stack([x, y, np.zeros_like(x)], -1).reshape(-1, 3)


def _wall(random: np.random.Generator, size: int) -> Floats:
    at, base = _grid(size), _colour(random)
    spread = noise(at, random.uniform(0.2, 0.8), random.uniform(0, 64, 3), 3) * random.uniform(3, 26)
    light = (at[:, 0] - 0.5) * random.normal(0, 45) + (at[:, 1] - 0.5) * random.normal(0, 30)
    return np.asarray((base + (spread + light)[:, None]).reshape(size, size, 3), np.float32)


def _cloth(random: np.random.Generator, size: int) -> Floats:
    at = _grid(size)
    wave = np.sin(at[:, 0] * random.uniform(20, 60) + 3 * noise(at, 0.5, random.uniform(0, 64, 3), 2))
    return np.asarray((_colour(random) * (1 + 0.25 * wave[:, None])).reshape(size, size, 3), np.float32)


def _room(random: np.random.Generator, size: int) -> Floats:
    """Shelves, frames, windows and furniture as rectangles, out of focus."""
    picture = Image.fromarray(_gradient(random, size).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for _ in range(int(random.integers(4, 22))):
        w, h = random.uniform(0.03, 0.5, 2) * size
        x, y = random.uniform(-0.1, 1.0, 2) * size
        pen.rectangle((x, y, x + w, y + h), fill=tuple(int(v) for v in _colour(random)))
        if random.random() < 0.3:
            pen.rectangle((x + 0.1 * w, y + 0.1 * h, x + 0.9 * w, y + 0.9 * h),
                          fill=tuple(int(v) for v in _colour(random)))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(size * random.uniform(0.002, 0.04))), np.float32)


def _lights(random: np.random.Generator, size: int) -> Floats:
    """Discs of light on dark, as of a street at night."""
    picture = Image.fromarray((0.35 * _gradient(random, size)).astype(np.uint8))
    pen = ImageDraw.Draw(picture, "RGBA")
    radius = random.uniform(0.02, 0.07) * size
    for _ in range(int(random.integers(8, 40))):
        x, y, r = random.uniform(0, size), random.uniform(0, size), radius * random.uniform(0.6, 1.3)
        colour = np.clip(_colour(random) * 0.6 + 110, 0, 255).astype(int)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(*(int(c) for c in colour), int(random.integers(50, 200))))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(size * random.uniform(0.003, 0.012))), np.float32)


def _leaves(random: np.random.Generator, size: int) -> Floats:
    at, offset = _grid(size), random.uniform(0, 64, 3)
    shape = noise(at, random.uniform(0.1, 0.3), offset, 4)
    first, second = np.array((48, 58, 38)) * random.uniform(0.4, 1.6) * random.uniform(0.85, 1.15, 3), np.array(
        (150, 162, 120)) * random.uniform(0.6, 1.25) * random.uniform(0.9, 1.1, 3)
    mixed = first + (second - first) * np.clip(0.5 + 0.6 * shape, 0, 1)[:, None]
    sky = np.clip((0.5 - at[:, 1]) * 2 + shape - 0.3, 0, 1)[:, None] * (random.random() < 0.5)
    picture = (mixed * (1 - sky) + np.array((205, 215, 225)) * sky).reshape(size, size, 3)
    blurred = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(size * random.uniform(0.004, 0.025)))
    return np.asarray(blurred, np.float32)
