# SPDX-License-Identifier: Apache-2.0
"""Motion as the CSV of Epic's Live Link Face app.

Columns: Timecode, BlendShapeCount, 52 ARKit shapes (first letter upper case), HeadYaw, HeadPitch, HeadRoll, and
LeftEye and RightEye with Yaw, Pitch, Roll. A row with a count of 0 or without values is a moment without a face.

The app documents neither units nor signs. Assumed here, from recordings and from importers that agree:

* angles are radians;
* HeadYaw > 0 turns to the subject's left, HeadPitch > 0 up, HeadRoll > 0 counter-clockwise in the picture; the
  head's matrix is yaw · pitch · roll, as ARKit's face transform gives them;
* eyes the other way round: yaw > 0 to the subject's right, pitch > 0 down. Recordings fit
  ``yaw = -0.60 · (eyeLookOut − eyeLookIn)`` for the left eye, its mirror image for the right one, and
  ``pitch = 0.55 · (eyeLookDown − eyeLookUp)``, with a correlation above 0.995.

Held in landscape, the app is known to turn yaw and pitch round. Head position, identity and camera are not in
the file: the head stands 0.7 m in front of a square picture.
"""

import csv
import io
import os
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from .camera import Camera, yaw_pitch_roll
from .channels import ARKIT52
from .errors import BadInput
from .files import atomic_write
from .livelink_clock import Timeline, format_timecode, timeline
from .motion import MAX_FRAMES, Motion
from .motion_report import MotionReport, check_finite, check_text_file
from .resampling import linear, spherical
from .rotations import about, multiply, vector

Array = NDArray[np.float64]

HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
EYES = tuple(f"{side}Eye{angle}" for side in ("Left", "Right") for angle in ("Yaw", "Pitch", "Roll"))
SHAPES = tuple(name[0].upper() + name[1:] for name in ARKIT52)
_EYE_YAW, _EYE_PITCH = 0.60, 0.55
_HEAD_DISTANCE = 0.7
_PICTURE = 512
_SNAP = 0.1
"""Rows nearer to a frame than this, in frames, are that frame"""
_TIME = ("timecode", "blendshapecount")


def write_livelink(motion: Motion, path: str | os.PathLike[str]) -> MotionReport:
    """Write a motion's expressions, head and eye rotations; channels outside the 52 are reported as unmatched.

    Raises:
        CannotWrite: the place cannot be written or the disk is full.
    """
    place = {name.lower(): i for i, name in enumerate(motion.channels)}
    shapes = np.zeros((len(motion), len(ARKIT52)))
    for column, name in enumerate(ARKIT52):
        if name.lower() in place:
            shapes[:, column] = motion.expression[:, place[name.lower()]]
    yaw, pitch, roll = np.radians(yaw_pitch_roll(motion.rotation)).T
    values = np.column_stack([shapes, yaw, pitch, -roll, _eye_angles(shapes)])
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["Timecode", "BlendShapeCount", *SHAPES, *HEAD, *EYES])
    for index, row in enumerate(values):
        cells = [f"{value:.10f}" for value in row]
        writer.writerow([format_timecode(index / motion.fps), len(cells), *cells])
    with atomic_write(path) as temporary:
        temporary.write_text(buffer.getvalue(), encoding="utf-8")
    known = {name.lower() for name in ARKIT52}
    return MotionReport(missing=tuple(name for name in ARKIT52 if name.lower() not in place),
                        unmatched=tuple(name for name in motion.channels if name.lower() not in known))


def read_livelink(path: Path) -> tuple[Motion, MotionReport]:
    """Read a recording: columns by name in any order and case, frames at a constant rate by their timecodes.

    Frames without values, or further than one frame from any that has some, get confidence 0 and are bridged.

    Raises:
        BadInput: no such file, no such table, no shape among its columns, or a cell that is not a number.
    """
    check_text_file(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = _read_table(path, file)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path.name} is not a table of comma-separated values.") from error
    check_finite(path.name, table.values, table.columns, table.kept)
    clock = timeline(table.timecodes)
    shapes, report = _shapes(table)
    rotation, head_note = _head(table)
    notes = tuple(note for note in (*clock.notes, head_note) if note)
    return _on_grid(path, clock, table.kept, shapes, rotation), report + MotionReport(notes=notes)


@dataclass(frozen=True)
class _Table:
    columns: list[str]
    """Names of the N columns of numbers, as they are written"""
    timecodes: list[str]
    """Of every row"""
    kept: NDArray[np.intp]
    """Which rows hold values (K,)"""
    values: Array
    """(K, N)"""

    def column(self, name: str) -> Array | None:
        """The values (K,) of a column, by its name in any case."""
        lower = [column.lower() for column in self.columns]
        return self.values[:, lower.index(name.lower())] if name.lower() in lower else None


def _read_table(path: Path, file: TextIO) -> _Table:
    first = file.readline()
    separator = max(",;\t", key=first.count)
    header = [name.strip().lower() for name in next(csv.reader([first], delimiter=separator), [])]
    if not {name.lower() for name in ARKIT52} & set(header):
        raise BadInput(f"{path.name} names no ARKit shape such as JawOpen in its first line.")
    if len(set(header)) < len(header):
        raise BadInput(f"{path.name} names a column twice.")
    columns = {i: name.strip() for i, name in enumerate(next(csv.reader([first], delimiter=separator)))
               if name.strip().lower() not in _TIME}
    timecodes: list[str] = []
    kept: list[int] = []
    numbers = array("d")
    for row in csv.reader(file, delimiter=separator):
        cells = dict(zip(header, row, strict=False))
        if any(cell.strip() for cell in row):
            if _has_values(row, columns, cells.get("blendshapecount", "")):
                kept.append(len(timecodes))
                numbers.extend(_numbers(path, len(timecodes), row, columns))
            timecodes.append(cells.get("timecode", ""))
            if len(timecodes) > MAX_FRAMES:
                raise BadInput(f"{path.name} has more than {MAX_FRAMES} rows; divide it.")
    if not kept:
        raise BadInput(f"{path.name} has no row with values: no face was tracked.")
    values = np.array(numbers).reshape(len(kept), len(columns))
    return _Table(list(columns.values()), timecodes, np.array(kept, np.intp), values)


