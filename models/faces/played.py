# SPDX-License-Identifier: Apache-2.0
"""Pairs of frames as the network meets them in use: the source fitted alone, its frame moved by the mesh."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.camera import Camera
from ...core.errors import NoFaceFound
from ...core.face_model import FaceModel
from ...core.face_square import FaceSquare
from ...core.fit import Fit
from ...core.fitting import fit_photo
from ...core.motion import Motion
from ...core.playback.stage import set_stage
from ...core.playback.transfer import RELATIVE
from ..pgfg.canvas import Canvas
from ..pgfg.samples import Bytes, Floats, Sample
from .augment import Still
from .views import Moved, Seen, see

_FPS = 25.0
_STRAYS = 0.03
"""Of the picture's side: the farthest that a source's fit may lie from what the tracker says, on average"""


@dataclass(frozen=True)
class Options:
    """How pairs are made."""

    size: int = 256
    step: int = 4
    """Interval of the priors' samples"""
    screen: bool = False
    """The interval is in pixels instead of vertices"""
    augment: bool = True
    synthetic: float = 0.5
    """Share of pairs of made-up people, where there are both kinds"""
    seed: int = 0


def played(source: Still, targets: Sequence[Still], identity: Floats, model: FaceModel, options: Sequence[Options],
           person: int = 0, synthetic: bool = False) -> list[list[Sample]]:
    """Pairs of a source and its targets, all pictures of one size, by each of the options.

    As `animate` does it: the source is fitted by itself, the tracked changes are put on that fit, and `warped` is the
    mesh renderer's frame. Where no face is found in the source, what the tracker says stands in for its fit.
    """
    side = source.picture.shape[0]
    motion = _motion([source, *targets], identity, model, Camera.for_image(side, side))
    stage = set_stage(source.picture, _fitted(source, identity, model), motion, model, RELATIVE)
    square = FaceSquare(side / 2, side / 2, side)
    canvases = [Canvas(stage, o.size, square, o.step, o.screen) for o in options]
    frames = stage.frames()
    next(frames)
    out: list[list[Sample]] = [[] for _ in canvases]
    for target, frame in zip(targets, frames, strict=True):
        for made, canvas in zip(out, canvases, strict=True):
            made.append(_sample(source, target, canvas.seen, canvas.moved(frame), person, synthetic))
    return out


def sample_of(source: Still, target: Still, model: FaceModel, options: Options, person: int = 0,
              synthetic: bool = False) -> Sample:
    """A pair whose coefficients are taken as they are, `warped` by them alone; pictures of the options' size."""
    scale = Camera.for_image(options.size, options.size).focal / float(source.translation[2])
    seen = see(source.picture, source.points, scale, model, options.step, screen=options.screen)
    return _sample(source, target, seen, seen.moved(target.points), person, synthetic)


def _sample(source: Still, target: Still, seen: Seen, moved: Moved, person: int, synthetic: bool) -> Sample:
    coefficients = [np.concatenate([s.expression, s.rotation, s.translation]).astype(np.float32)
                    for s in (source, target)]
    planes = [_planes(p) for p in (seen.picture, _at(target.picture, seen.picture.shape[0]))]
    return Sample(planes[0], planes[1], seen.prior, moved.prior, moved.warped, moved.flow, moved.valid, moved.regions,
                  coefficients[0], coefficients[1], person, synthetic)


def _at(picture: Bytes, size: int) -> Bytes:
    side = picture.shape[0]
    return picture if side == size else FaceSquare(side / 2, side / 2, side).cut(picture, size)


def _planes(picture: Bytes) -> Bytes:
    return np.ascontiguousarray(picture.transpose(2, 0, 1))


def _motion(stills: Sequence[Still], identity: Floats, model: FaceModel, camera: Camera) -> Motion:
    expression, rotation, translation = (np.stack([getattr(s, name) for s in stills]).astype(np.float32)
                                         for name in ("expression", "rotation", "translation"))
    return Motion(_FPS, expression, rotation, translation, identity, model.expression_names, model.name, model.hash,
                  camera, np.ones(len(stills), np.float32))


def _fitted(source: Still, identity: Floats, model: FaceModel) -> Fit:
    try:
        fit = fit_photo(source.picture, model)
        away = np.abs(fit.vertices_image - source.points)[:, :2].mean()
        if away < _STRAYS * source.picture.shape[0]:
            return fit
    except NoFaceFound:
        pass
    side = source.picture.shape[0]
    landmarks = [model.points(scheme, source.points) for scheme in ("ibug68", "mesh478")]
    return Fit(identity, source.expression, source.rotation, source.translation, Camera.for_image(side, side),
               source.points, landmarks[0], landmarks[1], 1.0, (), {}, model.name, model.hash)
