# SPDX-License-Identifier: Apache-2.0
"""Accuracy of 68 points on AFLW2000-3D (Zhu et al. 2016), from the image alone."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, NoFaceFound
from ..metrics import nme
from ..progress import Progress
from . import convention, peers
from .report import Report, plain, text_table

Floats = NDArray[np.float64]

MESH_TO_IBUG = (
    127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87)
"""The 478-point mesh's vertex for each of the 68 points, as commonly chosen."""
_BINS = ("0-30", "30-60", "60-90")
_OVERLAP = 0.25


@dataclass(frozen=True)
class Labels:
    """N labelled photos: `points` (N, 68, 3), `reannotated` (N, 68, 2) in pixels, |yaw| (N,) in degrees."""

    names: tuple[str, ...]
    photos: tuple[Path, ...]
    points: Floats
    reannotated: Floats
    abs_yaw: Floats

    @property
    def bins(self) -> NDArray[np.intp]:
        """0, 1, 2 for |yaw| up to 30, up to 60, and above."""
        return np.digitize(self.abs_yaw, [30, 60], right=True)


@dataclass(frozen=True)
class Predictions:
    """What was found in N photos, in pixels; rows of NaN where no face was."""

    fitted: Floats
    """(N, 68, 3) points of the fitted model"""
    detected: Floats
    """(N, 478, 3) landmarks before the fit"""
    rotation: Floats
    """(N, 3) axis-angle"""
    seconds: Floats
    """(N,) from pixels to the fit"""

    def corrected_from(self) -> dict[str, Floats]:
        """What the corrections start from: the model's points, alone or with the detector's."""
        both = np.concatenate([self.fitted[..., :2], self.detected[:, MESH_TO_IBUG, :2]], axis=1)
        return {"fitted": self.fitted, "fitted and detected": both}

    @property
    def found(self) -> NDArray[np.bool_]:
        return np.isfinite(self.fitted[:, 0, 0])


