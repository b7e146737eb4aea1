# SPDX-License-Identifier: Apache-2.0
"""Fit the corrections in the box anew, after the fit or the landmarks have changed.

    python -m mien.core.evaluate.fit_corrections AFLW2000_FOLDER
"""

import os
import sys

from ..progress import Progress, progress_bar
from . import convention
from .aflw2000 import predict, read_labels


def fit_corrections(folder: str | os.PathLike[str], progress: Progress | None = None) -> None:
    """Learn the labels' convention from every photo of AFLW2000-3D in which a face is found.

    Raises:
        BadInput: see `read_labels`.
    """
    labels = read_labels(folder)
    predictions = predict(labels, progress)
    found = predictions.found
    names = tuple(name for name, here in zip(labels.names, found, strict=True) if here)
    inputs = predictions.corrected_from().values()
    convention.save_corrections({
        points.shape[1]: convention.fit_correction(points[found], labels.points[found], names)
        for points in inputs})


if __name__ == "__main__":
    with progress_bar("fitting corrections", unit="photos") as bar:
        fit_corrections(sys.argv[1], bar)
