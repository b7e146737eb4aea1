# SPDX-License-Identifier: Apache-2.0
"""Generators by torch, for CUDA: the interface of `runtime.Painter`, and many frames at once."""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core.errors import BadInput
from .files import GeneratorWeights
from .generators import Generator, Whole, bytes_of
from .layers import Layers
from .network import Painted

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


class TorchPainter:
    """See `runtime.Painter`. On CUDA in half precision (bfloat16) unless `exact`."""

    def __init__(self, weights: GeneratorWeights, device: str = "cuda", exact: bool = False) -> None:
        self.config, self.device = weights.config, torch.device(device)
        whole = Whole(weights.config)
        state = {f"net.{k}": torch.from_numpy(v) for k, v in weights.arrays.items()}
        whole.load_state_dict(state, strict=False)
        self._net = cast(Generator, whole.eval().to(self.device).net)
        self._half = self.device.type == "cuda" and not exact
        self._state: tuple[Tensor, ...] = ()
        self._source = torch.zeros(0)

    @torch.inference_mode()
    def begin(self, source: Bytes, prior: Bytes) -> None:
        """Take a source (3, S, S) with the priors (PLANES, S, S) at its own coefficients."""
        self._source = self._picture(source[None])
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            self._state = self._net.encode(self._source, self._prior(prior[None]))

    def frame(self, prior: Bytes, warped: Bytes, valid: Bytes, flow: Floats) -> Bytes:
        """The picture (3, S, S) of one frame."""
        return np.asarray(self.frames(prior[None], warped[None], valid[None], flow[None])[0])

    def frames(self, prior: Bytes, warped: Bytes, valid: Bytes, flow: Floats) -> Bytes:
        """Pictures (B, 3, S, S) of B frames."""
        return np.asarray(bytes_of(self._painted(prior, warped, valid, flow)[0]).cpu().numpy())

    def layers(self, prior: Bytes, warped: Bytes, valid: Bytes, flow: Floats) -> list[Layers]:
        """See `runtime.Painter.layers`."""
        picture, mask, _, *shift = self._painted(prior, warped, valid, flow)
        found = [t.float().cpu().numpy() for t in (picture, mask, *shift)]
        return [Layers(*one) for one in zip(*found, strict=True)]

    @torch.inference_mode()
    def _painted(self, prior: Bytes, warped: Bytes, valid: Bytes, flow: Floats) -> Painted:
        """As `network.MienGenerator.paint`, of B frames.

        Raises:
            BadInput: there is no source yet, or the frames have another size.
        """
        if not self._state:
            raise BadInput("The generator has no source yet.")
        if warped.shape[1:] != (3, self.config.size, self.config.size):
            raise BadInput(f"The generator {self.config.name} reads pictures of {self.config.size} pixels a side, "
                           f"not {warped.shape[1:]}.")
        count = len(warped)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            state = tuple(s.expand(count, *s.shape[1:]) for s in self._state)
            moved = self._net.move(state, torch.from_numpy(np.ascontiguousarray(flow)).to(self.device))
            picture = self._picture(warped)
            base = self._source.expand_as(picture) if self.config.base == "source" else picture
            shows = torch.from_numpy(valid).to(self.device) / 255.0
            return self._net.paint(moved, self._prior(prior), base, picture, shows)

    def _picture(self, planes: Bytes) -> Tensor:
        return torch.from_numpy(planes).to(self.device) / 127.5 - 1

    def _prior(self, planes: Bytes) -> Tensor:
        return torch.from_numpy(planes[:, :self.config.planes]).to(self.device) / 255.0
