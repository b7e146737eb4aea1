# SPDX-License-Identifier: Apache-2.0
"""Videos to motions: landmarks in one pass, then identity, pose and expression from the landmarks alone."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..camera import Projection
from ..errors import BadInput, NoFaceFound
from ..face_model import FaceModel
from ..motion import Motion
from ..progress import Progress
from .landmark_fit import default_model_if_none
from .sequence import Track, solve_track

Rgb = NDArray[np.uint8]
_BLOCK = 256
OnFrame = Callable[[int, Rgb, NDArray[np.float32] | None], None]


def track_video(source: str | os.PathLike[str] | Iterable[Rgb], model: FaceModel | None = None, *,
                fps: float | None = None, identity: NDArray[np.floating] | None = None,
                projection: Projection = "orthographic", progress: Progress | None = None,
                on_frame: OnFrame | None = None, solving: Progress | None = None) -> Motion:
    """Track one face through a video file, or through frames (H, W, 3) uint8 RGB given with their `fps`.

    Only landmarks are kept in memory (6 kB a frame). A known `identity` (S,) is kept, else it is estimated from
    the whole video. `on_frame` sees each frame's number, picture and landmarks (478, 3), or None without a face,
    as it passes. Frames without a face have confidence 0 and are bridged. `solving` hears how far the second half
    of the work is, after the last frame has passed.

    Raises:
        NoFaceFound: no frame has a face.
        BadInput: the file is no video, the frames differ in size, or there is none.
    """
    if isinstance(source, str | os.PathLike):
        from ..video import VideoReader

        with VideoReader(source) as reader:
            pictures = (frame.rgb for frame in reader)
            track = _collect(pictures, reader.fps, reader.frame_count, progress, on_frame)
        name = Path(source).name
    else:
        if fps is None:
            raise BadInput("Frames need their frame rate; pass fps.")
        track, name = _collect(source, fps, None, progress, on_frame), ""
    return solve_track(track, default_model_if_none(model), identity=identity, projection=projection,
                       metadata={"source": name} if name else {}, progress=solving)


def solve_sequence(points: NDArray[np.floating], confidence: NDArray[np.floating], fps: float, width: int,
                   height: int, model: FaceModel | None = None, *,
                   identity: NDArray[np.floating] | None = None, projection: Projection = "orthographic",
                   starts: NDArray[np.bool_] | None = None) -> Motion:
    """Landmarks (T, 478, 3) of a video, in its pixels, to a Motion; rows with confidence 0 or NaN have no face.

    `starts` (T,) marks frames that begin a new shot; cuts are found from the landmarks where it is not given.

    Raises:
        NoFaceFound: no frame has a face.
        BadInput: the arrays disagree in length.
    """
    p = np.asarray(points, np.float32)
    if p.ndim != 3 or p.shape[0] != len(confidence) or p.shape[2] != 3:
        raise BadInput(f"Landmarks of shape {p.shape} do not go with {len(confidence)} confidences.")
    trust = np.where(np.isfinite(p).all((1, 2)), confidence, 0.0)
    track = Track(p, trust, fps, width, height, starts)
    return solve_track(track, default_model_if_none(model), identity=identity, projection=projection)


def _collect(pictures: Iterable[Rgb], fps: float, total: int | None, progress: Progress | None,
             on_frame: OnFrame | None) -> Track:
    """Run the landmark tracker over all frames."""
    from ..landmarks import LandmarkTracker

    tracker, size = LandmarkTracker(), None
    blocks, trust = [], []
    for number, rgb in enumerate(pictures):
        size = size or (rgb.shape[1], rgb.shape[0])
        if size != (rgb.shape[1], rgb.shape[0]):
            raise BadInput(f"Frame {number} is {rgb.shape[1]} × {rgb.shape[0]}, the first one {size[0]} × {size[1]}.")
        face = tracker(rgb)
        # many small arrays that stay would lie between the large pictures that go, and hold their memory
        if number % _BLOCK == 0:
            blocks.append(np.full((_BLOCK, 478, 3), np.nan, np.float32))
        if face is not None:
            blocks[-1][number % _BLOCK] = face.points
        trust.append(0.0 if face is None else max(face.confidence, 1e-3))
        if on_frame:
            on_frame(number, rgb, None if face is None else face.points)
        if progress:
            progress(number + 1, total)
    if size is None:
        raise BadInput("The video has no frames.")
    if not any(trust):
        raise NoFaceFound("No face was found in any frame of the video; use one where a face is larger.")
    return Track(np.concatenate(blocks)[:len(trust)], np.array(trust), fps, *size)
