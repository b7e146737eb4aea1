# SPDX-License-Identifier: Apache-2.0
"""What a file says of its origin: what made it, whether it is synthetic, consent, signature."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInput, MissingPart
from . import options as common

if TYPE_CHECKING:
    from ..provenance.signing import Credentials

HELP = "what a picture, video or face says of its origin"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a picture, a video, or a fitted face (.npz)")
    common.add_json(parser)


def run(options: argparse.Namespace) -> None:
    is_face = options.file.suffix.lower() == ".npz"
    said, remarks = (_face(options.file), []) if is_face else _media(options.file)
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in said.items() if value]
    lines = lines or ["nothing is said of its origin"]
    common.report(options, {**said, "remarks": remarks}, "\n  ".join([str(options.file), *lines, *remarks]))


def _face(path: Path) -> dict[str, str]:
    from ..fit_files import load_fit

    fit = load_fit(path)
    return {"tool": "Mien", "description": f"A face fitted with the model {fit.model}.", "consent": fit.consent}


def _media(path: Path) -> tuple[dict[str, str], list[str]]:
    """What a picture or a video says, and what could not be found out."""
    from ..provenance.reading import read_provenance

    found = read_provenance(path)
    said = {"source_type": found.source_type, "tool": found.tool, "description": found.description,
            "consent": found.consent} if found else {}
    try:
        return {**said, **_signature(path)}, []
    except (MissingPart, BadInput) as problem:
        return said, [str(problem)]


def _signature(path: Path) -> dict[str, str]:
    from ..provenance.signing import read_credentials

    found: Credentials | None = read_credentials(path)
    return {"signature": f"{found.state}, by {found.issuer or 'nobody named'}"} if found else {}
