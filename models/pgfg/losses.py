# SPDX-License-Identifier: Apache-2.0
"""What the generator and its critic are taught by: L_img, L_adv, and what keeps structure and movement."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .samples import EYE_AREA, MOUTH_AREA

Scales = list[list[Tensor]]
"""What a critic says: for every scale its features, then its scores"""


@dataclass(frozen=True)
class Weights:
    """How much each loss counts; 0 leaves it out."""

    image: float = 10.0
    structure: float = 2.0
    """1 - SSIM, of the picture and of its half (Wang et al. 2004)"""
    adversarial: float = 0.25
    features: float = 2.0
    """The critic's features of truth and of what was made (pix2pixHD)"""
    identity: float = 1.0
    perceptual: float = 1.0
    """The recognition network's inner features"""
    landmarks: float = 0.5
    """Distance of landmarks, in pixels of the landmark network's window (192 a side)"""
    traits: float = 2.0
    """The landmark network's inner features (Johnson et al. 2016): how lips, lids and brows look"""
    steadiness: float = 1.0
    """What is made moves with the picture: shifted inputs give the shifted output"""
    under: float = 1.0
    """L_img of what is painted, where the mask hides it too: else it would never improve there"""
    mask: float = 0.01
    smooth: float = 0.5
    """Neighbours' shifts differ little: the total variation"""
    reach: float = 0.25
    """Shifts, in pixels: without this all is shifted by a fifth of a pixel, because that softens it"""
    mouth: float = 4.0
    eyes: float = 4.0
    """By how much L_img counts more in these areas"""
    penalty: float = 0.0
    """Of the gradient, which makes the critic Wasserstein's (Gulrajani et al. 2017); 0: hinge"""


MIEN = Weights()
FACEANIME = Weights(image=1e4, structure=0, under=0, adversarial=1, features=0, identity=1e4, perceptual=0,
                    landmarks=0, traits=0, steadiness=0, smooth=0, reach=0, mask=0.05, mouth=0, eyes=0, penalty=10)
"""As in the released code"""


def image_loss(made: Tensor, target: Tensor, regions: Tensor, weights: Weights) -> Tensor:
    """L1 of pictures (B, 3, S, S), more where mouth and eyes are by their codes (B, 1, S, S)."""
    more = 1 + weights.mouth * (regions == MOUTH_AREA) + weights.eyes * (regions == EYE_AREA)
    return ((made - target).abs() * more).sum() / (more.sum() * made.shape[1])


def structure_loss(made: Tensor, target: Tensor) -> Tensor:
    """1 - SSIM, averaged over the picture and its half; windows of 7 × 7, values -1 … 1."""
    total = made.new_zeros(())
    for _ in range(2):
        total = total + (1 - similarity(made, target)) / 2
        made, target = functional.avg_pool2d(made, 2), functional.avg_pool2d(target, 2)
    return total


def unevenness(shift: Tensor) -> Tensor:
    """By how many pixels a neighbour's shift (B, 2, h, w) differs on average."""
    x = shift.float()
    return (x[..., 1:] - x[..., :-1]).abs().mean() + (x[..., 1:, :] - x[..., :-1, :]).abs().mean()


def reach(shift: Tensor) -> Tensor:
    """By how many pixels (B, 2, h, w) is shifted on average, across and down together."""
    return 2 * shift.float().abs().mean()


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """Mean SSIM of pictures -1 … 1, uniform windows."""
    a, b = a.float(), b.float()
    mean_a, mean_b, both, each = local(torch.cat([a, b, a * b, a * a + b * b])).chunk(4)
    product, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    covariance, variances = both - product, each - squares
    # (0.01 L)² and (0.03 L)² with the range L = 2
    first, second = 0.0004, 0.0036
    return ((2 * product + first) * (2 * covariance + second)
            / ((squares + first) * (variances + second))).mean()


def local(x: Tensor) -> Tensor:
    """Means of 7 × 7 pixels, at every third: they overlap enough, in a ninth of the time."""
    return functional.avg_pool2d(x.contiguous(), 7, 3)


def critic_loss(critic: nn.Module, prior: Tensor, target: Tensor, made: Tensor, weights: Weights) -> Tensor:
    """What the critic is taught: hinge, or Wasserstein's distance, to which `gradient_penalty` belongs."""
    # One call for both: normalisation by power iteration then sees one network.
    both = critic(torch.cat([prior, prior]), torch.cat([target, made]))
    real, fake = ([[layer[part] for layer in scale] for scale in both]
                  for part in (slice(None, len(target)), slice(len(target), None)))
    if not weights.penalty:
        parts = [functional.relu(1 - r[-1]).mean() + functional.relu(1 + f[-1]).mean()
                 for r, f in zip(real, fake, strict=True)]
        return torch.stack(parts).mean()
    return torch.stack([f[-1].mean() - r[-1].mean() for r, f in zip(real, fake, strict=True)]).mean()


def gradient_penalty(critic: nn.Module, prior: Tensor, target: Tensor, made: Tensor) -> Tensor:
    """How far the critic's slope between truth and what was made is from 1."""
    share = torch.rand(len(target), 1, 1, 1, device=target.device)
    between = (share * target + (1 - share) * made).detach().requires_grad_()
    score = torch.stack([s[-1].sum() for s in critic(prior, between)]).sum()
    slope, = torch.autograd.grad(score, between, create_graph=True)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()


def fooling_loss(said: Scales) -> Tensor:
    """What the generator wants the critic to say."""
    return torch.stack([-scale[-1].mean() for scale in said]).mean()


def feature_loss(said: Scales, real: Scales) -> Tensor:
    """L1 of the critic's features, averaged over layers and scales."""
    parts = [functional.l1_loss(f, r.detach()) for a, b in zip(said, real, strict=True)
             for f, r in zip(a[:-1], b[:-1], strict=True)]
    return torch.stack(parts).mean()


def perceptual_loss(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """L1 of a frozen network's features, each in units of its own mean size."""
    parts = [functional.l1_loss(f.float(), w.float()) / (w.float().abs().mean() + 1e-6)
             for f, w in zip(found, wanted, strict=True)]
    return torch.stack(parts).mean()


def identity_loss(made: Tensor, target: Tensor) -> Tensor:
    """1 - cosine of recognition vectors (B, D) of length 1; half the released code's squared distance."""
    return (1 - (made * target).sum(1)).mean()


def shifted(x: Tensor, by: tuple[int, int]) -> Tensor:
    """Planes (B, C, S, S) moved by whole pixels, right and down, their rim continued."""
    dx, dy = by
    reach = max(abs(dx), abs(dy), 1)
    wide = functional.pad(x.float(), (reach, reach, reach, reach), mode="replicate")
    height, width = x.shape[-2:]
    return wide[..., reach - dy:reach - dy + height, reach - dx:reach - dx + width]
