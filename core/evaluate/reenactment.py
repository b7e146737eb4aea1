# SPDX-License-Identifier: Apache-2.0
"""How near a rendered face comes to the true frames: the first frame is the source, the rest drive it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import metrics
from ..errors import NoFaceFound
from ..motion import Motion
from .aflw2000 import MESH_TO_IBUG
from .identity import FaceIdentity
from .report import plain

Picture = NDArray[np.uint8]
Points = NDArray[np.floating]

MEASURES = {"l1": -1, "psnr": 1, "ssim": 1, "akd": -1, "csim": 1}
"""Name, and whether more (1) or less (-1) is better."""


def measure_reenactment(video: Path, motion: Motion, identity: FaceIdentity | None,
                        frames: int) -> dict[str, Any]:
    """Means over at most `frames` evenly chosen frames, for the rendered frame and for a copy of the source.

    L1, PSNR and SSIM over the whole picture, AKD over 68 points found by our detector, CSIM against the true
    frame. A rendered frame in which no face is found is counted; it has no AKD and no CSIM.
    """
    from ..fitting import fit_photo
    from ..playback import animate

    step = max(1, -(-(len(motion) - 1) // frames))
    truth = list(_every(video, step))
    source, driving = truth[0], _thinned(motion, step)
    judges = [_Judge(identity), _Judge(identity)]
    for index, frame in enumerate(animate(source, fit_photo(source), driving)):
        if 0 < index < len(truth):
            target = _Target(truth[index], identity)
            judges[0].judge(frame, target)
            judges[1].judge(source, target)
    return {"frames": len(truth) - 1, "rendered": judges[0].figures(), "copy_the_source": judges[1].figures()}


def _every(video: Path, step: int) -> Iterator[Picture]:
    from ..video import VideoReader

    with VideoReader(video) as frames:
        yield from (frame.rgb for frame in frames if frame.index % step == 0)


def _thinned(motion: Motion, step: int) -> Motion:
    """Every `step`-th frame, the first among them."""
    fields = ("expression", "rotation", "translation", "confidence")
    return replace(motion, fps=motion.fps / step, **{name: getattr(motion, name)[::step] for name in fields})


class _Target:
    """A true frame with its landmarks and identity; None where no face is found."""

    def __init__(self, rgb: Picture, identity: FaceIdentity | None) -> None:
        self.rgb, self.points = rgb, _landmarks(rgb)
        known = identity is not None and self.points is not None
        self.identity = identity.embed(rgb, self.points) if known else None  # type: ignore[union-attr, arg-type]


def _landmarks(rgb: Picture) -> Points | None:
    from ..landmarks import landmarks_of

    try:
        return landmarks_of(rgb).points
    except NoFaceFound:
        return None


class _Judge:
    """Gathers the measures of one kind of frames."""

    def __init__(self, identity: FaceIdentity | None) -> None:
        self._identity = identity
        self._values: dict[str, list[float]] = {name: [] for name in MEASURES}
        self._faceless = 0

    def judge(self, rgb: Picture, target: _Target) -> None:
        for name in ("l1", "psnr", "ssim"):
            self._values[name].append(getattr(metrics, name)(rgb, target.rgb))
        points = _landmarks(rgb)
        if points is None or target.points is None:
            self._faceless += points is None
            return
        height, width = rgb.shape[:2]
        chosen = list(MESH_TO_IBUG)
        self._values["akd"].append(metrics.akd(points[chosen], target.points[chosen], width, height))
        if self._identity is not None and target.identity is not None:
            self._values["csim"].append(float(self._identity.embed(rgb, points) @ target.identity))

    def figures(self) -> dict[str, Any]:
        finite = {name: [v for v in values if np.isfinite(v)] for name, values in self._values.items()}
        means = {name: plain(float(np.mean(values))) if values else None for name, values in finite.items()}
        return {**means, "no_face": self._faceless}
