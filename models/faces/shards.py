# SPDX-License-Identifier: Apache-2.0
"""Small files of training frames: JPEG squares of faces with the coefficients that a fit gave them."""

import io
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...core.errors import BadInput
from ...core.npz_reader import read_arrays
from ...core.npz_writer import write_arrays

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

QUALITY = 90
_FORMAT, _VERSION = "mien faces", 1


@dataclass(frozen=True, eq=False)
class Frames:
    """N frames of one person in one place, and what is known of them."""

    pictures: Sequence[bytes]
    """(N) JPEG, S × S"""
    identity: Floats
    """(I,)"""
    expression: Floats
    """(N, E)"""
    rotation: Floats
    """(N, 3)"""
    translation: Floats
    """(N, 3) in the standard orthographic camera of S × S pixels"""
    size: int
    person: str
    clip: str
    synthetic: bool
    licence: str

    def __len__(self) -> int:
        return len(self.pictures)

    def picture(self, index: int) -> Bytes:
        """(S, S, 3)"""
        with Image.open(io.BytesIO(self.pictures[index]), formats=("JPEG",)) as image:
            return np.asarray(image.convert("RGB"))


def jpeg(rgb: Bytes, quality: int = QUALITY) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def write_shard(path: str | os.PathLike[str], takes: Sequence[Frames], model_hash: str) -> None:
    """All takes in one file, the same to the byte for the same takes.

    Raises:
        CannotWrite: the place cannot be written or the disk is full.
    """
    header = {"format": _FORMAT, "version": _VERSION, "model_hash": model_hash, "takes": [
        {"frames": len(t), "size": t.size, "person": t.person, "clip": t.clip, "synthetic": t.synthetic,
         "licence": t.licence} for t in takes]}
    pictures = [p for t in takes for p in t.pictures]
    write_arrays(path, {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "pictures": np.frombuffer(b"".join(pictures), np.uint8),
        "ends": np.cumsum([len(p) for p in pictures]).astype(np.int64),
        "identity": np.stack([t.identity for t in takes]).astype(np.float32),
        **{name: np.concatenate([getattr(t, name) for t in takes]).astype(np.float32)
           for name in ("expression", "rotation", "translation")}})


def read_shard(path: str | os.PathLike[str], model_hash: str | None = None) -> list[Frames]:
    """The takes of a shard.

    Raises:
        BadInput: no shard, damaged, or its coefficients are of another face model than `model_hash`.
    """
    arrays = read_arrays(path)
    name = Path(path).name
    try:
        header = json.loads(arrays["header"].tobytes())
        if header["format"] != _FORMAT or header["version"] != _VERSION:
            raise ValueError("another format")
        ends = arrays["ends"].astype(np.int64)
        data = arrays["pictures"].tobytes()
        if len(ends) and (ends[-1] != len(data) or (np.diff(ends, prepend=0) <= 0).any()):
            raise ValueError("pictures")
        starts = np.concatenate([[0], ends[:-1]])
        pictures = [data[a:b] for a, b in zip(starts, ends, strict=True)]
        split = np.cumsum([int(t["frames"]) for t in header["takes"]])[:-1]
        columns = [np.split(arrays[c], split) for c in ("expression", "rotation", "translation")]
        parts = np.split(np.arange(len(pictures)), split)
        takes = [Frames([pictures[i] for i in part], identity, expression, rotation, translation, int(t["size"]),
                        str(t["person"]), str(t["clip"]), bool(t["synthetic"]), str(t["licence"]))
                 for t, part, identity, expression, rotation, translation
                 in zip(header["takes"], parts, arrays["identity"], *columns, strict=True)]
        if any(len(t) != len(t.expression) or len(t) != len(t.rotation) for t in takes):
            raise ValueError("lengths")
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{name} is no shard of training faces, or is damaged; make it anew.") from error
    if model_hash is not None and header["model_hash"] != model_hash:
        raise BadInput(f"{name} was made with another face model; make the shards anew.")
    return takes


def shards_in(places: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The shards of folders, and single ones.

    Raises:
        BadInput: a place holds none.
    """
    found: list[Path] = []
    for place in map(Path, places):
        files = sorted(place.rglob("*.npz")) if place.is_dir() else [place] if place.exists() else []
        if not files:
            raise BadInput(f"{place} holds no training faces; make some with `mien dataset faces`.")
        found += files
    return found


def is_whole(path: Path, model_hash: str) -> bool:
    """Whether a shard is there and can be read; a damaged one is made again."""
    if not path.exists():
        return False
    try:
        read_shard(path, model_hash)
    except BadInput:
        return False
    return True
