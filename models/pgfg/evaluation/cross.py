# SPDX-License-Identifier: Apache-2.0
"""Cross-reenactment: a face driven by another person's motion, judged without a true frame."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import NoFaceFound
from ....core.evaluate.identity import FaceIdentity
from ....core.evaluate.reenactment import Target, thinned
from ....core.evaluate.report import plain
from ....core.face_model import FaceModel
from ....core.fitting import fit_photo, track_video
from ....core.motion import Motion
from ....core.playback import Renderer, animate
from ...dynamics.data import track_clip
from .cases import Case, Found

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

CORRELATIONS = ("expression_correlation", "expression_correlation_weighted")
FRAMES = 200
"""In a row at most: some seconds, in which a face does more than one thing"""
_MOVES = 0.03
"""Standard deviation of a channel from which on the driver counts as moving it"""


def cross_figures(case: Case, driver: Found, renderers: Mapping[str, Renderer | None], identity: FaceIdentity | None,
                  model: FaceModel, frames: int = FRAMES) -> dict[str, Any]:
    """CSIM to the source and correlation of the expression with the driver's, for `frames` of another's clip in a row.

    The drawn video is tracked as the driver was: by itself, its person unknown. Both means of `correlations` are
    given. A copy moves nothing: its correlation counts as 0.
    """
    motion = track_clip(driver.path)[0]
    start = int(np.argmax(motion.confidence > 0))
    motion = thinned(motion, slice(start, start + frames))
    source = Target(case.frames[0], identity)
    return {name: _figures(renderer, case.frames[0], motion, source, identity, model)
            for name, renderer in renderers.items()}


def _figures(renderer: Renderer | None, source: Bytes, motion: Motion, target: Target, identity: FaceIdentity | None,
             model: FaceModel) -> dict[str, float | None]:
    if renderer is None:
        return {"csim_to_source": 1.0 if identity is not None else None, **dict.fromkeys(CORRELATIONS, 0.0)}
    shown = [f.copy() for f in animate(source, fit_photo(source, model), motion, model, renderer=renderer)]
    vectors = [Target(rgb, identity).identity for rgb in shown[::4]] if identity is not None else []
    alike = [float(v @ target.identity) for v in vectors if v is not None and target.identity is not None]
    try:
        tracked = track_video(shown, model, fps=motion.fps)
    except NoFaceFound:
        return {"csim_to_source": None, **dict.fromkeys(CORRELATIONS)}
    found = correlations(motion.expression, tracked.expression)
    return {"csim_to_source": plain(float(np.mean(alike))) if alike else None,
            **{name: plain(value) for name, value in found.items()}}


def correlations(driver: Floats, other: Floats) -> dict[str, float]:
    """Means of Pearson's correlation over time, over the channels of (T, E) that the driver moves; NaN without any.

    By `CORRELATIONS`: all channels weigh the same; or each weighs as its variance in the driver, so that what is seen
    of a face counts, and what hardly leaves the tracker's noise counts little.
    """
    a, b = driver - driver.mean(0), other - other.mean(0)
    spread = driver.std(0) * other.std(0)
    each = (a * b).mean(0) / np.where(spread > 0, spread, np.inf)
    moved = driver.std(0)[driver.std(0) > _MOVES]
    each = each[driver.std(0) > _MOVES]
    weights = dict(zip(CORRELATIONS, (np.ones_like(moved), moved**2), strict=True))
    return {name: float(np.average(each, weights=w)) if len(w) else float("nan") for name, w in weights.items()}