def _has_values(row: Sequence[str], columns: Mapping[int, str], count: str) -> bool:
    return count.strip() not in ("0", "0.0") and any(i < len(row) and row[i].strip() for i in columns)


def _numbers(path: Path, frame: int, row: Sequence[str], columns: Mapping[int, str]) -> list[float]:
    numbers = []
    for i, name in columns.items():
        cell = row[i].strip() if i < len(row) else ""
        try:
            numbers.append(float(cell.replace(",", ".")))
        except ValueError as error:
            raise BadInput(f"{path.name}: frame {frame}, {name} is {cell!r}, not a number; "
                           "mend the file.") from error
    return numbers


def _shapes(table: _Table) -> tuple[Array, MotionReport]:
    """The 52 shapes (K, 52); gaze from the eyes' angles where its shapes are missing."""
    shapes = np.zeros((len(table.values), len(ARKIT52)))
    missing = []
    for column, name in enumerate(ARKIT52):
        values = table.column(name)
        if values is None:
            missing.append(name)
        else:
            shapes[:, column] = values
    notes: tuple[str, ...] = ()
    eyes = [angles for angles in map(table.column, EYES) if angles is not None]
    if len(eyes) == len(EYES) and all(name in missing for name in ARKIT52 if name.startswith("eyeLook")):
        missing = [name for name in missing if not name.startswith("eyeLook")]
        _look(shapes, np.column_stack(eyes))
        notes = ("The gaze is taken from the eyes' angles.",)
    known = {name.lower() for name in (*ARKIT52, *HEAD, *EYES)}
    unmatched = tuple(name for name in table.columns if name.lower() not in known)
    return shapes, MotionReport(tuple(missing), unmatched, notes)


def _eye_angles(shapes: Array) -> Array:
    """Yaw, pitch, roll of the left and the right eye (T, 6) from the gaze shapes (T, 52)."""
    at = {name: shapes[:, i] for i, name in enumerate(ARKIT52)}
    angles = np.zeros((len(shapes), 6))
    for offset, side, sign in ((0, "Left", -1), (3, "Right", 1)):
        angles[:, offset] = sign * _EYE_YAW * (at[f"eyeLookOut{side}"] - at[f"eyeLookIn{side}"])
        angles[:, offset + 1] = _EYE_PITCH * (at[f"eyeLookDown{side}"] - at[f"eyeLookUp{side}"])
    return angles


def _look(shapes: Array, angles: Array) -> None:
    """Set the gaze shapes from the eyes' angles, the inverse of `_eye_angles`."""
    for offset, side, sign in ((0, "Left", -1), (3, "Right", 1)):
        outward = sign * angles[:, offset] / _EYE_YAW
        down = angles[:, offset + 1] / _EYE_PITCH
        for stem, value in (("Out", outward), ("In", -outward), ("Down", down), ("Up", -down)):
            shapes[:, ARKIT52.index(f"eyeLook{stem}{side}")] = np.clip(value, 0, 1)


def _head(table: _Table) -> tuple[Array, str]:
    """Axis-angle rotations (K, 3) in camera axes, and a note; zero where the file has no head rotation."""
    columns = [angles for angles in map(table.column, HEAD) if angles is not None]
    if len(columns) < len(HEAD):
        return np.zeros((len(table.values), 3)), "The file has no head rotation; the head looks straight ahead."
    angles, note = np.array(columns), ""
    if np.abs(angles).max() > 1.1 * np.pi:
        angles, note = np.radians(angles), "The head's angles are larger than a turn and are taken for degrees."
    yaw, pitch, roll = angles
    turn = multiply(multiply(about(1, yaw), about(0, -pitch)), about(2, roll))
    return vector(turn) * np.array([1.0, -1.0, -1.0]), note


def _on_grid(path: Path, clock: Timeline, kept: NDArray[np.intp], shapes: Array, rotation: Array) -> Motion:
    """The rows with values as frames at the clock's constant rate."""
    count = round(clock.times[-1] * clock.fps) + 1
    if count > MAX_FRAMES:
        raise BadInput(f"{path.name} lasts {clock.times[-1]:.0f} s: more than {MAX_FRAMES} frames; divide it.")
    grid, times = np.arange(count), clock.times[kept] * clock.fps
    times = np.where(np.abs(times - np.rint(times)) < _SNAP, np.rint(times), times)
    after = np.minimum(np.searchsorted(times, grid), len(times) - 1)
    distance = np.minimum(np.abs(times[after] - grid), np.abs(grid - times[np.maximum(after - 1, 0)]))
    return Motion(fps=clock.fps, expression=linear(times, shapes, grid), rotation=spherical(times, rotation, grid),
                  translation=np.tile(np.array([0, 0, _HEAD_DISTANCE], np.float32), (count, 1)),
                  identity=np.zeros(0, np.float32), channels=ARKIT52, model="", model_hash="",
                  camera=Camera.for_image(_PICTURE, _PICTURE),
                  confidence=(distance <= 1.01).astype(np.float32), metadata={"source": path.name})
