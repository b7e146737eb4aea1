# SPDX-License-Identifier: Apache-2.0
"""The head's texture from one or several fitted photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .errors import BadInput
from .face_model import FaceModel
from .inpaint import fill_along, pull_push
from .part_colours import PART_COLOURS, vertex_colours
from .rasterize import Raster, interpolate
from .shade import paint_eyes
from .teeth import inner_light, paint_teeth
from .texture_space import atlas, gather, sample
from .visibility import EYE, MOUTH, SKIN, SOCKET, View, look, triangle_kinds, visible_vertices

if TYPE_CHECKING:
    from .fitting import Fit

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_SURE = 0.35
"""Weight of a texel from which on the photo alone is believed"""
_OWN_COLOUR = 0.0002
"""How soon painted eyes and teeth go back to their own colour beside what the photo shows"""
_TONGUE, _EYES_TO_TEETH = 0.6, 0.75
_TEETH_TO_SKIN = np.array((1.15, 1.27, 1.44), np.float32)
"""White against the usual skin: teeth are 1.07, 1.14 and 1.19 times as bright in talking faces, over their colour"""
_LASHES = 0.003
_PADDING = 128
"""Parts reach beyond their edges by this share of the map's side"""
_OWN_SIDE, _SIDES = 0.002, 60.0
"""How soon the mirrored side goes back to its own light, and by how much the two sides' light may differ"""
_BROWN = (0.30, 0.20, 0.13)


@dataclass(frozen=True, eq=False)
class Texture:
    """A square texture map of S texels a side; row 0 is v = 1."""

    rgb: Bytes
    """(S, S, 3) sRGB, no texel left empty"""
    coverage: Floats
    """(S, S) 1 where a photo showed the place, 0 where it was made up"""


def sample_vertex_colours(photo: Bytes, view: View) -> tuple[Floats, NDArray[np.bool_]]:
    """The photo's colour (V, 3) 0..255 at every vertex, bilinear, and which vertices (V,) it really shows."""
    return _sample_points(photo, view.points), visible_vertices(view)


def check_fit(photo: Bytes, fit: "Fit", model: FaceModel) -> None:
    """Refuse a fit that cannot be of this photo and face model.

    Raises:
        BadInput: the fit is of another face model or of a picture of another size.
    """
    if fit.vertices_image.shape != (model.vertex_count, 3):
        raise BadInput(f"The fit has {len(fit.vertices_image)} vertices, the face model {model.name} "
                       f"{model.vertex_count}; use the model that the photo was fitted with.")
    height, width = photo.shape[:2]
    if (fit.camera.height, fit.camera.width) != (height, width):
        raise BadInput(f"The fit is of a picture of {fit.camera.width}x{fit.camera.height} pixels, "
                       f"the photo has {width}x{height}; fit this photo again.")


def view_of(photo: Bytes, fit: "Fit", model: FaceModel) -> View:
    """The fitted head as it lies in its photo.

    Raises:
        BadInput: the fit is of another face model or of a picture of another size.
    """
    check_fit(photo, fit, model)
    height, width = photo.shape[:2]
    return look(model, fit.vertices_image, height, width, fit.camera.focal / float(fit.translation[2]))


def uv_texture(images: Sequence[Bytes], fits: Sequence["Fit"], model: FaceModel | None = None,
               size: int = 1024) -> Texture:
    """One texture map from photos (H, W, 3) of one person and their fits.

    What no photo shows is taken from the mirrored side, moved in colour so that it meets what is known, then filled
    smoothly; eyes, teeth and tongue from painted ones in the photos' light.

    Raises:
        BadInput: nothing to read from, numbers disagree, or a fit does not belong to its photo.
    """
    if not images or len(images) != len(fits):
        raise BadInput(f"There are {len(images)} photos and {len(fits)} fits; give one fit for each photo.")
    if not 16 <= size <= 8192:
        raise BadInput(f"A texture of {size} pixels a side cannot be made; choose 16 to 8192.")
    if model is None:
        from .model_files import default_model

        model = default_model()
    return paint_texture(images, [view_of(image, fit, model) for image, fit in zip(images, fits, strict=True)],
                         model, size)


