# SPDX-License-Identifier: Apache-2.0
"""The landmark network in the box as a teacher: where lips, lids and brows are in what was made, and what it sees."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...core.errors import MissingPart
from ...core.landmarks.runtime import net_file
from .identity import crop_grid

NET = "face_turned"
SIDE = 192
WIDER, LOWER = 1.32, 0.11
"""The window that the network is used to, against that of recognition networks"""
SEEN = 4
"""Sizes of features that are compared: 96, 48, 24 and 12 pixels a side"""


class Landmarker(nn.Module):
    """Frozen; the network for turned heads, whose points hold at every pose."""

    def __init__(self) -> None:
        super().__init__()
        try:
            import onnx

            from ..turned_mesh.graph_net import GraphNet
        except ImportError as error:
            raise MissingPart("Reading an ONNX network for training needs: pip install onnx.") from error
        self.net = GraphNet(onnx.load(net_file(NET))).requires_grad_(False)

    def forward(self, picture: Tensor, grid: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Points (B, 468, 2) in pixels of the window, and inner features, of pictures (B, 3, S, S), -1 … 1."""
        window = functional.grid_sample(picture.float(), grid, padding_mode="border", align_corners=False)
        points, seen = self.net.seen((window + 1) / 2)
        return points[..., :2], seen[:SEEN]


def window_grid(prior: Tensor, jitter: float = 0.0) -> Tensor:
    """Where the pixels of the network's window lie (B, 192, 192, 2), see `identity.crop_grid`.

    Args:
        jitter: of the picture's half side, the most by which windows are moved at random: what is made cannot then
            be fitted to what the network makes of single pixels.
    """
    grid = crop_grid(prior, SIDE, WIDER, LOWER)
    if not jitter:
        return grid
    return grid + jitter * (2 * torch.rand(len(prior), 1, 1, 2, device=prior.device) - 1)


def landmark_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean distance of points (B, N, 2), in pixels; not steeper than 1 near nothing."""
    return torch.sqrt(((found - wanted).float() ** 2).sum(-1) + 1e-4).mean()
