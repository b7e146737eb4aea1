# SPDX-License-Identifier: Apache-2.0
"""The numba z-buffer: one thread, exact coverage by integer edge functions.

Vertices are rounded to 1/256 pixel and edges follow a top-left rule, so that neighbours share every pixel of
their common edge without gap or overlap (Pineda 1988). Weights are then taken once per visible pixel from the
unrounded clip-space vertices by homogeneous edge functions (Olano & Greer 1997): perspective-correct.
"""

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from .clipping import MAX_CORNERS, clip_triangle, is_inside, is_outside

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_SUB = 256
_HALF = 128
_SHIFT = 8


def rasterize(clip: Floats, triangles: Ints, height: int, width: int) -> tuple[Ints, Floats, Floats]:
    """(V, 4) contiguous float32 and (F, 3) contiguous int32 to triangle ids, weights and depths."""
    # One block instead of three: fresh memory costs as much as drawing, and one large block costs least.
    block = np.empty((4, height, width), np.float32)
    ids, depth = block[0].view(np.int32), block[1]
    barycentric = block[2:].reshape(height, width, 2)
    ids.fill(0)
    depth.fill(np.inf)
    _cover(clip, triangles, ids, depth)
    _resolve(clip, triangles, ids, depth, barycentric)
    return ids, barycentric, depth


@compiled
def _to_window(x: float, y: float, z: float, w: float, width: int, height: int) -> tuple[int, int, float]:
    """Clip space to 1/256 pixels and z/w."""
    u = (x / w + 1.0) * 0.5 * width * _SUB
    v = (y / w + 1.0) * 0.5 * height * _SUB
    return int(np.floor(u + 0.5)), int(np.floor(v + 0.5)), z / w


@compiled
def _cover(clip: Floats, triangles: Ints, ids: Ints, depth: Floats) -> None:
    """Write the nearest triangle of every pixel, its id + 1 and its depth."""
    height, width = ids.shape
    count = len(clip)
    place = np.empty((count, 2), np.int64)
    z = np.empty(count, np.float64)
    inside = np.empty(count, np.bool_)
    for i in range(count):
        inside[i] = is_inside(clip[i])
        if inside[i]:
            place[i, 0], place[i, 1], z[i] = _to_window(clip[i, 0], clip[i, 1], clip[i, 2], clip[i, 3], width, height)
    polygon = np.empty((2, MAX_CORNERS, 4), np.float64)
    for f in range(len(triangles)):
        a, b, c = triangles[f]
        if inside[a] and inside[b] and inside[c]:
            _fill(place[a, 0], place[a, 1], z[a], place[b, 0], place[b, 1], z[b], place[c, 0], place[c, 1], z[c],
                  f + 1, ids, depth)
        elif not is_outside(clip[a], clip[b], clip[c]):
            _cover_clipped(clip[a], clip[b], clip[c], polygon, f + 1, ids, depth)


@compiled
def _cover_clipped(a: Floats, b: Floats, c: Floats, polygon: NDArray[np.float64], label: int, ids: Ints,
                   depth: Floats) -> None:
    """Draw what is left of a triangle after clipping, as a fan."""
    height, width = ids.shape
    corners, side = clip_triangle(a, b, c, polygon)
    p = polygon[side]
    for k in range(2, corners):
        x0, y0, z0 = _to_window(p[0, 0], p[0, 1], p[0, 2], p[0, 3], width, height)
        x1, y1, z1 = _to_window(p[k - 1, 0], p[k - 1, 1], p[k - 1, 2], p[k - 1, 3], width, height)
        x2, y2, z2 = _to_window(p[k, 0], p[k, 1], p[k, 2], p[k, 3], width, height)
        _fill(x0, y0, z0, x1, y1, z1, x2, y2, z2, label, ids, depth)


@compiled
def _bias(dx: int, dy: int) -> int:
    """0 where the edge owns the points on it, else -1: one of the two directions of an edge owns them."""
    return 0 if dy > 0 or (dy == 0 and dx < 0) else -1


