# SPDX-License-Identifier: Apache-2.0
"""Comparing converted nets with the TFLite interpreter on random input."""

from collections.abc import Sequence
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from ..onnx_runtime import onnxruntime
from .convert_onnx import OnnxBuilder
from .convert_tflite import TfliteGraph

Floats = NDArray[np.float32]
_CROPS = "TransformTensorBilinear"
_BRANCH_ENDS = ("conv_lips", "conv_left_eye", "conv_left_iris", "conv_right_eye", "conv_right_iris")


def compare_plain(content: bytes, model: onnx.ModelProto) -> float:
    """Largest difference between a net without custom operators and its ONNX form, over the largest output."""
    source = TfliteGraph(content)
    return _compare(content, model, [source.shape(t) for t in source.inputs])


def compare_attention(content: bytes) -> float:
    """The same for the attention net's trunk, and for its branches from their crops on.

    The interpreter lacks the custom operators between the two: those are tested against a plain reference instead.
    """
    source = TfliteGraph(content)
    by_name = {source.name(t): t for t in range(source.graph.TensorsLength())}
    trunk_ends = [by_name["output_mesh"], by_name["conv_faceflag"]]
    crops = [op.outputs[0] for op in source.operators if op.kind == _CROPS]
    branch_ends = [by_name[name] for name in _BRANCH_ENDS]
    return max(_compare_part(content, source.inputs, trunk_ends), _compare_part(content, crops, branch_ends))


def _compare_part(content: bytes, inputs: Sequence[int], outputs: Sequence[int]) -> float:
    part = _cut(content, inputs, outputs)
    source = TfliteGraph(part)
    builder = OnnxBuilder(source)
    shapes = [source.shape(t) for t in source.inputs]
    builder.names.update({t: f"input_{k}" for k, t in enumerate(source.inputs)})
    builder.convert(source.operators)
    model = builder.model(
        {f"input_{k}": [1, s[3], s[1], s[2]] for k, s in enumerate(shapes)},
        {builder.names[t]: [1, source.shape(t)[3], 1, 1] for t in source.outputs})
    return _compare(part, model, shapes)


def _compare(content: bytes, model: onnx.ModelProto, shapes: Sequence[tuple[int, ...]]) -> float:
    random = np.random.default_rng(0)
    images = [random.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {entry.name: np.ascontiguousarray(image.transpose(0, 3, 1, 2))
             for entry, image in zip(session.get_inputs(), images, strict=True)}
    pairs = zip(_interpret(content, images), session.run(None, feeds), strict=True)
    return max(float(np.abs(ours.ravel() - theirs.ravel()).max() / np.abs(theirs).max()) for theirs, ours in pairs)


def _interpret(content: bytes, images: Sequence[Floats]) -> list[Floats]:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    for entry, image in zip(interpreter.get_input_details(), images, strict=True):
        interpreter.set_tensor(entry["index"], image)
    interpreter.invoke()
    return [interpreter.get_tensor(entry["index"]) for entry in interpreter.get_output_details()]


def _cut(content: bytes, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
    """A TFLite model of only the operators between some tensors."""
    model: Any = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    graph = model.subgraphs[0]
    needed, kept = set(outputs), []
    for operator in reversed(graph.operators):
        if needed & set(operator.outputs.tolist()) and not set(operator.outputs.tolist()) & set(inputs):
            needed |= set(operator.inputs.tolist())
            kept.append(operator)
    graph.operators = kept[::-1]
    graph.inputs, graph.outputs = list(inputs), list(outputs)
    model.signatureDefs = []
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
