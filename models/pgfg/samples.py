# SPDX-License-Identifier: Apache-2.0
"""What the network learns from: one pair of frames of one person at a time.

Pictures are planes first, RGB, square, uint8 0..255. Places are pixels in the house's convention: the centre of the
pixel in row r and column c lies at (c + 0.5, r + 0.5).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

MOSAIC, PLACE, EYES, MOUTH = slice(0, 3), slice(3, 6), slice(6, 7), slice(7, 8)
"""Planes of a prior: the sparse texture's colours (0 where nothing is drawn); the drawn point's place on the mean face
(x to the right, y up, z to the viewer, each scaled to 1..255 over the face; 0 where nothing is drawn); how far it is an
eyeball (0 or 255); and what of the mouth's inside it is (85 cavity, 170 tongue, 255 teeth)"""
PLANES = 8
CAVITY, TONGUE, TEETH = 85, 170, 255
COEFFICIENTS = 58
"""52 of the expression, rotation 3, translation 3"""
BACKGROUND, SKIN, MOUTH_AREA, EYE_AREA, HEAD = range(5)
"""Codes of `Sample.regions`: beside the mesh; the face; lips and what lies between; lids, brows' lower side and eyes;
scalp, ears, neck"""


@dataclass(frozen=True, eq=False)
class Sample:
    """A source and a target frame of one person, S × S, and what the fitted mesh says of both.

    The targets are truth; all else can be made of the source, and of the target's coefficients.
    """

    source: Bytes
    """(3, S, S) the photo"""
    target: Bytes
    """(3, S, S) the frame to be made"""
    prior_source: Bytes
    """(PLANES, S, S) the priors at the source's coefficients"""
    prior_target: Bytes
    """(PLANES, S, S) the same colours at the target's"""
    warped: Bytes
    """(3, S, S) the source moved by the mesh: what the mesh renderer shows"""
    flow: Floats
    """(2, S, S) where in the source (x, y, pixels) each pixel of the target comes from; beside the mesh it goes on
    smoothly"""
    valid: Bytes
    """(1, S, S) how far the source shows what is there, 0 (hidden or new: mouth, lids, bared background) to 255"""
    regions: Bytes
    """(1, S, S) codes of the target's regions, see BACKGROUND …; for losses and measures only"""
    coefficients_source: Floats
    """(COEFFICIENTS,)"""
    coefficients_target: Floats
    """(COEFFICIENTS,)"""
    person: int = 0
    synthetic: bool = False

    @property
    def size(self) -> int:
        return int(self.source.shape[-1])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All fields as arrays, as batches are made of them."""
        return {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Sample":
        """From a mapping of the fields.

        Raises:
            BadInput: a field is missing, or has another shape or type than it must have.
        """
        size = np.asarray(values.get("source", np.zeros(1))).shape[-1]
        for name, (shape, kind) in layout(size).items():
            if name not in values:
                raise BadInput(f"A training sample lacks `{name}`; make the shards anew.")
            array = np.asarray(values[name])
            if array.shape != shape or array.dtype != kind:
                raise BadInput(f"`{name}` of a training sample is {array.dtype} {array.shape}, not {kind} {shape}; "
                               "make the shards anew.")
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})


def layout(size: int) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type of every array of a sample of S × S pixels."""
    byte, real = np.dtype(np.uint8), np.dtype(np.float32)
    planes = {"source": 3, "target": 3, "prior_source": PLANES, "prior_target": PLANES, "warped": 3, "valid": 1,
              "regions": 1}
    out: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {n: ((c, size, size), byte) for n, c in planes.items()}
    out["flow"] = ((2, size, size), real)
    out["coefficients_source"] = out["coefficients_target"] = ((COEFFICIENTS,), real)
    return out


def still(size: int) -> Floats:
    """The flow (2, S, S) of a picture that does not move."""
    middle = np.arange(size, dtype=np.float32) + np.float32(0.5)
    return np.stack(np.broadcast_arrays(middle[None, :], middle[:, None])).astype(np.float32)


def sampled(picture: Bytes, flow: Floats) -> Bytes:
    """A picture (C, S, S) at the places of a flow (2, S, S), bilinear, its rim continued outwards."""
    height, width = picture.shape[1:]
    x, y = np.clip(flow[0] - 0.5, 0, width - 1), np.clip(flow[1] - 0.5, 0, height - 1)
    left, top = np.minimum(x.astype(int), width - 2), np.minimum(y.astype(int), height - 2)
    u, v = x - left, y - top
    upper = picture[:, top, left] * (1 - u) + picture[:, top, left + 1] * u
    lower = picture[:, top + 1, left] * (1 - u) + picture[:, top + 1, left + 1] * u
    return np.asarray(np.rint(upper * (1 - v) + lower * v), np.uint8)
