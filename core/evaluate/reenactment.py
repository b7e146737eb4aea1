# SPDX-License-Identifier: Apache-2.0
"""How near a rendered face comes to the true frames: the first frame is the source, the rest drive it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
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
    source = truth[0]
    drawn = {"rendered": animate(source, fit_photo(source), thinned(motion, slice(None, None, step))),
             "copy_the_source": repeat(source)}
    judges = {name: Judge(identity) for name in drawn}
    for index, (target, *shown) in enumerate(zip(truth, *drawn.values(), strict=False)):
        if index > 0:
            judge_all(judges, shown, Target(target, identity))
    return {"frames": len(truth) - 1, **{name: judge.figures() for name, judge in judges.items()}}


def judge_all(judges: Mapping[str, "Judge"], shown: Sequence[Picture], target: "Target") -> None:
    """Each judge sees its own picture of one true frame."""
    for judge, rgb in zip(judges.values(), shown, strict=True):
        judge.judge(rgb, target)


def _every(video: Path, step: int) -> Iterator[Picture]:
    from ..video import VideoReader

    with VideoReader(video) as frames:
        yield from (frame.rgb for frame in frames if frame.index % step == 0)


def thinned(motion: Motion, chosen: slice | NDArray[np.integer]) -> Motion:
    """Some frames of a motion; its rate goes with a slice's step."""
    fields = ("expression", "rotation", "translation", "confidence")
    fps = motion.fps / (chosen.step or 1) if isinstance(chosen, slice) else motion.fps
    return replace(motion, fps=fps, **{name: getattr(motion, name)[chosen] for name in fields})


class Target:
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


class Judge:
    """Gathers the measures of one kind of frames."""

    def __init__(self, identity: FaceIdentity | None) -> None:
        self._identity = identity
        self._values: dict[str, list[float]] = {name: [] for name in MEASURES}
        self._faceless = 0

    def add(self, name: str, value: float) -> None:
        """One more value of any measure."""
        self._values.setdefault(name, []).append(value)

    def judge(self, rgb: Picture, target: Target) -> None:
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
        means = {name: plain(float(np.mean(values)), 4 if name in MEASURES else 6) if values else None
                 for name, values in finite.items()}
        return {**means, "no_face": self._faceless}
