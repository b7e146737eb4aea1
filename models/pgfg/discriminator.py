# SPDX-License-Identifier: Apache-2.0
"""Our critic of [p_t, I]: patches at several scales (Isola et al. 2017; Wang et al. 2018, pix2pixHD)."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

SLOPE = 0.2


class Patches(nn.Module):
    """One scale: convolutions of stride 2, with spectral normalisation (Miyato et al. 2018)."""

    def __init__(self, planes: int, width: int, depth: int) -> None:
        super().__init__()
        widths = [planes, *(min(width << i, 8 * width) for i in range(depth))]
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(a, b, 4, 2, 1))
                                    for a, b in itertools.pairwise(widths))
        self.score = spectral_norm(nn.Conv2d(widths[-1], 1, 3, 1, 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        """The features of each layer, then the scores (B, 1, h, w)."""
        found: list[Tensor] = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), SLOPE)
            found.append(x)
        return [*found, self.score(x)]


class PatchCritic(nn.Module):
    """Reads a picture with the priors that it should agree with, whole and at half its size."""

    def __init__(self, planes: int, width: int, depth: int = 4, scales: int = 2) -> None:
        super().__init__()
        self.nets = nn.ModuleList(Patches(planes + 3, width, depth) for _ in range(scales))

    def forward(self, prior: Tensor, picture: Tensor) -> list[list[Tensor]]:
        """For every scale its features, then its scores; the prior (B, planes, S, S) 0 … 1, the picture -1 … 1."""
        x, found = torch.cat([prior, picture], 1), []
        for net in self.nets:
            found.append(net(x))
            x = functional.avg_pool2d(x, 2)
        return found
