# SPDX-License-Identifier: Apache-2.0
"""Build dist/mien-<version>.zip, the Blender extension, and check it as Blender does.

The files are those that blender_manifest.toml's [build] rules leave. The zip depends on their content alone: sorted
names, one time stamp, one mode. Blender's own checker is used where a bpy is found (build/blender), else ours.
"""

import argparse
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from needed_modules import needed

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = "blender_manifest.toml"
LARGEST = 5_000_000  # bytes
TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold
REQUIRED = ("schema_version", "id", "version", "name", "tagline", "maintainer", "type", "blender_version_min",
            "license")
PERMISSIONS = {"files", "network", "clipboard", "camera", "microphone"}
BLENDERS_CHECKER = "scripts/addons_core/bl_pkg/cli/blender_ext.py"
BLENDERS_TAGS = "scripts/modules/_bpy_internal/extensions/tags.py"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="FOLDER")
    parser.add_argument("--list", action="store_true", help="only print the names of the files")
    options = parser.parse_args(arguments)
    manifest = tomllib.loads((ROOT / MANIFEST).read_text(encoding="utf-8"))
    if options.list:
        print("\n".join(files(manifest["build"]["paths_exclude_pattern"])))
        return 0
    faults = manifest_faults(manifest) or missing_modules(manifest)
    if faults:
        print("\n".join(f"{MANIFEST}: {fault}" for fault in faults), file=sys.stderr)
        return 1
    target = build(manifest, options.output)
    by, fault = blenders_opinion(target)
    if fault:
        print(f"{target}: {fault}", file=sys.stderr)
        return 1
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB, {len(zipfile.ZipFile(target).namelist())} files, {by}")
    return 0


def build(manifest: dict[str, Any], folder: Path) -> Path:
    """Write the zip into the folder; the same files give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{manifest['id']}-{manifest['version']}.zip"
    unfinished = target.with_name(f".{target.name}")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in files(manifest["build"]["paths_exclude_pattern"]):
            entry = zipfile.ZipInfo(name, TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, (ROOT / name).read_bytes())
    if unfinished.stat().st_size > LARGEST:
        raise SystemExit(f"{unfinished} has more than {LARGEST / 1e6:.0f} MB: look for what Blender does not need.")
    return unfinished.replace(target)


def files(excluded: Sequence[str], root: Path = ROOT) -> list[str]:
    """The files of the tree that the patterns leave, sorted, with forward slashes."""

    def walk(folder: Path) -> Iterator[str]:
        for path in folder.iterdir():
            name = path.relative_to(root).as_posix()
            if is_excluded(name, path.is_dir(), excluded):
                continue
            if path.is_dir():
                yield from walk(path)
            else:
                yield name

    return sorted(walk(root))


def is_excluded(name: str, is_folder: bool, patterns: Sequence[str]) -> bool:
    """What Blender's builder does with the patterns that we use: all exclusions first, then what is kept in spite."""
    excluded = any(_matches(name, is_folder, p) for p in patterns if not p.startswith("!"))
    return excluded and not any(_matches(name, is_folder, p[1:]) for p in patterns if p.startswith("!"))


def _matches(name: str, is_folder: bool, pattern: str) -> bool:
    """Gitignore's rule without ``**``: a slash before is the root, a slash behind is a folder, * stays in its part."""
    if pattern.endswith("/") and not is_folder:
        return False
    wanted, parts = pattern.strip("/").split("/"), PurePosixPath(name).parts
    if pattern.startswith("/") and len(parts) != len(wanted):
        return False
    tail = parts[-len(wanted):]
    return len(tail) == len(wanted) and all(map(fnmatchcase, tail, wanted))


def manifest_faults(manifest: dict[str, Any]) -> list[str]:
    """What Blender would refuse, by its rules for manifests of version 1.0.0."""
    faults = [f"{key} is missing" for key in REQUIRED if not manifest.get(key)]
    if faults:
        return faults
    tests = {
        "id must be lower-case words joined by single underscores": re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*",
                                                                                 manifest["id"]),
        "version must have three numbers": re.match(r"\d+\.\d+\.\d+([-+].+)?$", manifest["version"]),
        "blender_version_min must have three numbers": re.fullmatch(r"\d+\.\d+\.\d+", manifest["blender_version_min"]),
        "tagline must be 64 characters or fewer without a full stop": _is_line(manifest["tagline"]),
        "every permission must be one that Blender knows": set(manifest.get("permissions", {})) <= PERMISSIONS,
        "the reason for a permission must be one line of 64 characters or fewer without a full stop":
            all(map(_is_line, manifest.get("permissions", {}).values())),
        "copyright must begin with a year": all(re.match(r"\d{4}(-\d{4})? ", c) for c in manifest.get("copyright", [])),
    }
    return [rule for rule, kept in tests.items() if not kept]


def missing_modules(manifest: dict[str, Any]) -> list[str]:
    """Modules that the add-on imports and the manifest leaves out."""
    left_out = set(needed()) - set(files(manifest["build"]["paths_exclude_pattern"]))
    return [f"the add-on imports {name}, which is left out: run `make extension-modules`" for name in sorted(left_out)]


def _is_line(text: str) -> bool:
    return 0 < len(text) <= 64 and text[-1].isalnum()


def blenders_opinion(archive: Path) -> tuple[str, str]:
    """By whom the zip was checked, and what Blender's checker finds wrong with it ('' = nothing)."""
    scripts = sorted((ROOT / "build" / "blender").glob(f"*/lib/python*/site-packages/bpy/*/{BLENDERS_CHECKER}"))
    if not scripts:
        return "checked by our rules (no bpy in build/blender)", ""
    resources = Path(str(scripts[-1]).removesuffix(BLENDERS_CHECKER))
    command = [sys.executable, str(scripts[-1]), "validate", str(archive),
               "--valid-tags", str(resources / BLENDERS_TAGS)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return f"checked by Blender {resources.name}", "" if answer.returncode == 0 else answer.stdout + answer.stderr


if __name__ == "__main__":
    sys.exit(main())
