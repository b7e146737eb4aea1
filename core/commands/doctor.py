# SPDX-License-Identifier: Apache-2.0
"""Say what works on this machine, and what to install for the rest."""

import argparse

from ..errors import MissingPart
from . import options as common

HELP = "what works here, and what to install for the rest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common.add_json(parser)


def run(options: argparse.Namespace) -> None:
    from ..doctor import examine

    findings = examine()
    lines = [f"{'ok' if f.works else '--':3} {f.part:16} {f.detail}" for f in findings]
    common.report(options, {f.part: {"works": f.works, "detail": f.detail} for f in findings}, "\n".join(lines))
    broken = [f.part for f in findings if f.required and not f.works]
    if broken:
        raise MissingPart(f"Mien cannot work here without: {', '.join(broken)}.")
