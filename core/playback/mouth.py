# SPDX-License-Identifier: Apache-2.0
"""The open mouth of a photo, carried along by the lips around it."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..inpaint import pull_push
from ..rasterize import Raster
from ..resample import resample
from ..visibility import MOUTH, SKIN

if TYPE_CHECKING:
    from .source import Source

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_RIM = 4
"""Pixels of the lips around the mouth whose movement is spread over it"""


def carry_mouth(out: Bytes, source: "Source", head: Raster, shift: Floats, share: float) -> None:
    """Draw what the photo shows between its lips between those of the frame `out` (H, W, 3), as one layer.

    Fitted teeth lie a pixel or two beside those in the photo, and small steps between photo and texture look broken.
    The shift (H, W, 2) of the lips, spread smoothly over what is between them, takes the photo's mouth into the
    frame's; `share` 0..1 is how far that layer covers what else is seen there.
    """
    kind = np.append(np.int8(-1), source.kinds)[head.triangle_id]
    inside = kind == MOUTH
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if share <= 0 or not len(rows):
        return
    top, left = max(int(rows[0]) - _RIM, 0), max(int(columns[0]) - _RIM, 0)
    box = (slice(top, int(rows[-1]) + _RIM + 1), slice(left, int(columns[-1]) + _RIM + 1))
    spread = pull_push(shift[box], (kind[box] == SKIN).astype(np.float32))
    layer = resample(source.padded, spread + np.array([left, top], np.float32))
    cover = (share * inside[box])[..., None]
    out[box] = np.asarray(out[box] * (1 - cover) + layer * cover + 0.5, np.uint8)
