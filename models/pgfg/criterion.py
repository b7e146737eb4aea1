# SPDX-License-Identifier: Apache-2.0
"""All that the generator is judged by, of one batch."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .generators import Batch
from .identity import Recogniser, crop_grid
from .landmarker import Landmarker, landmark_loss, window_grid
from .losses import (
    Scales,
    Weights,
    feature_loss,
    fooling_loss,
    identity_loss,
    image_loss,
    perceptual_loss,
    reach,
    shifted,
    structure_loss,
    unevenness,
)
from .network import Painted
from .samples import EYE_AREA, MOUTH_AREA

FARTHEST = 6
"""Pixels by which inputs are moved to see whether what is made moves along"""
MOVED = 0.25
"""Share of a batch of which this is asked"""
JITTER = 0.05
"""Of half the side: by how much the landmark network's window is moved at random"""


@dataclass(frozen=True)
class Teachers:
    """Frozen networks that look at what was made; None: not asked."""

    recogniser: Recogniser | None = None
    landmarker: Landmarker | None = None

    @classmethod
    def of(cls, weights: Weights, recogniser: Recogniser | None, device: torch.device) -> "Teachers":
        """Those that the weights ask for, on a device."""
        if recogniser is not None:
            recogniser = recogniser.to(device) if weights.identity or weights.perceptual else None
        return cls(recogniser, Landmarker().to(device) if weights.landmarks or weights.traits else None)


def with_moved(batch: Batch, random: Tensor) -> tuple[dict[str, Tensor], tuple[int, int]]:
    """The batch and, after it, a part of it whose targets are moved by whole pixels; two random numbers, 0 … 1."""
    count = max(1, round(MOVED * len(batch["source"])))
    dx, dy = (int(v) for v in (random * (2 * FARTHEST + 1)).floor() - FARTHEST)
    out = {}
    for name, value in batch.items():
        part = value[:count]
        if name in ("prior_target", "warped", "valid", "flow"):
            part = shifted(part, (dx, dy)).to(value.dtype)
        out[name] = torch.cat([value, part])
    return out, (dx, dy)


def steadiness_loss(made: Tensor, again: Tensor, by: tuple[int, int]) -> Tensor:
    """How far what is made of moved inputs (K, 3, S, S) is from the moved picture, away from the rim."""
    reach = 2 * FARTHEST
    inner = (..., slice(reach, -reach), slice(reach, -reach))
    return (again[inner] - shifted(made[:len(again)], by)[inner]).abs().mean()


def judged(painted: Painted, batch: Batch, weights: Weights, said: tuple[Scales, Scales] | None,
           teachers: Teachers) -> dict[str, Tensor]:
    """Every loss by name, and their weighted sum, `loss`.

    Args:
        said: what the critic says of them and of the truth; None while it is not asked.
    """
    (made, mask, under, *shift), target = painted, batch["target"]
    parts = {"image": image_loss(made, target, batch["regions"], weights), "mask": mask.mean()}
    if weights.under:
        parts["under"] = image_loss(under, target, batch["regions"], weights)
    if shift and weights.smooth:
        parts["smooth"] = unevenness(shift[0])
    if shift and weights.reach:
        parts["reach"] = reach(shift[0])
    if weights.structure:
        parts["structure"] = structure_loss(made, target)
    if said is not None:
        parts["adversarial"] = fooling_loss(said[0])
        if weights.features:
            parts["features"] = feature_loss(*said)
    if teachers.recogniser is not None:
        parts |= _recognised(teachers.recogniser, made, batch)
    if teachers.landmarker is not None:
        parts |= _seen(teachers.landmarker, made, batch)
    return {**parts, "loss": total(parts, weights)}


def total(parts: Mapping[str, Tensor], weights: Weights) -> Tensor:
    return torch.stack([value * getattr(weights, name) for name, value in parts.items()]).sum()


def _recognised(recogniser: Recogniser, made: Tensor, batch: Batch) -> dict[str, Tensor]:
    grid = crop_grid(batch["prior_target"])
    with torch.no_grad():
        truth, wanted = recogniser(batch["target"], grid)
    vector, found = recogniser(made, grid)
    return {"identity": identity_loss(vector, truth), "perceptual": perceptual_loss(found[:3], wanted[:3])}


def _seen(landmarker: Landmarker, made: Tensor, batch: Batch) -> dict[str, Tensor]:
    grid = window_grid(batch["prior_target"], JITTER)
    with torch.no_grad():
        truth, wanted = landmarker(batch["target"], grid)
    points, found = landmarker(made, grid)
    return {"landmarks": landmark_loss(points, truth), "traits": perceptual_loss(found, wanted)}


@torch.no_grad()
def measured(net: nn.Module, batch: Batch, teachers: Teachers) -> dict[str, Tensor]:
    """L1 of 255 over all, mouth and eyes, of what is made and of the mesh's picture; what the teachers say of both."""
    made, mask, *_ = net(batch)
    regions, target, out = batch["regions"], batch["target"], {}
    for who, picture in (("", made), ("mesh ", batch["warped"])):
        away = (picture - target).abs().mean(1, keepdim=True) * 127.5
        out[f"{who}L1"] = away.mean()
        for name, code in (("mouth", MOUTH_AREA), ("eyes", EYE_AREA)):
            here = regions == code
            out[f"{who}{name}"] = (away * here).sum() / here.sum().clamp(min=1)
        if teachers.recogniser is not None:
            grid = crop_grid(batch["prior_target"])
            vectors = [teachers.recogniser(p, grid)[0] for p in (picture, target)]
            out[f"{who}CSIM"] = (vectors[0] * vectors[1]).sum(1).mean()
        if teachers.landmarker is not None:
            grid = window_grid(batch["prior_target"])
            out[f"{who}AKD"] = landmark_loss(*(teachers.landmarker(p, grid)[0] for p in (picture, target)))
    return {**out, "painted": mask.mean()}
