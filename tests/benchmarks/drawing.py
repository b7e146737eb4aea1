# SPDX-License-Identifier: Apache-2.0
"""From coefficients to pixels: the rasteriser and the animated portrait."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from mien.core.camera import Camera, project
from mien.core.face_model import FaceModel
from mien.core.fitting import fit_photo, track_video
from mien.core.model_files import default_model
from mien.core.motion import Motion
from mien.core.playback import animate, renderer_named
from mien.core.rasterize import image_to_clip, rasterize
from numpy.typing import NDArray
from PIL import Image

from .measuring import Result, median_seconds
from .pictures import moving_camera, portrait

FRAMES = 60


def results() -> Iterator[Result]:
    model = default_model()
    for side, wanted in ((256, "≤ 1"), (512, "≤ 3")):
        yield _rasteriser(model, side, wanted)
    yield from _animations(model)


def _rasteriser(model: FaceModel, side: int, wanted: str) -> Result:
    """The whole head, three quarters of the picture high."""
    camera = Camera.for_image(side, side)
    height = float(np.ptp(model.mean[:, 1]))
    distance = camera.focal * height / (0.75 * side)
    pixels = project(model.mean, np.array([0.0, 0.3, 0.0]), np.array([0.0, 0.0, distance]), camera)
    clip = image_to_clip(pixels, side, side)
    ours = 1000 * median_seconds(lambda: rasterize(clip, model.triangles, side, side, backend="cpu"), 15)
    plain = 1000 * median_seconds(lambda: _plain_rasteriser(pixels, model.triangles, side), 1, 0)
    return Result(f"rasteriser, {len(model.triangles)} triangles, {side}²", "ms", ours, wanted,
                  "numpy, a triangle at a time", plain)


def _plain_rasteriser(pixels: NDArray[np.float64], triangles: NDArray[np.int32], side: int) -> NDArray[np.int32]:
    """Triangle ids (side, side) by edge functions over each triangle's box; depth tested, nearer is larger."""
    ids, depth = np.zeros((side, side), np.int32), np.full((side, side), -np.inf)
    for label, (a, b, c) in enumerate(pixels[triangles], 1):
        corners = np.stack([a, b, c])
        low = np.clip(np.floor(corners[:, :2].min(0)), 0, side).astype(int)
        high = np.clip(np.ceil(corners[:, :2].max(0)), 0, side).astype(int)
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if (high <= low).any() or area == 0:
            continue
        x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
        u = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / area
        v = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / area
        z = u * a[2] + v * b[2] + (1 - u - v) * c[2]
        window = (slice(low[1], high[1]), slice(low[0], high[0]))
        nearer = (u >= 0) & (v >= 0) & (u + v <= 1) & (z > depth[window])
        ids[window][nearer], depth[window][nearer] = label, z[nearer]
    return ids


def _animations(model: FaceModel) -> Iterator[Result]:
    """Frames of the portrait, without encoding; the preparation of the photo is not in the figures."""
    motion = track_video(moving_camera(256, 256, 2 * FRAMES), model, fps=30.0)
    for side in (512, 256):
        photo = np.asarray(Image.fromarray(portrait()).resize((side, side), Image.Resampling.LANCZOS))
        mesh, network = (_frame_rate(photo, motion, model, name) for name in ("mesh", "pgfg"))
        yield Result(f"animate, {side}²", "fps", mesh, "≥ 15" if side == 512 else "")
        yield Result(f"animate by the network, {side}²", "fps", network, "≥ 10", "the mesh alone", mesh)


def _frame_rate(photo: NDArray[np.uint8], motion: Motion, model: FaceModel, renderer: str) -> float:
    frames = animate(photo, fit_photo(photo, model), motion, model, renderer=renderer_named(renderer, model))
    next(frames)

    def half() -> None:
        assert sum(1 for _ in islice(frames, FRAMES - 1)) == FRAMES - 1

    return (FRAMES - 1) / median_seconds(half, 1, 1)
