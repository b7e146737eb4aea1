# SPDX-License-Identifier: Apache-2.0
"""Real motions to draw stretches from, and how persons move by and large; numpy alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from .codec import LIMIT, POSE, Codec
from .styles import Styles, liveliness

Floats = NDArray[np.float32]
Array = NDArray[np.float64]

LEVELS = 32767 / LIMIT
"""Levels that a unit of a stored state has"""
SHORTEST = 30
"""Frames of the shortest clip"""


@dataclass(frozen=True, eq=False)
class Bank:
    """Real motions one after the other, as states (N, D) whose poses are counted from each clip's mean; `lengths` (C,)
    of the clips, and the distribution of persons' styles."""

    states: Floats
    lengths: NDArray[np.int32]
    codec: Codec
    styles: Styles

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], codec: Codec) -> "Bank":
        """From a file's arrays, the states in `LEVELS`.

        Raises:
            BadInput: they are missing or do not belong together.
        """
        try:
            states, lengths = arrays["bank.states"], arrays["bank.lengths"]
        except KeyError as error:
            raise BadInput(f"The weights lack {error.args[0]}; they are not those of this network.") from error
        if states.ndim != 2 or states.shape[1] != codec.size or lengths.ndim != 1 or not len(lengths) \
                or lengths.min() < SHORTEST or lengths.sum() != len(states):
            raise BadInput("The weights' stretches of motion are damaged; fetch the file again.")
        return cls(states.astype(np.float32) / np.float32(LEVELS), lengths, codec, Styles.from_arrays(arrays, codec))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The inverse of `from_arrays`."""
        levels = np.rint(np.clip(self.states, -LIMIT, LIMIT) * LEVELS)
        return {"bank.states": levels.astype(np.int16), "bank.lengths": self.lengths.astype(np.int32),
                **self.styles.arrays()}

    @cached_property
    def ends(self) -> NDArray[np.int_]:
        """(C,) the frame after each clip."""
        return np.cumsum(self.lengths)

    @cached_property
    def origin(self) -> Floats:
        """(D,) the state of no expression and of the mean pose."""
        return np.concatenate([np.zeros(POSE), -self.codec.mean @ self.codec.encode]).astype(np.float32)

    @cached_property
    def liveliness(self) -> Floats:
        """(N, G) logarithm of how much each group has moved in the last frames."""
        parts = np.split(self.states, self.ends[:-1])
        return np.concatenate([liveliness(part, self.codec.group) for part in parts])

    @cached_property
    def usual(self) -> Floats:
        """(C, G) means of the liveliness over the clips."""
        return np.array([part.mean(0) for part in np.split(self.liveliness, self.ends[:-1])])
