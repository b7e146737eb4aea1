# SPDX-License-Identifier: Apache-2.0
"""The rules of the house, checked: imports, packages, licences, the extension's manifest."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(p for folder in ("core", "models", "addon") for p in (ROOT / folder).rglob("*.py"))
GROUND_FLOOR = ("errors", "files", "camera", "rotations", "channels", "face_model", "model_files", "motion",
                "motion_files", "resampling", "fit", "fit_files", "keys", "bezier", "motion_edit", "retarget",
                "presets")


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def _blocked(*names: str) -> str:
    """Code that makes the import of these packages fail."""
    return f"import sys\nfor name in {names!r}: sys.modules[name] = None\n"


def test_every_package_is_listed() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {".".join(("mien", *p.parent.relative_to(ROOT).parts)) for p in SOURCES} | {"mien"}
    assert listed == found


@pytest.mark.parametrize("path", [*SOURCES, ROOT / "__init__.py"], ids=lambda p: str(p.relative_to(ROOT)))
def test_source_names_its_licence(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    gpl = path.is_relative_to(ROOT / "addon") or path.parent == ROOT
    assert first == f"# SPDX-License-Identifier: {'GPL-3.0-or-later' if gpl else 'Apache-2.0'}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    """Inside, imports are relative; core knows neither models nor addon; only the add-on knows bpy."""
    layer = path.relative_to(ROOT).parts[0]
    depth = len(path.relative_to(ROOT).parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            tops = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            tops = {(node.module or "").split(".")[0]}
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= depth, f"line {node.lineno} leaves the package"
            outside = node.level == depth and (node.module or "").split(".")[0]
            assert outside not in {"core": ("models", "addon"), "models": ("addon",)}.get(layer, ()), node.lineno
            continue
        else:
            continue
        assert "mien" not in tops, f"line {node.lineno}: imports inside the package are relative"
        assert layer == "addon" or "bpy" not in tops, f"line {node.lineno}: only the add-on imports bpy"


def test_core_imports_without_bpy_and_torch() -> None:
    code = _blocked("bpy", "torch", "lightning") + (
        "import pkgutil, importlib, mien.core\n"
        "skip = ('build_nets', 'check_nets', 'convert_tflite', 'convert_onnx', 'convert_attention', 'cuda')\n"
        "for m in pkgutil.walk_packages(mien.core.__path__, 'mien.core.'):\n"
        "    if m.name.split('.')[-1] not in skip: importlib.import_module(m.name)\n"
        "import mien.core.cli\n")
    result = _run(code)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("module", ["predict", "idle", "bridge", "files", "weights"])
def test_dynamics_need_numpy_alone(module: str) -> None:
    result = _run(_blocked("scipy", "numba", "onnxruntime", "av", "PIL", "matplotlib", "tqdm", "torch", "bpy",
                           "safetensors") + f"import mien.models.dynamics.{module}")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("module", GROUND_FLOOR)
def test_ground_floor_needs_numpy_alone(module: str) -> None:
    result = _run(_blocked("scipy", "numba", "onnxruntime", "av", "PIL", "matplotlib", "tqdm", "torch", "bpy")
                  + f"import mien.core.{module}")
    assert result.returncode == 0, result.stderr


def test_importing_the_package_loads_nothing_heavy() -> None:
    result = _run("import sys, mien, mien.core; print([m for m in ('numpy', 'scipy', 'torch') if m in sys.modules])")
    assert result.stdout.strip() == "[]"


def test_nothing_is_reported_to_anybody(tmp_path: Path) -> None:
    """onnxruntime's own wheels report use to their maker unless told not to; one module imports it, and tells it."""
    importers = [p for p in SOURCES if "import onnxruntime" in p.read_text().replace("onnx_runtime import", "")]
    assert importers == [ROOT / "core" / "onnx_runtime.py"]
    code = ("import os, tempfile\nos.environ.pop('ORT_DISABLE_TELEMETRY', None)\n"
            "from mien.core.engine.jobs import warm_up\nwarm_up()\nprint(os.listdir(tempfile.gettempdir()))")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
                            env={**os.environ, "TMPDIR": str(tmp_path)})
    assert result.stdout.strip() == "[]", result.stderr


def test_public_names_are_all_there() -> None:
    result = _run("import mien.core\nfor name in mien.core.__all__: getattr(mien.core, name)\n"
                  "from mien.core import FaceModel, Motion, animate, fit_photo, fit_photos, track_video\n"
                  "assert callable(animate)")
    assert result.returncode == 0, result.stderr


def test_versions_agree() -> None:
    import mien

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    assert mien.__version__ == project["version"] == manifest["version"]


def test_manifest_keeps_blenders_rules() -> None:
    """The rules that Blender's own validator applies: names, lengths, punctuation, permissions."""
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    assert {"schema_version", "id", "version", "name", "tagline", "maintainer", "type", "blender_version_min",
            "license"} <= manifest.keys()
    assert len(manifest["tagline"]) <= 64 and manifest["tagline"][-1].isalnum()
    assert "blender" not in manifest["name"].lower()
    assert manifest["blender_version_min"].count(".") == 2
    assert all(entry.startswith("SPDX:") for entry in manifest["license"])
    assert all(entry[:4].isdigit() for entry in manifest["copyright"])
    assert set(manifest["permissions"]) <= {"files", "network", "clipboard", "camera", "microphone"}
    assert all(len(text) <= 64 and text[-1].isalnum() for text in manifest["permissions"].values())


def test_extension_is_there_without_blender() -> None:
    from mien.addon import MODULES

    files = {".".join(p.relative_to(ROOT / "addon").with_suffix("").parts): p for p in SOURCES
             if p.is_relative_to(ROOT / "addon")}
    assert set(MODULES) <= set(files)
    with_classes = {name for name, path in files.items() if "\nCLASSES" in path.read_text()}
    assert with_classes == set(MODULES)
    assert len(MODULES) == len(set(MODULES))

