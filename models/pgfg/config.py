# SPDX-License-Identifier: Apache-2.0
"""The generators' measures, stored in their weights."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, cast

from ...core.errors import BadInput
from .samples import PLANES

Base = Literal["source", "warped"]
Family = Literal["faceanime", "mien"]


@dataclass(frozen=True)
class Config:
    """Sizes of a generator.

    Two families: `faceanime` is that of the paper's released code and its ancestor, `mien` ours, which moves the
    source's features with the mesh and works on every frame at half resolution and below.
    """

    name: str
    family: Family
    size: int
    """Pixels a side"""
    planes: int
    """How many of the prior's planes it reads: 3, the mosaic alone, or all"""
    widths: tuple[int, ...]
    """Channels at each scale: faceanime from the whole size down, mien from half of it"""
    growth: int = 2
    """Each layer of a dense block adds the block's width divided by this (mien)"""
    layers: int = 3
    """Layers of a dense block (mien)"""
    base: Base = "warped"
    """What shows where the mask is 0: the source, or the source moved by the mesh"""
    residual: bool = True
    """Drive with E(p_t) - E(p_s), or with E(p_t) alone"""

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, header: Mapping[str, Any]) -> "Config":
        """From the metadata of a file of weights.

        Raises:
            BadInput: there is none, or its sizes are not sensible.
        """
        try:
            values = json.loads(header["config"])
            config = cls(str(values["name"]), cast(Family, str(values["family"])), int(values["size"]),
                         int(values["planes"]), tuple(int(w) for w in values["widths"]), int(values["growth"]),
                         int(values["layers"]), cast(Base, str(values["base"])), bool(values["residual"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput("These are not the weights of a face generator.") from error
        if not config.sensible():
            raise BadInput("The weights of the face generator name impossible sizes.")
        return config

    def sensible(self) -> bool:
        scales = len(self.widths)
        return (self.family in ("faceanime", "mien") and self.base in ("source", "warped")
                and 2 <= scales <= 8 and all(8 <= w <= 1024 and w % 8 == 0 for w in self.widths)
                and 16 <= self.size <= 1024 and self.size % 2**(scales - (self.family == "faceanime")) == 0
                and 3 <= self.planes <= PLANES and 1 <= self.growth <= 8 and 1 <= self.layers <= 8)


FACEANIME = Config("faceanime", "faceanime", 128, 3, (64, 128, 256, 512, 512, 512), base="source")
"""128 px, widths, blocks and priors of FaceAnime's released code and of FRGAN's `analogy.py`, from which it comes"""
FACEANIME16 = replace(FACEANIME, name="faceanime16", widths=(16, 32, 64, 128, 128, 128))
"""The same at a quarter of its widths: where there is no GPU to train on"""
MIEN256 = Config("mien256", "mien", 256, PLANES, (32, 64, 128, 256))
MIEN128 = replace(MIEN256, name="mien128", size=128, widths=(24, 48, 96, 192))
"""Smaller: where there is no GPU to train on"""
TINY = Config("tiny", "mien", 32, PLANES, (8, 16))
"""For tests"""
TINY_FACEANIME = replace(FACEANIME, name="tiny-faceanime", size=32, widths=(8, 16, 16))
NAMED = {c.name: c for c in (FACEANIME, FACEANIME16, MIEN256, MIEN128, TINY, TINY_FACEANIME)}


def config_named(name: str) -> Config:
    """Raises:
        BadInput: there is none of that name.
    """
    if name not in NAMED:
        raise BadInput(f"There is no configuration {name!r}; choose one of {', '.join(NAMED)}.")
    return NAMED[name]
