# SPDX-License-Identifier: Apache-2.0
"""`mien evaluate dynamics`: prediction, in-betweening, liveliness and speed, with baselines in the same run."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import BadInput
from ....core.evaluate.report import Report, plain, text_table
from ....core.model_files import default_model
from ....core.motion import Motion
from ....core.progress import Progress
from ..codec import FPS, placement, unplaced
from ..corpus import Clip, load_corpus, split_of
from ..courses import draw_course
from ..files import Network, load_network
from ..predict import inbetween, predict
from ..surface import Surface
from . import baselines, classifier
from .alive import liveliness
from .windows import distance, pieces

HORIZONS = (5, 10, 25, 50)
GAPS = (10, 25, 50)
SAMPLES = 10
MINUTE = int(60 * FPS)
Way = Callable[[Motion, int], Motion]


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
    figures["speed"] = speed(test[0].motion, network)
    tell(6, 6)
    return Report(figures, table(figures))


def prediction(test: Sequence[Clip], others: Sequence[Clip], observed: int, network: Network,
               plain_net: Network | None) -> dict[str, Any]:
    """Errors by method and horizon: `at` the frame, and the `mean` up to it."""
    surface, frames = Surface.of(default_model()), max(HORIZONS)
    near = baselines.Neighbours.of(others, network.codec, frames)
    damping = _best_damping(others, surface)
    ways: dict[str, Way] = {
        "hold last": baselines.hold,
        "linear, damped": lambda m, n: baselines.linear(m, n, damping),
        "nearest neighbour": near.follow,
        "temperature 0": lambda m, n: predict(m, n, temperature=0, network=network)}
    if plain_net:
        ways["deterministic LSTM"] = lambda m, n: predict(m, n, temperature=0, network=plain_net)
    found: dict[str, list[Any]] = {name: [] for name in ways}
    best: list[Any] = []
    for piece in pieces(test, observed, frames):
        for name, way in ways.items():
            found[name].append(distance(surface, way(piece.observed, frames), piece.truth))
        best.append([distance(surface, predict(piece.observed, frames, seed=s, network=network), piece.truth)
                     for s in range(SAMPLES)])
    out: dict[str, Any] = {name: _errors(np.array(values)) for name, values in found.items()}
    drawn = np.array(best)
    out["best of 10"] = {
        kind: {str(h): plain(float(_at(drawn[:, :, i], h, mean).min(1).mean())) for h in HORIZONS}
        for i, what in enumerate(("mm", "coefficients")) for mean, kind in ((False, f"at_{what}"),
                                                                            (True, f"mean_{what}"))}
    out["one sample"] = _errors(drawn[:, 0])
    out["pieces"], out["damping"] = len(best), damping
    return out


def _at(values: Any, horizon: int, mean: bool) -> Any:
    return values[..., :horizon].mean(-1) if mean else values[..., horizon - 1]


def _errors(values: Any) -> dict[str, dict[str, float | None]]:
    """Means over pieces of errors (N, 2, frames)."""
    return {kind: {str(h): plain(float(_at(values[:, i], h, mean).mean())) for h in HORIZONS}
            for i, what in enumerate(("mm", "coefficients"))
            for mean, kind in ((False, f"at_{what}"), (True, f"mean_{what}"))}


def _best_damping(others: Sequence[Clip], surface: Surface) -> float:
    """The damping that is best over 25 frames for the persons who are not tested."""
    some = list(pieces(others, 10, 25))[::5]
    errors = [np.mean([distance(surface, baselines.linear(p.observed, 25, d), p.truth)[0].mean() for p in some])
              for d in baselines.DAMPING]
    return baselines.DAMPING[int(np.argmin(errors))]


def between(test: Sequence[Clip], gap: int, context: int, network: Network) -> dict[str, Any]:
    """Mean errors of the inner frames of gaps, with `context` frames known on both sides, and of the arrival."""
    surface = Surface.of(default_model())
    ways: dict[str, Callable[[Motion, Motion, int], Motion]] = {
        "linear": baselines.straight, "bezier": baselines.bezier,
        "mien": lambda a, b, n: inbetween(a, b, n, network=network)}
    found: dict[str, list[float]] = {name: [] for name in ways}
    arrival = 0.0
    for piece in pieces(test, context, gap, context):
        assert piece.after is not None
        for name, way in ways.items():
            found[name].append(float(distance(surface, way(piece.observed, piece.after, gap), piece.truth)[0].mean()))
        there = predict(piece.observed, gap + 1, target=piece.after, temperature=1.0, network=network)
        arrival = max(arrival, float(np.abs(there.vectors()[-1] - piece.after.vectors()[0]).max()))
    means = {name: plain(float(np.mean(values))) for name, values in found.items()}
    rival = min(float(np.mean(found[n])) for n in ("linear", "bezier"))
    return {**means, "ratio": plain(float(np.mean(found["mien"])) / rival), "arrival": plain(arrival, 8),
            "pieces": len(found["mien"])}


def alive(test: Sequence[Clip], network: Network) -> dict[str, Any]:
    """A minute of free running from each test person's first ten frames."""
    starts = {c.person: c.motion for c in test}
    made = [predict(_first(m, 10), MINUTE, seed=i, network=network) for i, m in enumerate(starts.values())]
    return liveliness([(c.person, c.motion) for c in test], made)


