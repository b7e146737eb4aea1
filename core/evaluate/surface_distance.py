# SPDX-License-Identifier: Apache-2.0
"""How far one surface is from another once position, rotation and size are taken out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled

Floats = NDArray[np.float64]
_CANDIDATES = 6
"""Triangles, by nearness of their centres, that are looked at for the nearest point"""
_ALIGNED = 600
"""Points, about, that the alignment looks at; the error is that of all"""


@dataclass(frozen=True)
class Similarity:
    """x ↦ scale · rotation · x + translation."""

    scale: float
    rotation: Floats
    translation: Floats

    def apply(self, points: NDArray[np.floating]) -> Floats:
        """Points (..., 3)."""
        return np.asarray(self.scale * points @ self.rotation.T + self.translation)

    def undo(self, points: NDArray[np.floating]) -> Floats:
        """The inverse map of points (..., 3)."""
        return np.asarray((points - self.translation) @ self.rotation / self.scale)


def similarity(source: NDArray[np.floating], target: NDArray[np.floating], weights: Floats) -> Similarity:
    """The similarity that takes points (N, 3) nearest to their targets (N, 3) (Umeyama 1991, eq. 39-42)."""
    w = weights / weights.sum()
    centre, goal = w @ source, w @ target
    a, b = source - centre, target - goal
    u, s, vt = np.linalg.svd((b * w[:, None]).T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * sign) @ vt
    scale = float((s * sign).sum() / (w @ (a**2).sum(1)))
    return Similarity(scale, rotation, goal - scale * rotation @ centre)


class Surface:
    """A triangle mesh that answers where its nearest point is."""

    def __init__(self, vertices: NDArray[np.floating], triangles: NDArray[np.int32]) -> None:
        from scipy.spatial import cKDTree

        self._corners = np.ascontiguousarray(vertices[triangles], np.float64)
        self._tree = cKDTree(self._corners.mean(1))

    def nearest(self, points: NDArray[np.floating]) -> tuple[Floats, NDArray[np.int64], Floats]:
        """For points (N, 3): nearest points of the surface (N, 3), their triangles (N,) and weights (N, 3)."""
        queries = np.ascontiguousarray(points, np.float64)
        candidates = np.asarray(self._tree.query(queries, _CANDIDATES)[1], np.int64)
        triangle, weights = _nearest(queries, self._corners, candidates)
        return np.einsum("nc,nci->ni", weights, self._corners[triangle]), triangle, weights


def aligned_error(points: NDArray[np.floating], weights: Floats, surface: Surface, start: Similarity,
                  rounds: int = 30) -> tuple[float, Similarity]:
    """Mean distance from points (N, 3) to a surface, and the similarity of the surface that makes it least.

    Weights (N,) are the area that each point stands for. Iterated closest points (Besl & McKay 1992) with scale,
    from `start` (surface to points). The distance is in the points' unit.
    """
    pose = start
    before = np.inf
    few = slice(None, None, max(len(points) // _ALIGNED, 1))
    for _ in range(rounds):
        nearest = surface.nearest(pose.undo(points[few]))[0]
        pose = similarity(nearest, points[few], weights[few])
        error = _mean_distance(points[few], pose.apply(nearest), weights[few])
        if before - error < 5e-4 * error:
            break
        before = error
    return _mean_distance(points, pose.apply(surface.nearest(pose.undo(points))[0]), weights), pose


def vertex_areas(vertices: NDArray[np.floating], triangles: NDArray[np.int32]) -> Floats:
    """A third of the area of the triangles around each vertex, (V,)."""
    corners = np.asarray(vertices, np.float64)[triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6
    return np.bincount(triangles.ravel(), np.repeat(area, 3), len(vertices)).astype(np.float64)


def _mean_distance(a: NDArray[np.floating], b: NDArray[np.floating], weights: Floats) -> float:
    return float(np.linalg.norm(a - b, axis=1) @ weights / weights.sum())


@compiled
def _nearest(points: Floats, corners: Floats, candidates: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    """Nearest of the candidate triangles (N, K): its index (N,) and barycentric weights (N, 3)."""
    count = len(points)
    triangle = np.empty(count, np.int64)
    weights = np.empty((count, 3))
    for i in range(count):
        best = np.inf
        for j in candidates[i]:
            v, w = _closest_on_triangle(points[i], corners[j])
            d = 0.0
            for k in range(3):
                x = (1 - v - w) * corners[j, 0, k] + v * corners[j, 1, k] + w * corners[j, 2, k]
                d += (x - points[i, k]) ** 2
            if d < best:
                best, triangle[i] = d, j
                weights[i, 0], weights[i, 1], weights[i, 2] = 1 - v - w, v, w
    return triangle, weights


@compiled
def _closest_on_triangle(p: Floats, abc: Floats) -> tuple[float, float]:
    """Weights of the second and third corner for the point of a triangle (3, 3) nearest to p (3,).

    By the region of the triangle's plane, face, edge or corner, that p lies over (Ericson 2005, §5.1.5).
    """
    d1 = d2 = d3 = d4 = d5 = d6 = 0.0
    for k in range(3):
        ab, ac = abc[1, k] - abc[0, k], abc[2, k] - abc[0, k]
        d1 += ab * (p[k] - abc[0, k])
        d2 += ac * (p[k] - abc[0, k])
        d3 += ab * (p[k] - abc[1, k])
        d4 += ac * (p[k] - abc[1, k])
        d5 += ab * (p[k] - abc[2, k])
        d6 += ac * (p[k] - abc[2, k])
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0 and d2 <= 0:
        return 0.0, 0.0
    if d3 >= 0 and d4 <= d3:
        return 1.0, 0.0
    if d6 >= 0 and d5 <= d6:
        return 0.0, 1.0
    if vc <= 0 and d1 >= 0 and d3 <= 0:
        return d1 / (d1 - d3), 0.0
    if vb <= 0 and d2 >= 0 and d6 <= 0:
        return 0.0, d2 / (d2 - d6)
    if va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        return 1 - w, w
    total = va + vb + vc
    return vb / total, vc / total
