# SPDX-License-Identifier: Apache-2.0
"""Move the face of a photo by a motion, by another video, or by what a network thinks it does next; write a video."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from . import imagined, rendered, transferred
from . import options as common

if TYPE_CHECKING:
    from ..face_model import FaceModel
    from ..fit import Fit
    from ..motion import Motion
    from ..provenance.signing import Signer

HELP = "a photo and a motion to a video (.mp4)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photo", type=Path)
    driver = parser.add_mutually_exclusive_group(required=True)
    driver.add_argument("--motion", type=Path, metavar="FILE", help=".npz, .csv (Live Link Face) or .json")
    driver.add_argument("--driving", type=Path, metavar="VIDEO", help="a video whose face drives the photo")
    imagined.add_drivers(driver)
    imagined.add_options(parser)
    common.add_output(parser, "the video, .mp4")
    rendered.add_options(parser)
    transferred.add_options(parser)
    parser.add_argument("--face", type=int, metavar="N", help="the N-th face, from 0, the most prominent one")
    common.add_consent(parser)
    _add_signature(parser)
    common.add_model(parser)
    common.add_json(parser)


def _add_signature(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--certificate", type=Path, metavar="PEM",
                        help="sign the video (C2PA Content Credentials) with this certificate chain")
    parser.add_argument("--key", type=Path, metavar="PEM", help="the certificate's private key")


def run(options: argparse.Namespace) -> None:
    common.check_outputs(options.output, suffixes={options.output: (".mp4",)})
    imagined.check(options)
    from ..fitting import fit_photo
    from ..playback import animate, write_video
    from ..playback.photo import photo_for_video
    from ..progress import progress_bar
    from ..provenance.note import Provenance

    signer, consent = _signer(options), common.consent(options, options.photo)
    model = common.chosen_model(options)
    renderer = rendered.chosen(options, model)
    photo, remarks = photo_for_video(options.photo)
    fit = fit_photo(photo, model, face=options.face)
    motion = _motion(options, model, fit)
    motion, rules = transferred.suited_to(options, motion, model,
                                          imagined.HEAD_GAIN if options.predict else 1.0)
    frames = animate(photo, fit, motion, model, rules=rules, renderer=renderer)
    with progress_bar("rendering", total=len(motion), unit="frames", quiet=options.quiet) as progress:
        write_video(options.output, frames, motion.fps, progress, sound=options.driving, signer=signer,
                    provenance=Provenance(renderer.source_type, consent=consent))
    result = {"output": str(options.output), "frames": len(motion), "fps": motion.fps, "renderer": renderer.name,
              "warnings": [*fit.warnings, *remarks]}
    lines = [f"{options.output}: {len(motion)} frames at {motion.fps:g} per second", *fit.warnings, *remarks]
    common.report(options, result, "\n  ".join(lines))


def _signer(options: argparse.Namespace) -> "Signer | None":
    from ..errors import BadInput

    if (options.certificate is None) != (options.key is None):
        raise BadInput("A signature needs both --certificate and --key.")
    if options.certificate is None:
        return None
    from ..provenance.signing import Signer

    return Signer(options.certificate, options.key)


def _motion(options: argparse.Namespace, model: "FaceModel", fit: "Fit") -> "Motion":
    from ..fitting import track_video
    from ..motion_files import load_motion
    from ..progress import progress_bar

    if options.motion:
        return load_motion(options.motion, model)
    if not options.driving:
        return imagined.imagined(options, model, fit)
    with progress_bar("tracking", unit="frames", quiet=options.quiet) as progress:
        return track_video(options.driving, model, progress=progress)
