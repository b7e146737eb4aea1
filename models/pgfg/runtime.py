# SPDX-License-Identifier: Apache-2.0
"""Generators by onnxruntime, without torch: the source once, then frame by frame."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.compiled import compiled_loosely
from ...core.errors import BadInput, MissingPart
from ...core.onnx_runtime import onnxruntime
from .config import Config
from .files import GeneratorWeights
from .layers import Layers
from .shapes import shapes

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
GRAPHS = Path(__file__).parent / "graphs"


class Painter:
    """A generator with a source: `Painter(weights).begin(source, prior)`, then `frame` as often as wanted."""

    def __init__(self, weights: GeneratorWeights, threads: int = 0, graphs: Path = GRAPHS) -> None:
        """`threads`: 0 takes all processors.

        Raises:
            MissingPart: there is no graph for the weights' configuration.
            BadInput: graph and weights do not belong together.
        """
        self.config: Config = weights.config
        self._encode = _session(weights, "encode", threads, graphs)
        self._paint = _session(weights, "paint", threads, graphs)
        self._state: list[Floats] = []
        self._base: Floats | None = None

    def begin(self, source: Bytes, prior: Bytes) -> None:
        """Take a source (3, S, S) with the priors (PLANES, S, S) at its own coefficients."""
        self._check(source)
        picture = _picture(source)
        self._state = self._encode.run(None, {"source": picture, "prior": self._prior(prior)})
        self._base = picture if self.config.base == "source" else None

    def frame(self, prior: Bytes, warped: Bytes, valid: Bytes, flow: Floats) -> Bytes:
        """The picture (3, S, S) of a frame; shapes and units as in `samples.Sample`.

        Raises:
            BadInput: there is no source yet, or the frame has another size.
        """
        return _bytes(self.painted(prior, warped, valid, flow).picture)

    def layers(self, prior: Bytes, warped: Bytes, valid: Bytes, flow: Floats) -> list[Layers]:
        """What is painted of B frames, one after the other."""
        return [self.painted(*one) for one in zip(prior, warped, valid, flow, strict=True)]

    def painted(self, prior: Bytes, warped: Bytes, valid: Bytes, flow: Floats) -> Layers:
        """The picture of a frame and what it is made of."""
        if not self._state:
            raise BadInput("The generator has no source yet.")
        self._check(warped)
        moved = _picture(warped)
        feed = {"prior": self._prior(prior), "base": moved if self._base is None else self._base, "warped": moved,
                "valid": np.asarray(valid[None] / np.float32(255), np.float32)}
        state = self._moved(flow) if self.config.family == "mien" else self._state
        feed |= {f"state{i}": values for i, values in enumerate(state)}
        wanted = {i.name for i in self._paint.get_inputs()}
        picture, mask, *shift = self._paint.run(None, {k: v for k, v in feed.items() if k in wanted})
        return Layers(picture[0], mask[0], shift[0][0] if shift else None)

    def _moved(self, flow: Floats) -> list[Floats]:
        flow = np.ascontiguousarray(flow, np.float32)
        return [*(moved(features[0], flow)[None] for features in self._state[:-1]), self._state[-1]]

    def _prior(self, prior: Bytes) -> Floats:
        return np.asarray(prior[None, :self.config.planes] / np.float32(255), np.float32)

    def _check(self, picture: Bytes) -> None:
        size = self.config.size
        if picture.shape != (3, size, size):
            raise BadInput(f"The generator {self.config.name} reads pictures of (3, {size}, {size}), "
                           f"not {picture.shape}.")


@compiled_loosely
def moved(features: Floats, flow: Floats) -> Floats:
    """Features (C, h, w) at the places of a flow (2, S, S) in pixels of the S × S picture: `network.moved`."""
    channels, height, width = features.shape
    block = flow.shape[1] // height
    share, scale = np.float32(1) / np.float32(block * block), np.float32(height) / np.float32(flow.shape[1])
    first = np.empty(height * width, np.int32)
    right, down = np.empty(height * width, np.float32), np.empty(height * width, np.float32)
    for row in range(height):
        for column in range(width):
            x = y = np.float32(0)
            for i in range(row * block, (row + 1) * block):
                for j in range(column * block, (column + 1) * block):
                    x += flow[0, i, j]
                    y += flow[1, i, j]
            x = min(max(x * share * scale - np.float32(0.5), np.float32(0)), np.float32(width - 1))
            y = min(max(y * share * scale - np.float32(0.5), np.float32(0)), np.float32(height - 1))
            left, top = min(int(x), width - 2), min(int(y), height - 2)
            at = row * width + column
            first[at] = top * width + left
            right[at], down[at] = x - np.float32(left), y - np.float32(top)
    out = np.empty((channels, height, width), np.float32)
    for channel in range(channels):
        plane, made = features[channel].reshape(-1), out[channel].reshape(-1)
        for at in range(height * width):
            place = first[at]
            u, v = right[at], down[at]
            upper = plane[place] + u * (plane[place + 1] - plane[place])
            lower = plane[place + width] + u * (plane[place + width + 1] - plane[place + width])
            made[at] = upper + v * (lower - upper)
    return out


def _session(weights: GeneratorWeights, part: str, threads: int, graphs: Path) -> Any:
    path = graphs / f"{weights.config.name}.{part}.onnx"
    if not path.exists():
        raise MissingPart(f"There is no ONNX graph of {weights.config.name} in {graphs}; write it with export_graphs.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    # Threads that wait by spinning take the processor from the mesh, which is drawn at the same time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    data = path.read_bytes()
    known = [name for name in shapes(weights.config) if name.encode() in data]
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(weights.arrays[n])) for n in known]
    options.add_external_initializers(known, values)
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BadInput(f"The weights of {weights.config.name} do not fit its graph; make the graph anew.") from error


def _picture(planes: Bytes) -> Floats:
    return np.asarray(planes[None] / np.float32(127.5) - np.float32(1), np.float32)


def _bytes(picture: Floats) -> Bytes:
    return np.asarray(np.clip(np.rint((picture + np.float32(1)) * np.float32(127.5)), 0, 255), np.uint8)