def judged(clips: Sequence[Clip], network: Network) -> dict[str, float | None]:
    """Accuracy of the judge on real windows against made ones of each kind, all of persons who were not learned from:
    what is made draws on those who were."""
    codec = network.codec
    known = [c for c in clips if len(c.motion) >= 10 + 2 * FPS and c.person not in network.persons]
    real = [(c.person, w) for c in known for w in classifier.windows(centred(c.motion), codec)]
    out: dict[str, float | None] = {}
    ways: dict[str, Callable[[Motion, int, int], Motion]] = {
        "mien": lambda m, n, s: predict(m, n, seed=s, network=network),
        "hold last": lambda m, n, s: baselines.hold(m, n),
        "linear, damped": lambda m, n, s: baselines.linear(m, n, 0.95)}
    for name, way in ways.items():
        made = [(c.person, w) for i, c in enumerate(known)
                for w in classifier.windows(centred(way(_first(c.motion, 10), min(len(c.motion), 300), i)), codec)]
        out[name] = plain(float(np.mean([classifier.accuracy(real, made, seed) for seed in range(3)])))
    return out


def centred(motion: Motion) -> Motion:
    """The motion with places counted from its own mean, so that where the face is does not tell."""
    home = motion.translation.mean(0)
    return replace(motion, translation=unplaced(placement(motion.translation, home), home))


def _first(motion: Motion, frames: int) -> Motion:
    from ..predict import part

    return part(motion, 0, frames)


def speed(motion: Motion, network: Network) -> dict[str, float | None]:
    """Milliseconds a frame of numpy's roll-out, the quickest of five of 300 frames."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        predict(_first(motion, 10), 300, network=network)
        times.append((time.perf_counter() - start) / 300)
    return {"numpy_ms_per_frame": plain(1000 * min(times)), "torch_frames_per_second": _torch_speed(network)}


def _torch_speed(network: Network, batch: int = 256, frames: int = 50) -> float | None:
    """Frames a second of drawn roll-outs, the quickest of three; None without torch."""
    try:
        batches = import_module("..batches", __package__)
    except ImportError:
        return None
    net, config = batches.network_of(network), network.runtime.config
    start, momentum = np.zeros((batch, 1, config.state), np.float32), network.runtime.weights["momentum"][0]
    courses = [draw_course(network.bank, s, s[0], frames, i, momentum) for i, s in enumerate(start)]
    times = []
    for _ in range(3):
        began = time.perf_counter()
        batches.roll_out(net, start, start[:, 0], frames, 1.0, courses)
        times.append(time.perf_counter() - began)
    return plain(batch * frames / min(times), 0)


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
