# SPDX-License-Identifier: Apache-2.0
"""The dynamics network as an ONNX graph of one frame, its weights within, for programs other than this one.

Inputs, float32, B sequences at once: `state` (B, D), `step` (B, D), the last step in units of the step scale, `anchor`
(B, D), where the face is at home, `target` and `target_step` (B, D), `timer` (B, 5) and `left` (B, 1) frames, zero but
for `left` where there is no target, and the memory `hidden` and `cell` (B, H), zero at first. Outputs: the expected
`next_step` (B, D), `next_hidden` and `next_cell`. What makes states of motions, the frame rate, the channels and the
step scale stand in the file's metadata as JSON. Needs `onnx`.
"""

import json
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import MissingPart
from .codec import FPS
from .config import HOMEWARD, STEEP, TIMER, Config
from .files import Network

OPSET = 17


def onnx_graph(network: Network) -> bytes:
    """The file's bytes.

    Raises:
        MissingPart: `onnx` is not installed.
    """
    try:
        helper, numpy_helper = import_module("onnx.helper"), import_module("onnx.numpy_helper")
    except ImportError as error:
        raise MissingPart("Writing ONNX graphs needs: pip install onnx.") from error
    config = network.runtime.config
    constants = _constants(network)
    nodes = [helper.make_node(kind, read.split(), made.split(), **options) for kind, read, made, options in NODES]
    graph = helper.make_graph(
        nodes, "dynamics", [_value(helper, name, _width(config, name)) for name in INPUTS],
        [_value(helper, name, _width(config, name)) for name in OUTPUTS],
        [numpy_helper.from_array(array, name) for name, array in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="mien",
                              ir_version=8)
    helper.set_model_props(model, _notes(network))
    return bytes(model.SerializeToString())


INPUTS = ("state", "step", "anchor", "target", "target_step", "timer", "left", "hidden", "cell")
OUTPUTS = ("next_step", "next_hidden", "next_cell")
NODES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    # What is read: `Dynamics.inputs`.
    ("Split", "timer timer_parts", "aimed known clock", {"axis": 1}),
    ("Sub", "state anchor", "off", {}),
    ("Sub", "target state", "whole_away", {}),
    ("Mul", "whole_away aimed", "away", {}),
    ("Mul", "left steep_scale", "reach", {}),
    ("Div", "away reach", "share", {}),
    ("Tanh", "share", "bent", {}),
    ("Mul", "bent steep", "pace", {}),
    ("Mul", "target_step known", "own", {}),
    ("Concat", "off state step away pace own timer hidden", "read", {"axis": 1}),
    # The LSTM, gates in torch's order: input, forget, cell, output.
    ("Gemm", "read gates_weight gates_bias", "gates", {"transB": 1}),
    ("Split", "gates gate_parts", "i f g o", {"axis": 1}),
    *(("Sigmoid", gate, f"{gate}_open", {}) for gate in "ifo"),
    ("Tanh", "g", "g_new", {}),
    ("Mul", "f_open cell", "kept", {}),
    ("Mul", "i_open g_new", "added", {}),
    ("Add", "kept added", "next_cell", {}),
    ("Tanh", "next_cell", "shown", {}),
    ("Mul", "o_open shown", "next_hidden", {}),
    # What it expects: `Runtime._expected`.
    ("Gemm", "next_hidden head_weight head_bias", "said", {"transB": 1}),
    ("Mul", "step momentum", "onward", {}),
    ("Mul", "pace pull", "towards", {}),
    ("Tanh", "off", "off_bent", {}),
    ("Mul", "off_bent homeward", "homewards", {}),
    ("Sum", "said onward towards homewards", "next_step", {}),
)


def _constants(network: Network) -> dict[str, NDArray[Any]]:
    runtime = network.runtime
    w, d, h, f32 = runtime.weights, runtime.config.state, runtime.config.hidden, np.float32
    return {
        "timer_parts": np.array([1, 1, TIMER - 2]), "gate_parts": np.full(4, h),
        "steep": np.array(STEEP, f32), "steep_scale": f32(STEEP) * runtime.codec.step_scale,
        "gates_weight": np.concatenate([w["lstm.weight_ih_l0"], w["lstm.weight_hh_l0"]], 1),
        "gates_bias": w["lstm.bias_ih_l0"] + w["lstm.bias_hh_l0"],
        "head_weight": w["head.weight"][:d], "head_bias": w["head.bias"][:d],
        "momentum": w["momentum"][0], "pull": w["pull"][0], "homeward": f32(-HOMEWARD) * w["home"][0],
    }


def _width(config: Config, name: str) -> int:
    special = {"timer": TIMER, "left": 1}
    return special.get(name, config.hidden if name.endswith(("hidden", "cell")) else config.state)


def _value(helper: Any, name: str, width: int) -> Any:
    return helper.make_tensor_value_info(name, 1, ["B", width])


def _notes(network: Network) -> dict[str, str]:
    tables = {name: np.asarray(table).tolist() for name, table in network.codec.arrays().items()}
    return {"fps": str(FPS), "channels": " ".join(network.channels), "codec": json.dumps(tables)}
