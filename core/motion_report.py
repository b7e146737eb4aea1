# SPDX-License-Identifier: Apache-2.0
"""What readers of motion files tell and check alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput

MAX_TEXT_BYTES = 128 << 20


@dataclass(frozen=True)
class MotionReport:
    """What did not fit between a motion's file, its channels and a face model."""

    missing: tuple[str, ...] = ()
    """Channels that were expected and not there; they stay at rest"""
    unmatched: tuple[str, ...] = ()
    """Columns or channels that were there and have no place; they are left out"""
    notes: tuple[str, ...] = ()
    """Sentences about what was assumed or changed"""

    def __add__(self, other: "MotionReport") -> "MotionReport":
        return MotionReport(tuple(dict.fromkeys(self.missing + other.missing)),
                            tuple(dict.fromkeys(self.unmatched + other.unmatched)), self.notes + other.notes)

    def sentences(self) -> list[str]:
        """The report for a person; empty when everything fitted."""
        lists = (("Not in the file, left at rest", self.missing), ("Without a place, left out", self.unmatched))
        return [f"{what}: {', '.join(names)}." for what, names in lists if names] + list(self.notes)


def check_finite(file: str, values: NDArray[np.floating], columns: Sequence[str],
                 frames: NDArray[np.integer] | None = None) -> None:
    """Every number of a table (T, C) is one; `frames` (T,) are the rows' own numbers if not 0, 1, 2, …

    Raises:
        BadInput: one is not; the first is named by frame, from 0, and column.
    """
    wrong = np.argwhere(~np.isfinite(values)) if values.ndim == 2 else np.empty((0, 2), int)
    if len(wrong):
        row, column = (int(n) for n in wrong[0])
        frame = row if frames is None else int(frames[row])
        name = columns[column] if column < len(columns) else f"number {column}"
        raise BadInput(f"{file}: frame {frame}, {name} is not a finite number; mend the file.")


def check_text_file(path: Path) -> None:
    """The file is there and not too large to be a motion.

    Raises:
        BadInput: it is not.
    """
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    size = path.stat().st_size
    if size > MAX_TEXT_BYTES:
        raise BadInput(f"{path.name} has {size >> 20} MB; motions up to {MAX_TEXT_BYTES >> 20} MB are read.")
