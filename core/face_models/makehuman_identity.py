# SPDX-License-Identifier: Apache-2.0
"""Identities: a population of plausible heads is drawn from MakeHuman's targets and put into principal components.

The macro targets (origin × gender × age, and gender × age × muscle × weight) are mixed as MakeHuman does, by the
product of each factor's piecewise linear weight; the head's and face's modifiers are drawn around zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .makehuman_head import Head
from .makehuman_lids import find_lids
from .makehuman_lips import find_seam
from .makehuman_source import FACE_UNITS, TARGETS, Floats, Source

FOLDERS = ("cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck", "nose")
POSE_MODIFIERS = ("head/head-trans", "head/head-angle", "neck/neck-trans")
"""Modifiers that carry the head about or tilt it: that is pose, not identity."""
OPPOSITES = ("decr|incr", "down|up", "in|out", "backward|forward", "concave|convex", "compress|uncompress")
SPREAD, SKULL_SPREAD = 0.17, 0.12
"""Standard deviation of a modifier of the features and of the skull; from 0.3 on faces turn into caricatures, and
skulls, whose modifiers reach further, from 0.2 on."""
SKULL = ("head/", "forehead/")
ASYMMETRY = 0.035
"""Standard deviation of what left and right do not share of a modifier."""
AGES, GENDERS = ("child", "young", "old"), ("female", "male")
AGE_ANCHORS, THIRDS = (0.1875, 0.5, 1.0), (0.0, 0.5, 1.0)
MUSCLES, WEIGHTS = ("minmuscle", "averagemuscle", "maxmuscle"), ("minweight", "averageweight", "maxweight")
ORIGINS = ("african", "asian", "caucasian")


@dataclass(frozen=True)
class IdentitySpace:
    """`mean` (V, 3) and `basis` (S, V, 3) metres per σ; `variance` share of the population that it explains."""

    mean: Floats
    basis: Floats
    variance: float


class Population:
    """Draws heads as vertex arrays (V, 3) in metres, aligned to the base mesh's head."""

    def __init__(self, source: Source, head: Head, rest: Floats) -> None:
        self._rest = rest
        self._seam = find_seam(head, rest, head.offsets(source, f"{FACE_UNITS}jawOpen.target"))
        self._lids = find_lids(head, rest)
        self._rigid = _rigid_vertices(rest)
        self._macro = {name: head.offsets(source, f"{TARGETS}macrodetails/{name}.target.gz")
                       for name in _macro_names()}
        self._modifiers = _modifiers(source)
        self._offsets = {name: head.offsets(source, f"{TARGETS}{name}.target.gz")
                         for sides in self._modifiers.values() for side in sides for name in side}

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """(count, V, 3) heads."""
        return np.stack([self._repair(self._align(self._rest + self._macro_shape(rng) + self._modifier_shape(rng)))
                         for _ in range(count)])

    def _repair(self, shape: Floats) -> Floats:
        """Lips that meet, lids outside the eyeballs."""
        for lids in self._lids.values():
            shape = lids.clear(shape)
        return self._seam.close(shape)

    def _macro_shape(self, rng: np.random.Generator) -> Floats:
        age = rng.uniform(0.45, 0.95) if rng.random() < 0.8 else rng.uniform(0.25, 0.45)
        gender, origin = rng.beta(0.6, 0.6), rng.dirichlet((0.6, 0.6, 0.6))
        muscle, weight = np.clip(rng.normal(0.5, (0.15, 0.2)), 0, 1)
        ages, genders = hat_weights(age, AGE_ANCHORS), np.array([1 - gender, gender])
        build = np.outer(hat_weights(muscle, THIRDS), hat_weights(weight, THIRDS))
        shape = np.zeros_like(self._rest)
        for g, a in np.ndindex(2, 3):
            base = genders[g] * ages[a]
            for o, label in enumerate(ORIGINS):
                shape += base * origin[o] * self._macro[f"{label}-{GENDERS[g]}-{AGES[a]}"]
            for m, w in np.ndindex(3, 3):
                name = f"universal-{GENDERS[g]}-{AGES[a]}-{MUSCLES[m]}-{WEIGHTS[w]}"
                shape += base * build[m, w] * self._macro[name]
        return shape

    def _modifier_shape(self, rng: np.random.Generator) -> Floats:
        shape = np.zeros_like(self._rest)
        for stem, sides in self._modifiers.items():
            own = ASYMMETRY if len(sides) > 1 else 0.0
            common = rng.normal(0, np.sqrt((SKULL_SPREAD if stem.startswith(SKULL) else SPREAD) ** 2 - own**2))
            for side in sides:
                value = common + rng.normal(0, own)
                if value > 0 or len(side) > 1:
                    shape += abs(value) * self._offsets[side[-1] if value > 0 else side[0]]
        return shape

    def _align(self, shape: Floats) -> Floats:
        """Move and turn a head onto the base mesh's (Kabsch 1976), so that neither is left in the components."""
        a, b = shape[self._rigid], self._rest[self._rigid]
        u, _, vt = np.linalg.svd((a - a.mean(0)).T @ (b - b.mean(0)))
        turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
        return np.asarray((shape - a.mean(0)) @ turn + b.mean(0))


