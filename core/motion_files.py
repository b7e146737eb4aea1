# SPDX-License-Identifier: Apache-2.0
"""Motion in files: .npz (exact and small), .json (for people and scripts), .csv (Live Link Face).

An .npz holds the arrays of a `Motion` as float32 and a `header`, JSON as bytes. A .json holds the same with one
object a frame that names the channels which are not zero. For the .csv see `livelink`.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .camera import Camera
from .errors import BadInput
from .face_model import FaceModel
from .files import atomic_write
from .livelink import read_livelink, write_livelink
from .motion import MAX_FRAMES, Motion
from .motion_report import MotionReport, check_finite, check_text_file
from .npz_reader import read_arrays
from .npz_writer import write_arrays
from .resampling import resample as resample

FORMAT = "mien motion"
VERSION = 1
SUFFIXES = (".npz", ".json", ".csv")
_ARRAYS = ("expression", "rotation", "translation", "identity", "confidence")
_LARGEST = 512 << 20

Header = dict[str, Any]


def save_motion(motion: Motion, path: str | os.PathLike[str]) -> MotionReport:
    """Write a motion as .npz, .json or .csv, chosen by the name; the report says what the format cannot hold.

    Raises:
        BadInput: another suffix.
        CannotWrite: the place cannot be written or the disk is full.
    """
    suffix = _suffix(path)
    if suffix == ".csv":
        return write_livelink(motion, path)
    if suffix == ".json":
        _write_json(motion, path)
    else:
        arrays = {name: np.asarray(getattr(motion, name), np.float32) for name in _ARRAYS}
        header = np.frombuffer(json.dumps(_header(motion)).encode(), np.uint8)
        write_arrays(path, {"header": header, **arrays})
    return MotionReport()


def load_motion(path: str | os.PathLike[str], model: FaceModel | None = None) -> Motion:
    """`read_motion` without its report."""
    return read_motion(path, model)[0]


def read_motion(path: str | os.PathLike[str], model: FaceModel | None = None) -> tuple[Motion, MotionReport]:
    """Read a motion, and with `model` turn it to that model's channels (see `for_model`).

    Raises:
        BadInput: no such file, not a motion, damaged, numbers that are not finite (frame and channel are named),
            shapes that disagree, a newer version, or no channel that the model has.
    """
    readers = {".npz": _read_npz, ".json": _read_json, ".csv": read_livelink}
    motion, report = readers[_suffix(path)](Path(path))
    if model is None:
        return motion, report
    fitted, second = for_model(motion, model)
    return fitted, report + second


def for_model(motion: Motion, model: FaceModel) -> tuple[Motion, MotionReport]:
    """The motion on the channels of a face model, matched by name in any case and order.

    Channels that the motion lacks stay at rest. The identity is kept if it is this model's by hash, else it is
    the model's mean, since its numbers mean nothing elsewhere.

    Raises:
        BadInput: no channel has a name that the model knows.
    """
    place = {name.lower(): i for i, name in enumerate(motion.channels)}
    sources = [place.get(name.lower()) for name in model.expression_names]
    if all(source is None for source in sources):
        raise BadInput(f"The motion has none of the channels of the face model {model.name}.")
    expression = np.zeros((len(motion), len(sources)), np.float32)
    for column, source in enumerate(sources):
        if source is not None:
            expression[:, column] = motion.expression[:, source]
    known = {name.lower() for name in model.expression_names}
    missing = tuple(n for n, source in zip(model.expression_names, sources, strict=True) if source is None)
    unmatched = tuple(name for name in motion.channels if name.lower() not in known)
    same = motion.model_hash == model.hash and motion.identity.size == len(model.identity_basis)
    identity = motion.identity if same else np.zeros(len(model.identity_basis), np.float32)
    notes = () if same or not motion.identity.any() else (
        f"The identity belongs to the face model {motion.model or 'unknown'}; the mean of {model.name} is used.",)
    fitted = replace(motion, expression=expression, channels=tuple(model.expression_names), identity=identity,
                     model=model.name, model_hash=model.hash)
    return fitted, MotionReport(missing, unmatched, notes)


def _suffix(path: str | os.PathLike[str]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise BadInput(f"{Path(path).name}: motions are {', '.join(SUFFIXES)} files.")
    return suffix


def _header(motion: Motion) -> Header:
    return {"format": FORMAT, "version": VERSION, "fps": motion.fps, "model": motion.model,
            "model_hash": motion.model_hash, "camera": asdict(motion.camera), "channels": list(motion.channels),
            "metadata": dict(motion.metadata)}


def _read_npz(path: Path) -> tuple[Motion, MotionReport]:
    arrays = read_arrays(path, _LARGEST)
    try:
        header = json.loads(arrays["header"].tobytes())
        _check_header(path, header)
        values = {name: arrays[name] for name in _ARRAYS}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} is not a motion, or is damaged.") from error
    if any(array.dtype.kind != "f" for array in values.values()):
        raise BadInput(f"{path.name} is damaged: its arrays are not floating-point numbers.")
    return _motion(path, header, values), MotionReport()


def _check_header(path: Path, header: Any) -> None:
    if header["format"] != FORMAT:
        raise ValueError("another format")
    if header["version"] > VERSION:
        raise BadInput(f"{path.name} was written by a newer version; update to read it.")


def _motion(path: Path, header: Header, values: Mapping[str, NDArray[Any]]) -> Motion:
    """Put a motion together from what a file said; every fault becomes one sentence."""
    try:
        camera = Camera(**header["camera"])
        channels = tuple(str(name) for name in header["channels"])
        fps = float(header["fps"])
        metadata = {str(key): str(value) for key, value in header["metadata"].items()}
        names = str(header["model"]), str(header["model_hash"])
        sensible = camera.projection in ("orthographic", "perspective") and \
            min(camera.width, camera.height) > 0 and 0 < camera.focal < np.inf
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"{path.name} is not a motion, or is damaged.") from error
    if not sensible or len(values["expression"]) > MAX_FRAMES:
        raise BadInput(f"{path.name} is damaged: its camera or its length is not sensible.")
    if len(set(channels)) < len(channels):
        raise BadInput(f"{path.name} names a channel twice.")
    floats = {name: np.asarray(array, np.float32) for name, array in values.items()}
    check_finite(path.name, floats["expression"], channels)
    for name in ("rotation", "translation"):
        check_finite(path.name, floats[name], [f"{name} {axis}" for axis in "xyz"])
    try:
        return Motion(fps=fps, channels=channels, model=names[0], model_hash=names[1], camera=camera,
                      metadata=metadata, **floats)
    except BadInput as error:
        raise BadInput(f"{path.name}: {error}") from error


def _write_json(motion: Motion, path: str | os.PathLike[str]) -> None:
    header = {**_header(motion), "identity": _shortest(motion.identity)}
    lines = [json.dumps(_frame(motion, index)) for index in range(len(motion))]
    text = json.dumps(header, indent=1)[:-2] + ',\n "frames": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _frame(motion: Motion, index: int) -> dict[str, Any]:
    values = _shortest(motion.expression[index])
    return {"rotation": _shortest(motion.rotation[index]), "translation": _shortest(motion.translation[index]),
            "confidence": _shortest(motion.confidence[index:index + 1])[0],
            "expression": {name: value for name, value in zip(motion.channels, values, strict=True) if value}}


def _shortest(values: NDArray[np.floating]) -> list[float]:
    """Each float32 as the shortest decimal that reads back as itself."""
    return [float(text) for text in np.asarray(values, np.float32).astype(str)]


def _read_json(path: Path) -> tuple[Motion, MotionReport]:
    check_text_file(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        _check_header(path, document)
        frames = document["frames"]
        values = {name: np.array([frame[name] for frame in frames], np.float32).reshape(len(frames), 3)
                  for name in ("rotation", "translation")}
        values["confidence"] = np.array([frame["confidence"] for frame in frames], np.float32)
        values["identity"] = np.array(document["identity"], np.float32)
        values["expression"] = _expression(path, frames, document["channels"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as error:
        raise BadInput(f"{path.name} is not a motion, or is damaged.") from error
    return _motion(path, document, values), MotionReport()


def _expression(path: Path, frames: list[Any], channels: list[str]) -> NDArray[np.float32]:
    place = {name: i for i, name in enumerate(channels)}
    values = np.zeros((len(frames), len(place)), np.float32)
    for index, frame in enumerate(frames):
        for name, value in frame["expression"].items():
            if name not in place:
                raise BadInput(f"{path.name}: frame {index} has a channel {name!r} that is not in the list.")
            values[index, place[name]] = value
    return values
