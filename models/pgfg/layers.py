# SPDX-License-Identifier: Apache-2.0
"""What a generator makes of a frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Layers:
    """A picture and how it came about."""

    picture: Floats
    """(3, S, S) -1 … 1"""
    mask: Floats
    """(1, S, S) 0 … 1, how far the picture is painted anew"""
    shift: Floats | None = None
    """(2, S/2, S/2) from how far away, in pixels (x, y), the rest of the base comes; None: from where it was"""
