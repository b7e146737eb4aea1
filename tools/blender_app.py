# SPDX-License-Identifier: Apache-2.0
"""Try the extension in real Blender applications, with a window: install the zip, press buttons, look at pictures.

Each application stands in a folder of its own, made on demand (build/blender-apps, 1.4 GB each, root and debootstrap
needed), or is the one that --blender names. What the screen showed is left in build/blender-apps/<name>-results.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import build_extension
from build_extension import MANIFEST, ROOT

SCRIPTS = ROOT / "tests" / "blender_app"
DATA = ROOT / "core" / "demo_data"
SUITES = ("trixie", "sid")
SECONDS = 900
PICTURES = {"panel": "blender_panel.jpg", "photo": "blender_photo.jpg", "curves": "blender_curves.png",
            "predicted": "blender_predict.png", "rendered": "blender_render.jpg", "neural_frame": "blender_neural.jpg"}
"""Pictures of the README, by what the driver calls them"""


@dataclass(frozen=True)
class Application:
    """How to run Blender and other programs beside it."""

    name: str
    root: Path | None = None
    program: str = "blender"

    def run(self, *command: str, resources: Path, window: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program there; with a screen of its own where `window` says how large."""
        environment = {**os.environ, "BLENDER_USER_RESOURCES": str(resources), "LANG": "C.UTF-8"}
        whole = [str(SCRIPTS / "in_window.sh"), window, *command] if window else list(command)
        if self.root:
            python = {str(Path(sys.base_prefix)), str(Path(sys.base_prefix).resolve())}
            environment |= {"BINDS": " ".join([str(ROOT), *sorted(python)]), "HOME": "/root",
                            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
            whole = [str(SCRIPTS / "in_root.sh"), str(self.root), *whole]
        return subprocess.run(whole, capture_output=True, text=True, errors="replace", timeout=SECONDS,
                              env=environment, stdin=subprocess.DEVNULL)


class CannotRunError(Exception):
    """Why an application is skipped, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--roots", type=Path, default=ROOT / "build" / "blender-apps", metavar="FOLDER",
                        help="where the applications stand or are put")
    parser.add_argument("--suites", nargs="*", choices=SUITES, default=SUITES, help="trixie has 4.3, sid 5.2")
    parser.add_argument("--blender", default="", metavar="PROGRAM", help="this one instead, as it is")
    parser.add_argument("--weights", type=Path, metavar="FILE",
                        help="of the network for Neural Render; by default those in the box, else the mesh draws")
    parser.add_argument("--size", default="1280x800", help="of the window")
    parser.add_argument("--pictures", action="store_true", help="put the README's pictures into docs")
    options = parser.parse_args(arguments)
    faults = 0
    for name in ["own"] if options.blender else options.suites:
        try:
            application = (_own(options.blender) if options.blender
                           else Application(name, _root(name, options.roots)))
        except CannotRunError as error:
            print(f"{name}: skipped: {error}")
            faults += bool(os.environ.get("CI"))
            continue
        results = ROOT / "build" / "blender-apps" / f"{name}-results"
        wrong = try_out(application, results, options.size, options.weights)
        state = "FAILED" if wrong else "passed"
        print("\n".join([f"{name}: {state}; pictures in {results.relative_to(ROOT)}", *wrong]))
        faults += len(wrong)
        if options.pictures and not wrong:
            _publish(results)
    return int(faults > 0)


def try_out(application: Application, results: Path, size: str, weights: Path | None = None) -> list[str]:
    """Install, run without and with a window; what was not as it should be, as sentences."""
    shutil.rmtree(results, ignore_errors=True)
    resources = results / "resources"
    resources.mkdir(parents=True)
    archive = build_extension.build(tomllib.loads((ROOT / MANIFEST).read_text()), results)
    blender, wrong = application.program, []
    installed = application.run(blender, "--command", "extension", "install-file", "-r", "user_default", "--enable",
                                str(archive), resources=resources)
    if installed.returncode:
        return [f"  cannot be installed: {installed.stdout[-2000:]}{installed.stderr[-2000:]}"]
    motion = str(DATA / "talking.npz")
    ran = application.run(blender, "-b", "--python-exit-code", "7", "--python", str(SCRIPTS / "headless.py"), "--",
                          str(results), motion, resources=resources)
    wrong += _faults(results / "headless.json", ran)
    python, portrait, clip = str(Path(sys.prefix) / "bin" / "python"), str(DATA / "astronaut.jpg"), str(_clip())
    own, fresh = results / "newcomer-resources", results / "dropping-resources"
    for folder in (own, fresh):
        folder.mkdir()
    scripts = (("newcomer", (python, str(archive), portrait, clip), own),
               ("dropping", (python, str(archive), portrait, clip), fresh),
               ("drive", (python, portrait, clip, motion), resources), ("hostile", (python, portrait, clip), resources),
               ("predicting", (motion,), resources),
               ("neural", (python, portrait, motion, _copied(weights, results)), resources))
    for script, given, where in scripts:
        ran = application.run(blender, "--window-geometry", "0", "0", *size.split("x"), "--python",
                              str(SCRIPTS / f"{script}.py"), "--", str(results), *given, resources=where, window=size)
        wrong += _faults(results / f"{script}.json", ran)
    return wrong or [*_film_faults(results), *_command_line_faults(application, results, own)]


def _copied(weights: Path | None, results: Path) -> str:
    """Weights in a place that the application sees; nothing where there are none."""
    return str(shutil.copy(weights, results / "weights.safetensors")) if weights else ""


def _film_faults(results: Path) -> list[str]:
    """Whether the newcomer's film is what was asked for, and its mouth moves as the curves said."""
    from blender_film import faults

    said = json.loads((results / "newcomer.json").read_text())["film"]
    return [f"  film: {fault}" for fault in faults(Path(said["path"]), said)]


def _command_line_faults(application: Application, results: Path, resources: Path) -> list[str]:
    """The README's command on the newcomer's file, by EEVEE, which needs a GPU or much patience: two small frames."""
    from blender_film import faults

    call = "filepath='//line.mp4', engine='EEVEE', samples=1, frame_start=30, frame_end=31"
    render = f"import bpy; bpy.context.scene.render.resolution_percentage = 12; bpy.ops.mien.render_video({call})"
    ran = application.run(application.program, "-b", str(results / "newcomer.blend"), "--python-exit-code", "1",
                          "--python-expr", render, resources=resources)
    if ran.returncode:
        return [f"  command line: exit {ran.returncode}: {ran.stdout[-1500:]}{ran.stderr[-1500:]}"]
    return [f"  command line: {fault}" for fault in faults(results / "line.mp4", {"frames": 2, "fps": 30})]


def _faults(told: Path, ran: subprocess.CompletedProcess[str]) -> list[str]:
    if not told.exists():
        return [f"  {told.stem}: no result (exit {ran.returncode}): {ran.stdout[-3000:]}{ran.stderr[-3000:]}"]
    content = json.loads(told.read_text())
    wrong = [f"  {told.stem}: not so: {name}" for name, holds in content["checks"].items() if not holds]
    if "error" in content:
        wrong.append(f"  {told.stem}: in {content['step']}: {content['error']}")
    return wrong


def _own(program: str) -> Application:
    """The machine's own Blender, with what shows and uses a window."""
    missing = [name for name in (program, "Xvfb", "xdotool", "import") if not shutil.which(name)]
    if missing:
        raise CannotRunError(f"{', '.join(missing)} not found; apt-get install xvfb xdotool imagemagick, and give "
                             f"Blender's whole path")
    return Application("own", None, program)


def _root(suite: str, roots: Path) -> Path:
    root = roots.resolve() / suite
    if not (root / "usr" / "bin" / "blender").exists():
        made = subprocess.run([str(SCRIPTS / "setup_root.sh"), suite, str(root)], capture_output=True, text=True)
        if made.returncode:
            said = (made.stderr or made.stdout).strip().splitlines() or ["no reason given"]
            raise CannotRunError(f"{said[-1]} (run {SCRIPTS / 'setup_root.sh'} {suite} {root} to see all)")
    return root


def _clip() -> Path:
    """A video of a face: the demo's, made once."""
    clip = ROOT / "build" / "blender-apps" / "demo" / "astronaut.mp4"
    if not clip.exists():
        subprocess.run([str(Path(sys.executable).with_name("mien")), "demo", "--output", str(clip.parent)], check=True,
                       capture_output=True)
    return clip


def _publish(results: Path) -> None:
    """The README's pictures, made small: photographs as JPEG, the rest as PNG of few colours."""
    from PIL import Image

    for source, name in PICTURES.items():
        target = ROOT / "docs" / name
        with Image.open(results / f"{source}.png") as opened:
            picture = opened.convert("RGB")
        if target.suffix == ".jpg":
            picture.save(target, quality=86, subsampling=0, optimize=True)
        else:
            picture.quantize(128, kmeans=2).save(target, optimize=True)
        print(f"docs/{name}: {target.stat().st_size // 1024} kB")


if __name__ == "__main__":
    sys.exit(main())
