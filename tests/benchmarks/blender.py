# SPDX-License-Identifier: Apache-2.0
"""What the extension costs in each Blender that tools/blender_tests.py knows: `make bench-blender`."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from blender_tests import BLENDERS, HOME, ROOT, Blender, CannotRunError, prepare

from .measuring import machine

WANTED = {
    "head with 52 keys (s)": "≤ 0.3",
    "300 frames of 60 channels into curves (s)": "≤ 0.05",
    "300 frames of 60 channels out of curves (s)": "≤ 0.05",
    "playback (frames/s)": "≥ 60",
    "reduced keys, expressions (share)": "≤ 0.25",
    "reduced keys, all curves (share)": "≤ 0.25",
    "reduced keys, largest error": "≤ 0.02",
    "300 frames predicted, keys written (s)": "≤ 0.3",
    "engine ready (s)": "≤ 3",
    "engine's start in the main thread (s)": "≤ 0.05",
    "operator's start (s)": "≤ 0.05",
    "longest look at a job (s)": "≤ 0.005",
}
TARGET = ROOT / "tests" / "benchmarks" / "results" / "blender.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.blender", description=__doc__)
    parser.add_argument("--json", type=Path, default=TARGET, metavar="OUT")
    options = parser.parse_args()
    setting, told = machine(), []
    if float(setting["load"]) > 0.5:
        print(f"Other work is running (load {setting['load']:.1f}): these figures will be too slow.", file=sys.stderr)
    for blender in BLENDERS:
        try:
            prepare(blender)
        except CannotRunError as error:
            print(f"{blender.version}: skipped: {error}", file=sys.stderr)
            continue
        told.append(measure(blender))
    options.json.write_text(json.dumps({"machine": setting, "results": told}, indent=1, ensure_ascii=False) + "\n")
    _print_table(told)
    print(f"{setting['processor']}, {setting['cores']} cores, load {setting['load']:.1f} at the start; "
          f"written to {options.json}.")


def measure(blender: Blender) -> dict[str, object]:
    """The figures of one version, in a process of its own."""
    answer = HOME / f"benchmark-{blender.version}.json"
    answer.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "build" / "types"),
                   "BLENDER_USER_RESOURCES": str(HOME / "benchmark-resources")}
    child = Path(__file__).with_name("blender_child.py")
    done = subprocess.run([str(blender.interpreter), str(child), str(answer), sys.executable], capture_output=True,
                          text=True, timeout=600, env=environment)
    if done.returncode or not answer.exists():
        raise SystemExit(f"Blender {blender.version} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    result: dict[str, object] = json.loads(answer.read_text())
    return result


def _print_table(told: list[dict[str, object]]) -> None:
    versions = [str(one["blender"]) for one in told]
    print(f"{'':56}{'wanted':>9}" + "".join(f"{version:>12}" for version in versions))
    figures = [one["figures"] for one in told]
    for name in figures[0] if figures else ():  # type: ignore[attr-defined]
        row = "".join(f"{one[name]:12.4g}" for one in figures)  # type: ignore[index]
        print(f"{name:56}{WANTED.get(name, ''):>9}{row}")


if __name__ == "__main__":
    main()
