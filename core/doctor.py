# SPDX-License-Identifier: Apache-2.0
"""What works on this machine, and what to install for the rest."""

import ctypes.util
import importlib.metadata
import platform
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from .errors import MienError

BASE_PACKAGES = ("numpy", "scipy", "numba", "onnxruntime", "av", "pillow", "matplotlib")
GL_LIBRARIES = "apt-get install libegl1 libgl1 libegl-mesa0"
BPY_LIBRARIES = "apt-get install libxi6 libxkbcommon0 libxrender1 libxfixes3 libsm6 libgl1 libxxf86vm1 libgomp1"
OLDEST_BLENDER = (4, 2)
BPY_NEEDS = ("Xi", "xkbcommon", "Xrender", "Xfixes", "SM", "GL")


@dataclass(frozen=True)
class Finding:
    """One part of Mien: whether it works here, and what it is or what to do."""

    part: str
    works: bool
    detail: str
    required: bool = False


def examine() -> list[Finding]:
    """Try every part; a part that fails says how to get it."""
    required = [Finding(name, works, detail, required=True) for name, works, detail in (
        ("Python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        _attempt("base packages", _base_packages, "run: pip install mien"),
        _attempt("face model", _face_model, "install mien again: its data is missing or damaged"),
        _attempt("landmarks", _landmarks, "install mien again: its networks are missing or damaged"),
        _attempt("H.264 video", _video, "run: pip install --force-reinstall av"),
    )]
    optional = [Finding(name, works, detail) for name, works, detail in (
        _attempt("CUDA", _cuda, "optional; neural frames and training are faster with it"),
        _attempt("nvdiffrast", _nvdiffrast, "optional, non-commercial licence; without it the CPU rasteriser is used"),
        _attempt("OpenGL previews", _pyrender, f"optional; pip install 'mien[preview]' and {GL_LIBRARIES}"),
        _attempt("Blender", _blender, "optional; install Blender 4.2 or newer to use the extension"),
        _attempt("bpy", _bpy, f"optional; pip install 'mien[blender]' and {BPY_LIBRARIES}"),
    )]
    return required + optional


def _attempt(part: str, test: Callable[[], str], remedy: str) -> tuple[str, bool, str]:
    try:
        return part, True, test()
    except (ImportError, OSError, RuntimeError, ValueError, MienError, subprocess.SubprocessError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return part, False, f"{reason[0]} — {remedy}"


def _base_packages() -> str:
    from . import onnx_runtime  # noqa: F401

    for module in ("numpy", "scipy", "numba", "av", "PIL", "matplotlib"):
        __import__(module)
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in BASE_PACKAGES)


def _face_model() -> str:
    from .model_files import default_model

    model = default_model()
    return f"{model.name}: {model.vertex_count} vertices, {len(model.expression_names)} expressions"


def _landmarks() -> str:
    import numpy as np

    from .landmarks import detect_faces

    detect_faces(np.full((64, 64, 3), 128, np.uint8), max_faces=1)
    return "478 points, onnxruntime on CPU"


def _video() -> str:
    import av

    av.codec.Codec("libx264", "w")
    return "reads and writes by PyAV"


def _cuda() -> str:
    _require("torch")
    import torch

    if not torch.cuda.is_available():
        raise RuntimeError("torch sees no CUDA device")
    return str(torch.cuda.get_device_name(0))


def _nvdiffrast() -> str:
    _require("nvdiffrast")
    import nvdiffrast.torch

    return f"found at {nvdiffrast.torch.__file__}"


def _pyrender() -> str:
    _require("pyrender")
    if ctypes.util.find_library("EGL") is None:
        raise OSError("libEGL is not installed")
    return f"pyrender {importlib.metadata.version('pyrender')} by EGL"


def _blender() -> str:
    program = shutil.which("blender")
    if program is None:
        raise OSError("no program `blender` on the PATH")
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True)
    found = re.search(r"Blender (\d+)\.(\d+)\S*", answer.stdout)
    if found is None:
        raise OSError(f"{program} does not say which Blender it is")
    if (int(found[1]), int(found[2])) < OLDEST_BLENDER:
        raise OSError(f"{found[0]} at {program} is too old for extensions")
    return f"{found[0]} at {program}; build the extension by `make extension`"


def _bpy() -> str:
    _require("bpy")
    missing = [name for name in BPY_NEEDS if ctypes.util.find_library(name) is None]
    if missing:
        raise OSError("missing system libraries: " + ", ".join(f"lib{name}" for name in missing))
    return f"bpy {importlib.metadata.version('bpy')}"


def _require(package: str) -> None:
    if find_spec(package) is None:
        raise ImportError(f"{package} is not installed")
