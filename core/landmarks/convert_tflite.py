# SPDX-License-Identifier: Apache-2.0
"""Reading a TFLite flatbuffer: its operators in order, and its constants as plain arrays."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tflite import BuiltinOperator, SparseIndexVector, TensorType
from tflite.Model import Model

Array = NDArray[Any]

_DTYPES = {TensorType.FLOAT32: np.float32, TensorType.FLOAT16: np.float16, TensorType.INT32: np.int32}
_OPERATOR_NAMES = {value: name for name, value in vars(BuiltinOperator).items() if isinstance(value, int)}
_DENSE, _SPARSE_CSR = 0, 1


@dataclass(frozen=True)
class Operator:
    """One operator: `kind` is the built-in's name or the custom code; tensors are given by index."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    raw: Any


class TfliteGraph:
    """The first subgraph of a TFLite model, with half-precision and sparse constants resolved."""

    def __init__(self, content: bytes) -> None:
        self.model = Model.GetRootAs(content, 0)
        self.graph = self.model.Subgraphs(0)
        self.inputs = tuple(int(i) for i in self.graph.InputsAsNumpy())
        self.outputs = tuple(int(i) for i in self.graph.OutputsAsNumpy())

    def shape(self, tensor: int) -> tuple[int, ...]:
        entry = self.graph.Tensors(tensor)
        return tuple(int(n) for n in entry.ShapeAsNumpy()) if entry.ShapeLength() else ()

    def name(self, tensor: int) -> str:
        return str(self.graph.Tensors(tensor).Name().decode())

    @cached_property
    def operators(self) -> tuple[Operator, ...]:
        """All operators but those that only unpack constants (DEQUANTIZE, DENSIFY)."""
        return tuple(op for op in self._all if op.outputs[0] not in self.constants)

    @cached_property
    def _all(self) -> tuple[Operator, ...]:
        return tuple(self._operator(k) for k in range(self.graph.OperatorsLength()))

    def _operator(self, index: int) -> Operator:
        raw = self.graph.Operators(index)
        code = self.model.OperatorCodes(raw.OpcodeIndex())
        kind = _OPERATOR_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        if kind == "CUSTOM":
            kind = code.CustomCode().decode()
        return Operator(kind, tuple(int(i) for i in raw.InputsAsNumpy()),
                        tuple(int(i) for i in raw.OutputsAsNumpy()), raw)

    @cached_property
    def constants(self) -> dict[int, Array]:
        """Values by tensor index; weights that were stored in half precision keep that type."""
        found: dict[int, Array] = {}
        for tensor in range(self.graph.TensorsLength()):
            entry = self.graph.Tensors(tensor)
            data = self.model.Buffers(entry.Buffer()).DataAsNumpy()
            if isinstance(data, np.ndarray) and data.size and entry.Type() in _DTYPES:
                values = data.view(_DTYPES[entry.Type()])
                shape = self.shape(tensor)
                sparsity = entry.Sparsity()
                found[tensor] = _densify(values, shape, sparsity) if sparsity else values.reshape(shape)
        for op in self._all:
            if op.kind in ("DEQUANTIZE", "DENSIFY") and op.inputs[0] in found:
                found[op.outputs[0]] = found[op.inputs[0]]
        return found


def _densify(values: Array, shape: tuple[int, ...], sparsity: Any) -> Array:
    """Unpack a constant whose innermost dimension alone is compressed (TFLite schema, SparsityParameters)."""
    order = [int(i) for i in sparsity.TraversalOrderAsNumpy()]
    formats = [sparsity.DimMetadata(i).Format() for i in range(sparsity.DimMetadataLength())]
    if order != list(range(len(shape))) or formats != [_DENSE] * (len(shape) - 1) + [_SPARSE_CSR]:
        raise ValueError(f"unsupported sparse layout {order} {formats}")
    last = sparsity.DimMetadata(len(shape) - 1)
    segments = _index_vector(last.ArraySegmentsType(), last.ArraySegments())
    columns = _index_vector(last.ArrayIndicesType(), last.ArrayIndices())
    dense = np.zeros((int(np.prod(shape[:-1])), shape[-1]), values.dtype)
    rows = np.repeat(np.arange(len(dense)), np.diff(segments))
    dense[rows, columns] = values[:len(columns)]
    return dense.reshape(shape)


def _index_vector(kind: int, table: Any) -> Array:
    from tflite.Int32Vector import Int32Vector
    from tflite.Uint8Vector import Uint8Vector
    from tflite.Uint16Vector import Uint16Vector

    readers = {SparseIndexVector.Int32Vector: Int32Vector, SparseIndexVector.Uint16Vector: Uint16Vector,
               SparseIndexVector.Uint8Vector: Uint8Vector}
    vector = readers[kind]()
    vector.Init(table.Bytes, table.Pos)
    return np.asarray(vector.ValuesAsNumpy(), np.int64)
