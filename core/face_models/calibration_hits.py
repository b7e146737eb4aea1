# SPDX-License-Identifier: Apache-2.0
"""Where on the head the net's landmarks fall: many heads are drawn, detected, and the surface is looked up."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..face_model import FaceModel
from ..landmarks.mesh import mesh_points, roi_of_points
from ..landmarks.mirror import MIRROR
from ..landmarks.regions import EYE_CONTOURS, LIPS
from ..landmarks.roi import Roi
from .calibration_portrait import SIDE, Portrait, Style, paint
from .makehuman_lids import Lids

Floats = NDArray[np.float64]
VIEWS = ((0, 0), (0, 12), (0, -12), (18, 0), (-18, 0), (35, 5), (-35, -5), (50, 0), (-50, 0))
"""Yaw and pitch in degrees, each jittered by a few"""
MESH = 468
REACH = 12
"""Largest distance in pixels at which a lid's or a lip's own skin is looked for"""
FREE, UPPER_LIP, LOWER_LIP, UPPER_LID, LOWER_LID = range(5)


@dataclass(frozen=True)
class Hits:
    """Places on the mean head (n, 3) where one landmark was found, and how much each is worth (n,)."""

    places: Floats
    weights: Floats

    def centre(self) -> Floats:
        """Robust mean (3,): Cauchy weights at 3 mm, from the median."""
        middle = np.median(self.places, axis=0)
        for _ in range(20):
            distance = np.linalg.norm(self.places - middle, axis=1)
            weight = self.weights / (1 + (distance / 0.003) ** 2)
            middle = (self.places * weight[:, None]).sum(0) / weight.sum()
        return np.asarray(middle)


def collect(model: FaceModel, allowed: NDArray[np.bool_], people: int, seed: int) -> list[Hits]:
    """The hits of the 468 mesh points on `people` random heads in all VIEWS; `allowed` as of allowed_triangles."""
    rng = np.random.default_rng(seed)
    found: list[list[tuple[Floats, float]]] = [[] for _ in range(MESH)]
    jaw_open = (np.array(model.expression_names) == "jawOpen").astype(np.float64)
    for _ in range(people):
        identity = rng.normal(size=len(model.identity_basis))
        for yaw, pitch in VIEWS:
            jaw = rng.uniform(0.05, 0.3) if rng.random() < 0.5 else 0.0
            vertices = model.vertices(identity, jaw * jaw_open)
            portrait = paint(model, vertices, yaw + 4 * rng.normal(), pitch + 3 * rng.normal(), Style.draw(rng))
            points = detect(portrait)
            if points is not None:
                _look_up(model, portrait, points, allowed, found)
    return [Hits(np.array([p for p, _ in hits]), np.array([w for _, w in hits])) for hits in found]


def mean_places(hits: list[Hits]) -> Floats:
    """The landmarks' places (468, 3) near the mean head's surface, made symmetric."""
    own = np.stack([h.centre() for h in hits])
    partner = MIRROR[:MESH]
    places = (own + own[partner] * np.array([-1.0, 1.0, 1.0])) / 2
    places[partner == np.arange(MESH), 0] = 0
    return np.asarray(places)


def detect(portrait: Portrait) -> NDArray[np.float32] | None:
    """The net's 478 points (478, 3) in the picture, its window settled on them; None if it sees no face."""
    x0, y0, x1, y1 = portrait.box
    roi = Roi((x0 + x1) / 2, (y0 + y1) / 2, 1.5 * max(x1 - x0, y1 - y0))
    for _ in range(3):
        points, score = mesh_points(portrait.rgb, [roi])
        roi = roi_of_points(points[0])
    return points[0] if score[0] > 0.8 else None


def kinds() -> NDArray[np.int64]:
    """What each mesh point must stay on (468,): a lip or a lid of its own, or FREE."""
    kind = np.full(MESH, FREE)
    for ring in range(0, len(LIPS), 20):
        kind[list(LIPS[ring + 1:ring + 10])] = LOWER_LIP
        kind[list(LIPS[ring + 11:ring + 20])] = UPPER_LIP
    for contour in EYE_CONTOURS:
        kind[list(contour[1:8])] = LOWER_LID
        kind[list(contour[9:])] = UPPER_LID
    return kind


def allowed_triangles(model: FaceModel, lids: Mapping[str, Lids]) -> NDArray[np.bool_]:
    """Which triangles a landmark of each kind may lie on, (5, F); what the jaw carries is the lower lip."""
    skin = model.triangle_part == model.part_names.index("skin")
    drop = -model.expression_basis[model.expression_names.index("jawOpen")][:, 1]
    low_lip = (drop > 0.35 * drop.max())[model.triangles].sum(1) > 1
    low_lid = _under_the_eye(model, lids)[model.triangles].sum(1) > 1
    return np.stack([skin, skin & ~low_lip, skin & low_lip, skin & ~low_lid, skin & low_lid])


def _under_the_eye(model: FaceModel, lids: Mapping[str, Lids]) -> NDArray[np.bool_]:
    """Vertices under the line through the corners of the eye on their side."""
    under = np.zeros(model.vertex_count, np.bool_)
    for side, sign in (("left", 1), ("right", -1)):
        edge = model.mean[np.concatenate([lids[side].upper, lids[side].lower])]
        ends = edge[[edge[:, 0].argmin(), edge[:, 0].argmax()]]
        line = np.interp(model.mean[:, 0], ends[:, 0], ends[:, 1])
        under |= (sign * model.mean[:, 0] > 0) & (model.mean[:, 1] < line)
    return under


def _look_up(model: FaceModel, portrait: Portrait, points: NDArray[np.float32], allowed: NDArray[np.bool_],
             found: list[list[tuple[Floats, float]]]) -> None:
    """Append the place on the mean head under each landmark, or under the nearest pixel where it may lie."""
    ids, bary = portrait.raster.triangle_id, portrait.raster.barycentric
    dy, dx = np.mgrid[-REACH:REACH + 1, -REACH:REACH + 1]
    for index, kind in enumerate(kinds()):
        x, y = points[index, :2]
        column, row = int(x), int(y)
        if not (REACH <= column < SIDE - REACH and REACH <= row < SIDE - REACH):
            continue
        window = slice(row - REACH, row + REACH + 1), slice(column - REACH, column + REACH + 1)
        usable = (ids[window] > 0) & allowed[kind][ids[window] - 1] & (portrait.facing[window] > 0.15)
        distance = np.where(usable, np.hypot(column + 0.5 + dx - x, row + 0.5 + dy - y), np.inf)
        r, c = np.unravel_index(distance.argmin(), distance.shape)
        if distance[r, c] > (2.0 if kind == FREE else 7.0):
            continue
        u, v = bary[window][r, c]
        corners = model.mean[model.triangles[ids[window][r, c] - 1]].astype(np.float64)
        weight = portrait.facing[window][r, c] ** 2 * np.exp(-distance[r, c] / 3)
        found[index].append((np.array([u, v, 1 - u - v]) @ corners, float(weight)))
