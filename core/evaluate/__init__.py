# SPDX-License-Identifier: Apache-2.0
"""How good Mien is, measured on data with known answers."""

import os
from importlib import import_module

from ..progress import progress_bar
from .report import Report as Report


def evaluate(what: str, data: str | os.PathLike[str], *, identity_net: str | os.PathLike[str] | None = None,
             weights: str | os.PathLike[str] | None = None, baseline: str | os.PathLike[str] | None = None,
             renderers: str = "copy,mesh", pairs: int | None = None, cross: bool = False, everyone: bool = False,
             sheet: str | os.PathLike[str] | None = None, quiet: bool = False) -> Report:
    """Measure `aflw2000`, `ict`, `clips`, `reenact` or `dynamics` on a folder of data.

    `weights` are of a network for dynamics, `baseline` of a deterministic one that it is compared with; `renderers`,
    `pairs`, `cross`, `everyone` and `sheet` are `reenact`'s.

    Raises:
        BadInput: the folder does not hold that data.
    """
    with progress_bar(f"evaluating {what}", unit="steps", quiet=quiet) as progress:
        if what == "aflw2000":
            from .aflw2000 import evaluate_aflw2000

            return evaluate_aflw2000(data, progress)
        if what == "ict":
            from .ict import evaluate_ict

            return evaluate_ict(data, progress)
        if what == "dynamics":
            measure = import_module("...models.dynamics.evaluation.measure", __package__)
            report: Report = measure.evaluate_dynamics([data], weights=weights, baseline=baseline, progress=progress)
            return report
        if what == "reenact":
            reenact = import_module("...models.pgfg.evaluation.reenact", __package__)
            chosen = {} if pairs is None else {"pairs": pairs}
            drawn: Report = reenact.evaluate_reenactment(data, renderers, identity_net=identity_net, cross=cross,
                                                         everyone=everyone, sheet=sheet, progress=progress, **chosen)
            return drawn
        from .clips import evaluate_clips

        return evaluate_clips(data, identity_net, progress)
