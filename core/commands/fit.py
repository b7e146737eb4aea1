# SPDX-License-Identifier: Apache-2.0
"""Fit the face of one person in one or several photos: identity, expression, pose."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import options as common

if TYPE_CHECKING:
    from ..fitting import Fit

HELP = "photos to a face (.npz)"
STRONGEST = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photo", type=Path, nargs="+", help="photos of one person; the first one is saved")
    common.add_output(parser, "the fitted face, .npz")
    parser.add_argument("--overlay", type=Path, metavar="PNG", help="the mesh drawn over the first photo")
    parser.add_argument("--glb", type=Path, metavar="GLB", help="the textured head as glTF")
    parser.add_argument("--face", type=int, metavar="N", help="the N-th face, from 0, the most prominent one")
    common.add_consent(parser)
    common.add_projection(parser)
    common.add_model(parser)
    common.add_json(parser)


def run(options: argparse.Namespace) -> None:
    common.check_outputs(options.output, options.overlay, options.glb, suffixes=_suffixes(options))
    from ..fit_files import save_fit
    from ..fitting import fit_photo, fit_photos
    from ..image import read_image, write_image

    model, consent = common.chosen_model(options), common.consent(options, options.photo[0])
    photos = [read_image(path) for path in options.photo]
    if len(photos) > 1:
        fits = fit_photos(photos, model, projection=options.projection)
    else:
        fits = [fit_photo(photos[0], model, projection=options.projection, face=options.face)]
    save_fit(replace(fits[0], consent=consent), options.output)
    if options.overlay:
        from ..overlay import draw_overlay

        write_image(options.overlay, draw_overlay(photos[0], fits[0], model))
    if options.glb:
        from ..gltf import write_glb
        from ..texture import uv_texture

        write_glb(options.glb, model, fits[0].identity, uv_texture(photos, fits, model).rgb,
                  consent=consent)
    _report(options, fits[0], model.expression_names)


def _suffixes(options: argparse.Namespace) -> dict[Path, tuple[str, ...]]:
    wanted = {options.output: (".npz",), options.overlay: (".png", ".jpg"), options.glb: (".glb",)}
    return {path: allowed for path, allowed in wanted.items() if path is not None}


def _report(options: argparse.Namespace, fit: "Fit", names: Sequence[str]) -> None:
    strongest = sorted(zip(names, fit.expression.tolist(), strict=True), key=lambda channel: -channel[1])[:STRONGEST]
    lines = [f"{options.output}: confidence {fit.confidence:.2f}",
             ", ".join(f"{name} {value:.2f}" for name, value in strongest), *fit.warnings]
    result = {"output": str(options.output), "confidence": fit.confidence, "warnings": list(fit.warnings),
              "expression": dict(zip(names, fit.expression.tolist(), strict=True)), "identity": fit.identity.tolist(),
              "rotation": fit.rotation.tolist(), "translation": fit.translation.tolist(),
              "residuals_px": dict(fit.residuals)}
    common.report(options, result, "\n  ".join(lines))
