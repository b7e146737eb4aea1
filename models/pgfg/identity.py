# SPDX-License-Identifier: Apache-2.0
"""R, the frozen recognition network of L_id: one of ours, or the user's from an ONNX file; and how faces get there."""

import os
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...core.errors import BadInput
from ..dynamics.weights import read_weights, write_weights
from .samples import PLACE

SIDE = 112
EYES_AT, MOUTH_AT = 51.6, 92.3
"""Rows of the eyes and of the corners of the mouth in the crop of 112 pixels that recognition networks read"""
MIDDLE_PLACE, EYE_PLACE, MOUTH_PLACE = 0.0665, 0.0834, 0.1490
"""The face's middle line and the same rows on the mean face, metres from its upper left corner"""
FACE = 0.133, 0.191
"""Width and height of what the planes PLACE span, metres"""
_WIDTHS = (32, 64, 128, 192, 256)
_SIZE = 128


class IdentityNet(nn.Module):
    """A small network of ours: aligned faces (B, 3, 112, 112), -1 … 1, to vectors (B, 128) of length 1."""

    def __init__(self) -> None:
        super().__init__()
        pairs = zip((3, *_WIDTHS), _WIDTHS, strict=False)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairs)
        self.same = nn.ModuleList(nn.Conv2d(w, w, 3, 1, 1) for w in _WIDTHS)
        self.norms = nn.ModuleList(nn.GroupNorm(8, w) for w in _WIDTHS)
        self.last = nn.Linear(_WIDTHS[-1] * 16, _SIZE)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The vectors, and the features of every scale."""
        found: list[Tensor] = []
        for down, same, norm in zip(self.down, self.same, self.norms, strict=True):
            x = functional.leaky_relu(norm(down(x)), 0.1)
            x = x + functional.leaky_relu(same(x), 0.1)
            found.append(x)
        return functional.normalize(self.last(x.flatten(1)), dim=1), found


class Recogniser(nn.Module):
    """A frozen recognition network behind the alignment that it needs."""

    def __init__(self, net: nn.Module, mean: tuple[float, ...] = (0.0, 0.0, 0.0),
                 spread: tuple[float, ...] = (1.0, 1.0, 1.0)) -> None:
        super().__init__()
        self.net = net.eval().requires_grad_(False)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("spread", torch.tensor(spread).view(1, 3, 1, 1))

    def forward(self, picture: Tensor, grid: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Vectors (B, D) of length 1 and inner features of pictures (B, 3, S, S), aligned by `crop_grid`."""
        crop = functional.grid_sample(picture.float(), grid, padding_mode="border", align_corners=False)
        vector, inner = self.net((crop - self.mean) / self.spread)
        return functional.normalize(vector.float(), dim=1), inner


def crop_grid(prior: Tensor, side: int = SIDE, wider: float = 1.0, lower: float = 0.0) -> Tensor:
    """Where the pixels of the aligned crop lie (B, side, side, 2) in pictures with priors (B, 8, S, S) 0 … 1.

    A similarity from the mean face to pixels is fitted to all that is drawn (least squares), and joined
    with the fixed one from the crop to those places.

    Args:
        wider: the crop's extent in that of a recognition network's.
        lower: by how much its middle lies lower than that one's, in the extent of that one.
    """
    size = prior.shape[-1]
    x, y, z = prior[:, PLACE].float().unbind(1)
    drawn = (z > 0).float()
    middle = (torch.arange(size, device=prior.device) + 0.5) * (2.0 / size) - 1
    place = torch.complex(x * FACE[0], (1 - y) * FACE[1])
    pixel = torch.complex(middle.expand(size, -1), middle[:, None].expand(-1, size))
    total = drawn.sum((1, 2)).clamp(min=1)
    mean_place, mean_pixel = ((drawn * v).sum((1, 2)) / total for v in (place, pixel.expand_as(place)))
    away = (place - mean_place[:, None, None]) * drawn
    gain = ((away.conj() * (pixel - mean_pixel[:, None, None])).sum((1, 2))
            / ((away.conj() * away).sum((1, 2)).real + 1e-6))
    along = ((torch.arange(side, device=prior.device) + 0.5) / side - 0.5) * (wider * SIDE) + SIDE / 2
    at = _from_crop(torch.complex(along.expand(side, -1), (along + lower * SIDE)[:, None].expand(-1, side)))
    where = mean_pixel[:, None, None] + gain[:, None, None] * (at - mean_place[:, None, None])
    return torch.stack([where.real, where.imag], -1)


def _from_crop(at: Tensor) -> Tensor:
    """Pixels of the crop (complex) to places: upright, the eyes' and the mouth's lines where they belong."""
    scale = (MOUTH_PLACE - EYE_PLACE) / (MOUTH_AT - EYES_AT)
    return complex(MIDDLE_PLACE, EYE_PLACE) + scale * (at - complex(SIDE / 2, EYES_AT))


def load_recogniser(path: str | os.PathLike[str]) -> Recogniser:
    """From our weights (.safetensors) or from an ONNX network that reads 112 × 112 pixels.

    Raises:
        BadInput: no such file, damaged, or of something else.
        MissingPart: an ONNX file, and no `onnx` to read it.
    """
    if Path(path).suffix == ".onnx":
        from .onnx_net import OnnxNet

        # Files of this kind read 0 … 1, normalised as ImageNet's pictures are.
        return Recogniser(OnnxNet(path), tuple(2 * m - 1 for m in (0.485, 0.456, 0.406)),
                          tuple(2 * s for s in (0.229, 0.224, 0.225)))
    arrays, notes = read_weights(path)
    net = IdentityNet()
    wanted = {k: tuple(v.shape) for k, v in net.state_dict().items()}
    if notes.get("format") != "mien identity" or {k: a.shape for k, a in arrays.items()} != wanted:
        raise BadInput(f"{path} does not hold the weights of the recognition network.")
    net.load_state_dict({k: torch.from_numpy(a.astype("float32")) for k, a in arrays.items()})
    return Recogniser(net)


def save_identity(path: str | os.PathLike[str], net: IdentityNet) -> None:
    arrays = {k: v.detach().cpu().half().numpy() for k, v in net.state_dict().items()}
    write_weights(path, arrays, {"format": "mien identity", "version": "1"})
