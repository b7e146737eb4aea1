# SPDX-License-Identifier: Apache-2.0
"""The network's measures, stored in its weights; and what it reads at every frame."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput

Floats = NDArray[np.float32]

LONGEST = 60
"""Frames before the target from which the network is told how near it is: as long as it was trained for"""
NEAR = 5.0
STEEP = 4.0
HOMEWARD = 0.2
LEASH, LEASH_PULL = (0.8, 0.8, 0.5, 0.2), (0.05, 0.1, 0.1, 0.1)
"""By group of numbers: beyond the first distance from home the second share of the rest is taken back at every frame.
Two seconds of learned motion do not say what keeps a minute of it together."""
CAUTION = 0.1
"""Share of the learned expectation that is used beyond the momentum of each number: with as few persons as are learned
from, the rest does not carry over to others"""
FOLLOW = 0.05
"""Share of the way to its course's line that a roll-out is drawn at every frame"""
TIMER = 5


@dataclass(frozen=True)
class Config:
    """Sizes: D numbers a state, H of the LSTM, K mixture components for each group of numbers."""

    state: int
    hidden: int = 96
    mixtures: int = 4
    groups: int = 4

    @property
    def inputs(self) -> int:
        """Numbers read at a frame: the state, about the anchor and itself, the last step, where the target lies, what
        step would reach it in time, the target's own step, and the timer."""
        return 6 * self.state + TIMER

    @property
    def outputs(self) -> int:
        """Numbers made of the LSTM's output: the expected step, then logits, means and log deviations."""
        return self.state + self.mixtures * (self.groups + 2 * self.state)

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, header: Mapping[str, Any]) -> "Config":
        """From the metadata of a file of weights.

        Raises:
            BadInput: there is none, or its sizes are not sensible.
        """
        try:
            numbers = {k: int(v) for k, v in json.loads(header["config"]).items()}
            config = cls(**numbers)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput("These are not the weights of the dynamics network.") from error
        if not (0 < config.state <= 512 and 0 < config.hidden <= 4096 and 0 < config.mixtures <= 64
                and 0 < config.groups <= 64):
            raise BadInput("The weights of the dynamics network name impossible sizes.")
        return config


def shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Every learned array by name: the LSTM's as torch names and orders them (input, forget, cell, output)."""
    h = config.hidden
    return {"lstm.weight_ih_l0": (4 * h, config.inputs), "lstm.weight_hh_l0": (4 * h, h), "lstm.bias_ih_l0": (4 * h,),
            "lstm.bias_hh_l0": (4 * h,), "head.weight": (config.outputs, h), "head.bias": (config.outputs,),
            "momentum": (2, config.state), "pull": (2, config.state), "home": (2, config.state)}


def timer(frames_left: NDArray[np.floating], length: NDArray[np.floating], aimed: NDArray[np.floating],
          known: NDArray[np.floating]) -> Floats:
    """The timer's numbers (..., 5): whether there is a target, whether its step is known, the share of the way that
    has passed, and how near its end is, on two scales. Zero without a target."""
    left = np.minimum(frames_left, LONGEST)
    passed = 1 - frames_left / np.maximum(length, 1)
    values = np.stack([np.ones_like(passed), known, passed, np.log1p(left) / np.log1p(LONGEST),
                       np.exp(-left / NEAR)], -1)
    return np.asarray(values * aimed[..., None], np.float32)
