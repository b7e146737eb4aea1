# SPDX-License-Identifier: Apache-2.0
"""The zip as a user has it: built, checked and packed as Blender would, installed as bl_ext.user_default.mien."""

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import bpy
import build_extension
import pytest

MANIFEST = tomllib.loads((build_extension.ROOT / build_extension.MANIFEST).read_text())


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_extension.build(MANIFEST, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What a Blender of its own tells of the installed extension."""
    folder = tmp_path_factory.mktemp("installed")
    result = folder / "result.json"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment["BLENDER_USER_RESOURCES"] = str(folder / "resources")
    done = subprocess.run([sys.executable, str(Path(__file__).with_name("installed_child.py")), archive, result],
                          capture_output=True, text=True, timeout=180, env=environment, cwd=folder)
    assert result.exists(), done.stdout + done.stderr
    told = json.loads(result.read_text())
    assert "error" not in told, told["error"] + done.stdout + done.stderr
    return told


def test_installed_and_enabled(installed: dict) -> None:
    assert installed["enabled"]
    assert Path(installed["folder"]).parts[-4:] == ("extensions", "user_default", "mien", "__init__.py")


def test_every_file_arrives(installed: dict, archive: Path) -> None:
    assert installed["files"] == sorted(zipfile.ZipFile(archive).namelist())


def test_operators_are_those_of_the_enabled_folder(installed: dict) -> None:
    here = sorted(dir(bpy.ops.mien))
    assert here
    assert installed["operators"] == [here, here]


def test_a_head_is_made_saved_and_opened(installed: dict) -> None:
    assert installed["use"] == {"outcome": ["FINISHED"], "keys": 53, "is_head": True,
                                "model": installed["use"]["model"]}


def test_disabling_leaves_no_trace_twice_in_a_row(installed: dict) -> None:
    assert installed["traces"] == [{}, {}]


def test_removal_takes_the_files(installed: dict) -> None:
    assert installed["after_removal"] is False


def _blenders_files() -> tuple[Path, Path]:
    scripts = Path(bpy.utils.resource_path("LOCAL")) / "scripts"
    return (scripts.parent / build_extension.BLENDERS_CHECKER, scripts.parent / build_extension.BLENDERS_TAGS)


def test_blender_packs_the_same_files(archive: Path, tmp_path: Path) -> None:
    """Blender's own builder, from the same manifest, takes the same files with the same content."""
    script, tags = _blenders_files()
    subprocess.run([sys.executable, script, "build", "--source-dir", build_extension.ROOT, "--output-dir", tmp_path,
                    "--valid-tags", tags], check=True, capture_output=True, timeout=120)
    theirs, ours = zipfile.ZipFile(tmp_path / archive.name), zipfile.ZipFile(archive)
    assert sorted(theirs.namelist()) == sorted(ours.namelist())
    assert all(theirs.read(name) == ours.read(name) for name in ours.namelist())


def test_blender_finds_nothing_wrong_with_the_zip(archive: Path) -> None:
    script, tags = _blenders_files()
    done = subprocess.run([sys.executable, script, "validate", archive, "--valid-tags", tags],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()
