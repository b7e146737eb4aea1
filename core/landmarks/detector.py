# SPDX-License-Identifier: Apache-2.0
"""Face detection by two small single-shot nets (Bazarevsky et al. 2019, "BlazeFace"), for near and for far faces."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .roi import Pixels, Roi, crop
from .runtime import run_net

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class DetectorNet:
    """A net's file, its input side in pixels, and (cells along a side, anchors in a cell) of each output grid."""

    file: str
    side: int
    grids: tuple[tuple[int, int], ...]

    def anchors(self) -> Floats:
        """Centres (n, 2) of the anchors, in units of the input's side."""
        cells = []
        for count, repeats in self.grids:
            y, x = np.mgrid[:count, :count]
            centres = (np.stack([x, y], -1).reshape(-1, 2) + 0.5) / count
            cells.append(np.repeat(centres, repeats, axis=0))
        return np.concatenate(cells).astype(np.float32)


SHORT_RANGE = DetectorNet("face_short_range", 128, ((16, 2), (8, 6)))
FULL_RANGE = DetectorNet("face_full_range", 192, ((48, 1),))


@dataclass(frozen=True)
class Detection:
    """A face: `roi`, the window for the mesh net, `keypoints` (6, 2) in image pixels, `score`, the probability.

    Keypoints: right eye, left eye, nose tip, mouth, right ear, left ear (the subject's sides).
    """

    roi: Roi
    keypoints: Floats
    score: float


def detect(rgb: Pixels, window: Roi, net: DetectorNet, *, threshold: float = 0.5) -> list[Detection]:
    """Faces that `net` sees in a window of rgb (H, W, 3), the most probable first."""
    image = crop(rgb, window, net.side, low=-1.0, high=1.0, replicate=False)
    boxes, logits = run_net(net.file, image[None])
    scores: Floats = expit(logits[0, :, 0])
    likely = np.flatnonzero(scores >= threshold)
    if not len(likely):
        return []
    decoded = decode(boxes[0, likely], net.anchors()[likely], net.side)
    return [_detection(values, score, window) for values, score in weighted_nms(decoded, scores[likely])]


def decode(raw: Floats, anchors: Floats, side: int) -> Floats:
    """Net outputs (n, 16) → (n, 16): box centre, box size and six keypoints, in units of the input's side."""
    values = raw.reshape(-1, 8, 2) / np.float32(side)
    values[:, 0] += anchors
    values[:, 2:] += anchors[:, None]
    return values.reshape(-1, 16)


def weighted_nms(values: Floats, scores: Floats, overlap: float = 0.3) -> list[tuple[Floats, float]]:
    """Merge boxes that overlap: each group's mean weighted by score, and its best score; the best group first.

    values (n, 16) as `decode` gives them; scores (n,). A group is what has at least `overlap` as intersection over
    union with its best.
    """
    order = np.argsort(-scores, kind="stable")
    values, scores = values[order], scores[order]
    low, high = values[:, :2] - values[:, 2:4] / 2, values[:, :2] + values[:, 2:4] / 2
    area = np.prod(np.maximum(high - low, 0), axis=1)
    left = np.ones(len(values), bool)
    groups = []
    while left.any():
        best = int(np.argmax(left))
        extent = np.minimum(high, high[best]) - np.maximum(low, low[best])
        common = np.prod(np.maximum(extent, 0), axis=1)
        group = left & (common > overlap * (area + area[best] - common))
        group[best] = True
        weights = scores[group, None] / scores[group].sum()
        groups.append(((values[group] * weights).sum(0), float(scores[best])))
        left &= ~group
    return groups


def _detection(values: Floats, score: float, window: Roi) -> Detection:
    """The window for the mesh net: upright along the eyes, 1.5 times the box."""
    points = window.to_image(values.reshape(8, 2)[[0, 2, 3, 4, 5, 6, 7]])
    centre, keypoints = points[0], points[1:]
    if window.mirrored:
        keypoints = keypoints[[1, 0, 2, 3, 5, 4]]
    across = keypoints[1] - keypoints[0]
    side = 1.5 * float(values[2:4].max()) * window.side
    roi = Roi(float(centre[0]), float(centre[1]), side, math.atan2(float(across[1]), float(across[0])))
    return Detection(roi, keypoints, score)
