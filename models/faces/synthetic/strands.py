# SPDX-License-Identifier: Apache-2.0
"""Ribbons that stand for locks of hair, from the paths of their middles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Ribbons:
    """Strips of triangles: vertex 2·k and 2·k + 1 of a ribbon are the two sides of its k-th place."""

    vertices: Floats
    """(V, 3)"""
    normals: Floats
    """(V, 3) of the hair's outside, unit"""
    tangents: Floats
    """(V, 3) along the hair, unit"""
    colours: Floats
    """(V, 3) linear"""
    strip: Floats
    """(V, 2) across the ribbon −1..1 (plus 4 for every ribbon before it, so that no two are alike), and 0..1 along"""
    triangles: Ints


def ribbons(paths: Floats, normals: Floats, width: Floats, colours: Floats) -> Ribbons:
    """Ribbons (N) along paths (N, K, 3) that lie flat on surfaces with normals (N, K, 3).

    Args:
        width: (N,) at the root; it tapers towards the tip.
        colours: (N, 3) linear; roots are darker.
    """
    count, steps = paths.shape[:2]
    along = np.linspace(0, 1, steps, dtype=np.float32)
    tangents = np.gradient(paths, axis=1)
    tangents /= np.linalg.norm(tangents, axis=-1, keepdims=True) + 1e-9
    across = np.cross(tangents, normals)
    across /= np.linalg.norm(across, axis=-1, keepdims=True) + 1e-9
    half = (0.5 * width[:, None] * (1 - 0.85 * along**2.5))[..., None]
    both = np.stack([paths - across * half, paths + across * half], 2)
    shade = (0.62 + 0.38 * np.minimum(along * 3, 1))[None, :, None, None]
    sides = np.array((-1.0, 1.0), np.float32)
    strip = np.empty((count, steps, 2, 2), np.float32)
    strip[..., 0] = sides + 4 * (np.arange(count, dtype=np.float32)[:, None, None] % 512)
    strip[..., 1] = along[None, :, None]
    doubled = [np.repeat(v[:, :, None], 2, 2).reshape(-1, 3).astype(np.float32) for v in (normals, tangents)]
    colour = np.broadcast_to(colours[:, None, None], (count, steps, 2, 3)) * shade
    return Ribbons(both.reshape(-1, 3).astype(np.float32), doubled[0], doubled[1],
                   np.ascontiguousarray(colour.reshape(-1, 3), np.float32), strip.reshape(-1, 2),
                   _strips(count, steps))


def _strips(count: int, steps: int) -> Ints:
    k = 2 * np.arange(steps - 1)
    one = np.concatenate([np.stack([k, k + 1, k + 3], 1), np.stack([k, k + 3, k + 2], 1)])
    return np.asarray((one[None] + 2 * steps * np.arange(count)[:, None, None]).reshape(-1, 3), np.int32)
