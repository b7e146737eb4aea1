# SPDX-License-Identifier: Apache-2.0
"""Make the nets beside this file again: `python -m mien.core.landmarks.build_nets mediapipe-0.10.21-….whl`.

Needs the extra `nets`. The TFLite nets inside the wheel are checked by their sha256, converted to ONNX, compared with
the TFLite interpreter on random input, and written; the result is the same to the byte every time.
"""

import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import onnx

from ..errors import BadInput
from ..files import atomic_write
from .check_nets import compare_attention, compare_plain
from .convert_attention import convert_attention_net
from .convert_onnx import OnnxBuilder
from .convert_tflite import TfliteGraph

SOURCES = {
    "face_short_range": ("face_detection/face_detection_short_range.tflite",
                         "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8"),
    "face_full_range": ("face_detection/face_detection_full_range_sparse.tflite",
                        "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1"),
    "face_mesh": ("face_landmark/face_landmark_with_attention.tflite",
                  "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4"),
    "face_mesh_plain": ("face_landmark/face_landmark.tflite",
                        "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814"),
}
"""Net → path below mediapipe/modules in the wheel, and the sha256 of that file"""
SHIPPED = ("face_short_range", "face_full_range", "face_mesh")
"""The nets beside this file; from the plain mesh net, `face_turned` is trained (models/turned_mesh)"""
TOLERANCE = 1e-4
"""Largest allowed difference to the TFLite interpreter, relative to the largest output"""


def read_source(wheel: Path, name: str) -> bytes:
    """The TFLite file of a net out of the wheel.

    Raises:
        BadInput: the wheel lacks it, or holds another version of it.
    """
    path, digest = SOURCES[name]
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(f"mediapipe/modules/{path}")
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise BadInput(f"{wheel} does not hold {path}; give the wheel of mediapipe 0.10.21.") from error
    if sha256(content).hexdigest() != digest:
        raise BadInput(f"{path} in {wheel} is not the expected version; give the wheel of mediapipe 0.10.21.")
    return content


def convert(name: str, content: bytes) -> onnx.ModelProto:
    """A net as ONNX, channels first, any batch size."""
    source = TfliteGraph(content)
    if name == "face_mesh":
        return convert_attention_net(source)
    return convert_plain(source, ("points", "logit") if name == "face_mesh_plain" else ("boxes", "scores"))


def convert_plain(source: TfliteGraph, names: tuple[str, str]) -> onnx.ModelProto:
    """A net of ordinary operators with two outputs.

    A detector: `image` (n, 3, side, side) in -1..1 → raw `boxes` (n, anchors, 16) and `scores` (n, anchors, 1). The
    plain mesh net: `image` (n, 3, 192, 192) in 0..1 → `points` (n, 1404, 1, 1) in window pixels, `logit` (n, 1, 1, 1).
    """
    builder = OnnxBuilder(source)
    builder.names[source.inputs[0]] = "image"
    builder.convert(source.operators)
    outputs: dict[str, list[int | str]] = {}
    for name, tensor in zip(names, source.outputs, strict=True):
        builder.node("Identity", [builder.names[tensor]], output=name)
        shape = source.shape(tensor)
        outputs[name] = ["n", *shape[1:]] if len(shape) == 3 else ["n", shape[3], *shape[1:3]]
    side = source.shape(source.inputs[0])[1]
    return builder.model({"image": ["n", 3, side, side]}, outputs)


def check(name: str, content: bytes, model: onnx.ModelProto) -> float:
    """Largest relative difference between a converted net and its source."""
    return compare_attention(content) if name == "face_mesh" else compare_plain(content, model)


def main(wheel: Path, folder: Path) -> None:
    """Convert, check and write every net."""
    for name in SHIPPED:
        content = read_source(wheel, name)
        model = convert(name, content)
        difference = check(name, content, model)
        if difference > TOLERANCE:
            raise BadInput(f"The converted {name} differs from its source by {difference:.1e}.")
        with atomic_write(folder / f"{name}.onnx") as path:
            path.write_bytes(model.SerializeToString(deterministic=True))
        print(f"{name}: {(folder / name).with_suffix('.onnx').stat().st_size} bytes, within {difference:.1e}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent)
