# SPDX-License-Identifier: Apache-2.0
"""Training pairs from shards: two frames of one person, changed alike, with priors and motion made on the fly."""

import os
from collections.abc import Iterable, Sequence
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
from .played import Options, played
from .shards import Frames, read_shard, shards_in

Floats = NDArray[np.float32]

_PAIRS = 1 << 24
_TRACKED = (0.02, 0.008, 0.002)
"""Errors of a tracker in expression, rotation (radians) and place (of the distance), which made-up faces lack"""


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
        return self.group(index, 1)[0]

    def group(self, index: int, count: int) -> list[Sample]:
        """At most so many pairs of one source: what a source costs is shared."""
        return self.variants(index, count, [self.options])[0]

    def variants(self, index: int, count: int, options: Sequence[Options]) -> list[list[Sample]]:
        """A group by each of several options, which differ in their priors alone."""
        random = np.random.default_rng((self.options.seed, index))
        pool = self._pools[-1 if random.random() < self.options.synthetic else 0]
        person = pool[int(random.integers(len(pool)))]
        weight = np.array([len(t) for t in person], np.float64)
        take = person[int(random.choice(len(person), p=weight / weight.sum()))]
        source, *targets = random.choice(len(take), min(count + 1, len(take)), replace=False)
        return self.pairs(take, int(source), [int(t) for t in targets], random, options)

    def pairs(self, take: Frames, source: int, targets: Sequence[int], random: np.random.Generator,
              options: Sequence[Options]) -> list[list[Sample]]:
        """A frame of a take and others, all changed alike, by each of the options."""
        change = random_change(random) if self.options.augment else Change()
        stills = [self._still(take, index, random) for index in (source, *targets)]
        first, *others = (changed(s, change, self.model, random) for s in stills)
        person = crc32(take.person.encode()) & 0x7FFFFFFF
        return played(first, others, take.identity, self.model, options, person, take.synthetic)

    def _still(self, take: Frames, index: int, random: np.random.Generator) -> Still:
        """A frame, its coefficients as unsure as a tracker's."""
        picture, size = take.picture(index), take.size
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
