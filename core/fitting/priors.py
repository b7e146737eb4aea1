# SPDX-License-Identifier: Apache-2.0
"""What is likely before a landmark is seen: which expressions occur, alone and together."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..channels import mirror_name

Array = NDArray[np.float64]

_USUAL = 0.45
_SPREAD = {
    "eyeBlink": 1.0, "eyeSquint": 0.2, "eyeWide": 0.4, "eyeLook": 0.5,
    "jawOpen": 0.8, "jawForward": 0.15, "jawLeft": 0.25, "jawRight": 0.25,
    "mouthSmile": 0.8, "mouthClose": 0.2, "mouthFunnel": 0.5, "mouthPucker": 0.6, "mouthLeft": 0.25,
    "mouthRight": 0.25, "mouthFrown": 0.4, "mouthDimple": 0.2, "mouthStretch": 0.35, "mouthRoll": 0.35,
    "mouthShrug": 0.25, "mouthPress": 0.25, "mouthLowerDown": 0.5, "mouthUpperUp": 0.5,
    "brow": 0.6, "cheekPuff": 0.12, "cheekSquint": 0.25, "noseSneer": 0.3, "tongueOut": 0.1,
}
"""How large a channel usually gets, by the longest beginning of its name: animators' rarer units have less"""

_OPPOSED = (
    ("mouthSmile", "mouthFrown"), ("mouthSmile", "mouthPucker"), ("mouthStretch", "mouthPucker"),
    ("mouthFunnel", "mouthStretch"), ("mouthFunnel", "mouthRollLower"), ("mouthFunnel", "mouthRollUpper"),
    ("mouthRollLower", "mouthLowerDown"), ("mouthRollUpper", "mouthUpperUp"), ("mouthPress", "mouthFunnel"),
    ("mouthShrugLower", "mouthLowerDown"), ("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"),
    ("eyeLookUp", "eyeLookDown"), ("eyeLookIn", "eyeLookOut"), ("eyeBlink", "eyeWide"), ("eyeSquint", "eyeWide"),
    ("browDown", "browOuterUp"), ("mouthDimple", "mouthPucker"), ("mouthClose", "mouthLowerDown"),
    ("mouthFrown", "mouthDimple"),
)
"""Units that pull against each other: both at once would cancel on the face and confuse who edits the curves"""

_SIDED = ("eyeLookIn", "eyeLookOut", "jaw", "mouthLeft", "mouthRight")
"""Beginnings of names whose left and right are alternatives, not twins"""


@dataclass(frozen=True, eq=False)
class ExpressionPrior:
    """Energy ½ βᵀ Q β + μᵀ β: `quadratic` (E, E) is Q, positive definite; `linear` (E,) is μ."""

    quadratic: Array
    linear: Array
    spread: Array
    """(E,) how large each channel usually gets"""

    def near(self, expression: Array, steadiness: Array) -> "ExpressionPrior":
        """With a pull towards β (E,) whose strength is `steadiness` (E,), in 1 / σ²."""
        return ExpressionPrior(self.quadratic + np.diag(steadiness), self.linear - steadiness * expression,
                               self.spread)

    def loosened(self, factor: Array) -> "ExpressionPrior":
        """With channels that are believed to go `factor` (E,) times as far; how large they usually get stays."""
        return ExpressionPrior(self.quadratic / np.outer(factor, factor), self.linear / factor, self.spread)

    def energy(self, expression: Array) -> float:
        """The energy of β (E,)."""
        return float(0.5 * expression @ self.quadratic @ expression + self.linear @ expression)


@lru_cache(maxsize=16)
def expression_prior(names: tuple[str, ...], strength: float = 1.0, quiet: float = 1.0) -> ExpressionPrior:
    """The prior for channels of these names; names that are not ARKit's get the usual spread.

    Quadratic in each channel over its spread, a linear part that keeps quiet channels at exactly zero, a weak wish
    for symmetry between left and right, and a product term between opposed units, small enough to stay convex.

    Args:
        strength: factor on all of it.
        quiet: factor on the linear part.
    """
    spread = np.array([_spread(name) for name in names])
    quadratic = np.diag(1 / spread**2)
    place = {name: i for i, name in enumerate(names)}
    for i, j in _twins(place):
        tie = 1.0 / (spread[i] * spread[j])
        quadratic[[i, j], [i, j]] += tie
        quadratic[[i, j], [j, i]] -= tie
    for i, j in _opposites(place):
        quadratic[[i, j], [j, i]] += 0.9 / (spread[i] * spread[j])
    lowest = np.linalg.eigvalsh(quadratic)[0] if len(names) else 1.0
    quadratic += max(0.2 - lowest, 0.0) * np.eye(len(names))
    return ExpressionPrior(strength * quadratic, strength * quiet * 0.25 / spread, spread)


def _spread(name: str) -> float:
    beginnings = [key for key in _SPREAD if name.startswith(key)]
    return _SPREAD[max(beginnings, key=len)] if beginnings else _USUAL


def _twins(place: dict[str, int]) -> list[tuple[int, int]]:
    """Index pairs (left, right) of channels that usually act together."""
    return [(i, place[mirror_name(name)]) for name, i in place.items()
            if name.endswith("Left") and mirror_name(name) in place and not name.startswith(_SIDED)]


def _opposites(place: dict[str, int]) -> list[tuple[int, int]]:
    """Index pairs of opposed channels, side by side where they have sides."""
    found = []
    for a, b in _OPPOSED:
        for side in ("Left", "Right"):
            first = a if a in place else a + side
            second = b if b in place else b + side
            if first in place and second in place:
                found.append((place[first], place[second]))
    return sorted(set(found))
