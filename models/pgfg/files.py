# SPDX-License-Identifier: Apache-2.0
"""Weights of generators in safetensors files: the configuration in the header, every array checked before use."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ..dynamics.weights import read_weights, write_weights
from .config import Config
from .shapes import shapes

FORMAT, VERSION = "mien pgfg", "1"
SHIPPED = Path(__file__).parents[1] / "weights" / "pgfg.safetensors"
LARGEST = 512 << 20


@dataclass(frozen=True, eq=False)
class GeneratorWeights:
    """A generator's arrays, float32, and what they are."""

    config: Config
    arrays: dict[str, NDArray[np.float32]]
    notes: dict[str, str]


def load_generator(path: str | os.PathLike[str] = SHIPPED, expected: str | None = None) -> GeneratorWeights:
    """From a file of weights, by default the one in the box.

    Args:
        expected: the name of the configuration that is wanted, where any would not do.

    Raises:
        BadInput: no such file, a pickle, truncated, of something else or of another configuration, or arrays of
            other sizes than the configuration has.
    """
    _refuse_pickles(path)
    arrays, notes = read_weights(path, LARGEST)
    if notes.get("format") != FORMAT:
        raise BadInput(f"{path} holds weights of something else; give those of a face generator.")
    if notes.get("version") != VERSION:
        raise BadInput(f"{path} was written by a newer version; update to read it.")
    config = Config.read(notes)
    if expected is not None and config.name != expected:
        raise BadInput(f"{path} holds the generator {config.name!r}, not {expected!r}; give its weights.")
    wanted = shapes(config)
    for name, shape in wanted.items():
        if name not in arrays or arrays[name].shape != shape:
            raise BadInput(f"{path} is damaged: {name} is missing or has another size than {config.name} needs.")
    return GeneratorWeights(config, {n: np.asarray(arrays[n], np.float32) for n in wanted}, notes)


def save_generator(path: str | os.PathLike[str], config: Config, arrays: Mapping[str, NDArray[Any]],
                   notes: Mapping[str, str] | None = None) -> None:
    """Write weights in half precision, with their configuration."""
    half = {name: np.asarray(value, np.float16) for name, value in arrays.items() if name in shapes(config)}
    write_weights(path, half, {**(notes or {}), "format": FORMAT, "version": VERSION, "config": config.text()})


def _refuse_pickles(path: str | os.PathLike[str]) -> None:
    try:
        with Path(path).open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise BadInput(f"Cannot read the weights {path}: {error.strerror or error}.") from error
    if start[:2] == b"PK" or (start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")):
        raise BadInput(f"{path} is a pickle, which could run anything when read; convert it to .safetensors first.")
