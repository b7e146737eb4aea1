# SPDX-License-Identifier: Apache-2.0
"""The parts of the attention mesh net that TFLite has no built-in operator for, as ONNX nodes.

The net finds 468 mesh points, cuts the lips and both eyes out of its own feature map along the mesh, and finds them
again in detail (Grishchenko et al. 2020, "Attention Mesh"). What the three custom operators compute, and which of the
468 points the detailed ones replace, is public in MediaPipe (util/tflite/operations, version 2 of each, and
modules/face_landmark/tensors_to_face_landmarks_with_attention.pbtxt).
"""

from typing import Any

import numpy as np
import onnx
from flatbuffers import flexbuffers  # type: ignore[import-untyped]

from .convert_onnx import OnnxBuilder
from .convert_tflite import Operator, TfliteGraph
from .regions import EYE_CONTOURS, REFINED

_CROP = 16
_BRANCHES = ("output_lips", "output_left_eye", "output_right_eye", "output_left_iris", "output_right_iris")


def convert_attention_net(source: TfliteGraph) -> onnx.ModelProto:
    """The net as ONNX: `image` (n, 3, 192, 192) in 0..1 → `points` (n, 478, 3) and `presence` (n, 1), a logit.

    Points are in pixels of the image, z as the net gives it: the same unit, nearer is smaller.
    """
    builder = OnnxBuilder(source)
    builder.names[source.inputs[0]] = "image"
    for op in source.operators:
        _convert(builder, op)
    by_name = {source.name(t): t for t in source.outputs}
    mesh = builder.names[by_name["output_mesh_identity"]]
    _refined_points(builder, mesh, [builder.names[by_name[name]] for name in _BRANCHES])
    flag = builder.names[by_name["conv_faceflag"]]
    builder.node("Reshape", [flag, builder.constant(np.array([-1, 1], np.int64))], output="presence")
    return builder.model({"image": ["n", 3, 192, 192]}, {"points": ["n", 478, 3], "presence": ["n", 1]})


def _convert(builder: OnnxBuilder, op: Operator) -> None:
    """One operator; those that only change a shape of landmarks pass their input on."""
    names, source = builder.names, builder.source
    if op.kind == "Landmarks2TransformMatrix":
        options = flexbuffers.Loads(bytes(op.raw.CustomOptionsAsNumpy()))
        name = _crop_matrix(builder, names[op.inputs[0]], options)
    elif op.kind == "TransformTensorBilinear":
        height, width = source.shape(op.inputs[0])[1:3]
        name = _cut_out(builder, names[op.inputs[0]], names[op.inputs[1]], height, width)
    elif op.kind == "TransformLandmarks":
        name = _transformed(builder, names[op.inputs[0]], names[op.inputs[1]])
    elif op.kind == "MUL":
        factor = source.constants[op.inputs[1]].astype(np.float32)
        factor = factor[:, :2][:, :, [0, 1, 3]] if factor.shape == (1, 4, 4) else factor
        name = builder.node("Mul", [names[op.inputs[0]], builder.constant(factor)])
    elif op.kind == "STRIDED_SLICE" or (op.kind == "RESHAPE" and len(source.shape(op.inputs[0])) == 3):
        name = names[op.inputs[0]]
    else:
        builder.convert([op])
        return
    names[op.outputs[0]] = name


