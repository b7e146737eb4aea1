# SPDX-License-Identifier: Apache-2.0
"""Self-reenactment at 256 pixels: a clip's first frame, driven by its tracked rest, by every renderer in one run."""

import os
from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadInput
from ....core.evaluate.identity import FaceIdentity
from ....core.evaluate.reenactment import MEASURES, Judge, Target
from ....core.evaluate.report import Report, plain, text_table
from ....core.face_model import FaceModel
from ....core.fitting import fit_photo
from ....core.model_files import default_model
from ....core.motion import Motion
from ....core.playback import Renderer, animate, renderer_named
from ....core.progress import Progress
from .areas import AREAS, guide
from .cases import Case, case_of, clips_of
from .cross import CORRELATIONS, cross_figures

Bytes = NDArray[np.uint8]

PAIRS = 24
REAL = "real video"
COLUMNS = (*MEASURES, "warp", *AREAS)
_CROSS = ("csim_to_source", *CORRELATIONS)


def evaluate_reenactment(folder: str | os.PathLike[str], renderers: str = "copy,mesh", *,
                         identity_net: str | os.PathLike[str] | None = None, pairs: int = PAIRS, cross: bool = False,
                         everyone: bool = False, progress: Progress | None = None) -> Report:
    """Measure renderers, `copy,mesh,pgfg=FILE,…`, on the clips of a folder.

    Means over the frames of a clip, then over clips. L1, PSNR and SSIM over the square, AKD and CSIM against the true
    frame, `warp` of `areas.Guide.warp_error`, and L1 by area. The row of the real video has its own warp error, and as
    CSIM that of its frames to its first, which is also what a copy reaches.

    Args:
        pairs: frames a clip that are compared; the frame before each is drawn too, for `warp`.
        cross: drive every clip's face by the next person's motion, too.

    Raises:
        BadInput: a renderer is not known, or the folder holds no clips of people who were not learned from.
    """
    model = default_model()
    known = renderers_of(renderers, model)
    identity = FaceIdentity(identity_net) if identity_net else None
    found = clips_of(Path(folder), everyone)
    figures: dict[str, Any] = {}
    before: Case | None = None
    for done, clip in enumerate(found):
        case = case_of(clip, model, pairs)
        figures[clip.path.stem] = {"person": clip.person, "frames": len(case.frames) // 2,
                                   "self": self_figures(case, known, identity, model)}
        if cross and before is not None and before.clip.person != clip.person:
            figures[clip.path.stem]["cross"] = cross_figures(case, before.clip, known, identity, model)
        before = case
        if progress:
            progress(done + 1, len(found))
    return _report(figures, [*known, REAL])


def renderers_of(text: str, model: FaceModel) -> dict[str, Renderer | None]:
    """Renderers by name; None copies the source.

    Raises:
        BadInput: one is not known, or its weights cannot be used.
    """
    out: dict[str, Renderer | None] = {}
    for entry in filter(None, text.split(",")):
        name, _, weights = entry.partition("=")
        title = f"{name} {Path(weights).stem}" if weights else name
        if title in out:
            raise BadInput(f"The renderer {title} is named twice; files of weights need different names.")
        out[title] = None if name == "copy" and not weights else renderer_named(name, model, weights or None)
    if not out:
        raise BadInput("Name the renderers to compare: copy,mesh,pgfg=FILE.")
    return out


def drawn(renderer: Renderer | None, source: Bytes, motion: Motion, model: FaceModel) -> Iterator[Bytes]:
    """Frames of the source moved by a motion that begins at the source's own coefficients."""
    if renderer is None:
        return repeat(source, len(motion))
    return animate(source, fit_photo(source, model), motion, model, renderer=renderer)


def self_figures(case: Case, renderers: dict[str, Renderer | None], identity: FaceIdentity | None,
                 model: FaceModel) -> dict[str, dict[str, Any]]:
    judges = {name: Judge(identity) for name in (*renderers, REAL)}
    shows = [drawn(r, case.frames[0], case.motion, model) for r in renderers.values()]
    last: Sequence[Bytes] = []
    for index, shown in enumerate(zip(*shows, case.frames, strict=True)):
        if index > 0 and index % 2 == 0:
            _judge(judges, shown, last, Target(case.frames[index], identity), case, index, model)
        last = [rgb.copy() for rgb in shown]
    out = {name: judge.figures() for name, judge in judges.items()}
    out[REAL] = {name: out[REAL][name] for name in ("warp",) if name in out[REAL]}
    if identity is not None:
        out[REAL]["csim"] = _own_csim(case, identity)
    return out


def _judge(judges: dict[str, Judge], shown: Sequence[Bytes], last: Sequence[Bytes], target: Target, case: Case,
           index: int, model: FaceModel) -> None:
    known = guide(case, index, model)
    for (name, judge), rgb, before in zip(judges.items(), shown, last, strict=True):
        judge.add("warp", known.warp_error(before, rgb))
        if name == REAL:
            continue
        judge.judge(rgb, target)
        for area, value in known.area_errors(rgb, target.rgb).items():
            judge.add(area, value)


def _own_csim(case: Case, identity: FaceIdentity) -> float | None:
    """How alike the clip's own frames are to its first."""
    found = [Target(rgb, identity).identity for rgb in (case.frames[0], *case.frames[2::2])]
    known = [vector for vector in found[1:] if vector is not None]
    if found[0] is None or not known:
        return None
    return plain(float(np.mean([found[0] @ vector for vector in known])))


def _report(clips: dict[str, Any], names: Sequence[str]) -> Report:
    summary = {name: {c: _mean([f["self"][name].get(c) for f in clips.values()]) for c in COLUMNS} for name in names}
    real = summary[REAL]["warp"]
    for figures in summary.values():
        figures["warp_to_real"] = plain(figures["warp"] / real) if real and figures["warp"] is not None else None
    rows = [(name, *(summary[name][c] for c in (*COLUMNS, "warp_to_real"))) for name in names]
    table = text_table((f"mean of {len(clips)} clips", *(c.upper() if c in MEASURES else c for c in COLUMNS),
                        "warp / real"), rows)
    crossed = [f["cross"] for f in clips.values() if "cross" in f]
    cross = {name: {m: _mean([c[name][m] for c in crossed]) for m in _CROSS} for name in names if name != REAL}
    if crossed:
        table += "\n\n" + text_table((f"another's motion, {len(crossed)} clips", "CSIM to source", "expression corr.",
                                      "by variance"),
                                     [(name, *(cross[name][m] for m in _CROSS)) for name in cross])
    return Report({"summary": summary, **({"cross": cross} if crossed else {}), "clips": clips}, table)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return plain(float(np.mean(known)), 6) if known else None
