# SPDX-License-Identifier: Apache-2.0
"""Errors of predictions and of in-betweens on real pieces, with simple ways to do the same."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ....core.evaluate.report import plain
from ....core.model_files import default_model
from ....core.motion import Motion
from ..corpus import Clip
from ..files import Network
from ..predict import inbetween, predict
from ..surface import Surface
from . import baselines
from .windows import distance, pieces

HORIZONS = (5, 10, 25, 50)
GAPS = (10, 25, 50)
SAMPLES = 10
Way = Callable[[Motion, int], Motion]


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


