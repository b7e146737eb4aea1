# SPDX-License-Identifier: Apache-2.0
"""Colours of made-up people, pixel by pixel: skin, eyes, hair, cloth."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.compiled import compiled_loosely
from .light import lit_share

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Real = float | np.floating[Any]

SKIN, EYE, MOUTH, HAIR, CLOTH, FRAME = range(6)
"""Kinds of surface"""


@compiled_loosely
def gather(ids: Ints, weights: Floats, triangles: Ints, kinds: NDArray[np.int8], points: Floats, normals: Floats,
           tangents: Floats, colours: Floats, strips: Floats, uv: Floats, skin: Floats, unit: Real, eye: Floats,
           bare: Floats, samples: int, whole: NDArray[np.bool_], place: Floats, normal: Floats, albedo: Floats,
           extra: Floats) -> None:
    """Fill the sample's place (H, W, 3), normal, albedo and extras (tangent or relief and shine) in place.

    Args:
        uv: (F', 3, 2) of the head's triangles, which come first.
        skin: (T, T, 5) linear albedo, relief in metres, shine; `unit` is a metre in pixels.
        eye: (9,) iris colour, sclera colour, seed, vein, limbus; `bare` (3,) the colour of the neck's skin.
        whole: (H / samples, W / samples) set where all samples of a pixel show skin or cloth: one stands for all.
    """
    size = skin.shape[0]
    texel = np.empty(5, np.float32)
    _find_whole(ids, kinds, samples, whole)
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            face = ids[row, column] - 1
            if face < 0 or _spared(row, column, samples, whole):
                continue
            extra[row, column, 0] = 0
            a, b = weights[row, column, 0], weights[row, column, 1]
            c = np.float32(1) - a - b
            i, j, k = triangles[face, 0], triangles[face, 1], triangles[face, 2]
            for d in range(3):
                place[row, column, d] = points[i, d] * a + points[j, d] * b + points[k, d] * c
                normal[row, column, d] = normals[i, d] * a + normals[j, d] * b + normals[k, d] * c
                albedo[row, column, d] = colours[i, d] * a + colours[j, d] * b + colours[k, d] * c
            kind = kinds[face]
            if kind in (SKIN, MOUTH):
                u = uv[face, 0, 0] * a + uv[face, 1, 0] * b + uv[face, 2, 0] * c
                v = uv[face, 0, 1] * a + uv[face, 1, 1] * b + uv[face, 2, 1] * c
                _texture(skin, u * size - 0.5, (1 - v) * size - 0.5, texel)
                for d in range(3):
                    albedo[row, column, d] = texel[d]
                extra[row, column, 0], extra[row, column, 1] = texel[3] * unit, texel[4]
            elif kind == EYE:
                _eye(albedo, row, column, eye)
            elif kind == HAIR:
                s = strips[i, 0] * a + strips[j, 0] * b + strips[k, 0] * c
                for d in range(3):
                    extra[row, column, d] = tangents[i, d] * a + tangents[j, d] * b + tangents[k, d] * c
                grain = np.sin(s * np.float32(9.7)) * np.sin(s * np.float32(23.1) + np.float32(1.3))
                for d in range(3):
                    albedo[row, column, d] *= np.float32(1) + np.float32(0.2) * grain
            elif kind == CLOTH:
                inside = strips[i, 0] * a + strips[j, 0] * b + strips[k, 0] * c
                if inside < 0:
                    for d in range(3):
                        albedo[row, column, d] = bare[d]


@compiled_loosely
def _find_whole(ids: Ints, kinds: NDArray[np.int8], samples: int, whole: NDArray[np.bool_]) -> None:
    for row in range(whole.shape[0]):
        for column in range(whole.shape[1]):
            first = ids[row * samples, column * samples]
            same = first > 0 and (kinds[first - 1] == SKIN or kinds[first - 1] == CLOTH)
            for i in range(row * samples, row * samples + samples):
                for j in range(column * samples, column * samples + samples):
                    same = same and ids[i, j] > 0 and kinds[ids[i, j] - 1] == kinds[first - 1]
            whole[row, column] = same


@compiled_loosely
def _spared(row: int, column: int, samples: int, whole: NDArray[np.bool_]) -> bool:
    """Whether another sample stands for this one."""
    return whole[row // samples, column // samples] and (row % samples > 0 or column % samples > 0)


@compiled_loosely
def place(rest: Floats, rest_normals: Floats, rest_tangents: Floats, share: Floats, head: Floats, body: Floats,
          origin: Floats, pivot: Floats, neck: Floats, scale: Real, points: Floats, normals: Floats,
          tangents: Floats) -> None:
    """Put vertices (V, 3) of model space where a blend of two turns has them, and turn what points with them."""
    for n in range(len(rest)):
        w = share[n]
        for d in range(3):
            at, along, out = np.float32(0), np.float32(0), np.float32(0)
            low = np.float32(0)
            for k in range(3):
                turn = head[d, k] * w + body[d, k] * (np.float32(1) - w)
                at += head[d, k] * rest[n, k]
                low += body[d, k] * (rest[n, k] - neck[k])
                out += turn * rest_normals[n, k]
                along += turn * rest_tangents[n, k]
            points[n, d] = (at * scale + origin[d]) * w + (low * scale + pivot[d]) * (np.float32(1) - w)
            normals[n, d], tangents[n, d] = out, along


@compiled_loosely
def _texture(texture: Floats, x: Real, y: float, out: Floats) -> None:
    size = texture.shape[0]
    x, y = min(max(x, 0.0), size - 1.001), min(max(y, 0.0), size - 1.001)
    j, i = int(x), int(y)
    u, v = np.float32(x - j), np.float32(y - i)
    for d in range(texture.shape[2]):
        top = texture[i, j, d] + (texture[i, j + 1, d] - texture[i, j, d]) * u
        low = texture[i + 1, j, d] + (texture[i + 1, j + 1, d] - texture[i + 1, j, d]) * u
        out[d] = top + (low - top) * v


@compiled_loosely
def _step(x: Real, low: Real, high: Real) -> Real:
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return np.float32(t * t * (3 - 2 * t))


@compiled_loosely
def _eye(albedo: Floats, row: int, column: int, eye: Floats) -> None:
    """Replace the place on the resting ball, which stands in `albedo`, by the eye's colour there."""
    x, y, z = albedo[row, column, 0], albedo[row, column, 1], albedo[row, column, 2]
    angle = np.arctan2(np.sqrt(x * x + y * y), z)
    around = np.arctan2(y, x)
    fibre = np.sin(around * 23 + eye[6]) * np.sin(around * 41 + 2 * eye[6]) + 0.6 * np.sin(around * 71 + eye[6])
    iris, pupil = np.float32(0.455), eye[8]
    deep = _step(angle, pupil, iris)
    limbus = 1 - np.float32(0.72) * _step(angle, np.float32(0.80) * iris, iris)
    vein = eye[7] * _step(angle, 0.5, 1.1)
    edge = _step(angle, np.float32(0.94) * iris, np.float32(1.07) * iris)
    hole = _step(angle, np.float32(0.90) * pupil, np.float32(1.08) * pupil)
    for d in range(3):
        inner = eye[d] * (np.float32(1.3) - np.float32(0.55) * deep) * (1 + np.float32(0.24) * fibre) * limbus
        inner = max(inner, np.float32(0)) * hole + np.float32(0.004) * (1 - hole)
        white = eye[3 + d] * (1 - vein * (np.float32(0.08) if d == 0 else np.float32(0.55)))
        albedo[row, column, d] = inner + (white - inner) * edge


@compiled_loosely
def light(ids: Ints, triangles_kind: NDArray[np.int8], place: Floats, normal: Floats, albedo: Floats, extra: Floats,
          openness: Floats, samples: int, whole: NDArray[np.bool_], directions: Floats, lamps: Floats, sky: Floats,
          ground: Floats, depth: Floats, axes: Floats,
          corner: Floats, scale: Real, radius: Real, unit: Real, out: Floats) -> None:
    """Linear colours (H, W, 3): wrapped diffuse light, more so in red under skin, gloss, sky and ground, shadows.

    `unit` is a millimetre in pixels. Hair after Kajiya & Kay 1989, skin's gloss of two lobes.
    """
    height, width = ids.shape
    one = np.float32(1)
    for row in range(height):
        for column in range(width):
            face = ids[row, column] - 1
            if face < 0 or _spared(row, column, samples, whole):
                continue
            kind = triangles_kind[face]
            nx, ny, nz = normal[row, column, 0], normal[row, column, 1], normal[row, column, 2]
            if kind == SKIN and whole[row // samples, column // samples]:
                nx += _slope(extra, ids, triangles_kind, row, column, 0, samples)
                ny += _slope(extra, ids, triangles_kind, row, column, samples, 0)
            length = one / max(np.sqrt(nx * nx + ny * ny + nz * nz), np.float32(1e-6))
            nx, ny, nz = nx * length, ny * length, nz * length
            if nz < 0 and kind != SKIN:
                nx, ny, nz = -nx, -ny, -nz
            x, y, z = place[row, column, 0], place[row, column, 1], place[row, column, 2]
            turn = np.float32((row * 7 + column * 13) % 16) * np.float32(0.098)
            bias = (np.float32(9) if kind == HAIR else np.float32(3.5)) * unit
            spread = radius + np.float32(1.5) if kind == HAIR else radius
            shown = lit_share(depth, axes, corner, scale, x, y, z, bias, spread, turn)
            if kind == HAIR:  # light passes between locks
                shown = np.float32(0.4) + np.float32(0.6) * shown
            elif kind == MOUTH:  # and between lips, from skin to teeth
                shown = np.float32(0.35) + np.float32(0.65) * shown
            opened = openness[row, column]
            ambient = np.float32(0.5) - np.float32(0.5) * ny
            gloss = np.float32(0.04)
            if kind == SKIN:
                gloss = np.float32(0.055) * extra[row, column, 1]
            elif kind in (EYE, MOUTH):
                gloss = np.float32(0.35)
            elif kind == CLOTH:
                gloss = np.float32(0.01)
            elif kind == FRAME:
                gloss = np.float32(0.25)
            shine_r = shine_g = shine_b = np.float32(0)
            r = (ground[0] + (sky[0] - ground[0]) * ambient) * opened
            g = (ground[1] + (sky[1] - ground[1]) * ambient) * opened
            b = (ground[2] + (sky[2] - ground[2]) * ambient) * opened
            for lamp in range(3):
                if lamps[lamp, 1] == 0:
                    continue
                lx, ly, lz = directions[lamp, 0], directions[lamp, 1], directions[lamp, 2]
                reach = shown if lamp == 0 else np.float32(0.3) + np.float32(0.7) * opened
                cosine = nx * lx + ny * ly + nz * lz
                hx, hy, hz = lx, ly, lz + one
                inverse = one / max(np.sqrt(hx * hx + hy * hy + hz * hz), np.float32(1e-4))
                if kind == HAIR:
                    tx, ty, tz = extra[row, column, 0], extra[row, column, 1], extra[row, column, 2]
                    along = tx * lx + ty * ly + tz * lz
                    thin = np.sqrt(max(one - along * along, np.float32(0)))
                    facing = np.float32(0.25) + np.float32(0.75) * max((cosine + np.float32(0.5)) / np.float32(1.5), 0)
                    body = thin * facing * reach
                    half = (tx * hx + ty * hy + tz * hz) * inverse
                    bright = np.sqrt(max(one - half * half, np.float32(0)))
                    wide = _sixteenth(bright)
                    streak = reach * facing * (np.float32(0.10) * wide * wide * wide * wide + np.float32(0.05) * wide)
                    r += body * lamps[lamp, 0]
                    g += body * lamps[lamp, 1]
                    b += body * lamps[lamp, 2]
                    shine_r += streak * lamps[lamp, 0] * (np.float32(0.35) + np.float32(1.6) * albedo[row, column, 0])
                    shine_g += streak * lamps[lamp, 1] * (np.float32(0.35) + np.float32(1.6) * albedo[row, column, 1])
                    shine_b += streak * lamps[lamp, 2] * (np.float32(0.35) + np.float32(1.6) * albedo[row, column, 2])
                    continue
                soft = kind == SKIN
                wr, wg, wb = (np.float32(0.34), np.float32(0.17), np.float32(0.12)) if soft else (
                    np.float32(0.1), np.float32(0.1), np.float32(0.1))
                bleed = reach + np.float32(0.45) * reach * (one - reach) if soft else reach
                r += max((cosine + wr) / (one + wr), np.float32(0)) * lamps[lamp, 0] * bleed
                g += max((cosine + wg) / (one + wg), np.float32(0)) * lamps[lamp, 1] * reach
                b += max((cosine + wb) / (one + wb), np.float32(0)) * lamps[lamp, 2] * reach
                half = max((nx * hx + ny * hy + nz * hz) * inverse, np.float32(0))
                wide = _sixteenth(half)
                sharp = wide * wide * wide * wide
                if kind == EYE:
                    point = sharp * sharp
                    point *= point
                    point *= point
                    lobe = np.float32(0.03) * wide + np.float32(1.6) * point * min(reach + np.float32(0.3), one)
                else:
                    grazing = max(one - nz, np.float32(0))
                    rim = one + np.float32(2.5) * grazing * grazing * grazing
                    lobe = gloss * (wide + np.float32(0.6) * sharp) * rim * reach
                shine_r += lobe * lamps[lamp, 0]
                shine_g += lobe * lamps[lamp, 1]
                shine_b += lobe * lamps[lamp, 2]
            if kind in (EYE, MOUTH):
                deep = opened if kind == EYE else np.float32(0.3) + np.float32(0.7) * opened
                r, g, b = r * deep, g * deep, b * deep
            out[row, column, 0] = albedo[row, column, 0] * r + shine_r
            out[row, column, 1] = albedo[row, column, 1] * g + shine_g
            out[row, column, 2] = albedo[row, column, 2] * b + shine_b


@compiled_loosely
def _slope(extra: Floats, ids: Ints, kinds: NDArray[np.int8], row: int, column: int, down: int, across: int) -> Real:
    """How fast the skin's relief falls, between the first samples of the neighbouring pixels."""
    i, j, p, q = row - down, column - across, row + down, column + across
    if i < 0 or j < 0 or p >= ids.shape[0] or q >= ids.shape[1] or ids[i, j] == 0 or ids[p, q] == 0:
        return np.float32(0)
    if kinds[ids[i, j] - 1] != SKIN or kinds[ids[p, q] - 1] != SKIN:
        return np.float32(0)
    slope = (extra[i, j, 0] - extra[p, q, 0]) / np.float32(2 * max(down, across))
    return np.float32(min(max(slope, np.float32(-0.5)), np.float32(0.5)))


@compiled_loosely
def _sixteenth(x: Real) -> Real:
    x *= x
    x *= x
    x *= x
    return x * x