def _crop_matrix(builder: OnnxBuilder, points: str, options: Any) -> str:
    """(n, 2, 3): crop pixels → feature-map pixels, for the rotated box around some of the points (n, 468, 3).

    The box is upright where its two rotation points are level, is `scale` times as large as the points' extent,
    and its width and height are fitted separately. Columns are x, y and the translation.
    """
    node, constant = builder.node, builder.constant
    xy = node("Gather", [points, constant(np.array([0, 1], np.int64))], axis=2)
    ends = [node("Gather", [xy, constant(np.array([options[key]], np.int64))], axis=1)
            for key in ("left_rotation_idx", "right_rotation_idx")]
    across = node("Sub", [ends[1], ends[0]])
    length = node("ReduceL2", [across], axes=[2], keepdims=1)
    length = node("Max", [length, constant(np.array(1e-6, np.float32))])
    cos_sin = node("Div", [across, length])
    turn = np.array([[1, 0, 0, 1], [0, -1, 1, 0]], np.float32)
    turned = node("MatMul", [cos_sin, constant(turn)])
    rotation = node("Reshape", [turned, constant(np.array([-1, 2, 2], np.int64))])
    chosen = node("Gather", [xy, constant(np.array(options["subset_idxs"], np.int64))], axis=1)
    upright = node("MatMul", [chosen, rotation])
    low, high = (node(kind, [upright], axes=[1], keepdims=1) for kind in ("ReduceMin", "ReduceMax"))
    middle = node("Mul", [node("Add", [low, high]), constant(np.array(0.5, np.float32))])
    factor = np.array([options["scale_x"] / _CROP, options["scale_y"] / _CROP], np.float32)
    scale = node("Mul", [node("Sub", [high, low]), constant(factor)])
    linear = node("Mul", [rotation, scale])
    centre = node("Sub", [middle, node("Mul", [scale, constant(np.array(_CROP / 2, np.float32))])])
    shift = node("MatMul", [rotation, node("Transpose", [centre], perm=[0, 2, 1])])
    return node("Concat", [linear, shift], axis=2)


def _cut_out(builder: OnnxBuilder, features: str, matrix: str, height: int, width: int) -> str:
    """(n, C, 16, 16): the feature map sampled bilinearly at the crop's pixel centres, zero outside it."""
    node, constant = builder.node, builder.constant
    centres = np.stack([*np.meshgrid(np.arange(_CROP) + 0.5, np.arange(_CROP) + 0.5)], -1).reshape(-1, 2)
    homogeneous = np.concatenate([centres, np.ones((_CROP ** 2, 1))], 1).astype(np.float32)
    places = node("MatMul", [constant(homogeneous), node("Transpose", [matrix], perm=[0, 2, 1])])
    size = np.array([width, height], np.float32)
    grid = node("Sub", [node("Mul", [places, constant(2 / size)]), constant(np.array(1, np.float32))])
    shaped = node("Reshape", [grid, constant(np.array([-1, _CROP, _CROP, 2], np.int64))])
    sampled = node("GridSample", [features, shaped], align_corners=0, mode="bilinear", padding_mode="zeros")
    limit = (size - 1) / size + 1e-6
    inside = node("LessOrEqual", [node("Abs", [shaped]), constant(limit.astype(np.float32))])
    both = node("ReduceMin", [node("Cast", [inside], to=onnx.TensorProto.FLOAT)], axes=[3], keepdims=0)
    return node("Mul", [sampled, node("Unsqueeze", [both, constant(np.array([1], np.int64))])])


def _transformed(builder: OnnxBuilder, points: str, matrix: str) -> str:
    """(n, k, 2) points of a crop moved by a matrix (n, 2, 3)."""
    node, constant = builder.node, builder.constant
    turned = node("Transpose", [matrix], perm=[0, 2, 1])
    linear = node("Gather", [turned, constant(np.array([0, 1], np.int64))], axis=1)
    shift = node("Gather", [turned, constant(np.array([2], np.int64))], axis=1)
    return node("Add", [node("MatMul", [points, linear]), shift])


def _refined_points(builder: OnnxBuilder, mesh: str, branches: list[str]) -> None:
    """Write `points`: x and y from the detailed branches where there are any, z from the mesh.

    An iris has the mean depth of its eye's contour.
    """
    node, constant = builder.node, builder.constant
    flat = node("Reshape", [mesh, constant(np.array([-1, 468, 3], np.int64))])
    mesh_xy = node("Gather", [flat, constant(np.array([0, 1], np.int64))], axis=2)
    candidates = node("Concat", [mesh_xy, *branches], axis=1)
    source = np.arange(478)
    source[REFINED] = 468 + np.arange(len(REFINED))
    xy = node("Gather", [candidates, constant(source.astype(np.int64))], axis=1)
    depth = node("Gather", [flat, constant(np.array([2], np.int64))], axis=2)
    irises = []
    for contour in EYE_CONTOURS:
        around = node("Gather", [depth, constant(np.array(contour, np.int64))], axis=1)
        irises += [node("ReduceMean", [around], axes=[1], keepdims=1)] * 5
    node("Concat", [xy, node("Concat", [depth, *irises], axis=1)], axis=2, output="points")