def paint_texture(images: Sequence[Bytes], views: Sequence[View], model: FaceModel, size: int,
                  bare_lids: bool = False) -> Texture:
    """`uv_texture` for heads already placed in their photos.

    `bare_lids` leaves out what the photos show on the eyelids (shadow, lashes, folds of an open eye): the skin
    around goes on over them, as it looks when the eyes are shut.
    """
    texels = atlas(model, size)
    seen, weights = _merged(images, views, model, texels)
    return _filled(model, texels, seen, weights, images, views, bare_lids)


def _merged(images: Sequence[Bytes], views: Sequence[View], model: FaceModel, texels: Raster,
            mirrored: bool = False) -> tuple[Floats, Floats]:
    """Colours and weights of all photos together; the squarest view counts most."""
    total, power, best = None, None, None
    for image, view in zip(images, views, strict=True):
        rgb, weight = gather(image, view, model, texels, mirrored)
        if total is None or power is None or best is None:
            # One photo needs no mixing.
            if len(images) == 1:
                return rgb, weight
            total, power, best = rgb * (weight**3)[..., None], weight**3, weight
            continue
        rgb = rgb * _exposure(rgb, weight, total, power)
        total += rgb * (weight**3)[..., None]
        power += weight**3
        best = np.maximum(best, weight)
    assert total is not None and power is not None and best is not None
    return np.asarray(total / np.maximum(power, 1e-9)[..., None], np.float32), best


def _exposure(rgb: Floats, weight: Floats, total: Floats, power: Floats) -> Floats:
    """Gain (3,) that brings a photo's colours to those already gathered, from what both show."""
    both = (weight > _SURE) & (power > _SURE**3)
    if both.sum() < 64:
        return np.ones(3, np.float32)
    before = total[both] / power[both][:, None]
    return np.asarray(np.clip(before.mean(0) / np.maximum(rgb[both].mean(0), 1), 0.5, 2), np.float32)


def _filled(model: FaceModel, texels: Raster, seen: Floats, weights: Floats, images: Sequence[Bytes],
            views: Sequence[View], bare_lids: bool) -> Texture:
    kind = np.append(np.int8(-1), triangle_kinds(model))[texels.triangle_id]
    known = np.clip(weights / _SURE, 0, 1)
    known = np.asarray(known * known * (3 - 2 * known), np.float32)
    skin = np.asarray(kind == SKIN, np.float32)
    lids = interpolate(texels, model.triangles, _lids(model)[:, None])[..., 0]
    if bare_lids:
        skin *= 1 - lids
    rgb, weight = seen, known * skin
    if len(model.mirror):
        other, other_weight = _merged(images, views, model, texels, mirrored=True)
        other_weight = np.asarray(np.clip(other_weight / _SURE, 0, 1) * skin, np.float32)
        rgb = fill_along(seen, weight, other, other_weight, _OWN_SIDE, _SIDES)
        weight = weight + (1 - weight) * other_weight
    # Lids that are hidden while the eyes are open are filled with the skin around, not with shadow and lashes.
    clear = 1 - interpolate(texels, model.triangles, _around_lids(model)[:, None])[..., 0]
    clear *= _unshaded(rgb, weight * clear)
    rgb = pull_push(rgb, weight * clear) * (1 - weight[..., None]) + rgb * weight[..., None]
    light, white = _light(seen, known, kind), _white(seen, known, kind)
    painted = _painted(model, texels, np.where((kind == MOUTH)[..., None], white, light))
    piece = np.append(np.int32(-1), model.triangle_part)[texels.triangle_id]
    for inner in np.unique(piece[kind > SKIN]):
        box = _box_of(piece == inner)
        part = np.asarray(piece[box] == inner, np.float32)
        shown = known[box] * part * (kind[box] != SOCKET)
        if not model.part_names[inner].startswith("eye"):
            # What is as bright as teeth where the fit has the tongue is teeth; lips and shadow are not.
            teeth = _like_teeth(seen[box], white)
            shown *= teeth if model.part_names[inner].startswith("teeth") else ~teeth
        filled = fill_along(seen[box], shown, painted[box], part, _OWN_COLOUR)
        rgb[box] = np.where(part[..., None] > 0, filled, rgb[box])
        _pad(rgb, piece, inner)
    return Texture(np.clip(rgb + 0.5, 0, 255).astype(np.uint8), np.where(kind >= 0, known, 0))


