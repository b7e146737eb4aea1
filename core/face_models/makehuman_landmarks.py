# SPDX-License-Identifier: Apache-2.0
"""Reads the landmark table of the default model: where the 478 mesh points and the iBUG 68 sit on its surface."""

from pathlib import Path

import numpy as np

from ..errors import BadInput
from ..face_model import Embedding
from .makehuman_head import Head
from .makehuman_source import Ints

TABLE = Path(__file__).with_name("makehuman_landmarks.txt")
"""Rows: scheme, index, three vertices of the base mesh, their weights in millionths"""


def load_embeddings(head: Head, triangles: Ints) -> dict[str, Embedding]:
    """The embeddings by scheme on the head's triangles (F, 3).

    Raises:
        BadInput: the table names a triangle that the head does not have.
    """
    place = {tuple(sorted(t)): i for i, t in enumerate(head.vertices[triangles].tolist())}
    found: dict[str, list[tuple[int, list[float]]]] = {}
    for line in TABLE.read_text("ascii").splitlines():
        if line.startswith("#"):
            continue
        scheme, _, *numbers = line.split()
        corners, weights = [int(n) for n in numbers[:3]], [int(n) / 1e6 for n in numbers[3:]]
        index = place.get(tuple(sorted(corners)))
        if index is None:
            raise BadInput(f"The landmark table {TABLE.name} does not fit the head's triangles.")
        weight_of = dict(zip(corners, weights, strict=True))
        found.setdefault(scheme, []).append((index, [weight_of[v] for v in head.vertices[triangles[index]].tolist()]))
    return {scheme: Embedding(np.array([t for t, _ in rows], np.int32), np.array([w for _, w in rows], np.float32))
            for scheme, rows in found.items()}
