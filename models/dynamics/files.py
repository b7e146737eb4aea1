# SPDX-License-Identifier: Apache-2.0
"""The shipped network, and others from files."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from .bank import Bank
from .bridge import LENGTHS
from .codec import Codec
from .config import Config, shapes
from .runtime import Runtime
from .weights import read_weights

SHIPPED = Path(__file__).parents[1] / "weights" / "dynamics.safetensors"


@dataclass(frozen=True, eq=False)
class Network:
    """A network and what its numbers mean."""

    runtime: Runtime
    channels: tuple[str, ...]
    model_hash: str
    persons: tuple[str, ...]
    """Whom it learned from"""
    bridge: NDArray[np.float32]
    """(L, D) weights of the kernels of `bridge`"""
    bank: Bank

    @property
    def codec(self) -> Codec:
        return self.runtime.codec


@cache
def load_network(path: str | os.PathLike[str] = SHIPPED) -> Network:
    """A network from its file of weights, by default the one in the box.

    Raises:
        BadInput: no such file, damaged, not of this network, or arrays of other sizes than it needs.
    """
    arrays, notes = read_weights(path)
    if notes.get("format") != "mien dynamics":
        raise BadInput(f"{path} holds weights of something else; give those of the dynamics network.")
    if notes.get("version") != "1":
        raise BadInput(f"{path} was written by a newer version; update to read it.")
    config, codec = Config.read(notes), Codec.from_arrays(arrays)
    channels = tuple(notes.get("channels", "").split())
    if codec.size != config.state or len(channels) != len(codec.mean) or codec.group.max() >= config.groups:
        raise BadInput(f"{path} is damaged: its tables do not belong to its network.")
    weights: dict[str, NDArray[np.float32]] = {}
    for name, shape in {**shapes(config), "bridge": (len(LENGTHS), config.state)}.items():
        if name not in arrays or arrays[name].shape != shape:
            raise BadInput(f"{path} is damaged: {name} is missing or has another size than the network needs.")
        weights[name] = arrays[name]
    kernels = weights.pop("bridge")
    return Network(Runtime(config, codec, weights), channels, notes.get("model_hash", ""),
                   tuple(notes.get("persons", "").split()), kernels, Bank.from_arrays(arrays, codec))
