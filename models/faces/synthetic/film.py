# SPDX-License-Identifier: Apache-2.0
"""What cameras do to pictures: exposure, colour, softness, noise, compression; the same for all frames of a take."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Film:
    """One camera's habits."""

    gain: Floats
    """(3,) of the sRGB values"""
    contrast: float
    saturation: float
    blur: float
    """Radius in pixels; 0 for none"""
    noise: float
    """Of 255"""
    quality: int
    """JPEG's; 0 for none"""

    def develop(self, picture: Floats, random: np.random.Generator) -> Bytes:
        """An ideal picture (H, W, 3) 0..1 to what is stored; only the noise differs from frame to frame."""
        x = picture * self.gain
        x = 0.5 + (x - 0.5) * self.contrast
        grey = x.mean(-1, keepdims=True)
        x = (grey + (x - grey) * self.saturation) * np.float32(255)
        image = Image.fromarray(np.clip(x, 0, 255).astype(np.uint8))
        if self.blur:
            image = image.filter(ImageFilter.GaussianBlur(self.blur))
        if self.noise:
            grain = random.standard_normal(x.shape[:2], np.float32)[..., None] * np.float32(self.noise)
            image = Image.fromarray(np.clip(np.asarray(image, np.float32) + grain, 0, 255).astype(np.uint8))
        if self.quality:
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=self.quality)
            image = Image.open(buffer)
        return np.asarray(image.convert("RGB"))


def random_film(random: np.random.Generator) -> Film:
    """A camera: most are good."""
    gain = 1 + random.normal(0, 0.03, 3) + random.normal(0.04, 0.08)
    return Film(gain.astype(np.float32), float(random.uniform(0.88, 1.2)), float(random.uniform(0.75, 1.2)),
                float(random.uniform(0.3, 0.9) * (random.random() < 0.5)),
                float(random.uniform(0.5, 6) * (random.random() < 0.5)),
                int(random.integers(60, 95)) if random.random() < 0.4 else 0)
