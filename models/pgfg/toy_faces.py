# SPDX-License-Identifier: Apache-2.0
"""Drawn faces, to try the network's training on without any data: every field of a pair is true."""

import numpy as np
from numpy.typing import NDArray

from .samples import (
    BACKGROUND,
    CAVITY,
    COEFFICIENTS,
    EYE_AREA,
    MOUTH_AREA,
    SKIN,
    Bytes,
    Floats,
    Sample,
    sampled,
    still,
)


class ToyFaces:
    """Pairs of drawn faces: an oval with eyes that blink and a mouth that opens, before a striped background.

    Deterministic: the same index gives the same pair. Every field is true, so that a network can learn from them what
    it must learn from real ones: to follow the flow, and to invent what is behind lips and lids.
    """

    def __init__(self, size: int = 64, persons: int = 8, seed: int = 0) -> None:
        self.size, self.persons, self.seed = size, persons, seed

    def __len__(self) -> int:
        return 1 << 20

    def __getitem__(self, index: int) -> Sample:
        random = np.random.default_rng([self.seed, index])
        person = int(random.integers(self.persons))
        look = np.random.default_rng([self.seed, 1 << 30, person])
        here, there = (_Toy(self.size, random) for _ in range(2))
        colours, width = look.uniform(40, 230, (5, 3)), look.uniform(0.75, 0.9)
        source, first = here.drawn(colours, width)
        target, regions = there.drawn(colours, width)
        flow = there.flow_to(here)
        seen = first[:, *_whole(flow)] == regions
        valid = np.where((regions == SKIN) & seen | (regions == BACKGROUND) & seen, 255, 0).astype(np.uint8)
        return Sample(source, target, here.prior(colours, width), there.prior(colours, width), sampled(source, flow),
                      flow, valid, regions, here.coefficients(), there.coefficients(), person, True)


class _Toy:
    """One pose of a drawn face, in coordinates of its own where the oval is about the unit circle."""

    def __init__(self, size: int, random: np.random.Generator) -> None:
        self.size = size
        self.centre = (0.5 + random.uniform(-0.08, 0.08, 2)) * size
        self.radius = random.uniform(0.30, 0.36) * size
        self.turn = random.uniform(-0.25, 0.25)
        self.open, self.shut = random.uniform(0, 0.3), random.uniform(0, 1)

    def own(self, places: Floats) -> Floats:
        """Places (2, S, S) in the face's coordinates."""
        cosine, sine = np.cos(self.turn), np.sin(self.turn)
        x, y = (places[k] - self.centre[k] for k in (0, 1))
        return np.asarray(np.stack([cosine * x + sine * y, cosine * y - sine * x]) / self.radius, np.float32)

    def flow_to(self, other: "_Toy") -> Floats:
        """Where in the other's picture the pixels of this one come from: the face's turn, fading out beside it."""
        here = still(self.size)
        x, y = self.own(here)
        cosine, sine = np.cos(other.turn), np.sin(other.turn)
        moved = np.stack([cosine * x - sine * y, cosine * y + sine * x]) * other.radius + other.centre[:, None, None]
        share = np.clip(2 - np.hypot(x, y), 0, 1)
        return np.asarray(here + share * (moved - here), np.float32)

    def parts(self, width: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Where face, eyes and the open mouth are, (S, S) each."""
        x, y = self.own(still(self.size))
        eyes = np.hypot((np.abs(x) - 0.35) / 0.16, (y + 0.25) / (0.02 + 0.1 * (1 - self.shut))) < 1
        mouth = np.hypot(x / 0.3, (y - 0.45) / (0.02 + self.open)) < 1
        return np.hypot(x / width, y) < 1, eyes, mouth

    def drawn(self, colours: NDArray[np.floating], width: float) -> tuple[Bytes, Bytes]:
        """Picture (3, S, S) and regions (1, S, S)."""
        face, eyes, mouth = self.parts(width)
        wave = 20 * np.sin(still(self.size)[0] * 0.5)[..., None]
        picture = np.where(face[..., None], colours[0] + 25 * self.own(still(self.size))[0][..., None],
                           colours[1] + wave)
        regions = np.where(face, SKIN, BACKGROUND)
        for part, colour, code in ((eyes, colours[2], EYE_AREA), (mouth, colours[3], MOUTH_AREA)):
            picture[part], regions[part] = colour, code
        pixels = np.clip(picture, 0, 255).astype(np.uint8).transpose(2, 0, 1)
        return np.ascontiguousarray(pixels), regions[None].astype(np.uint8)

    def prior(self, colours: NDArray[np.floating], width: float) -> Bytes:
        """The priors (PLANES, S, S)."""
        face, eyes, mouth = self.parts(width)
        x, y = self.own(still(self.size))
        coarse = np.clip(colours[0] + 25 * (np.round(x * 3) / 3)[..., None], 1, 255)
        place = np.clip(np.stack([x, -y, 0.5 - 0.4 * np.hypot(x, y)]) * 120 + 128, 1, 255)
        out = np.concatenate([coarse.transpose(2, 0, 1), place, 255.0 * eyes[None], float(CAVITY) * mouth[None]])
        return np.asarray(out * face, np.uint8)

    def coefficients(self) -> Floats:
        out = np.zeros(COEFFICIENTS, np.float32)
        out[:2], out[52 + 2] = (self.open, self.shut), self.turn
        out[55:58] = *(self.centre / self.size), self.radius / self.size
        return out


def _whole(flow: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the pixels at places (2, S, S)."""
    inside = np.clip(np.floor(flow), 0, flow.shape[-1] - 1).astype(np.int64)
    return inside[1], inside[0]
