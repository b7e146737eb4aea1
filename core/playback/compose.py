# SPDX-License-Identifier: Apache-2.0
"""One frame: where every pixel comes from, and its colour."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from ..normals import pixel_normals
from ..rasterize import rasterize_image
from ..resample import resample
from ..texture_space import sample
from ..visibility import EYE, MOUTH, SKIN, SOCKET, TOLERANCE, depth_at
from .mouth import carry_mouth
from .source import Source
from .surround import Surround

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

_LIP = 0.02
"""Metres behind the lips over which the photo's open mouth is carried on"""
_FEATHER = 0.003
"""Metres over which what the photo shows and what the texture adds are mixed"""

_TEAR = (1.5, 4.0)
"""Pixels by which neighbours' places in the photo differ where one surface begins, and surely, to hide another"""


@dataclass(frozen=True, eq=False)
class _Mesh:
    """The moved head at every pixel (H, W)."""

    shift: Floats
    """(H, W, 2) from the pixel to its place in the photo"""
    hold: Floats
    """(H, W) how far the surface decides; 0 beside the head"""
    turned: Floats
    """(H, W) how far the photo does not show the skin, because it was turned away or behind something"""
    inner: Floats
    """(H, W) how far the photo does not show the lid, eye or mouth that is seen now"""


def compose(source: Source, net: Surround, vertices: Floats, nodes: Floats, renewed: Floats,
            shadow: Floats, carried: float = 0.0) -> Bytes:
    """The frame (H, W, 3) for moved vertices (V, 3) and moved nodes (N, 3), pixels, z nearer = larger.

    `renewed` (V,) is how far the photo no longer shows what a vertex looks like, `shadow` (V,) how much darker it is.
    """
    height, width = source.photo.shape[:2]
    ground = rasterize_image(nodes, net.triangles, height, width, backend="cpu")
    head = rasterize_image(vertices, source.triangles, height, width, backend="cpu")
    shift = np.ascontiguousarray(source.view.points[:, :2] - vertices[:, :2])
    mesh = _Mesh(*_trace(head.triangle_id, head.barycentric, source.triangles, source.kinds, shift,
                         source.view.points, source.view.normals, pixel_normals(vertices, source.triangles),
                         source.hold, renewed, source.view.depth, source.view.kind, source.mouth,
                         TOLERANCE * source.view.scale, _LIP * source.view.scale))
    # Beside the outline, where the surface decides less, its texture would end in a hard edge.
    turned = _feathered(mesh.hold * mesh.turned, _FEATHER * source.view.scale) * mesh.hold
    hidden = np.maximum(turned, mesh.inner)
    shift = mesh.shift.copy()
    _mixed_shift(ground.triangle_id, ground.barycentric, net.triangles, net.nodes - nodes[:, :2], shift, mesh.hold)
    out = resample(source.padded, shift)
    _add_texture(hidden, head.triangle_id, head.barycentric, source.texture, source.model.uv,
                 source.model.uv_triangles, out)
    if shadow.any():
        _darken(head.triangle_id, head.barycentric, source.triangles, shadow, out)
    carry_mouth(out, source, head, mesh.shift, carried)
    return _softened(out, head.triangle_id, source.layers, mesh.shift, shift)


def _feathered(hidden: Floats, reach: float) -> Floats:
    """Soften the border of what is hidden, outwards only: what the photo hides never shines through.

    Creases (nostrils, the line of the lips), thinner than the reach, keep what the photo has there.
    """
    from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

    rows = np.flatnonzero(hidden.any(1))
    if not len(rows):
        return hidden
    columns = np.flatnonzero(hidden.any(0))
    r = max(1, round(reach))
    box = (slice(max(rows[0] - 2 * r, 0), rows[-1] + 2 * r + 1),
           slice(max(columns[0] - 2 * r, 0), columns[-1] + 2 * r + 1))
    out = np.zeros_like(hidden)
    wide = minimum_filter(hidden[box], 2 * r + 1)
    out[box] = uniform_filter(maximum_filter(wide, 4 * r + 1), 2 * r + 1)
    return out


@compiled
def _ramp(x: float, low: float, high: float) -> float:
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@compiled
def _shows(kinds: NDArray[np.int8], x: float, y: float, kind: int) -> bool:
    """Whether one of the four pixels around a place shows this kind of surface."""
    height, width = kinds.shape
    for i in (int(np.floor(y - 0.5)), int(np.floor(y + 0.5))):
        for j in (int(np.floor(x - 0.5)), int(np.floor(x + 0.5))):
            if kinds[min(max(i, 0), height - 1), min(max(j, 0), width - 1)] == kind:
                return True
    return False