def _modifiers(source: Source) -> dict[str, list[tuple[str, ...]]]:
    """Modifiers by name, each with its sides (two for what the ears have), a side with its (lower, upper) targets."""
    names = [n[len(TARGETS):-len(".target.gz")] for folder in FOLDERS for n in source.names(f"{TARGETS}{folder}/")]
    merged: dict[str, list[tuple[str, ...]]] = {}
    for stem, targets in pair_targets([n for n in names if not n.startswith(POSE_MODIFIERS)]).items():
        merged.setdefault(stem.replace("/r-", "/l-"), []).append(targets)
    return merged


def pair_targets(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Group targets into modifiers: nose-width1-decr and -incr are the two ends of nose-width1."""
    modifiers: dict[str, tuple[str, ...]] = {}
    for name in sorted(names):
        stem, _, end = name.rpartition("-")
        ends = next((pair.split("|") for pair in OPPOSITES if end in pair.split("|")), None)
        if ends is None:
            modifiers[name] = (name,)
        elif f"{stem}-{ends[0]}" in names and f"{stem}-{ends[1]}" in names:
            modifiers[stem + "-" + "|".join(ends)] = (f"{stem}-{ends[0]}", f"{stem}-{ends[1]}")
        else:
            modifiers[name] = (name,)
    return modifiers


def hat_weights(value: float, anchors: Sequence[float]) -> Floats:
    """Weights (K,) of linear interpolation between K anchors; they sum to 1."""
    return np.array([np.interp(value, anchors, row) for row in np.eye(len(anchors))])


def principal_components(heads: Floats, mirror: np.ndarray[tuple[int], np.dtype[np.int64]],
                         count: int) -> IdentitySpace:
    """Components of a population (N, V, 3) that has each head's mirror image in it too.

    Such a population's components are symmetric or antisymmetric, so the two kinds are found apart and merged
    by variance. Each component's sign is that of its largest coordinate.
    """
    reflected = heads[:, mirror] * np.array([-1.0, 1.0, 1.0])
    mean = (heads.mean(0) + reflected.mean(0)) / 2
    parts = [(heads + reflected) / 2 - mean, (heads - reflected) / 2]
    modes, spreads = [], []
    for part in parts:
        flat = part.reshape(len(part), -1)
        power, mixes = np.linalg.eigh(flat @ flat.T)
        kept = power > power.max() * 1e-9
        modes.append((mixes[:, kept] / np.sqrt(power[kept])).T @ flat)
        spreads.append(np.sqrt(power[kept] / (len(heads) - 1)))
    spread, mode = np.concatenate(spreads), np.concatenate(modes)
    order = np.argsort(-spread, kind="stable")[:count]
    sign = np.sign(np.take_along_axis(mode[order], np.abs(mode[order]).argmax(1)[:, None], 1))
    basis = mode[order] * sign * spread[order, None]
    share = float((spread[order] ** 2).sum() / (spread**2).sum())
    return IdentitySpace(mean, basis.reshape(-1, *mean.shape), share)


def _macro_names() -> list[str]:
    universal = [f"universal-{g}-{a}-{m}-{w}" for g in GENDERS for a in AGES for m in MUSCLES for w in WEIGHTS]
    return [f"{o}-{g}-{a}" for o in ORIGINS for g in GENDERS for a in AGES] + universal


def _rigid_vertices(rest: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Vertices of the skull and upper face: everything above the nostrils."""
    return np.flatnonzero(rest[:, 1] > 0.69)
