# SPDX-License-Identifier: Apache-2.0
"""What a face model holds, in words and numbers."""

import numpy as np

from ..face_model import FaceModel


def describe(model: FaceModel) -> dict[str, object]:
    """Facts about a model by their names, in the order to print them; lengths in millimetres."""
    size = np.ptp(model.mean, axis=0) * 1000
    spread = np.sqrt((model.identity_basis.astype(np.float64) ** 2).sum((0, 2)).mean()) * 1000
    parts = {name: int((model.triangle_part == i).sum()) for i, name in enumerate(model.part_names)}
    return {
        "name": model.name, "hash": model.hash, "licence": model.licence,
        "vertices": model.vertex_count, "triangles": len(model.triangles),
        "texture coordinates": len(model.uv),
        "size in mm": " x ".join(f"{length:.0f}" for length in size),
        "identity coefficients": len(model.identity_basis),
        "identity spread in mm": round(float(spread), 2),
        "expressions": len(model.expression_names),
        "expression names": ", ".join(model.expression_names),
        "parts": ", ".join(f"{name} ({count})" for name, count in parts.items()),
        "regions": ", ".join(sorted(model.regions)),
        "landmarks": ", ".join(f"{name} ({len(points)})" for name, points in sorted(model.embeddings.items())),
        "mirror table": "yes" if model.mirror.size else "no",
    }
