# SPDX-License-Identifier: Apache-2.0
"""The motions that the network learns from and is measured on: clips of persons, split by person."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ...core.camera import Camera
from ...core.errors import BadInput
from ...core.motion import Motion
from ...core.motion_files import load_motion
from ...core.npz_reader import read_arrays
from ...core.npz_writer import write_arrays
from ...core.resampling import spherical
from .codec import FPS

Floats = NDArray[np.float32]
Split = Literal["train", "validation", "test"]

SHIPPED = Path(__file__).with_name("motions.npz")
_STEPS = 20000.0
"""Levels a unit of expression or radian is stored in: a tenth of a tenth of what is seen"""
_SHORTEST = 30


@dataclass(frozen=True, eq=False)
class Clip:
    """A person's motion at the corpus' rate."""

    name: str
    person: str
    motion: Motion


def split_of(person: str) -> Split:
    """A person's split: every fourth is for testing, every eighth for choosing, by the number in the name."""
    digits = re.findall(r"\d+", person)
    number = int(digits[-1]) if digits else crc32(person.encode())
    return "test" if number % 4 == 0 else "validation" if number % 8 == 2 else "train"


def load_corpus(places: Iterable[str | os.PathLike[str]]) -> list[Clip]:
    """Clips of folders of motions and of packed files, at one frame rate; synthetic and poor ones are left out.

    Raises:
        BadInput: a place holds no motion.
    """
    clips = []
    for place in map(Path, places):
        files = sorted(place.rglob("*.npz")) if place.is_dir() else [place]
        motions = [m for file in files for m in ([load_motion(file)] if place.is_dir() else unpack(file))]
        if not motions:
            raise BadInput(f"{place} holds no motions; make some with `mien dataset motion`.")
        clips += [clip_of(motion) for motion in motions if usable(motion)]
    return clips


def usable(motion: Motion) -> bool:
    note = motion.metadata
    seen = float((motion.confidence > 0).mean())
    return note.get("kind", "real") == "real" and note.get("quality", "A") != "C" and seen > 0.9 and \
        len(motion) / motion.fps * FPS >= _SHORTEST


def clip_of(motion: Motion) -> Clip:
    name = motion.metadata.get("clip", "")
    return Clip(name, motion.metadata.get("person", name), at_rate(motion, FPS))


def at_rate(motion: Motion, fps: float) -> Motion:
    """The motion at another rate by monotone cubics (Fritsch & Carlson 1980), which neither overshoot nor leave the
    corners that straight lines would teach; rotations by spherical interpolation."""
    if motion.fps == fps or len(motion) < 3:
        return motion
    from scipy.interpolate import PchipInterpolator

    source = np.arange(len(motion)) / motion.fps
    times = np.arange(int(source[-1] * fps + 1e-6) + 1) / fps
    values = np.concatenate([motion.expression, motion.translation], 1)
    smooth = np.asarray(PchipInterpolator(source, values)(times), np.float32)
    nearest = np.clip(np.rint(times * motion.fps).astype(int), 0, len(motion) - 1)
    return replace(motion, fps=fps, expression=smooth[:, :-3], translation=smooth[:, -3:],
                   rotation=spherical(source, motion.rotation, times), confidence=motion.confidence[nearest])


def pack(motions: Sequence[Motion], path: str | os.PathLike[str]) -> None:
    """Coefficients of many motions of one face model in one small file: 16-bit, no pictures, no identity.

    Raises:
        BadInput: the motions are not of one face model.
    """
    if len({(m.model_hash, m.channels) for m in motions}) != 1:
        raise BadInput("Motions that are packed together must be of one face model.")
    header = {"format": "mien motions", "version": 1, "model": motions[0].model, "model_hash": motions[0].model_hash,
              "channels": list(motions[0].channels),
              "clips": [{"frames": len(m), "fps": m.fps, "focal": m.camera.focal, "width": m.camera.width,
                         "height": m.camera.height, "metadata": dict(m.metadata)} for m in motions]}
    values = np.concatenate([np.concatenate([m.expression, m.rotation], 1) for m in motions])
    place = np.concatenate([m.translation for m in motions])
    write_arrays(path, {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "values": np.rint(np.clip(values * (_STEPS / 2), -32767, 32767)).astype(np.int16),
        "translation": place.astype(np.float32)})


def pack_folder(folder: Path, path: str | os.PathLike[str]) -> None:
    """`pack` for the motions of a folder that the network can learn from.

    Raises:
        BadInput: there is none.
    """
    motions = [m for m in map(load_motion, sorted(folder.glob("*.npz"))) if usable(m)]
    if not motions:
        raise BadInput(f"{folder} holds no motions that could be packed.")
    pack(motions, path)


def unpack(path: str | os.PathLike[str]) -> list[Motion]:
    """The motions of a packed file.

    Raises:
        BadInput: it is not one, or is damaged.
    """
    arrays = read_arrays(path)
    try:
        header = json.loads(arrays["header"].tobytes())
        if header["format"] != "mien motions":
            raise ValueError("another format")
        ends = np.cumsum([int(c["frames"]) for c in header["clips"]])
        values = np.split(arrays["values"].astype(np.float32) / np.float32(_STEPS / 2), ends[:-1])
        places = np.split(arrays["translation"], ends[:-1])
        return [_unpacked(header, clip, v, p) for clip, v, p in zip(header["clips"], values, places, strict=True)]
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{Path(path).name} is not a file of packed motions, or is damaged.") from error


def _unpacked(header: dict[str, Any], clip: dict[str, Any], values: Floats, place: Floats) -> Motion:
    camera = Camera(int(clip["width"]), int(clip["height"]), float(clip["focal"]))
    channels = tuple(header["channels"])
    return Motion(float(clip["fps"]), values[:, :-3], values[:, -3:], place, np.zeros(0, np.float32), channels,
                  header["model"], header["model_hash"], camera, np.ones(len(values), np.float32), clip["metadata"])
