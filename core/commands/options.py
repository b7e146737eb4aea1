# SPDX-License-Identifier: Apache-2.0
"""What several commands share: options, checks before the work, and reports after it."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInput, CannotWrite

if TYPE_CHECKING:
    from ..face_model import FaceModel


def add_output(parser: argparse.ArgumentParser, what: str, *, required: bool = True) -> None:
    parser.add_argument("-o", "--output", type=Path, required=required, metavar="FILE", help=what)


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="NPZ",
                        help="a face model made by `mien model import`; by default the one in the box")


def add_projection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--projection", choices=("orthographic", "perspective"), default="orthographic",
                        help="camera of the fit; orthographic is scaled by the head's distance (default)")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def add_consent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--consent", metavar="TEXT",
                        help="what the person shown agreed to, one line; by default what the photo itself says of it")


def consent(options: argparse.Namespace, photo: Path) -> str:
    """The note that goes with a face: as given, or as the photo carries it.

    Raises:
        BadInput: it is no short line.
    """
    from ..provenance.note import consent_line
    from ..provenance.reading import consent_in

    return consent_in(photo) if options.consent is None else consent_line(options.consent)


def chosen_model(options: argparse.Namespace) -> "FaceModel":
    from ..model_files import default_model, load_model

    return load_model(options.model) if options.model else default_model()


def check_outputs(*paths: Path | None, suffixes: Mapping[Path, tuple[str, ...]] | None = None) -> None:
    """Find out before the work whether its results can be written.

    Raises:
        CannotWrite: a folder is missing or read-only, or two results have one name.
        BadInput: a result's suffix is not one of those that are written.
    """
    wanted = [p for p in paths if p is not None]
    if len({p.resolve() for p in wanted}) < len(wanted):
        raise CannotWrite("Two results would be written to the same file; give them different names.")
    for path in wanted:
        if path.is_dir():
            raise CannotWrite(f"{path} is a folder; give the name of a file.")
        if not path.parent.is_dir():
            raise CannotWrite(f"The folder {path.parent} does not exist; make it first.")
        if not os.access(path.parent, os.W_OK):
            raise CannotWrite(f"Cannot write in {path.parent}: choose another place.")
    for path, allowed in (suffixes or {}).items():
        if path.suffix.lower() not in allowed:
            raise BadInput(f"{path.name}: the name must end in {' or '.join(allowed)}.")


def report(options: argparse.Namespace, result: Mapping[str, object], text: str) -> None:
    """Print the result for a person, or for a script with --json."""
    if getattr(options, "json", False) is True:
        json.dump(result, sys.stdout, indent=1)
        print()
    elif not options.quiet:
        print(text)
