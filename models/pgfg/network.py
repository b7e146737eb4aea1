# SPDX-License-Identifier: Apache-2.0
"""Our generator: the source's features, moved by the mesh, and the residual of the priors' features.

FaceAnime's z = E_I(I_s) + (E_p(p_t) - E_p(p_s)) holds at every scale here. What belongs to the source, E_I(I_s) -
E_p(p_s), is found once and moved to the target by the mesh's flow, so that both summands show the same face at the
same place; where the target is the source, z is E_I(I_s). D(z) shifts what the base shows by a few pixels and paints
changes of it: it need not learn to copy, and an untrained net shows the base.
Every frame costs E_p(p_t), the moving, and the decoder.
"""

import itertools
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import Config

SLOPE = 0.1
State = tuple[Tensor, ...]
"""What is found once of a source: its features at each scale (B, C, h, w), then the gains of the decoder (B, C)"""
Painted = tuple[Tensor, ...]
"""What `paint` returns"""
_FARTHEST = 1 / 16
"""Of the side: the most by which the base is shifted"""
_MASKED = -1.5
"""What the mask begins at, before the sigmoid"""


class Dense(nn.Module):
    """A residual dense block (Zhang et al. 2018, RDN): layers that each read all before them; no normalisation."""

    def __init__(self, width: int, config: Config) -> None:
        super().__init__()
        step = max(8, width // config.growth)
        self.layers = nn.ModuleList(conv(width + i * step, step) for i in range(config.layers))
        self.fuse = conv(width + config.layers * step, width, kernel=1, gain=0.2)

    def forward(self, x: Tensor) -> Tensor:
        known = x
        for layer in self.layers:
            known = torch.cat([known, functional.leaky_relu(layer(known), SLOPE)], 1)
        return x + self.fuse(known)


class Encoder(nn.Module):
    """Pictures (B, C, S, S) to features at half the size and at each half of that."""

    def __init__(self, planes: int, config: Config) -> None:
        super().__init__()
        widths = config.widths
        self.stem = conv(4 * planes, widths[0])
        self.down = nn.ModuleList(conv(a, b, stride=2) for a, b in itertools.pairwise(widths))
        self.blocks = nn.ModuleList(Dense(w, config) for w in widths[1:])

    def forward(self, x: Tensor) -> list[Tensor]:
        found = [functional.leaky_relu(unshuffled(x, self.stem), SLOPE)]
        for down, block in zip(self.down, self.blocks, strict=True):
            found.append(block(functional.leaky_relu(down(found[-1]), SLOPE)))
        return found


class Decoder(nn.Module):
    """z at all scales, each read with what was made below it, to a picture and its mask."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = config.widths
        pairs = list(itertools.pairwise(widths))
        self.deepest = Dense(widths[-1], config)
        self.up = nn.ModuleList(conv(b, 4 * a, kernel=1) for a, b in pairs)
        self.join = nn.ModuleList(conv(2 * a, a, kernel=1) for a, _ in pairs)
        self.blocks = nn.ModuleList(Dense(a, config) for a, _ in pairs)
        self.last = conv(widths[0], 18, gain=0)
        nn.init.constant_(cast(Tensor, self.last.bias)[12:16], _MASKED)
        self.reach = config.size * _FARTHEST

    def forward(self, z: list[Tensor], gains: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Changes of the base's colours (B, 3, S, S), -2 … 2, where they show (B, 1, S, S), 0 … 1, and from how far
        away the base's pixels come (B, 2, S/2, S/2), in pixels."""
        x = self.deepest(z[-1] * gains[:, :, None, None])
        for i in reversed(range(len(self.up))):
            raised = functional.pixel_shuffle(self.up[i](x), 2)
            x = self.blocks[i](functional.leaky_relu(self.join[i](torch.cat([z[i], raised], 1)), SLOPE))
        last = self.last(x)
        made = functional.pixel_shuffle(last[:, :16], 2)
        return 2 * torch.tanh(made[:, :3]), torch.sigmoid(made[:, 3:]), self.reach * torch.tanh(last[:, 16:])


class MienGenerator(nn.Module):
    """See the module. Pictures are -1 … 1 in and out, priors 0 … 1, flow in pixels."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        planes = config.planes + 4
        self.image = Encoder(3 + planes, config)
        self.prior = Encoder(planes, config)
        self.gains = nn.Linear(config.widths[-1], config.widths[-1])
        self.decoder = Decoder(config)
        nn.init.zeros_(self.gains.weight)
        nn.init.zeros_(self.gains.bias)

    def encode(self, source: Tensor, prior: Tensor) -> State:
        """What is found once of a source (B, 3, S, S) with the priors (B, planes, S, S) at its own coefficients."""
        seen = torch.cat([prior, source, 1 + 0 * source[:, :1]], 1)
        features = self.image(torch.cat([source, seen], 1))
        gains = 1 + self.gains(features[-1].mean((2, 3)))
        if self.config.residual:
            features = [f - p for f, p in zip(features, self.prior(seen), strict=True)]
        return *features, gains

    def move(self, state: State, flow: Tensor) -> State:
        """The features where the target's pixels come from; flow (B, 2, S, S) in pixels."""
        return *(moved(f, flow) for f in state[:-1]), state[-1]

    def paint(self, state: State, prior: Tensor, base: Tensor, warped: Tensor, valid: Tensor) -> Painted:
        """A picture (B, 3, S, S), the mask (B, 1, S, S) of what the network painted in it, all that it painted
        (B, 3, S, S), and from how far away (B, 2, S/2, S/2), in pixels, what it left of the base comes.

        Args:
            state: moved to the target.
            prior: (B, planes, S, S) at the target's coefficients.
            base: (B, 3, S, S) what shows through, the source or the source moved by the mesh.
            warped: (B, 3, S, S), valid: (B, 1, S, S), see `samples.Sample`.
        """
        driving = self.prior(torch.cat([prior, warped, valid], 1))
        z = [f + p for f, p in zip(state, driving, strict=False)]
        change, mask, shift = self.decoder(z, state[-1])
        base = shifted_by(base, shift)
        colour = base + change
        return mask * colour + (1 - mask) * base, mask, colour, shift


def moved(features: Tensor, flow: Tensor) -> Tensor:
    """Features (B, C, h, w) at the places of a flow (B, 2, S, S) in pixels of the S × S picture."""
    size = flow.shape[-1]
    coarse = functional.avg_pool2d(flow, size // features.shape[-1])
    grid = coarse.permute(0, 2, 3, 1) * (2.0 / size) - 1
    return functional.grid_sample(features, grid, mode="bilinear", padding_mode="border", align_corners=False)


def shifted_by(picture: Tensor, shift: Tensor) -> Tensor:
    """A picture (B, 3, S, S) whose pixels come from so far away (B, 2, S/2, S/2), in pixels."""
    size = picture.shape[-1]
    fine = functional.interpolate(shift.float(), scale_factor=2.0, mode="bilinear", align_corners=False)
    middle = torch.arange(size, dtype=torch.float32, device=picture.device) + 0.5
    x, y = fine[:, 0] + middle, fine[:, 1] + middle[:, None]
    grid = torch.stack([x, y], -1) * (2.0 / size) - 1
    return functional.grid_sample(picture.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)


def unshuffled(x: Tensor, layer: nn.Conv2d) -> Tensor:
    """A 3 × 3 convolution of `pixel_unshuffle(x, 2)`, as one of 6 × 6 and stride 2: the same, half the time on CPU."""
    weight = layer.weight
    wide = weight.reshape(weight.shape[0], -1, 2, 2, 3, 3).permute(0, 1, 4, 2, 5, 3)
    return functional.conv2d(x, wide.reshape(weight.shape[0], -1, 6, 6), layer.bias, 2, 2)


def conv(inner: int, outer: int, kernel: int = 3, stride: int = 1, gain: float = 1.0) -> nn.Conv2d:
    """A convolution that keeps the size (or halves it), started so that it keeps the variance."""
    layer = nn.Conv2d(inner, outer, kernel, stride, kernel // 2)
    nn.init.kaiming_normal_(layer.weight, SLOPE)
    with torch.no_grad():
        layer.weight *= gain
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
