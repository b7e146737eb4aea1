# SPDX-License-Identifier: Apache-2.0
"""Make data for training: `mien dataset motion` tracks clips, `mien dataset faces` makes frames of faces."""

import argparse
from importlib import import_module
from pathlib import Path

from . import options as common

HELP = "data for training, made from clips and made-up people"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("motion", "faces"),
                        help="motion: videos and landmark tracks to motions; faces: videos, and people made up here, "
                        "to frames with their fits")
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR",
                        help="videos, landmark tracks (.npz), and maybe clips.csv with clip, person, licence")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR",
                        help="where the results go; what is there already is kept, so that the work can be resumed")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="clips at once on this machine (default 1)")
    parser.add_argument("--ray", action="store_true", help="spread the work over a Ray cluster")
    parser.add_argument("--pack", type=Path, metavar="NPZ", help="motion: all motions in one small file as well")
    faces = parser.add_argument_group("faces")
    faces.add_argument("--made-up", type=int, default=0, metavar="N",
                       help="people that do not exist, besides the clips")
    faces.add_argument("--seed", type=int, default=0, help="number of the first made-up person (default 0)")
    faces.add_argument("--frames", type=int, default=120, metavar="N", help="of each clip, at most (default 120)")
    faces.add_argument("--views", type=int, default=6, metavar="N", help="frames of each made-up person (default 6)")
    faces.add_argument("--size", type=int, default=256, metavar="PIXELS", help="side of the frames (default 256)")
    faces.add_argument("--any-licence", action="store_true",
                       help="take clips whatever clips.csv says; without it only those whose licence allows giving "
                       "away what is learned from them")
    faces.add_argument("--sheet", type=Path, metavar="PNG", help="a picture of some of the frames as well")
    common.add_json(parser)


def run(options: argparse.Namespace) -> None:
    from ..errors import BadInput

    if options.pack:
        common.check_outputs(options.pack, suffixes={options.pack: (".npz",)})
    if options.sheet:
        common.check_outputs(options.sheet, suffixes={options.sheet: (".png", ".jpg")})
    if options.folder is None and options.what == "motion":
        raise BadInput("Give the folder of the clips to be tracked.")
    if options.folder is not None and not options.folder.is_dir():
        raise BadInput(f"There is no folder {options.folder}.")
    if options.jobs < 1:
        raise BadInput(f"--jobs must be 1 or more, not {options.jobs}.")
    (_motion if options.what == "motion" else _faces)(options)


def _motion(options: argparse.Namespace) -> None:
    from ..progress import progress_bar

    data = import_module("...models.dynamics.data", __package__)
    with progress_bar("tracking", unit="clips", quiet=options.quiet) as progress:
        outcome = data.make_motions(options.folder, options.output, processes=options.jobs, ray=options.ray,
                                    progress=progress)
    if options.pack:
        import_module("...models.dynamics.corpus", __package__).pack_folder(options.output, options.pack)
    _report(options, outcome, "motions", f"No clip of {options.folder} could be tracked.")


def _faces(options: argparse.Namespace) -> None:
    from ..progress import progress_bar

    make = import_module("...models.faces.make", __package__)
    licences = None if options.any_licence else make.PERMISSIVE
    wanted = make.Wanted(options.frames, options.made_up, options.views, options.size, options.seed, licences)
    with progress_bar("making faces", unit="shards", quiet=options.quiet) as progress:
        outcome = make.make_faces(options.folder, options.output, wanted, processes=options.jobs, ray=options.ray,
                                  progress=progress)
    if options.sheet and not all(text.startswith("failed") for text in outcome.values()):
        from ..image import write_image

        write_image(options.sheet, import_module("...models.faces.sheet", __package__).faces_sheet([options.output]))
    _report(options, outcome, "shards of faces", "No shard could be made.")


def _report(options: argparse.Namespace, outcome: dict[str, str], what: str, nothing: str) -> None:
    from ..errors import BadInput

    failed = {clip: text for clip, text in outcome.items() if text.startswith("failed")}
    result = {"output": str(options.output), "clips": len(outcome), "failed": failed}
    lines = [f"{options.output}: {len(outcome) - len(failed)} {what}", *(f"{c}: {t}" for c, t in failed.items())]
    common.report(options, result, "\n  ".join(lines))
    if len(failed) == len(outcome):
        raise BadInput(nothing)
