# SPDX-License-Identifier: Apache-2.0
"""A look at training faces: some frames of every person in a picture."""

import os
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...core.contact_sheet import grid
from .shards import read_shard, shards_in

COLUMNS, ROWS = 6, 6


def faces_sheet(places: Iterable[str | os.PathLike[str]], side: int = 256) -> NDArray[np.uint8]:
    """Frames (rows, columns, 3) of up to 36 takes, spread over the shards of folders, people and clips alike.

    Raises:
        BadInput: a place holds no shards, or a shard is damaged.
    """
    takes = [take for path in shards_in(places) for take in read_shard(path)]
    count = min(COLUMNS * ROWS, len(takes))
    chosen = np.linspace(0, len(takes) - 1, count).round().astype(int)
    frames = [takes[i].picture(n % len(takes[i])) for n, i in enumerate(chosen)]
    return grid([np.asarray(Image.fromarray(f).resize((side, side))) for f in frames], COLUMNS)
