# SPDX-License-Identifier: Apache-2.0
"""Write a face as glTF, a motion in another format or frame rate, or a network as ONNX."""

import argparse
from importlib import import_module
from pathlib import Path

from ..errors import BadInput
from . import options as common

HELP = "a face to .glb, a motion to .csv, .json, .npz, a network to .onnx"
MOTION_SUFFIXES = (".npz", ".csv", ".json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, help="a face, a motion, a Live Link Face CSV, or weights")
    common.add_output(parser, ".glb for a face; .npz, .csv (Live Link Face) or .json for a motion; .onnx for weights")
    parser.add_argument("--photo", type=Path, help="the photo that the face was fitted to, for its texture")
    parser.add_argument("--motion", type=Path, help="the animation of the head in the .glb")
    parser.add_argument("--fps", type=float, help="resample the motion to this frame rate")
    common.add_model(parser)


def run(options: argparse.Namespace) -> None:
    common.check_outputs(options.output, suffixes={options.output: (".glb", ".onnx", *MOTION_SUFFIXES)})
    kind = options.output.suffix.lower()
    lines = _export_network(options) if kind == ".onnx" else [
        str(options.output), *(_export_head(options) if kind == ".glb" else _export_motion(options))]
    common.report(options, {}, "\n  ".join(lines))


def _export_network(options: argparse.Namespace) -> list[str]:
    networks = import_module("...models.onnx_files", __package__)
    return [str(path) for path in networks.export_network(options.source, options.output)]


def _export_head(options: argparse.Namespace) -> list[str]:
    """Write a head as glTF; what of the motion did not fit is told in sentences."""
    from ..fit_files import load_fit
    from ..gltf import write_glb
    from ..image import read_image
    from ..motion_files import read_motion
    from ..texture import uv_texture

    model = common.chosen_model(options)
    fit = load_fit(options.source, model)
    texture = uv_texture([read_image(options.photo)], [fit], model).rgb if options.photo else None
    motion, remarks = None, []
    if options.motion:
        motion, read = read_motion(options.motion, model)
        remarks = read.sentences()
    write_glb(options.output, model, fit.identity, texture, motion, consent=fit.consent)
    return list(remarks)


def _export_motion(options: argparse.Namespace) -> list[str]:
    """Convert a motion; what did not fit is told in sentences."""
    from ..motion_files import read_motion, resample, save_motion

    if options.photo or options.motion:
        raise BadInput("--photo and --motion are for a .glb; a motion needs neither.")
    motion, read = read_motion(options.source)
    written = save_motion(resample(motion, options.fps) if options.fps else motion, options.output)
    return [*read.sentences(), *written.sentences()]
