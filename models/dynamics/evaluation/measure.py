# SPDX-License-Identifier: Apache-2.0
"""`mien evaluate dynamics`: prediction, in-betweening, liveliness and speed, with baselines in the same run."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ....core.errors import BadInput
from ....core.evaluate.report import Report, text_table
from ....core.progress import Progress
from ..codec import FPS
from ..corpus import Clip, load_corpus, split_of
from ..files import Network, load_network
from ..predict import part, predict
from .alive import liveliness
from .errors import GAPS, HORIZONS, between, prediction
from .judging import judged
from .speed import speed

MINUTE, MINUTES = int(60 * FPS), 3


def evaluate_dynamics(places: Sequence[str | os.PathLike[str]], *, weights: Path | None = None,
                      baseline: Path | None = None, progress: Progress | None = None) -> Report:
    """Measure on the persons kept for testing, in folders of motions or packed files.

    Args:
        weights: another network than the one in the box.
        baseline: a deterministic network of the same size to compare with, trained with `--deterministic`.

    Raises:
        BadInput: no person there is kept for testing, or none has enough frames.
    """
    network = load_network(weights) if weights else load_network()
    clips = load_corpus(places)
    test = [c for c in clips if split_of(c.person) == "test" and c.person not in network.persons]
    others = [c for c in clips if split_of(c.person) != "test"]
    if not test or not others:
        raise BadInput("Measuring needs motions of persons kept for testing and of others.")
    tell = progress or (lambda done, total=None: None)
    plain_net = load_network(baseline) if baseline else None
    figures: dict[str, Any] = {"persons": len({c.person for c in test}), "clips": len(test),
                               "frames": sum(len(c.motion) for c in test)}
    for number, observed in enumerate((10, 1)):
        figures[f"prediction_{observed}"] = prediction(test, others, observed, network, plain_net)
        tell(number + 1, 6)
    for number, context in enumerate((1, 10)):
        figures[f"inbetween_{context}"] = {str(gap): between(test, gap, context, network) for gap in GAPS}
        tell(number + 3, 6)
    figures["alive"] = alive(test, network)
    tell(5, 6)
    figures["judge"] = judged(clips, network)
    figures["speed"] = speed(part(test[0].motion, 0, 10), network)
    tell(6, 6)
    return Report(figures, table(figures))


def alive(test: Sequence[Clip], network: Network) -> dict[str, Any]:
    """Minutes of free running, several from each test person's first ten frames."""
    starts = {c.person: c.motion for c in test}
    made = [predict(part(m, 0, 10), MINUTE, seed=i + 1000 * draw, network=network)
            for draw in range(MINUTES) for i, m in enumerate(starts.values())]
    return liveliness([(c.person, c.motion) for c in test], made)


def table(figures: dict[str, Any]) -> str:
    """The figures for a person."""
    lines = [f"{figures['persons']} persons, {figures['clips']} clips, {figures['frames']} frames not learned from"]
    for observed in (10, 1):
        found = figures[f"prediction_{observed}"]
        names = [n for n in found if isinstance(found[n], dict)]
        for kind, title in (("at_mm", "at the frame"), ("mean_mm", "mean up to the frame")):
            rows = [[name, *(found[name][kind][str(h)] for h in HORIZONS)] for name in names]
            rivals = [n for n in names if n in ("hold last", "linear, damped", "nearest neighbour",
                                                "deterministic LSTM")]
            rows.append(["best of 10 / best baseline", *(
                found["best of 10"][kind][str(h)] / min(found[n][kind][str(h)] for n in rivals) for h in HORIZONS)])
            lines += ["", f"{observed} observed, {found['pieces']} pieces, surface error in mm {title}",
                      text_table(["frames", *map(str, HORIZONS)], rows)]
    for context in (1, 10):
        found = figures[f"inbetween_{context}"]
        rows = [[gap, *(found[gap][n] for n in ("linear", "bezier", "mien", "ratio", "arrival"))] for gap in found]
        lines += ["", f"in-betweening, {context} frames known on each side, mm",
                  text_table(["gap", "linear", "bezier", "mien", "ratio", "arrival"], rows)]
    lines += [""] + [f"{k}: {v}" for part in ("alive", "judge", "speed") for k, v in figures[part].items()]
    return "\n".join(lines)
