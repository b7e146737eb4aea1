# SPDX-License-Identifier: Apache-2.0
"""Run the benchmarks, print them as a table and write them as JSON."""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path

from mien.core.evaluate.report import text_table

from .measuring import Result, machine

GROUPS = ("startup", "fitting", "drawing", "engine", "memory")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"any of {', '.join(GROUPS)} (all but memory)")
    parser.add_argument("--memory", action="store_true", help="also track ten minutes of 1080p (some minutes)")
    parser.add_argument("--json", type=Path, default=Path("out/benchmarks.json"), metavar="OUT")
    options = parser.parse_args()
    groups = options.groups or [*GROUPS[:-1], *(["memory"] if options.memory else [])]
    setting, measured = machine(), []
    if setting["load"] > 0.5:
        print(f"Other work is running (load {setting['load']:.1f}): these figures will be too slow.", file=sys.stderr)
    for group in groups:
        for result in import_module(f".{group}", __package__).results():
            print(f"{result.name}: {result.value:.4g} {result.unit}", file=sys.stderr)
            measured.append(result)
    _report(measured, setting, options.json)


def _report(measured: list[Result], setting: dict[str, object], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": setting, "results": [result.figures() for result in measured]}
    target.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    print(text_table(("measured", "value", "unit", "wanted", "beside", "ratio"), [r.row() for r in measured]))
    print(f"{setting['processor']}, {setting['cores']} cores, load {setting['load']:.1f} at the start; "
          f"Python {setting['python']}. Written to {target}.")


main()
