# SPDX-License-Identifier: Apache-2.0
"""Smooth normals of a mesh, in the face model's frame and in pixels."""

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

Floats = NDArray[np.float32]
Array = NDArray[np.floating]


def vertex_normals(vertices: Array, triangles: NDArray[np.integer]) -> Floats:
    """Outward unit normals (V, 3) in model space, weighted by area; +z where there is no surface."""
    sums = _summed(np.ascontiguousarray(vertices, np.float64), triangles)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    unit = np.where(length > 1e-20, sums / np.maximum(length, 1e-20), np.array([0.0, 0.0, 1.0]))
    return unit.astype(np.float32)


def pixel_normals(points: Array, triangles: NDArray[np.integer]) -> Floats:
    """Outward unit normals (V, 3) of points in pixels (x right, y down, nearer is larger); 0 without a surface.

    y points down, so the frame is left-handed and outwards is the other side.
    """
    return -_unit(_summed(np.ascontiguousarray(points, np.float32), triangles))


@compiled
def _summed(points: Array, triangles: NDArray[np.integer]) -> Array:
    """The cross products of the triangles' sides, (V, 3): at each vertex the sum of its triangles'."""
    sums = np.zeros_like(points)
    for f in range(len(triangles)):
        a, b, c = triangles[f]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):
            sums[i, 0] += nx
            sums[i, 1] += ny
            sums[i, 2] += nz
    return sums


@compiled
def _unit(vectors: Floats) -> Floats:
    """Vectors (V, 3) made unit in place; 0 stays 0."""
    for i in range(len(vectors)):
        length = np.sqrt((vectors[i] ** 2).sum())
        if length > 0:
            vectors[i] /= length
    return vectors