def read_labels(folder: str | os.PathLike[str]) -> Labels:
    """Labels of the set in a folder: one npz with `name`, `pt3d_68`, `pts68_reannotated`, `abs_yaw`.

    Photos are looked for in `images/` beside it, by name or by the path in the set's own tree.

    Raises:
        BadInput: the folder has no such file, or a photo is missing.
    """
    for path in sorted(Path(folder).glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            if {"name", "pt3d_68", "pts68_reannotated", "abs_yaw"} <= set(data.files):
                names = tuple(str(n) for n in data["name"])
                trees = [str(p) for p in data["image_path"]] if "image_path" in data.files else names
                photos = tuple(_photo(Path(folder), *pair) for pair in zip(names, trees, strict=True))
                return Labels(names, photos, data["pt3d_68"].astype(float),
                              data["pts68_reannotated"].astype(float), data["abs_yaw"].astype(float))
    raise BadInput(f"{folder} has no npz with name, pt3d_68, pts68_reannotated, abs_yaw; is it AFLW2000-3D?")


def _photo(folder: Path, name: str, tree: str) -> Path:
    images = folder / "images"
    for candidate in (images / name, folder / name, images / Path(tree).name, folder / tree):
        if candidate.is_file():
            return candidate
    raise BadInput(f"The photo {name} is not in {images}.")


def predict(labels: Labels, progress: Progress | None = None) -> Predictions:
    """Fit every photo from the image alone."""
    from ..fitting import fit_photo
    from ..image import read_image

    count = len(labels.names)
    result = Predictions(np.full((count, 68, 3), np.nan), np.full((count, 478, 3), np.nan),
                         np.full((count, 3), np.nan), np.full(count, np.nan))
    for row, photo in enumerate(labels.photos):
        if progress:
            progress(row, count)
        rgb = read_image(photo)
        start = time.perf_counter()
        try:
            fit = fit_photo(rgb)
        except NoFaceFound:
            continue
        result.seconds[row] = time.perf_counter() - start
        result.fitted[row], result.detected[row] = fit.landmarks_68, fit.landmarks_478
        result.rotation[row] = fit.rotation
    return result


def evaluate_aflw2000(folder: str | os.PathLike[str], progress: Progress | None = None) -> Report:
    """NME by |yaw| of the detector's points, of the fitted model's, and of the corrected ones.

    A photo without a prediction is counted as missed, by bin, and is not in the means; a face elsewhere than
    the labelled one is in the means and is counted as wrong as well. The correction of photos that it was
    fitted on is cross-validated: each is corrected by a map that was fitted without it.

    Raises:
        BadInput: see `read_labels`.
    """
    labels = read_labels(folder)
    predictions = predict(labels, progress)
    rows = {"detected landmarks": predictions.detected[:, MESH_TO_IBUG], "fitted": predictions.fitted}
    for name, points in predictions.corrected_from().items():
        rows[f"{name} + correction"] = convention.corrected(points, labels.names, labels.points)
    figures = _counts(labels, predictions)
    truths = {"original": labels.points, "reannotated": labels.reannotated}
    figures["nme_percent"] = {
        name: {kind: by_yaw(nme(points, truth), labels.bins) for kind, truth in truths.items()}
        for name, points in rows.items()}
    figures["wrong_faces_as_missed"] = _without_wrong_faces(labels, predictions, rows)
    figures["peers"] = [peer._asdict() for peer in peers.AFLW2000]
    return Report(figures, _table(figures))


def by_yaw(error: Floats, bins: NDArray[np.intp]) -> dict[str, float | None]:
    """Means of an error (N,) by bin of yaw, their mean, and the mean and median of all; NaN is left out."""
    known = np.isfinite(error)
    per = [_mean(error[known & (bins == k)]) for k in range(3)]
    values = {**dict(zip(_BINS, per, strict=True)), "balanced": float(np.mean(per)),
              "mean": _mean(error[known]),
              "median": float(np.median(error[known])) if known.any() else None}
    return {key: plain(value, 3) for key, value in values.items()}


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")


def _counts(labels: Labels, predictions: Predictions) -> dict[str, Any]:
    missed = [int((~predictions.found & (labels.bins == k)).sum()) for k in range(3)]
    wrong = _wrong_faces(labels, predictions)
    return {
        "images": len(labels.names), "images_by_yaw": [int((labels.bins == k).sum()) for k in range(3)],
        "missed_by_yaw": missed, "missed_percent": plain(100 * sum(missed) / len(labels.names), 2),
        "wrong_face": [labels.names[i] for i in np.flatnonzero(wrong)],
        "missed": [labels.names[i] for i in np.flatnonzero(~predictions.found)],
        "fit_ms_median": plain(1000 * float(np.nanmedian(predictions.seconds)), 1)
        if predictions.found.any() else None,
    }


def _wrong_faces(labels: Labels, predictions: Predictions) -> NDArray[np.bool_]:
    """Photos (N,) in which another face than the labelled one was fitted."""
    return np.asarray(predictions.found & (overlap(predictions.fitted, labels.points) < _OVERLAP))


def _without_wrong_faces(labels: Labels, predictions: Predictions, rows: dict[str, Floats]) -> dict[str, Any]:
    """The same figures if a fit to another face is no prediction: not in the means, and missed."""
    right = ~_wrong_faces(labels, predictions)
    lost = int((~(right & predictions.found)).sum())
    means = {name: by_yaw(nme(points[right], labels.points[right]), labels.bins[right])
             for name, points in rows.items()}
    return {"missed_percent": plain(100 * lost / len(right), 2), "nme_percent": means}


def overlap(a: Floats, b: Floats) -> Floats:
    """Intersection over union (N,) of the boxes around points (N, L, ≥2)."""
    low = np.maximum(a[..., :2].min(-2), b[..., :2].min(-2))
    high = np.minimum(a[..., :2].max(-2), b[..., :2].max(-2))
    common = np.prod(np.maximum(high - low, 0), axis=-1)
    areas = [np.prod(p[..., :2].max(-2) - p[..., :2].min(-2), axis=-1) for p in (a, b)]
    return np.asarray(common / (areas[0] + areas[1] - common))


def _table(figures: dict[str, Any]) -> str:
    header = ("68 points, NME % by |yaw|", *_BINS, "balanced", "missed", "images")
    rows: list[Sequence[object]] = []
    missed = f"{figures['missed_percent']} %"
    for kind, title in (("original", ""), ("reannotated", ", re-annotated labels")):
        for name, by_kind in figures["nme_percent"].items():
            values = [by_kind[kind][key] for key in (*_BINS, "balanced")]
            rows.append((f"Mien, {name}{title}", *values, missed, figures["images"]))
    strict = figures["wrong_faces_as_missed"]
    for name, by_bin in strict["nme_percent"].items():
        values = [by_bin[key] for key in (*_BINS, "balanced")]
        rows.append((f"Mien, {name}, wrong faces as missed", *values, f"{strict['missed_percent']} %",
                     figures["images"]))
    for name, images, errors, lost in peers.AFLW2000:
        rows.append((name, *errors, float(np.mean(errors)), lost, images))
    pairs = zip(figures["missed_by_yaw"], figures["images_by_yaw"], strict=True)
    missed_by_bin = ", ".join(f"{lost} of {images}" for lost, images in pairs)
    notes = (f"Missed by |yaw|: {missed_by_bin}. Wrong face: {len(figures['wrong_face'])}. "
             f"Median time of a fit: {figures['fit_ms_median']} ms. Corrected figures are cross-validated.")
    return f"{text_table(header, rows)}\n{notes}"
