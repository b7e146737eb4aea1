# SPDX-License-Identifier: Apache-2.0
"""What each part of the generator and of its training is worth: small trainings that differ in one thing each.

`python -m mien.models.pgfg.evaluation.ablation SHARDS -o FILE.json`. All begin at the same weights and see the same
pairs in the same order; what they make of persons kept apart is compared with the mesh's frames. Orderings at a small
budget: differences of a hundredth are noise, and what pays late (a critic) does not show.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from torch import Tensor

from ....core.evaluate.report import Report, plain, text_table
from ....core.files import atomic_write
from ...dynamics.corpus import Split
from ...faces.pairs import FacePairs
from ...faces.played import Options
from ..config import FACEANIME, MIEN128, Config
from ..criterion import Teachers, measured
from ..feeding import Batch, collated
from ..generators import units
from ..identity import Recogniser, load_recogniser
from ..landmarker import Landmarker
from ..losses import FACEANIME as FACEANIME_LOSSES
from ..losses import Weights
from ..plan import Plan
from ..run import Run
from ..samples import Sample
from ..sheets import means
from ..train import fabric_class

SIZE = 64
SMALL = replace(MIEN128, name="mien64", size=SIZE, widths=(16, 32, 64, 96))
SMALL_FACEANIME = replace(FACEANIME, name="faceanime64", size=SIZE, widths=(16, 32, 64, 96, 96))
PLAIN = Weights(adversarial=0, features=0, identity=0, perceptual=0, landmarks=0, traits=0, steadiness=0)
MEASURES = ("L1", "mouth", "eyes", "AKD")
Prior = tuple[int, bool]
_TOGETHER = 8


@dataclass(frozen=True)
class Row:
    """One training."""

    name: str
    config: Config = SMALL
    weights: Weights = PLAIN
    prior: Prior = (4, False)
    """Interval, and whether it is in pixels"""
    synthetic: float = 0.3
    frozen: tuple[int, ...] = ()
    """Outputs of the last layer that stay at nothing: 0 … 11 colours, 16 and 17 the shift"""
    rate: float | None = None


@dataclass
class Pools:
    """Pairs made once: of real and of made-up people to learn from, and of people apart, by each of several priors."""

    real: dict[Prior, list[Sample]]
    made_up: dict[Prior, list[Sample]]
    apart: dict[Prior, list[Sample]]

    @classmethod
    def of(cls, shards: Sequence[str | os.PathLike[str]], priors: Sequence[Prior], count: int) -> "Pools":
        """`count` pairs of real people, half as many of the other two kinds."""
        return cls(_made(shards, priors, count, "train", 0.0), _made(shards, priors, count // 2, "train", 1.0),
                   _made(shards, priors, count // 2, "validation", 0.0))


def _made(shards: Sequence[str | os.PathLike[str]], priors: Sequence[Prior], count: int, split: Split,
          synthetic: float) -> dict[Prior, list[Sample]]:
    options = [Options(SIZE, *p, augment=split == "train", synthetic=synthetic) for p in priors]
    pairs = FacePairs.of(shards, split, options[0])
    out: dict[Prior, list[Sample]] = {p: [] for p in priors}
    index = 0
    while len(out[priors[0]]) < count:
        for prior, group in zip(priors, pairs.variants(index, _TOGETHER, options), strict=True):
            out[prior] += group
        index += 1
    return out


@dataclass
class Mixed:
    """A feeder of pairs of both kinds."""

    real: list[Sample]
    made_up: list[Sample]
    synthetic: float

    def batch(self, random: np.random.Generator, count: int) -> Batch:
        pools = [self.made_up if share < self.synthetic else self.real for share in random.random(count)]
        return collated([pool[int(random.integers(1 << 30)) % len(pool)] for pool in pools])

    def close(self) -> None:
        pass


def rows(recogniser: bool) -> list[Row]:
    """The reference, and what differs from it in one thing."""
    base = Row("reference: every 4th vertex, residual, on the mesh's frame")
    out = [base, *(replace(base, name=f"prior of every {k}. vertex" if k > 1 else "prior of every vertex",
                           prior=(k, False)) for k in (1, 2, 3, 6)),
           replace(base, name="dense prior", prior=(1, True)),
           replace(base, name="plain prior", config=replace(SMALL, residual=False)),
           replace(base, name="on the source", config=replace(SMALL, base="source")),
           replace(base, name="no shift: colours alone", frozen=(16, 17)),
           replace(base, name="no colours: shift alone", frozen=tuple(range(12))),
           replace(base, name="no more weight on mouth and eyes", weights=replace(PLAIN, mouth=0, eyes=0)),
           replace(base, name="no structure loss", weights=replace(PLAIN, structure=0)),
           replace(base, name="with the critic", weights=replace(PLAIN, adversarial=0.25, features=2)),
           replace(base, name="with the landmark network's losses", weights=replace(PLAIN, landmarks=0.3, traits=2)),
           replace(base, name="real people alone", synthetic=0.0),
           replace(base, name="made-up people alone", synthetic=1.0),
           Row("FaceAnime's network and losses", SMALL_FACEANIME, replace(FACEANIME_LOSSES, identity=0), rate=1e-4),
           Row("FaceAnime's network, our losses", SMALL_FACEANIME, PLAIN)]
    if recogniser:
        out.append(replace(base, name="with identity and perceptual losses",
                           weights=replace(PLAIN, identity=1, perceptual=1)))
    return out


def trained(row: Row, pools: Pools, steps: int, batch: int, recogniser: Recogniser | None,
            precision: Any) -> dict[str, float | None]:
    """Train by a row; what it reaches on persons kept apart, of 255, and by how much that is less than the mesh's."""
    plan = Plan(row.config, steps, batch, weights=row.weights, check_every=steps, average=0.99, adversarial_from=0.3)
    if row.rate is not None:
        plan = replace(plan, rate=row.rate, critic_rate=row.rate, betas=(0.0, 0.9), adversarial_from=0.0)
    fabric = fabric_class()(accelerator="cpu", precision=precision)
    feeder = Mixed(pools.real[row.prior], pools.made_up[row.prior], row.synthetic)
    run = Run(fabric, plan, feeder, pools.apart[row.prior], recogniser)
    _freeze(run, row.frozen)
    for _ in range(steps):
        run.advance()
    run.averaged.load_state_dict(run.average)
    return _figures(run, pools.apart[row.prior])