@compiled
def _fill(x0: int, y0: int, z0: float, x1: int, y1: int, z1: float, x2: int, y2: int, z2: float, label: int,
          ids: Ints, depth: Floats) -> None:
    """Draw one triangle given in 1/256 pixels."""
    left = max((min(x0, x1, x2) + _HALF - 1) >> _SHIFT, 0)
    right = min((max(x0, x1, x2) - _HALF) >> _SHIFT, ids.shape[1] - 1)
    top = max((min(y0, y1, y2) + _HALF - 1) >> _SHIFT, 0)
    bottom = min((max(y0, y1, y2) - _HALF) >> _SHIFT, ids.shape[0] - 1)
    if left > right or top > bottom:
        return
    area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
    if area == 0:
        return
    if area < 0:
        x1, x2, y1, y2, z1, z2, area = x2, x1, y2, y1, z2, z1, -area
    px, py = (left << _SHIFT) + _HALF, (top << _SHIFT) + _HALF
    # The bias of an edge, a unit of 1/65536 square pixels, is too small to matter for the depth.
    e0 = (x2 - x1) * (py - y1) - (y2 - y1) * (px - x1) + _bias(x2 - x1, y2 - y1)
    e1 = (x0 - x2) * (py - y2) - (y0 - y2) * (px - x2) + _bias(x0 - x2, y0 - y2)
    e2 = (x1 - x0) * (py - y0) - (y1 - y0) * (px - x0) + _bias(x1 - x0, y1 - y0)
    dx0, dx1, dx2 = (y1 - y2) * _SUB, (y2 - y0) * _SUB, (y0 - y1) * _SUB
    dy0, dy1, dy2 = (x2 - x1) * _SUB, (x0 - x2) * _SUB, (x1 - x0) * _SUB
    z1, z2 = (z1 - z0) / area, (z2 - z0) / area
    across, down = dx1 * z1 + dx2 * z2, dy1 * z1 + dy2 * z2
    z_row = z0 + e1 * z1 + e2 * z2
    for row in range(np.uint64(top), np.uint64(bottom + 1)):
        w0, w1, w2, z = e0, e1, e2, z_row
        depths, labels = depth[row], ids[row]
        for column in range(np.uint64(left), np.uint64(right + 1)):
            if (w0 | w1 | w2) >= 0 and z < depths[column]:
                depths[column] = z
                labels[column] = label
            w0 += dx0
            w1 += dx1
            w2 += dx2
            z += across
        e0 += dy0
        e1 += dy1
        e2 += dy2
        z_row += down


@compiled
def _weight_planes(a: Floats, b: Floats, c: Floats, planes: NDArray[np.float64]) -> None:
    """Homogeneous edge functions: row k of `planes` (3, 3) times (x, y, 1) grows with the weight of vertex k.

    Each is divided by the sum of all three at a pixel.
    """
    for k in range(3):
        if k == 0:
            p, q = b, c
        elif k == 1:
            p, q = c, a
        else:
            p, q = a, b
        px, py, pw = float(p[0]), float(p[1]), float(p[3])
        qx, qy, qw = float(q[0]), float(q[1]), float(q[3])
        planes[k, 0] = py * qw - pw * qy
        planes[k, 1] = pw * qx - px * qw
        planes[k, 2] = px * qy - py * qx


@compiled
def _resolve(clip: Floats, triangles: Ints, ids: Ints, depth: Floats, barycentric: Floats) -> None:
    """Weights of the visible triangle's vertices 0 and 1 at each pixel centre; zeros where there is none."""
    height, width = ids.shape
    planes = np.zeros((3, 3), np.float64)
    step_x, step_y = 2.0 / width, 2.0 / height
    for row in range(height):
        y = (row + 0.5) * step_y - 1.0
        last = 0
        u0, u1, v0, v1, t0, t1 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for column in range(width):
            label = ids[row, column]
            if label == 0:
                depth[row, column] = 0.0
                barycentric[row, column, 0] = 0.0
                barycentric[row, column, 1] = 0.0
                continue
            if label != last:
                a, b, c = triangles[label - 1]
                _weight_planes(clip[a], clip[b], clip[c], planes)
                u1, u0 = planes[0, 0], planes[0, 1] * y + planes[0, 2]
                v1, v0 = planes[1, 0], planes[1, 1] * y + planes[1, 2]
                t1, t0 = planes[2, 0], planes[2, 1] * y + planes[2, 2]
                last = label
            x = (column + 0.5) * step_x - 1.0
            u, v, t = u1 * x + u0, v1 * x + v0, t1 * x + t0
            total = 1.0 / (u + v + t)
            if not np.isfinite(total):
                u, v, total = 1.0, 0.0, 1.0
            u = min(max(u * total, 0.0), 1.0)
            barycentric[row, column, 0] = u
            barycentric[row, column, 1] = min(max(v * total, 0.0), 1.0 - u)


@compiled
def interpolate(ids: Ints, barycentric: Floats, triangles: Ints, values: Floats) -> Floats:
    """Vertex values (V, C) at every pixel (H, W, C); 0 where there is no triangle."""
    height, width = ids.shape
    channels = values.shape[1]
    out = np.zeros((height, width, channels), np.float32)
    for row in range(height):
        for column in range(width):
            if ids[row, column] == 0:
                continue
            a, b, c = triangles[ids[row, column] - 1]
            u, v = barycentric[row, column]
            t = np.float32(1.0) - u - v
            for k in range(channels):
                out[row, column, k] = u * values[a, k] + v * values[b, k] + t * values[c, k]
    return out
