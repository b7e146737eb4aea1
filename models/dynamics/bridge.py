# SPDX-License-Identifier: Apache-2.0
"""The most likely way between two known stretches of a motion: a Gaussian process; numpy alone.

Every number of the state is taken for a process with stationary increments (Rasmussen & Williams 2006, *Gaussian
Processes for Machine Learning*, eq. 2.23 and ch. 4), its covariance a sum of Matérn-5/2 kernels of several lengths,
weighted so that the mean square change over any time is that of real faces.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Array = NDArray[np.float64]

LENGTHS = 2.0 ** np.arange(1, 10)
"""Frames"""
LAGS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128])
_NOISE, _LEAST = 1e-5, 1e-12
"""Share of a state's variance that is not motion"""
_CONTEXT = 4


def kernels(lags: NDArray[np.floating]) -> Array:
    """Matérn-5/2 covariances (L, ...) of unit variance at lags (...) in frames."""
    r = np.sqrt(5) * np.abs(lags) / LENGTHS.reshape(-1, *([1] * np.ndim(lags)))
    return np.asarray((1 + r + r * r / 3) * np.exp(-r))


def fit_bridge(tracks: list[NDArray[np.floating]]) -> Floats:
    """Weights (L, D) of the kernels from states (T, D) of many clips, by the mean square change at `LAGS`.

    Geometric means over the clips, so that the liveliest do not speak for all; and changes count relative to their
    size, so that short times are as exact as long ones.
    """
    from scipy.optimize import nnls

    change = []
    for lag in LAGS:
        squares = [np.square((t[lag:] - t[:-lag]).astype(np.float64)).mean(0) for t in tracks if len(t) > lag]
        change.append(np.exp(np.log(np.array(squares) + _LEAST).mean(0)))
    wanted = np.array(change)
    basis = 2 * (1 - kernels(LAGS)).T
    return np.stack([nnls(basis / w[:, None], np.ones(len(LAGS)))[0] for w in wanted.T], 1).astype(np.float32)


def bridge(before: Floats, after: Floats, frames: int, weights: Floats) -> Floats:
    """The `frames` states between known ones (B, D) and (A, D), of which four on each side are heard at most."""
    before, after = before[-_CONTEXT:], after[:_CONTEXT]
    known = np.concatenate([np.arange(1 - len(before), 1), np.arange(len(after)) + frames + 1]).astype(np.float64)
    values = np.concatenate([before, after]).astype(np.float64)
    inner = np.arange(1, frames + 1, dtype=np.float64)
    own = np.tensordot(weights.astype(np.float64).T, kernels(known[:, None] - known), 1)
    across = np.tensordot(weights.astype(np.float64).T, kernels(inner[:, None] - known), 1)
    variance = weights.sum(0).astype(np.float64)
    own += (_NOISE * variance)[:, None, None] * np.eye(len(known))
    # The level is unknown: universal kriging with a constant.
    ones = np.ones((len(variance), len(known), 1))
    system = np.concatenate([np.concatenate([own, ones], 2),
                             np.concatenate([ones.transpose(0, 2, 1), np.zeros((len(ones), 1, 1))], 2)], 1)
    right = np.concatenate([values.T, np.zeros((values.shape[1], 1))], 1)[..., None]
    solved = np.linalg.solve(system, right)[..., 0]
    level = np.concatenate([across, np.ones((*across.shape[:2], 1))], 2)
    return np.asarray(np.einsum("dik,dk->id", level, solved), np.float32)
