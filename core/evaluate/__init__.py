# SPDX-License-Identifier: Apache-2.0
"""How good Mien is, measured on data with known answers."""

import os

from ..progress import progress_bar
from .report import Report as Report


def evaluate(what: str, data: str | os.PathLike[str], *, identity_net: str | os.PathLike[str] | None = None,
             quiet: bool = False) -> Report:
    """Measure `aflw2000`, `ict` or `clips` on a folder of data.

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
        from .clips import evaluate_clips

        return evaluate_clips(data, identity_net, progress)
