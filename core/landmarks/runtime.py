# SPDX-License-Identifier: Apache-2.0
"""The nets beside this file, opened once each."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..onnx_runtime import onnxruntime

Floats = NDArray[np.float32]


def net_file(name: str) -> Path:
    """Where a net's graph lies."""
    return Path(__file__).parent / f"{name}.onnx"


@cache
def _session(name: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the nets are too small to gain from more
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(net_file(name)), options, providers=["CPUExecutionProvider"])


def run_net(name: str, images: Floats) -> list[Floats]:
    """The outputs of a net for images (n, 3, side, side)."""
    outputs: list[Floats] = _session(name).run(None, {"image": images})
    return outputs
