# SPDX-License-Identifier: Apache-2.0
"""onnxruntime, asked before its first import to send nothing: its own wheels report use to their maker otherwise."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

__all__ = ["onnxruntime"]
