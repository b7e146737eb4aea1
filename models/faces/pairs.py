# SPDX-License-Identifier: Apache-2.0
"""Training pairs from shards: two frames of one person, changed alike, with priors and motion made on the fly."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ...core.camera import Camera, project
from ...core.errors import BadInput
from ...core.face_model import FaceModel
from ...core.model_files import default_model
from ..dynamics.corpus import Split, split_of
from ..pgfg.samples import Sample
from .augment import Change, Still, changed, random_change
from .shards import Frames, read_shard, shards_in
from .views import see

Floats = NDArray[np.float32]

_PAIRS = 1 << 24
_TRACKED = (0.02, 0.008, 0.002)
"""Errors of a tracker in expression, rotation (radians) and place (of the distance), which made-up faces lack"""


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


class FacePairs:
    """A set of pairs that any worker can draw from: the same index gives the same pair."""

    def __init__(self, takes: Sequence[Frames], options: Options, model: FaceModel | None = None) -> None:
        self.takes, self.options = list(takes), options
        self._model = model
        self._neutral: dict[int, Floats] = {}
        for take in self.takes:
            if len(take) < 2:
                raise BadInput(f"A pair needs two frames, {take.clip} has {len(take)}.")
        self._pools = [pool for pool in (self._persons(False), self._persons(True)) if pool]
        if not self._pools:
            raise BadInput("There are no training faces for this split.")

    @classmethod
    def of(cls, places: Iterable[str | os.PathLike[str]], split: Split = "train",
           options: Options | None = None, model: FaceModel | None = None) -> "FacePairs":
        """The pairs of a split: persons are never in two; made-up people are for training only.

        Raises:
            BadInput: a place holds no shards, one is damaged or of another face model, or the split is empty.
        """
        known = model or default_model()
        takes = [take for path in shards_in(places) for take in read_shard(path, known.hash)]
        chosen = [t for t in takes if (split == "train" if t.synthetic else split_of(t.person) == split) and len(t) > 1]
        return cls(chosen, options or Options(), model)

    @cached_property
    def model(self) -> FaceModel:
        return self._model or default_model()

    def _persons(self, synthetic: bool) -> list[list[Frames]]:
        """The takes of each person."""
        persons: dict[str, list[Frames]] = {}
        for take in self.takes:
            if take.synthetic == synthetic:
                persons.setdefault(take.person, []).append(take)
        return list(persons.values())

    def __len__(self) -> int:
        return _PAIRS

    def __getitem__(self, index: int) -> Sample:
        random = np.random.default_rng((self.options.seed, index))
        pool = self._pools[-1 if random.random() < self.options.synthetic else 0]
        person = pool[int(random.integers(len(pool)))]
        weight = np.array([len(t) for t in person], np.float64)
        take = person[int(random.choice(len(person), p=weight / weight.sum()))]
        source, target = random.choice(len(take), 2, replace=False)
        return self.pair(take, int(source), int(target), random)

    def pair(self, take: Frames, source: int, target: int, random: np.random.Generator) -> Sample:
        """The pair of two frames of a take."""
        change = random_change(random) if self.options.augment else Change()
        stills = [self._still(take, index, random) for index in (source, target)]
        first, second = (changed(s, change, self.model, random) for s in stills)
        person = crc32(take.person.encode()) & 0x7FFFFFFF
        return sample_of(first, second, self.model, self.options, person, take.synthetic)

    def _still(self, take: Frames, index: int, random: np.random.Generator) -> Still:
        """A frame at the size of the pairs, its coefficients as unsure as a tracker's."""
        size = self.options.size
        picture = take.picture(index)
        if take.size != size:
            from PIL import Image

            picture = np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))
        values = [take.expression[index], take.rotation[index], take.translation[index]]
        if take.synthetic and self.options.augment:
            errors = [random.normal(0, e, len(v)) for e, v in zip(_TRACKED, values, strict=True)]
            few = random.random(len(errors[0])) < 0.3
            values = [np.clip(values[0] + errors[0] * few, 0, 1), values[1] + errors[1],
                      values[2] + errors[2] * values[2][2]]
        expression, rotation, translation = (np.asarray(v, np.float32) for v in values)
        points = project(self._shape(take, expression), rotation, translation, Camera.for_image(size, size))
        return Still(picture, points.astype(np.float32), expression, rotation, translation)

    def _shape(self, take: Frames, expression: Floats) -> Floats:
        """`model.vertices` (V, 3), the person's part remembered."""
        neutral = self._neutral.get(id(take))
        if neutral is None:
            neutral = self._neutral[id(take)] = self.model.vertices(take.identity)
        active = np.flatnonzero(expression)
        flat = self.model.expression_basis.reshape(len(self.model.expression_basis), -1)
        return np.asarray(neutral + (expression[active] @ flat[active]).reshape(-1, 3), np.float32)


def sample_of(source: Still, target: Still, model: FaceModel, options: Options, person: int = 0,
              synthetic: bool = False) -> Sample:
    """What the network is given of two frames."""
    scale = Camera.for_image(options.size, options.size).focal / float(source.translation[2])
    seen = see(source.picture, source.points, scale, model, options.step, screen=options.screen)
    moved = seen.moved(target.points)
    coefficients = [np.concatenate([s.expression, s.rotation, s.translation]).astype(np.float32)
                    for s in (source, target)]
    planes = [np.ascontiguousarray(s.picture.transpose(2, 0, 1)) for s in (source, target)]
    return Sample(planes[0], planes[1], seen.prior, moved.prior, moved.warped, moved.flow, moved.valid, moved.regions,
                  coefficients[0], coefficients[1], person, synthetic)
