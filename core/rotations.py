# SPDX-License-Identifier: Apache-2.0
"""Unit quaternions (w, x, y, z) with numpy alone."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def quaternion(rotation: NDArray[np.floating]) -> Array:
    """Axis-angle vectors (..., 3) in radians to unit quaternions (..., 4)."""
    r = np.asarray(rotation, np.float64)
    half = np.linalg.norm(r, axis=-1, keepdims=True) / 2
    return np.concatenate([np.cos(half), r * (0.5 * np.sinc(half / np.pi))], -1)


def from_matrix(matrix: NDArray[np.floating]) -> Array:
    """Rotation matrices (..., 3, 3) to unit quaternions (..., 4), by the largest of four (Shepperd 1978)."""
    m = np.asarray(matrix, np.float64)
    trace = np.trace(m, axis1=-2, axis2=-1)[..., None, None]
    # Row i of the symmetric 4q qᵀ is the quaternion times 4 q_i; the row of the largest q_i is the exact one.
    outer = np.empty((*m.shape[:-2], 4, 4))
    outer[..., 0, 0] = 1 + trace[..., 0, 0]
    outer[..., 1:, 1:] = m + np.swapaxes(m, -1, -2) + (1 - trace) * np.eye(3)
    turn = np.stack([m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]], -1)
    outer[..., 0, 1:] = outer[..., 1:, 0] = turn
    best = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), -1)
    q = np.take_along_axis(outer, best[..., None, None], -2)[..., 0, :]
    return np.asarray(q / np.linalg.norm(q, axis=-1, keepdims=True))


def vector(quaternions: NDArray[np.floating]) -> Array:
    """Unit quaternions (..., 4) to axis-angle vectors (..., 3) in radians, angle at most π."""
    q = np.asarray(quaternions, np.float64)
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    half = np.arctan2(sine, q[..., :1])
    factor = np.where(sine > 1e-12, 2 * half / np.maximum(sine, 1e-12), 2.0)
    return np.asarray(q[..., 1:] * factor)


def multiply(a: NDArray[np.floating], b: NDArray[np.floating]) -> Array:
    """The rotation b, then a: Hamilton's product of quaternions (..., 4)."""
    aw, ax, ay, az = np.moveaxis(np.asarray(a, np.float64), -1, 0)
    bw, bx, by, bz = np.moveaxis(np.asarray(b, np.float64), -1, 0)
    return np.stack([aw * bw - ax * bx - ay * by - az * bz, aw * bx + ax * bw + ay * bz - az * by,
                     aw * by - ax * bz + ay * bw + az * bx, aw * bz + ax * by - ay * bx + az * bw], -1)


def about(axis: int, angle: NDArray[np.floating]) -> Array:
    """Quaternions (..., 4) of turns by `angle` (...) radians about x, y or z (0, 1, 2)."""
    half = np.asarray(angle, np.float64) / 2
    q = np.zeros((*half.shape, 4))
    q[..., 0], q[..., axis + 1] = np.cos(half), np.sin(half)
    return q


def slerp(a: NDArray[np.floating], b: NDArray[np.floating], t: NDArray[np.floating]) -> Array:
    """Between quaternions a and b (..., 4) at t (...) in 0..1, the short way (Shoemake 1985)."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    cosine = (a * b).sum(-1, keepdims=True)
    b, cosine = np.where(cosine < 0, -b, b), np.abs(cosine)
    angle = np.arccos(np.clip(cosine, -1, 1))
    t = np.asarray(t, np.float64)[..., None]
    near = np.sin(angle) < 1e-6
    sine = np.where(near, 1.0, np.sin(angle))
    mixed = np.where(near, (1 - t) * a + t * b, (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / sine)
    return np.asarray(mixed / np.linalg.norm(mixed, axis=-1, keepdims=True))
