# SPDX-License-Identifier: Apache-2.0
"""Makes a FaceModel of somebody else's face model: ICT-FaceKit, BFM or FLAME, told apart by content."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from ..errors import BadInput
from ..face_model import FaceModel
from .bfm import import_bfm, is_hdf5
from .flame import import_flame
from .ict import import_ict
from .ict_files import NEUTRAL
from .transfer_landmarks import with_transferred_landmarks

IMPORTERS: dict[str, Callable[[Path], FaceModel]] = {
    "ict": import_ict, "bfm": import_bfm, "flame": import_flame}
_HELP = "Give ICT-FaceKit (its folder or .npz), BFM 2009 (.mat), 2017 or 2019 (.h5), or FLAME (.pkl or .npz)."


def import_model(path: Path, kind: str | None = None) -> FaceModel:
    """The model in a file or folder; `kind` (ict, bfm or flame) is found out from the content if it is None.

    Landmarks that it lacks are put on it by `with_transferred_landmarks`.

    Raises:
        BadInput: nothing is there, it is none of these models, or it is truncated, damaged or malicious.
        MissingPart: a package is needed for this format (h5py).
    """
    path = Path(path)
    if not path.exists():
        raise BadInput(f"There is no file or folder {path}.")
    if kind is not None and kind not in IMPORTERS:
        raise BadInput(f"'{kind}' is no kind of face model; choose one of {', '.join(IMPORTERS)}.")
    try:
        return with_transferred_landmarks(IMPORTERS[kind or guess_kind(path)](path))
    except OSError as error:
        raise BadInput(f"Cannot read {path}: {error.strerror or error}.") from error


def guess_kind(path: Path) -> str:
    """ict, bfm or flame, from a folder's files or a file's first bytes; names and suffixes do not count.

    Raises:
        BadInput: it is none of them.
    """
    if path.is_dir():
        if any((folder / NEUTRAL).is_file() for folder in (path, path / "FaceXModel")):
            return "ict"
        raise BadInput(f"{path} is no ICT-FaceKit folder: it has no {NEUTRAL}. {_HELP}")
    with path.open("rb") as file:
        head = file.read(128)
    if head.startswith(b"PK"):
        return _kind_of_npz(path)
    if head.startswith(b"MATLAB") or is_hdf5(path):
        return "bfm"
    if _is_pickle(head):
        return "flame"
    raise BadInput(f"{path} is no face model that can be imported. {_HELP}")


def _kind_of_npz(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        names = set()
    if {"id_disp", "neutral"} <= names:
        return "ict"
    if {"v_template", "shapedirs"} <= names:
        return "flame"
    raise BadInput(f"{path} holds no model that can be imported, or is truncated. {_HELP}")


def _is_pickle(head: bytes) -> bool:
    """Protocols 2 to 5 name themselves; a dict in protocol 0 or 1 begins with one of three marks."""
    return head.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"(dp", b"(d", b"}q"))
