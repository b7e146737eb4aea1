# SPDX-License-Identifier: Apache-2.0
"""The CUDA backend: nvdiffrast, where the user has installed it (its licence is non-commercial)."""

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingPart

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@cache
def available() -> bool:
    """Whether torch sees a CUDA device and nvdiffrast loads on it."""
    from importlib.util import find_spec

    if find_spec("torch") is None or find_spec("nvdiffrast") is None:
        return False
    try:
        _context()
    except MissingPart:
        return False
    return True


@cache
def _context() -> tuple[Any, Any, Any]:
    """torch, nvdiffrast.torch and one rasteriser context, made once per process.

    Raises:
        MissingPart: torch, CUDA or nvdiffrast is not here, or cannot start.
    """
    try:
        torch = import_module("torch")
        if not torch.cuda.is_available():
            raise MissingPart("torch finds no CUDA device for the cuda rasteriser; use backend='cpu'.")
        dr = import_module("nvdiffrast.torch")
        return torch, dr, dr.RasterizeCudaContext()
    except (ImportError, RuntimeError, OSError) as error:
        raise MissingPart(f"The cuda rasteriser needs torch with CUDA and nvdiffrast ({error}); "
                          "install them or use backend='cpu'.") from error


def rasterize(clip: Floats, triangles: Ints, height: int, width: int) -> tuple[Ints, Floats, Floats]:
    """(V, 4) contiguous float32 and (F, 3) contiguous int32 to triangle ids, weights and depths.

    Raises:
        MissingPart: torch, CUDA or nvdiffrast is not here.
    """
    torch, dr, context = _context()
    if not len(triangles):
        return (np.zeros((height, width), np.int32), np.zeros((height, width, 2), np.float32),
                np.zeros((height, width), np.float32))
    positions = torch.from_numpy(clip).cuda()[None]
    faces = torch.from_numpy(triangles).cuda()
    out, _ = dr.rasterize(context, positions, faces, resolution=[height, width], grad_db=False)
    # Channels: u, v, z/w, id + 1; ids below 2^24 are plain numbers.
    host = out[0].cpu().numpy()
    ids = host[..., 3].astype(np.int32)
    return ids, np.ascontiguousarray(host[..., :2]), np.ascontiguousarray(host[..., 2])
