# SPDX-License-Identifier: Apache-2.0
"""Windows of real frames, labelled by the net that is good at faces that look at the camera; and windows of no face."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...core.landmarks import LandmarkTracker
from ...core.landmarks.mesh import roi_of_points
from ...core.landmarks.roi import crop
from ...core.video import VideoReader
from .graph_net import POINTS
from .pictures import SIDE, ground_part

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

FRAMES_A_CLIP = 170


def real_windows(clips: Sequence[Path], random: np.random.Generator) -> tuple[Bytes, Floats]:
    """Windows (N, 192, 192, 3) and their landmarks (N, 468, 3) in pixels of the window, z nearer = smaller."""
    windows, labels = [], []
    for clip in clips:
        tracker = LandmarkTracker()
        with VideoReader(clip) as reader:
            tracked = [(frame.rgb, tracker(frame.rgb)) for frame in reader]
        seen = [(rgb, face.points) for rgb, face in tracked if face]
        for index in random.permutation(len(seen))[:FRAMES_A_CLIP]:
            window, points = _window(random, *seen[index])
            windows.append(window)
            labels.append(points)
    return np.stack(windows), np.stack(labels)


def _window(random: np.random.Generator, rgb: Bytes, points: Floats) -> tuple[Bytes, Floats]:
    roi = roi_of_points(points)
    roi = replace(roi, x=roi.x + random.normal() * 0.04 * roi.side, y=roi.y + random.normal() * 0.04 * roi.side,
                  side=roi.side * np.exp(random.normal() * 0.1), angle=roi.angle + random.normal() * 0.15)
    cos, sin = np.cos(roi.angle), np.sin(roi.angle)
    offset = (points[:POINTS, :2] - (roi.x, roi.y)) @ np.array([[cos, -sin], [sin, cos]])
    placed = np.c_[offset + roi.side / 2, -points[:POINTS, 2]] * (SIDE / roi.side)
    return (crop(rgb, roi, SIDE) * 255).astype(np.uint8).transpose(1, 2, 0), placed.astype(np.float32)


def faceless_window(random: np.random.Generator, grounds: Sequence[Bytes], faces: Bytes) -> Floats:
    """A window (192, 192, 3) of no face: some ground, or one of `faces` (N, 192, 192, 3) turned over or moved away."""
    if random.random() < 0.5:
        part = Image.fromarray(ground_part(random, grounds, 0.12).astype(np.uint8)).rotate(random.uniform(-30, 30))
        return np.asarray(part, np.float32)
    face = np.asarray(faces[random.integers(len(faces))], np.float32)
    if random.random() < 0.6:
        return np.rot90(face, int(random.integers(1, 4)))
    shift = int(random.integers(85, 110)) * (1 if random.random() < 0.5 else -1)
    return np.roll(face, shift, axis=int(random.integers(2)))
