# SPDX-License-Identifier: Apache-2.0
"""FaceAnime's generator and critic (Tu et al. 2021), sizes after its released code and FRGAN's (Zhao et al.).

z = E_I(I_s) + (E_p(p_t) - E_p(p_s)) in a vector of 128 numbers; the decoder reads at every scale the features of all
three pictures and all that it made before; w ⊙ D(z) + (1 - w) ⊙ I_s. The critic reads [p_t, I] and gives one number.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import Config

CODE = 128
State = tuple[Tensor, ...]
Painted = tuple[Tensor, ...]


class Down(nn.Module):
    """A residual block (B, a, h, w) to (B, b, h/2, w/2), without normalisation."""

    def __init__(self, inner: int, outer: int, slope: float) -> None:
        super().__init__()
        self.first, self.second, self.skip = (nn.Conv2d(c, outer, 3, 1, 1) for c in (inner, outer, inner))
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(functional.leaky_relu(self.first(functional.leaky_relu(x, self.slope)), self.slope))
        return self.skip(functional.avg_pool2d(x, 2)) + functional.avg_pool2d(y, 2)


class Up(nn.Module):
    """A residual block (B, a, h, w) to (B, b, 2h, 2w)."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.before, self.between = nn.BatchNorm2d(inner), nn.BatchNorm2d(outer)
        self.first, self.second, self.skip = (nn.Conv2d(c, outer, 3, 1, 1) for c in (inner, outer, inner))

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(doubled(functional.relu(self.before(x))))
        return self.skip(doubled(x)) + self.second(functional.relu(self.between(y)))


class Tower(nn.Module):
    """A picture to features at every scale, and the deepest of them to a vector."""

    def __init__(self, planes: int, config: Config, outputs: int, slope: float = 0.0) -> None:
        super().__init__()
        widths = config.widths
        self.first = nn.Conv2d(planes, widths[0], 3, 1, 1)
        self.blocks = nn.ModuleList(Down(a, b, slope) for a, b in itertools.pairwise(widths))
        self.code = nn.Linear(widths[-1] * deepest(config) ** 2, outputs)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        found = [self.first(x)]
        for block in self.blocks:
            found.append(block(found[-1]))
        return self.code(found[-1].flatten(1)), found


class Decoder(nn.Module):
    """z and the features of three pictures to a picture and its mask."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = config.widths
        self.start = nn.Linear(CODE, widths[-1] * deepest(config) ** 2)
        self.shape = (widths[-1], deepest(config), deepest(config))
        made, blocks = widths[-1], []
        for wide, narrow in zip(widths[:0:-1], widths[-2::-1], strict=True):
            blocks.append(Up(3 * wide + made, narrow))
            made += narrow
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.BatchNorm2d(widths[0])
        self.colour = nn.Conv2d(4 * widths[0], 3, 3, 1, 1)
        self.mask = nn.Conv2d(4 * widths[0], 1, 3, 1, 1)

    def forward(self, z: Tensor, skips: list[tuple[Tensor, ...]]) -> tuple[Tensor, Tensor]:
        """Skips from the largest scale to the smallest; colours -1 … 1 and mask 0 … 1."""
        made = [self.start(z).unflatten(1, self.shape)]
        for block, skip in zip(self.blocks, skips[:0:-1], strict=True):
            new = block(torch.cat([*skip, *made], 1))
            made = [*(doubled(m) for m in made), new]
        last = torch.cat([*skips[0], functional.relu(self.norm(made[-1]))], 1)
        return torch.tanh(self.colour(last)), torch.sigmoid(self.mask(last))


class FaceAnimeGenerator(nn.Module):
    """See the module. Pictures and mosaics are -1 … 1, what a mosaic leaves out is 0."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.image = Tower(3, config, CODE)
        self.prior = Tower(config.planes, config, CODE)
        self.decoder = Decoder(config)
        self.apply(started)

    def encode(self, source: Tensor, prior: Tensor) -> State:
        """What is found once of a source (B, 3, S, S) and the mosaic (B, 3, S, S) at its own coefficients."""
        (code, features), (own, drawn) = self.image(source), self.prior(centred(prior))
        return *features, *drawn, code - own if self.config.residual else code

    def move(self, state: State, flow: Tensor) -> State:
        """Nothing: here the decoder does all the moving."""
        return state

    def paint(self, state: State, prior: Tensor, base: Tensor, warped: Tensor, valid: Tensor) -> Painted:
        """As `network.MienGenerator.paint`, without a shift; `warped` and `valid` are not read."""
        code, driving = self.prior(centred(prior))
        scales = len(driving)
        skips = list(zip(state[:scales], driving, state[scales:2 * scales], strict=True))
        colour, mask = self.decoder(state[-1] + code, skips)
        return mask * colour + (1 - mask) * base, mask, colour


class FaceAnimeCritic(nn.Module):
    """[p_t, I] to one number, as in a Wasserstein GAN."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.tower = Tower(config.planes + 3, config, 1, slope=0.01)
        self.apply(started)

    def forward(self, prior: Tensor, picture: Tensor) -> list[list[Tensor]]:
        """One scale; its features, then the score."""
        score, features = self.tower(torch.cat([picture, centred(prior)], 1))
        return [[*features, score]]


def deepest(config: Config) -> int:
    """Pixels a side at the smallest scale."""
    return int(config.size // 2 ** (len(config.widths) - 1))


def doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def centred(prior: Tensor) -> Tensor:
    """Planes 0 … 1 to -1 … 1 where something is drawn, 0 where nothing is."""
    return (2 * prior - 1) * (prior > 0)


def started(layer: nn.Module) -> None:
    """First weights, as in the released code: N(0, 0.02), of normalisations N(1, 0.02)."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
        nn.init.zeros_(layer.bias)
