# SPDX-License-Identifier: Apache-2.0
"""Variety made on the device: mirrored, turned, scaled, moved and recoloured, source and target alike."""

import torch
from torch import Tensor
from torch.nn import functional

from .samples import MOSAIC, PLACE

SCALE, TURN, MOVE = 0.08, 0.1, 0.03
"""Spread of the logarithm of the scale, radians, and share of the side"""
GAIN, OFFSET, TINT, GREY = 0.08, 0.04, 0.03, 0.15
"""Spread of the logarithm of the contrast; of brightness and of each channel's own, of 255; of the saturation's"""
Batch = dict[str, Tensor]


def varied(batch: Batch) -> Batch:
    """A batch of bytes (`samples.Sample`, B of each) varied at random; the flow stays true."""
    return recoloured(turned(mirrored(batch)))


def mirrored(batch: Batch, chosen: Tensor | None = None) -> Batch:
    """Half of the pairs, or the chosen ones (B,), in a mirror."""
    device = batch["source"].device
    flip = torch.rand(len(batch["source"]), device=device) < 0.5 if chosen is None else chosen
    pick = flip.view(-1, 1, 1, 1)
    out = dict(batch)
    for name, value in batch.items():
        if value.ndim != 4:
            continue
        other = value.flip(-1)
        if name == "flow":
            other = torch.cat([value.shape[-1] - other[:, :1], other[:, 1:]], 1)
        elif name.startswith("prior"):
            x = other[:, PLACE.start:PLACE.start + 1]
            other = other.clone()
            other[:, PLACE.start:PLACE.start + 1] = torch.where(x > 0, (256 - x.int()).clamp(1, 255).to(x.dtype), x)
        out[name] = torch.where(pick, other, value)
    return out


def turned(batch: Batch) -> Batch:
    """Each pair scaled, turned and moved about the middle, both pictures in the same way."""
    count, device = len(batch["source"]), batch["source"].device
    scale = torch.exp(torch.randn(count, device=device) * SCALE).clamp(0.75, 1.3)
    angle, move = torch.randn(count, device=device) * TURN, torch.randn(count, 2, device=device) * MOVE
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    # From places of the new picture, -1 … 1, to places of the old one.
    back = torch.stack([torch.stack([cosine, -sine], -1), torch.stack([sine, cosine], -1)], 1)
    return placed(batch, back, move)


def placed(batch: Batch, back: Tensor, move: Tensor) -> Batch:
    """The old pictures at back · place + move, (B, 2, 2) and (B, 2), places -1 … 1."""
    size = batch["source"].shape[-1]
    theta = torch.cat([back, move[:, :, None]], 2)
    grid = functional.affine_grid(theta, [len(theta), 1, size, size], align_corners=False)
    forth = torch.linalg.inv(back)
    out = dict(batch)
    for name, value in batch.items():
        if value.ndim != 4:
            continue
        sharp = name.startswith("prior") or name == "regions"
        taken = functional.grid_sample(value.float(), grid, mode="nearest" if sharp else "bilinear",
                                       padding_mode="zeros" if sharp else "reflection", align_corners=False)
        if name == "flow":
            place = taken * (2.0 / size) - 1 - move[:, :, None, None]
            out[name] = (torch.einsum("bij,bjhw->bihw", forth, place) + 1) * (size / 2)
        else:
            out[name] = taken.round().to(value.dtype)
    return out


def recoloured(batch: Batch) -> Batch:
    """Contrast, brightness, tint and saturation of each pair, of pictures and mosaics alike."""
    count, device = len(batch["source"]), batch["source"].device
    gain = torch.exp(torch.randn(count, 1, 1, 1, device=device) * GAIN)
    offset = 255 * (torch.randn(count, 1, 1, 1, device=device) * OFFSET
                    + torch.randn(count, 3, 1, 1, device=device) * TINT)
    grey = torch.randn(count, 1, 1, 1, device=device) * GREY

    def new(picture: Tensor) -> Tensor:
        x = picture.float()
        x = x + (x.mean(1, keepdim=True) - x) * grey
        return (x - 128) * gain + 128 + offset

    out = dict(batch)
    for name in ("source", "target", "warped"):
        out[name] = new(batch[name]).round().clamp(0, 255).to(torch.uint8)
    for name in ("prior_source", "prior_target"):
        prior, colours = batch[name].clone(), batch[name][:, MOSAIC]
        drawn = colours.amax(1, keepdim=True) > 0
        prior[:, MOSAIC] = torch.where(drawn, new(colours).round().clamp(1, 255), 0.0).to(torch.uint8)
        out[name] = prior
    return out
