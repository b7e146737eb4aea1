# SPDX-License-Identifier: Apache-2.0
"""Turning the operators of a TFLite graph (channels last) into ONNX nodes (channels first)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tflite.ActivationFunctionType import ActivationFunctionType
from tflite.AddOptions import AddOptions
from tflite.Conv2DOptions import Conv2DOptions
from tflite.DepthToSpaceOptions import DepthToSpaceOptions
from tflite.DepthwiseConv2DOptions import DepthwiseConv2DOptions
from tflite.Padding import Padding
from tflite.Pool2DOptions import Pool2DOptions
from tflite.ResizeBilinearOptions import ResizeBilinearOptions

from .convert_tflite import Operator, TfliteGraph

Array = NDArray[Any]
Shapes = Mapping[str, Sequence[int | str]]
OPSET = 17
_ACTIVATIONS = {ActivationFunctionType.RELU: "Relu"}


class OnnxBuilder:
    """Collects nodes and constants; those in half precision are stored so, and cast to float32 by the graph."""

    def __init__(self, source: TfliteGraph) -> None:
        self.source = source
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.names: dict[int, str] = {}
        self._count = 0

    def fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"

    def node(self, kind: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any) -> str:
        """Append a node with one output and give the output's name."""
        name = output or self.fresh(kind.lower())
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: Array, stem: str = "constant") -> str:
        """The name of a float32 or integer constant."""
        stored = np.ascontiguousarray(values)
        name = self.fresh(stem)
        self.initializers.append(numpy_helper.from_array(stored, name))
        if stored.dtype == np.float16:
            return self.node("Cast", [name], to=TensorProto.FLOAT)
        return name

    def weights(self, tensor: int, axes: tuple[int, ...] | None = None) -> str:
        """A constant of the source, its axes permuted."""
        values = self.source.constants[tensor]
        return self.constant(values if axes is None else values.transpose(axes), "weight")

    def convert(self, operators: Sequence[Operator]) -> None:
        """Append the nodes of `operators`, whose inputs must be known in `names`."""
        for op in operators:
            self.names[op.outputs[0]] = _CONVERTERS[op.kind](self, op)

    def model(self, inputs: Shapes, outputs: Shapes) -> onnx.ModelProto:
        """The finished model; all inputs and outputs are float32."""
        ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
                 for name, shape in table.items()] for table in (inputs, outputs)]
        graph = helper.make_graph(self.nodes, "net", *ends, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


def _options(op: Operator, kind: Any) -> Any:
    """The operator's built-in options as the given flatbuffer class."""
    table = op.raw.BuiltinOptions()
    options = kind()
    options.Init(table.Bytes, table.Pos)
    return options


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after one axis under TensorFlow's SAME rule: the odd one goes to the end."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _window(builder: OnnxBuilder, op: Operator, options: Any, kernel: tuple[int, int]) -> dict[str, Any]:
    """Strides and padding, as ONNX attributes, of an operator that slides a window."""
    strides = (options.StrideH(), options.StrideW())
    pads = [0, 0, 0, 0]
    if options.Padding() == Padding.SAME:
        height, width = builder.source.shape(op.inputs[0])[1:3]
        top, bottom = same_padding(height, kernel[0], strides[0])
        left, right = same_padding(width, kernel[1], strides[1])
        pads = [top, left, bottom, right]
    return {"kernel_shape": list(kernel), "strides": list(strides), "pads": pads}


def _activated(builder: OnnxBuilder, name: str, options: Any) -> str:
    """Append the activation that is fused into an operator."""
    function = options.FusedActivationFunction()
    if function == ActivationFunctionType.NONE:
        return name
    return builder.node(_ACTIVATIONS[function], [name])


def _convolution(builder: OnnxBuilder, op: Operator) -> str:
    options = _options(op, Conv2DOptions)
    kernel = builder.source.constants[op.inputs[1]].shape[1:3]
    inputs = [builder.names[op.inputs[0]], builder.weights(op.inputs[1], (0, 3, 1, 2)),
              builder.weights(op.inputs[2])]
    return _activated(builder, builder.node("Conv", inputs, **_window(builder, op, options, kernel)), options)


def _depthwise(builder: OnnxBuilder, op: Operator) -> str:
    options = _options(op, DepthwiseConv2DOptions)
    _, height, width, channels = builder.source.constants[op.inputs[1]].shape
    inputs = [builder.names[op.inputs[0]], builder.weights(op.inputs[1], (3, 0, 1, 2)),
              builder.weights(op.inputs[2])]
    window = _window(builder, op, options, (height, width))
    return _activated(builder, builder.node("Conv", inputs, group=channels, **window), options)


def _max_pool(builder: OnnxBuilder, op: Operator) -> str:
    options = _options(op, Pool2DOptions)
    window = _window(builder, op, options, (options.FilterHeight(), options.FilterWidth()))
    return builder.node("MaxPool", [builder.names[op.inputs[0]]], **window)


def _prelu(builder: OnnxBuilder, op: Operator) -> str:
    """x·a + max(x, 0)·(1 − a), as two per-channel convolutions.

    onnxruntime's own PRelu leaves the blocked memory layout of its convolutions and takes most of the time.
    """
    source = builder.names[op.inputs[0]]
    slope = builder.constant(builder.source.constants[op.inputs[1]].reshape(-1, 1, 1, 1), "slope")
    rest = builder.node("Sub", [builder.constant(np.array(1, np.float32)), slope])
    positive = builder.node("Relu", [source])
    channels = builder.source.constants[op.inputs[1]].size
    return builder.node("Add", [builder.node("Conv", pair, group=channels, kernel_shape=[1, 1])
                                for pair in ([source, slope], [positive, rest])])


def _relu(builder: OnnxBuilder, op: Operator) -> str:
    return builder.node("Relu", [builder.names[op.inputs[0]]])


def _add(builder: OnnxBuilder, op: Operator) -> str:
    name = builder.node("Add", [builder.names[i] for i in op.inputs])
    return _activated(builder, name, _options(op, AddOptions))


def _pad(builder: OnnxBuilder, op: Operator) -> str:
    before_after = builder.source.constants[op.inputs[1]][[0, 3, 1, 2]]
    pads = builder.constant(before_after.T.reshape(-1).astype(np.int64), "pads")
    return builder.node("Pad", [builder.names[op.inputs[0]], pads])


def _reshape(builder: OnnxBuilder, op: Operator) -> str:
    """Reshape a (1, H, W, C) tensor to (1, n, m), keeping TFLite's order of elements."""
    before, after = builder.source.shape(op.inputs[0]), builder.source.shape(op.outputs[0])
    if len(before) != 4 or len(after) != 3:
        raise ValueError(f"unsupported reshape {before} to {after}")
    last = builder.node("Transpose", [builder.names[op.inputs[0]]], perm=[0, 2, 3, 1])
    return builder.node("Reshape", [last, builder.constant(np.array([-1, *after[1:]], np.int64), "shape")])


def _concatenation(builder: OnnxBuilder, op: Operator) -> str:
    if len(builder.source.shape(op.outputs[0])) != 3:
        raise ValueError("only the concatenation of (1, n, m) tensors along n is supported")
    return builder.node("Concat", [builder.names[i] for i in op.inputs], axis=1)


def _resize(builder: OnnxBuilder, op: Operator) -> str:
    options = _options(op, ResizeBilinearOptions)
    mode = ("align_corners" if options.AlignCorners() else
            "half_pixel" if options.HalfPixelCenters() else "asymmetric")
    (_, h0, w0, _), (_, h1, w1, _) = (builder.source.shape(t) for t in (op.inputs[0], op.outputs[0]))
    scales = builder.constant(np.array([1, 1, h1 / h0, w1 / w0], np.float32), "scales")
    return builder.node("Resize", [builder.names[op.inputs[0]], "", scales], mode="linear",
                        coordinate_transformation_mode=mode)


def _depth_to_space(builder: OnnxBuilder, op: Operator) -> str:
    size = _options(op, DepthToSpaceOptions).BlockSize()
    return builder.node("DepthToSpace", [builder.names[op.inputs[0]]], blocksize=size, mode="DCR")


_CONVERTERS: dict[str, Callable[[OnnxBuilder, Operator], str]] = {
    "CONV_2D": _convolution, "DEPTHWISE_CONV_2D": _depthwise, "MAX_POOL_2D": _max_pool, "PRELU": _prelu,
    "RELU": _relu, "ADD": _add, "PAD": _pad, "RESHAPE": _reshape, "CONCATENATION": _concatenation,
    "RESIZE_BILINEAR": _resize, "DEPTH_TO_SPACE": _depth_to_space,
}