def _pad(rgb: Floats, piece: NDArray[np.int32], inner: int) -> None:
    """Carry a part's colours (S, S, 3) over its edge into the empty texels beside it: whoever reads between texels, or
    from a smaller copy of the map, finds no skin in the seams of mouth and eyes."""
    from scipy.ndimage import distance_transform_edt

    margin = max(2, len(rgb) // _PADDING)
    box = tuple(slice(max(0, s.start - margin), s.stop + margin) for s in _box_of(piece == inner))
    distance, (row, column) = distance_transform_edt(piece[box] != inner, return_indices=True)
    beside = (distance <= margin) & (piece[box] < 0)
    rgb[box][beside] = rgb[box][row[beside], column[beside]]


def _lids(model: FaceModel) -> Floats:
    """(V,) 1 on the eyelids."""
    none = np.zeros(model.vertex_count, np.float32)
    return np.maximum(model.regions.get("eyelids_left", none), model.regions.get("eyelids_right", none))


def _around_lids(model: FaceModel) -> Floats:
    """(V,) 1 on the eyelids and beside them, where small photos show lashes and shadow."""
    from scipy.spatial import cKDTree

    lids = _lids(model) > 0.5
    if not lids.any():
        return np.zeros(model.vertex_count, np.float32)
    distance = cKDTree(model.mean[lids]).query(model.mean)[0]
    return np.asarray(np.clip(1.5 - distance / _LASHES, 0, 1), np.float32)


def _unshaded(rgb: Floats, weight: Floats) -> Floats:
    """(S, S) 0 for what is much darker than half of the known skin: brows, hair and the shadow of the eyes."""
    light = rgb.mean(-1)
    known = light[weight > 0.9]
    usual = float(np.median(known)) if known.size else 0.0
    return np.asarray(np.clip((light - 0.7 * usual) / max(0.15 * usual, 1), 0.02, 1), np.float32)


def _box_of(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The smallest box (rows, columns) that holds all of a mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _light(seen: Floats, known: Floats, kind: NDArray[np.int8]) -> Floats:
    """How bright white things are in the photos, (3,) of 1: from the whites of the eyes, else from the skin."""
    eyes = (kind == EYE) & (known > 0.3)
    if eyes.sum() <= 16:
        return np.asarray(_EYES_TO_TEETH * _white(seen, known, kind), np.float32)
    colours = seen[eyes]
    bright = colours[colours.mean(1) >= np.percentile(colours.mean(1), 70)].mean(0)
    gain = bright / (255 * np.array(PART_COLOURS["eye"]))
    # Skin and veins colour the measure: half of its tint is believed.
    return np.asarray(np.clip(0.5 * gain + 0.5 * gain.mean(), 0.3, 0.9), np.float32)


def _white(seen: Floats, known: Floats, kind: NDArray[np.int8]) -> Floats:
    """How bright teeth's white is in the photos, (3,) of 1: from the skin, whose light and warmth they share."""
    skin = seen[(kind == SKIN) & (known > 0.9)]
    if not len(skin):
        return np.full(3, 0.7, np.float32)
    return np.asarray(np.clip(np.median(skin, 0) / 255 * _TEETH_TO_SKIN, 0.15, 0.95), np.float32)


def _like_teeth(rgb: Floats, white: Floats) -> NDArray[np.bool_]:
    """Which colours (..., 3) 0..255 may be teeth: bright, and not redder than the skin is."""
    bright = rgb.mean(-1) > _TONGUE * 255 * white.mean()
    return np.asarray(bright & (rgb[..., 1] * white[0] > 0.9 * rgb[..., 0] * white[1]))


def _painted(model: FaceModel, texels: Raster, light: Floats) -> Floats:
    """Eyes, teeth, tongue and the dark of the mouth (S, S, 3) 0..255 in the light (S, S, 3) of the photo."""
    albedo = interpolate(texels, model.triangles, vertex_colours(model))
    paint_eyes(model, texels, albedo, _BROWN)
    paint_teeth(model, texels, albedo)
    albedo *= interpolate(texels, model.triangles, inner_light(model)[:, None])
    return np.asarray(albedo * (255 * light), np.float32)


@compiled
def _sample_points(photo: Bytes, points: Floats) -> Floats:
    out = np.empty((len(points), 3), np.float32)
    for i in range(len(points)):
        sample(photo, points[i, 0], points[i, 1], out[i])
    return out
