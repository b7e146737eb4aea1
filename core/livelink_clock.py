# SPDX-License-Identifier: Apache-2.0
"""Timecodes of Live Link Face: HH:MM:SS:FF.mmm, whose last field counts frames of a rate that is not written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .video_clock import LONGEST_GAP_SECONDS, common_rate

Array = NDArray[np.float64]

APP_RATE = 60.0
"""Frames of a timecode in a second as the app writes them, and what is assumed where rows do not tell"""
_RATES = (60.0, 30.0, 24.0, 25.0, 50.0, 48.0, 120.0, 100.0)
_PATTERN = re.compile(r"\s*(\d{1,2}):(\d{1,2}):(\d{1,2})[:;.](\d{1,3}(?:\.\d+)?)\s*")


@dataclass(frozen=True)
class Timeline:
    """Ascending seconds of each row from the first one (T,), their common rate, and notes on what was assumed."""

    times: Array
    fps: float
    notes: tuple[str, ...]


def format_timecode(seconds: float) -> str:
    """Seconds as HH:MM:SS:FF.mmm with 60 frames a second, the day beginning again after 24 hours."""
    thousandths = round(seconds * APP_RATE * 1000)
    whole, part = divmod(thousandths, int(APP_RATE) * 1000)
    return f"{whole // 3600 % 24:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{part / 1000:06.3f}"


def parse_timecode(text: str) -> tuple[int, float] | None:
    """Whole seconds of the day and frames after them; None if it is no timecode."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(part) for part in match.groups()[:3])
    return hours * 3600 + minutes * 60 + seconds, float(match.group(4))


def timeline(timecodes: Sequence[str]) -> Timeline:
    """The times of rows from their timecodes; rows 1/60 s apart where those are missing or stand still."""
    parsed = [parse_timecode(text) for text in timecodes]
    known = [p for p in parsed if p is not None]
    if len(known) < len(parsed) or len(set(known)) < 2:
        notes = ("The rows have no timecodes; 60 frames per second are assumed.",) if len(parsed) > 1 else ()
        return Timeline(np.arange(len(parsed)) / APP_RATE, APP_RATE, notes)
    whole, frames = np.array(known, np.float64).T
    rate = _frames_per_second(whole, frames)
    times, note = _ascending(_spread(whole + frames / rate))
    return Timeline(times, common_rate(times) or APP_RATE, (note,) if note else ())


def _frames_per_second(whole: Array, frames: Array) -> float:
    """The timecode's own rate: that with which steps over a change of second are like the others."""
    same = np.diff(whole) == 0
    steps = np.diff(frames)[same]
    over = np.diff(whole) == 1
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    if not usual or not over.any():
        return APP_RATE if frames.max() < APP_RATE else 2 * APP_RATE
    jumps = np.diff(frames)[over]
    strangeness = {rate: float(np.minimum(np.abs(jumps + rate - usual) / usual, 1).mean())
                   for rate in _RATES if rate > np.floor(frames.max())}
    return min(strangeness, key=lambda rate: strangeness[rate], default=APP_RATE)


def _spread(times: Array) -> Array:
    """Rows that share a timecode stand evenly between it and the next one."""
    first = np.concatenate([[True], np.diff(times) != 0])
    index = np.flatnonzero(first)
    if len(index) == len(times):
        return times
    run = np.diff(index, append=len(times))
    step = np.diff(times[index], append=times[index[-1]] + np.median(np.diff(times[index])))
    owner = np.cumsum(first) - 1
    return np.asarray(times + (np.arange(len(times)) - index[owner]) * (step / run)[owner])


def _ascending(times: Array) -> tuple[Array, str]:
    """Seconds from the first row; steps back, as at midnight, and long gaps become one ordinary step."""
    steps = np.diff(times)
    odd = (steps <= 0) | (steps > LONGEST_GAP_SECONDS)
    usual = float(np.median(steps[~odd])) if (~odd).any() else 1 / APP_RATE
    note = f"The timecode jumps {int(odd.sum())} times; the jumps are closed." if odd.any() else ""
    return np.concatenate([[0.0], np.cumsum(np.where(odd, usual, steps))]), note