def _freeze(run: Run, outputs: tuple[int, ...]) -> None:
    def without(gradient: Tensor) -> Tensor:
        gradient = gradient.clone()
        gradient[list(outputs)] = 0
        return gradient

    if outputs:
        last: Any = cast(Any, run.plain).net.decoder.last
        last.weight.register_hook(without)
        last.bias.register_hook(without)


def _figures(run: Run, apart: list[Sample]) -> dict[str, float | None]:
    batches = [units(collated(apart[i:i + 8])) for i in range(0, len(apart), 8)]
    teachers = Teachers(landmarker=Landmarker())
    found = means([measured(run.averaged, b, teachers) for b in batches])
    return {m: plain(found[m] / found[f"mesh {m}"]) for m in MEASURES}


def ablation(shards: Sequence[str | os.PathLike[str]], *, steps: int = 300, batch: int = 8, pairs: int = 256,
             identity: str | os.PathLike[str] | None = None, precision: Any = "bf16-mixed",
             chosen: Sequence[Row] | None = None, done: Callable[[Report], None] | None = None) -> Report:
    """Train every row; each measure as a share of the mesh's on the same pairs: below 1 is better than the mesh.

    Args:
        identity: a recognition network, see `identity.load_recogniser`; without one its row is left out.
        done: called with what is known after every row.
    """
    table = list(chosen if chosen is not None else rows(identity is not None))
    recogniser = load_recogniser(identity) if identity is not None else None
    pools = Pools.of(shards, list(dict.fromkeys(row.prior for row in table)), pairs)
    known: dict[str, Any] = {}
    report = Report({}, "")
    for row in table:
        began = time.process_time()
        known[row.name] = trained(row, pools, steps, batch, recogniser, precision)
        known[row.name]["seconds"] = plain(time.process_time() - began, 3)
        budget = {"steps": steps, "batch": batch, "pairs": pairs, "size": SIZE}
        lines = [(name, *(f[m] for m in MEASURES)) for name, f in known.items()]
        report = Report({**budget, "rows": known}, text_table(("of the mesh's error", *MEASURES), lines))
        if done:
            done(report)
    return report


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("shards", nargs="+", help="folders made by `mien dataset faces`")
    parser.add_argument("-o", "--output", type=Path, help="the figures as JSON, written after every row")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=256)
    parser.add_argument("--identity", type=Path, help="a recognition network of `mien train identity`")
    parser.add_argument("--rows", nargs="*", default=(), metavar="WORD", help="only rows whose names hold one of these")
    options = parser.parse_args(arguments)
    chosen = [r for r in rows(options.identity is not None)
              if not options.rows or any(word in r.name for word in options.rows)]

    def write(report: Report) -> None:
        if options.output:
            with atomic_write(options.output) as temporary:
                temporary.write_text(json.dumps(report.figures, indent=1) + "\n")

    print(ablation(options.shards, steps=options.steps, pairs=options.pairs, identity=options.identity, chosen=chosen,
                   done=write).table)


if __name__ == "__main__":
    main()
