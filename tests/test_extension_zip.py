# SPDX-License-Identifier: Apache-2.0
"""The extension's zip, without any Blender: what is in it, that it is small, whole and the same each time."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import build_extension
import pytest
from build_extension import ROOT, is_excluded
from needed_modules import needed

MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
HEAVY = {"numba", "scipy", "torch", "onnxruntime", "av", "PIL", "matplotlib", "tqdm"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_extension.build(MANIFEST, tmp_path_factory.mktemp("dist"))


def test_zip_holds_what_blender_needs_and_nothing_else(archive: Path) -> None:
    names = zipfile.ZipFile(archive).namelist()
    addon = [p.relative_to(ROOT).as_posix() for p in (ROOT / "addon").rglob("*") if p.is_file()]
    assert sorted(names) == sorted({
        "__init__.py", "blender_manifest.toml", "LICENSE", "LICENSES/Apache-2.0.txt", "LICENSES/GPL-3.0-or-later.txt",
        "core/face_models/default.npz", "core/face_models/default_texture.jpg", "core/face_models/NOTICE.md",
        "core/demo_data/talking.npz", "core/demo_data/NOTICE.md", "models/weights/dynamics.safetensors",
        "models/weights/dynamics.md", *needed(),
        *(name for name in addon if "__pycache__" not in name and not name.endswith(".pyc")),
    })
    assert archive.name == f"mien-{MANIFEST['version']}.zip"
    assert archive.stat().st_size < 5_000_000


def test_same_tree_gives_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    assert build_extension.build(MANIFEST, tmp_path).read_bytes() == archive.read_bytes()
    assert all(info.date_time == (1980, 1, 1, 0, 0, 0) for info in zipfile.ZipFile(archive).infolist())


def test_every_module_in_it_needs_numpy_alone(archive: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere, all of it but what imports bpy is imported with nothing but numpy."""
    zipfile.ZipFile(archive).extractall(tmp_path / "mien")
    modules = [Path("mien", name).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
               for name in zipfile.ZipFile(archive).namelist()
               if name.startswith(("core/", "models/")) and name.endswith(".py")]
    code = (f"import sys\nfor name in {sorted({*HEAVY, 'bpy'})!r}: sys.modules[name] = None\n"
            f"sys.path.insert(0, {str(tmp_path)!r})\nimport importlib\n"
            f"for name in {modules!r}: importlib.import_module(name)\n"
            "from mien.core.model_files import default_model\n"
            f"assert default_model().vertex_count and sys.modules['mien'].__file__.startswith({str(tmp_path)!r})\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr


def test_manifest_keeps_blenders_rules() -> None:
    assert build_extension.manifest_faults(MANIFEST) == []
    for key, value in {"tagline": "A sentence.", "version": "0.1", "blender_version_min": "4.2", "id": "mien-x",
                       "permissions": {"wifi": "Why not"}, "copyright": ["Us"], "license": []}.items():
        assert len(build_extension.manifest_faults({**MANIFEST, key: value})) == 1, key
    assert "network" not in MANIFEST["permissions"]
    assert "wheels" not in MANIFEST


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert MANIFEST["version"] == project["version"]
    assert f'__version__ = "{MANIFEST["version"]}"' in (ROOT / "__init__.py").read_text()


def test_left_out_module_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MANIFEST["build"], "paths_exclude_pattern",
                        [p for p in MANIFEST["build"]["paths_exclude_pattern"] if p != "!/core/camera.py"])
    assert build_extension.missing_modules(MANIFEST) == [
        "the add-on imports core/camera.py, which is left out: run `make extension-modules`"]


@pytest.mark.parametrize(("name", "folder", "patterns", "excluded"), [
    ("a/b.py", False, ["/a/*"], True),
    ("a/b/c.py", False, ["/a/*"], False),
    ("a", True, ["/*", "!/a"], False),
    ("a/b", False, ["/*", "!/a"], False),
    ("x/__pycache__", True, ["__pycache__/"], True),
    ("x/__pycache__", False, ["__pycache__/"], False),
    ("x/.hidden", False, [".*"], True),
    ("x/y.pyc", False, ["*.pyc"], True),
    ("b/a", False, ["/a"], False),
    ("b/x/y", False, ["x/y"], True),
])
def test_patterns(name: str, folder: bool, patterns: list[str], excluded: bool) -> None:
    assert is_excluded(name, folder, patterns) is excluded


def test_make_test_runs_the_tests_inside_blender() -> None:
    """They are not collected by the plain pytest run, so nothing else would notice that they are forgotten."""
    commands = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True,
                              env={**os.environ, "MAKEFLAGS": ""}).stdout
    assert "tools/blender_tests.py" in commands
    ignored = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["norecursedirs"]
    assert "blender" in ignored
    assert list((ROOT / "tests" / "blender").glob("test_*.py"))
