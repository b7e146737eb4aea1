# SPDX-License-Identifier: Apache-2.0
"""A face-recognition network from an ONNX file, in torch, so that gradients flow through it. For training only.

Knows what such networks are made of: convolutions, normalisation, activations, pooling, matrix products.
"""

import os
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...core.errors import BadInput, MissingPart


class OnnxNet(nn.Module):
    """Runs the graph node by node; nothing of it is learned."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        try:
            import onnx
            from onnx import helper, numpy_helper
        except ImportError as error:
            raise MissingPart("Reading an ONNX network for training needs: pip install onnx.") from error
        try:
            graph = onnx.load(os.fspath(path)).graph
        except Exception as error:
            raise BadInput(f"{path} is not an ONNX network, or is damaged.") from error
        known = {i.name for i in graph.initializer}
        self.input = next(i.name for i in graph.input if i.name not in known)
        self.output = graph.output[0].name
        self.places: dict[str, str] = {}
        constants = [n for n in graph.node if n.op_type == "Constant"]
        fixed = {n.output[0]: a.t for n in constants for a in n.attribute if a.name == "value"}
        for number, (name, tensor) in enumerate([*((i.name, i) for i in graph.initializer), *fixed.items()]):
            self.places[name] = f"array{number}"
            self.register_buffer(f"array{number}", torch.from_numpy(numpy_helper.to_array(tensor).copy()))
        self.nodes = [(n.op_type, list(n.input), list(n.output),
                       {a.name: helper.get_attribute_value(a) for a in n.attribute})
                      for n in graph.node if n.output[0] not in fixed]
        unknown = sorted({kind for kind, *_ in self.nodes} - set(OPERATORS))
        if unknown:
            raise BadInput(f"{path} has operators that are not known here: {', '.join(unknown)}.")

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The output, and what its convolutions of stride 2 give."""
        values: dict[str, Any] = {name: getattr(self, place) for name, place in self.places.items()}
        values[self.input], inner = x, []
        for kind, inputs, outputs, options in self.nodes:
            values[outputs[0]] = OPERATORS[kind](options, *(values[i] if i else None for i in inputs))
            if kind == "Conv" and list(options.get("strides", [1])) == [2, 2]:
                inner.append(values[outputs[0]])
        return values[self.output], inner


def _conv(options: dict[str, Any], x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    pads = list(options.get("pads", [0, 0, 0, 0]))
    if any(pads):
        x = functional.pad(x, (pads[1], pads[3], pads[0], pads[2]))
    return functional.conv2d(x, weight, bias, tuple(options.get("strides", (1, 1))), 0,
                             tuple(options.get("dilations", (1, 1))), options.get("group", 1))


def _gemm(options: dict[str, Any], a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    product = (a.T if options.get("transA") else a) @ (b.T if options.get("transB") else b) * options.get("alpha", 1.0)
    return product if c is None else product + options.get("beta", 1.0) * c


def _normalised(options: dict[str, Any], x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    return functional.batch_norm(x, mean, var, scale, bias, False, 0.0, options.get("epsilon", 1e-5))


def _prelu(options: dict[str, Any], x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x >= 0, x, x * slope)


def _reshape(options: dict[str, Any], x: Tensor, shape: Tensor) -> Tensor:
    wanted = [int(s) if s else x.shape[i] for i, s in enumerate(shape)]
    # Files made for one picture name its count; here there are many.
    return x.reshape(len(x), *wanted[1:])


OPERATORS: dict[str, Any] = {
    "Conv": _conv, "Gemm": _gemm, "BatchNormalization": _normalised, "PRelu": _prelu, "Reshape": _reshape,
    "Relu": lambda o, x: functional.relu(x), "Add": lambda o, a, b: a + b, "Mul": lambda o, a, b: a * b,
    "Sub": lambda o, a, b: a - b, "Div": lambda o, a, b: a / b, "MatMul": lambda o, a, b: a @ b,
    "Clip": lambda o, x, low=None, high=None: x.clamp(low, high),
    "Sigmoid": lambda o, x: torch.sigmoid(x), "Identity": lambda o, x: x, "Dropout": lambda o, x, *_: x,
    "LeakyRelu": lambda o, x: functional.leaky_relu(x, o.get("alpha", 0.01)),
    "Flatten": lambda o, x: x.flatten(o.get("axis", 1)), "GlobalAveragePool": lambda o, x: x.mean((2, 3), keepdim=True),
    "AveragePool": lambda o, x: functional.avg_pool2d(x, tuple(o["kernel_shape"]), tuple(o.get("strides", (1, 1)))),
    "MaxPool": lambda o, x: functional.max_pool2d(x, tuple(o["kernel_shape"]), tuple(o.get("strides", (1, 1))),
                                                  o.get("pads", [0])[0]),
}