@compiled
def _trace(ids: Ints, weights: Floats, triangles: Ints, kinds: NDArray[np.int8], shift: Floats, points: Floats,
           before: Floats, after: Floats, hold: Floats, renewed: Floats, depth: Floats, photo_kind: NDArray[np.int8],
           mouth: NDArray[np.int16], tolerance: float, lip: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Follow each pixel of the moved head back into the photo."""
    height, width = ids.shape
    back = np.zeros((height, width, 2), np.float32)
    held = np.zeros((height, width), np.float32)
    away = np.zeros((height, width), np.float32)
    inner = np.zeros((height, width), np.float32)
    for row in range(height):
        for column in range(width):
            if ids[row, column] == 0:
                continue
            face = ids[row, column] - 1
            kind = kinds[face]
            a, b, c = triangles[face]
            u, v = weights[row, column]
            t = np.float32(1) - u - v
            dx = u * shift[a, 0] + v * shift[b, 0] + t * shift[c, 0]
            dy = u * shift[a, 1] + v * shift[b, 1] + t * shift[c, 1]
            back[row, column, 0], back[row, column, 1] = dx, dy
            x, y = column + 0.5 + dx, row + 0.5 + dy
            z = u * points[a, 2] + v * points[b, 2] + t * points[c, 2]
            m = 1.0
            if kind == SKIN:
                facing = u * after[a, 2] + v * after[b, 2] + t * after[c, 2]
                m = (u * hold[a] + v * hold[b] + t * hold[c]) * _ramp(facing, 0.15, 0.45)
            held[row, column] = m
            if not (0 <= x < width and 0 <= y < height):
                away[row, column] = 1.0
                continue
            seen = z >= depth_at(depth, x, y) - tolerance
            if kind in (EYE, MOUTH):
                seen = seen and _shows(photo_kind, x, y, kind)
            inner[row, column] = u * renewed[a] + v * renewed[b] + t * renewed[c]
            if kind == SKIN:
                turned = u * before[a, 2] + v * before[b, 2] + t * before[c, 2]
                away[row, column] = 1.0 - _ramp(turned, 0.02, 0.15) if seen else 1.0
            elif kind != SOCKET and not seen:
                shown = 0.0
                if kind == MOUTH and len(mouth):
                    # Just behind the lip: what the open mouth in the photo shows there goes on.
                    i, j = mouth[int(y), int(x)]
                    shown = 1 - _ramp(np.hypot(j + 0.5 - x, i + 0.5 - y), 0.5 * lip, lip)
                    if shown > 0:
                        back[row, column, 0] = j - column
                        back[row, column, 1] = i - row
                inner[row, column] = max(inner[row, column], 1 - shown)
    return back, held, away, inner


@compiled
def _mixed_shift(ids: Ints, weights: Floats, cells: Ints, ground: Floats, head: Floats, hold: Floats) -> None:
    """Add the net's shift to the head's `head` (H, W, 2) by how little the head holds; the sum replaces `head`."""
    height, width = ids.shape
    for row in range(height):
        for column in range(width):
            m = hold[row, column]
            if m >= 1 or ids[row, column] == 0:
                continue
            a, b, c = cells[ids[row, column] - 1]
            u, v = weights[row, column]
            t = np.float32(1) - u - v
            for k in range(2):
                away = u * ground[a, k] + v * ground[b, k] + t * ground[c, k]
                head[row, column, k] = head[row, column, k] * m + away * (np.float32(1) - m)


@compiled
def _add_texture(share: Floats, ids: Ints, weights: Floats, texture: Bytes, uv: Floats, uv_triangles: Ints,
                 out: Bytes) -> None:
    """Mix the texture into `out` where the photo hides the head."""
    height, width = ids.shape
    size = texture.shape[0]
    fill = np.empty(3, np.float32)
    for row in range(height):
        for column in range(width):
            if share[row, column] <= 0 or ids[row, column] == 0:
                continue
            u, v = weights[row, column]
            t = np.float32(1) - u - v
            a, b, c = uv_triangles[ids[row, column] - 1]
            x = (u * uv[a, 0] + v * uv[b, 0] + t * uv[c, 0]) * size
            y = (1 - (u * uv[a, 1] + v * uv[b, 1] + t * uv[c, 1])) * size
            sample(texture, x, y, fill)
            for k in range(3):
                own = np.float32(out[row, column, k])
                out[row, column, k] = np.uint8(own + (fill[k] - own) * share[row, column] + np.float32(0.5))


@compiled
def _darken(ids: Ints, weights: Floats, triangles: Ints, dark: Floats, out: Bytes) -> None:
    """Draw what makes vertices darker, 0..1, over the picture."""
    height, width = ids.shape
    for row in range(height):
        for column in range(width):
            if ids[row, column] == 0:
                continue
            a, b, c = triangles[ids[row, column] - 1]
            if dark[a] + dark[b] + dark[c] == 0:
                continue
            u, v = weights[row, column]
            light = np.float32(1) - (u * dark[a] + v * dark[b] + (np.float32(1) - u - v) * dark[c])
            for k in range(3):
                out[row, column, k] = np.uint8(out[row, column, k] * light + np.float32(0.5))


@compiled
def _softened(picture: Bytes, ids: Ints, layers: NDArray[np.int8], shift: Floats, places: Floats) -> Bytes:
    """Smooth the steps where lids meet eyes and lips meet teeth, as far as the place has moved, and all tears.

    A tear lies where `places` (H, W, 2), the whole shift, jumps: one surface passes in front of another.
    """
    out = picture.copy()
    height, width = ids.shape
    for row in range(1, height - 1):
        for column in range(1, width - 1):
            here = 0 if ids[row, column] == 0 else layers[ids[row, column] - 1]
            edge, jump = False, 0.0
            for i, j in ((row, column - 1), (row, column + 1), (row - 1, column), (row + 1, column)):
                there = 0 if ids[i, j] == 0 else layers[ids[i, j] - 1]
                edge = edge or there != here
                jump = max(jump, abs(places[row, column, 0] - places[i, j, 0])
                           + abs(places[row, column, 1] - places[i, j, 1]))
            share = np.float32(0.6) * _ramp(jump, _TEAR[0], _TEAR[1])
            if edge:
                way = abs(shift[row, column, 0]) + abs(shift[row, column, 1])
                share = max(share, np.float32(0.5) * _ramp(way, 0.05, 1.0))
            if share == 0:
                continue
            for k in range(3):
                around = (np.float32(picture[row, column - 1, k]) + picture[row, column + 1, k]
                          + picture[row - 1, column, k] + picture[row + 1, column, k]) / 4
                own = np.float32(picture[row, column, k])
                out[row, column, k] = np.uint8(own + (around - own) * share + np.float32(0.5))
    return out
