# SPDX-License-Identifier: Apache-2.0
"""The upright square around a face that networks see: cut out of a picture, and coefficients that hold inside it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .camera import Camera
from .fit import Fit

Floats = NDArray[np.float32]
Rgb = NDArray[np.uint8]

ROOM = 1.75
"""Side of the square over the longer side of the face's box (brows to chin), so that hair and neck are in it"""
_ABOVE = 0.06
"""By how much of its side the square's middle lies above the face's: hair needs more room than the neck"""


@dataclass(frozen=True)
class FaceSquare:
    """A square of `side` pixels around (`x`, `y`) of a picture, which it may leave."""

    x: float
    y: float
    side: float

    @classmethod
    def around(cls, points: NDArray[np.floating], room: float = ROOM) -> "FaceSquare":
        """The square for a face's landmarks (..., L, 2 or 3) in pixels, of one frame or of several together."""
        flat = np.asarray(points, np.float64)[..., :2].reshape(-1, 2)
        low, high = flat.min(0), flat.max(0)
        side = float((high - low).max()) * room
        middle = (low + high) / 2
        return cls(float(middle[0]), float(middle[1]) - _ABOVE * side, side)

    def within(self, width: int, height: int) -> "FaceSquare":
        """The square moved, and where need be made smaller, so that it does not leave a picture."""
        side = min(self.side, width, height)
        x, y = (min(max(at, side / 2), extent - side / 2) for at, extent in ((self.x, width), (self.y, height)))
        return FaceSquare(x, y, side)

    def cut(self, rgb: Rgb, size: int) -> Rgb:
        """The square (size, size, 3) out of a picture (H, W, 3); beyond the picture its border goes on."""
        from .landmarks.roi import Roi, crop

        cut = crop(rgb, Roi(self.x, self.y, self.side), size, high=255.0)
        return np.ascontiguousarray(np.clip(cut + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0))

    def points(self, points: NDArray[np.floating], size: int) -> Floats:
        """Points (..., 3) of the picture in pixels of the square at (size, size); depth is scaled along."""
        corner = np.array([self.x - self.side / 2, self.y - self.side / 2, 0.0])
        return np.asarray((np.asarray(points) - corner) * (size / self.side), np.float32)

    def translation(self, translation: NDArray[np.floating], camera: Camera, size: int) -> Floats:
        """Where heads (..., 3) are before the standard orthographic camera of the square at (size, size).

        Exact for orthographic cameras; for perspective ones as exact as their heads are flat.
        """
        place = np.asarray(translation, np.float64)
        scale = camera.focal / place[..., 2]
        at = place[..., :2] * scale[..., None] + camera.centre
        own = Camera.for_image(size, size)
        depth = own.focal / (scale * size / self.side)
        middle = np.array([self.x, self.y])
        sideways = (at - middle) * (size / self.side) * (depth / own.focal)[..., None]
        return np.asarray(np.concatenate([sideways, depth[..., None]], -1), np.float32)

    def fit(self, fit: Fit, size: int) -> Fit:
        """The fit as it is inside the square at (size, size); its surface is moved along, not computed anew."""
        camera = Camera.for_image(size, size)
        camera = replace(camera, projection=fit.camera.projection)
        moved = [self.points(p, size) for p in (fit.vertices_image, fit.landmarks_68, fit.landmarks_478)]
        return replace(fit, camera=camera, translation=self.translation(fit.translation, fit.camera, size),
                       vertices_image=moved[0], landmarks_68=moved[1], landmarks_478=moved[2])
