# SPDX-License-Identifier: Apache-2.0
"""An ONNX graph of convolutions as a torch module whose weights can be trained and written back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as functional
from onnx import helper, numpy_helper
from torch import Tensor, nn

POINTS = 468


@dataclass
class _Step:
    kind: str
    inputs: list[str]
    output: str
    options: dict[str, Any] = field(default_factory=dict)


class GraphNet(nn.Module):
    """The plain mesh net: images (n, 3, 192, 192) in 0..1 → points (n, 468, 3) in window pixels, logits (n,).

    Args:
        model: the graph, with outputs `points` and `logit`.
        frozen_side: the stages whose maps are larger than this many pixels a side keep their weights, and need no
            gradient; low-level features carry over, and most of the cost of training is there.
    """

    def __init__(self, model: onnx.ModelProto, frozen_side: int = 0) -> None:
        super().__init__()
        self.model, self.frozen_side = model, frozen_side
        self.constants: dict[str, Tensor] = {}
        self.weights = nn.ParameterDict()
        for item in model.graph.initializer:
            values = numpy_helper.to_array(item)
            if np.issubdtype(values.dtype, np.floating):
                self.weights[item.name] = nn.Parameter(torch.from_numpy(values.astype(np.float32)))
            else:
                self.constants[item.name] = torch.from_numpy(values.copy())
        self.steps = _with_prelu(_steps(model))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        values = self._values(images)
        return values["points"].reshape(-1, POINTS, 3), values["logit"].reshape(-1)

    def seen(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The points, and the features (n, C, h, w) of every size from half the window down."""
        values = self._values(images)
        halved = [s.inputs[0] for s in self.steps if s.kind == "MaxPool"]
        return values["points"].reshape(-1, POINTS, 3), [values[name] for name in halved]

    def _values(self, images: Tensor) -> dict[str, Tensor]:
        values = {"image": images, **self.constants, **dict(self.weights.items())}
        learning = torch.is_grad_enabled()
        frozen = self.frozen_side > 0
        for step in self.steps:
            with torch.set_grad_enabled(learning and not frozen):
                result = _RUN[step.kind]([values[name] for name in step.inputs], step.options)
            values[step.output] = result
            frozen = frozen and result.shape[-1] > self.frozen_side
        return values

    def to_onnx(self, weights: dict[str, Tensor]) -> onnx.ModelProto:
        """The graph with these weights, in the precision that it had."""
        result = onnx.ModelProto()
        result.CopyFrom(self.model)
        for item in result.graph.initializer:
            if item.name in weights:
                old = numpy_helper.to_array(item)
                new = weights[item.name].detach().numpy().astype(old.dtype).reshape(old.shape)
                item.CopyFrom(numpy_helper.from_array(new, item.name))
        return result


def _steps(model: onnx.ModelProto) -> list[_Step]:
    """The nodes in order; casts of stored half precision fall away."""
    alias: dict[str, str] = {}
    steps = []
    for node in model.graph.node:
        if node.op_type == "Cast":
            alias[node.output[0]] = node.input[0]
            continue
        options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        steps.append(_Step(node.op_type, [alias.get(i, i) for i in node.input], node.output[0], options))
    return steps


def _with_prelu(steps: Sequence[_Step]) -> list[_Step]:
    """Put one PReLU where the graph spells slope·x + (1 − slope)·relu(x) in five nodes."""
    makers = {step.output: step for step in steps}
    gone: set[str] = set()
    result = []
    for step in steps:
        first, second = (makers.get(name) for name in step.inputs) if step.kind == "Add" else (None, None)
        if first and second and first.kind == second.kind == "Conv":
            relu = makers.get(second.inputs[0])
            if relu and relu.kind == "Relu" and relu.inputs[0] == first.inputs[0]:
                gone |= {first.output, second.output, relu.output, second.inputs[1]}
                result.append(_Step("PRelu", first.inputs[:2], step.output))
                continue
        result.append(step)
    return [step for step in result if step.output not in gone]


def _convolve(inputs: Sequence[Tensor], options: dict[str, Any]) -> Tensor:
    image, weight, *bias = inputs
    top, left, bottom, right = options.get("pads", (0, 0, 0, 0))
    padded = functional.pad(image, (left, right, top, bottom))
    return functional.conv2d(padded, weight, bias[0] if bias else None, options.get("strides", 1),
                             groups=options.get("group", 1))


def _pad(inputs: Sequence[Tensor], _: dict[str, Any]) -> Tensor:
    sizes = [int(n) for n in inputs[1]]
    axes = len(sizes) // 2
    return functional.pad(inputs[0], [sizes[axis + end * axes] for axis in reversed(range(axes)) for end in (0, 1)])


_RUN: dict[str, Callable[[Sequence[Tensor], dict[str, Any]], Tensor]] = {
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "Conv": _convolve,
    "Identity": lambda inputs, _: inputs[0],
    "MaxPool": lambda inputs, options: functional.max_pool2d(inputs[0], options["kernel_shape"], options["strides"]),
    "PRelu": lambda inputs, _: functional.prelu(inputs[0], inputs[1].reshape(-1)),
    "Pad": _pad,
}
