# SPDX-License-Identifier: Apache-2.0
"""Make data for training: `mien dataset motion` tracks every clip of a folder."""

import argparse
from importlib import import_module
from pathlib import Path

from . import options as common

HELP = "data for training, made from clips"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("motion",), help="motion: videos and landmark tracks to motions")
    parser.add_argument("folder", type=Path, metavar="DIR",
                        help="videos, landmark tracks (.npz), and maybe clips.csv with clip, person, licence")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR",
                        help="where the motions go; what is there already is kept, so that the work can be resumed")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="clips at once on this machine (default 1)")
    parser.add_argument("--ray", action="store_true", help="spread the clips over a Ray cluster")
    parser.add_argument("--pack", type=Path, metavar="NPZ", help="all motions in one small file as well")
    common.add_json(parser)


def run(options: argparse.Namespace) -> None:
    from ..errors import BadInput
    from ..progress import progress_bar

    if options.pack:
        common.check_outputs(options.pack, suffixes={options.pack: (".npz",)})
    if not options.folder.is_dir():
        raise BadInput(f"There is no folder {options.folder}.")
    if options.jobs < 1:
        raise BadInput(f"--jobs must be 1 or more, not {options.jobs}.")
    data = import_module("...models.dynamics.data", __package__)
    with progress_bar("tracking", unit="clips", quiet=options.quiet) as progress:
        outcome = data.make_motions(options.folder, options.output, processes=options.jobs, ray=options.ray,
                                    progress=progress)
    if options.pack:
        import_module("...models.dynamics.corpus", __package__).pack_folder(options.output, options.pack)
    failed = {clip: text for clip, text in outcome.items() if text.startswith("failed")}
    result = {"output": str(options.output), "clips": len(outcome), "failed": failed}
    lines = [f"{options.output}: {len(outcome) - len(failed)} motions", *(f"{c}: {t}" for c, t in failed.items())]
    common.report(options, result, "\n  ".join(lines))
    if len(failed) == len(outcome):
        raise BadInput(f"No clip of {options.folder} could be tracked.")
