# SPDX-License-Identifier: Apache-2.0
"""Networks in the box and trained ones as ONNX files with everything in them, for other programs."""

from importlib.util import find_spec
from pathlib import Path

from ..core.errors import BadInput, MissingPart
from ..core.files import atomic_write
from .dynamics.weights import read_weights
from .pgfg import files as generators


def export_network(weights: Path, output: Path) -> list[Path]:
    """Write the network of a file of weights (.safetensors) as ONNX: the dynamics as one graph of a frame, a generator
    as `<output>.encode.onnx`, once a clip, and `<output>.paint.onnx`, every frame. Gives what was written.

    Raises:
        BadInput: not weights of one of these.
        MissingPart: `onnx`, or for a generator torch, is not installed.
        CannotWrite: the place cannot be written.
    """
    if weights.suffix.lower() != ".safetensors":
        raise BadInput(f"An .onnx is written of a network's weights (.safetensors), which {weights} is not.")
    kind = read_weights(weights, generators.LARGEST)[1].get("format")
    if kind == "mien dynamics":
        return [_written(output, _dynamics(weights))]
    if kind != generators.FORMAT:
        raise BadInput(f"{weights} holds no network that can be written as ONNX; give weights of the dynamics or of a "
                       "face generator.")
    if find_spec("torch") is None:
        raise MissingPart("Writing a generator as ONNX needs torch: pip install 'mien[neural]'.")
    from .pgfg.export import whole_graphs

    graphs = whole_graphs(generators.load_generator(weights))
    return [_written(output.with_suffix(f".{part}.onnx"), data) for part, data in graphs.items()]


def _dynamics(weights: Path) -> bytes:
    from .dynamics.files import load_network
    from .dynamics.onnx_graph import onnx_graph

    return onnx_graph(load_network(weights))


def _written(path: Path, data: bytes) -> Path:
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)
    return path
