# SPDX-License-Identifier: Apache-2.0
"""A generator's graphs as ONNX. Needs `onnx`.

Two graphs: `encode`, once a clip, and `paint`, every frame. In the box they lie without weights: those are read from
the file of weights, one for torch and ONNX; and what lies between the two, moving the features by the flow, is done
outside, by torch or by compiled code. `whole_graphs` gives them with weights and moving, for other programs.
"""

import io
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ...core.errors import MissingPart
from ...core.files import atomic_write
from .config import Config
from .files import GeneratorWeights
from .generators import Whole
from .shapes import shapes

OPSET = 17
Part = Literal["encode", "paint"]
PARTS: tuple[Part, ...] = ("encode", "paint")


class _Encode(nn.Module):
    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, source: Tensor, prior: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.net.encode(source, prior))


class _Paint(nn.Module):
    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, prior: Tensor, base: Tensor, warped: Tensor, valid: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.net.paint(state, prior, base, warped, valid)[:2])


class _MovePaint(nn.Module):
    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, prior: Tensor, base: Tensor, warped: Tensor, valid: Tensor, flow: Tensor,
                *state: Tensor) -> tuple[Tensor, ...]:
        moved = self.net.move(state, flow)
        return tuple(self.net.paint(moved, prior, base, warped, valid)[:2])


def export_graphs(config: Config, folder: Path) -> None:
    """Write `<name>.encode.onnx` and `<name>.paint.onnx`.

    Raises:
        MissingPart: `onnx` is not installed.
    """
    for part in PARTS:
        data = graph(config, part)
        with atomic_write(folder / f"{config.name}.{part}.onnx") as temporary:
            temporary.write_bytes(data)


def graph(config: Config, part: Part) -> bytes:
    """One graph; its weights are named as in the file of weights and left out."""
    onnx = _onnx()
    whole = Whole(config).eval()
    with torch.no_grad():
        # Arrays of equal numbers would be written once, under one name.
        for parameter in whole.state_dict().values():
            if parameter.is_floating_point():
                parameter.copy_(torch.rand_like(parameter))
    size, net = config.size, whole.net
    picture, prior = torch.zeros(1, 3, size, size), torch.zeros(1, config.planes, size, size)
    with torch.no_grad():
        state = net.encode(picture, prior)
    names = [f"state{i}" for i in range(len(state))]
    if part == "encode":
        module, inputs, outputs = _Encode(net), (picture, prior), names
        labels = ["source", "prior"]
    else:
        module, inputs = _Paint(net), (prior, picture, picture, torch.zeros(1, 1, size, size), *state)
        labels, outputs = ["prior", "base", "warped", "valid", *names], ["picture", "mask"]
    return _emptied(onnx.load_from_string(_traced(module, inputs, labels, outputs)), config)


def whole_graphs(weights: GeneratorWeights) -> dict[Part, bytes]:
    """Both graphs, their weights within; `paint` takes the flow (1, 2, S, S) in pixels and moves the features itself.

    Raises:
        MissingPart: `onnx` is not installed.
    """
    _onnx()
    config, size = weights.config, weights.config.size
    whole = Whole(config).eval()
    whole.load_state_dict({f"net.{name}": torch.from_numpy(array) for name, array in weights.arrays.items()},
                          strict=False)
    net: Any = whole.net
    picture, prior = torch.zeros(1, 3, size, size), torch.zeros(1, config.planes, size, size)
    with torch.no_grad():
        state = net.encode(picture, prior)
    names = [f"state{i}" for i in range(len(state))]
    flow, shows = torch.zeros(1, 2, size, size), torch.zeros(1, 1, size, size)
    return {
        "encode": _traced(_Encode(net), (picture, prior), ["source", "prior"], names),
        "paint": _traced(_MovePaint(net), (prior, picture, picture, shows, flow, *state),
                         ["prior", "base", "warped", "valid", "flow", *names], ["picture", "mask"]),
    }


def _traced(module: nn.Module, inputs: tuple[Tensor, ...], labels: list[str], outputs: list[str]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, inputs, buffer, dynamo=False, opset_version=OPSET, input_names=labels,
                          output_names=outputs, keep_initializers_as_inputs=False, do_constant_folding=False)
    return buffer.getvalue()


def _emptied(model: Any, config: Config) -> bytes:
    """The model with its weights left to be given."""
    known = shapes(config)
    for tensor in model.graph.initializer:
        name = tensor.name.removeprefix("net.")
        if name not in known:
            continue
        for node in model.graph.node:
            node.input[:] = [name if i == tensor.name else i for i in node.input]
        dims = list(tensor.dims)
        tensor.Clear()
        tensor.name, tensor.data_type, tensor.data_location = name, 1, 1
        tensor.dims.extend(dims)
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "weights"
    model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
    return bytes(model.SerializeToString())


def _onnx() -> Any:
    try:
        return import_module("onnx")
    except ImportError as error:
        raise MissingPart("Writing ONNX graphs needs: pip install onnx.") from error
