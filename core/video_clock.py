# SPDX-License-Identifier: Apache-2.0
"""From frames at any times to frames at a constant rate."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

COMMON_RATES = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 48.0, 50.0, 60000 / 1001, 60.0, 120.0, 240.0)
LONGEST_GAP_SECONDS = 10.0
"""A hole in the timestamps longer than this is taken for a fault of the clock and closed"""


def common_rate(times: Sequence[float] | NDArray[np.float64]) -> float | None:
    """The rate of the median interval of ascending times, or a common one within 2 %; None if unclear."""
    steps = np.diff(np.asarray(times, np.float64))
    steps = steps[steps > 0]
    if not steps.size:
        return None
    rate = 1 / float(np.median(steps))
    nearest = min(COMMON_RATES, key=lambda common: abs(common - rate))
    return nearest if abs(nearest / rate - 1) < 0.02 else rate


def at_constant_rate(frames: Iterable[tuple[float | None, T]], fps: float) -> Iterator[T]:
    """What is on the screen at the times 0, 1/fps, 2/fps, … after the first frame.

    `frames` come as (seconds or None, frame) in display order. A frame stays until the next one's time; of
    frames that share a place the last is taken; a frame without a time follows its predecessor at once. A
    jump of the clock by more than ten seconds, forward or back, is closed.
    """
    held: T | None = None
    shown = 0
    for slot, frame in _slots(frames, fps):
        if held is not None:
            for _ in range(slot - shown):
                yield held
            shown = max(shown, slot)
        held = frame
    if held is not None:
        yield held


def _slots(frames: Iterable[tuple[float | None, T]], fps: float) -> Iterator[tuple[int, T]]:
    """Each frame with the index of the first place that shows it; frames that come too late are dropped."""
    start: float | None = None
    last = -1
    for seconds, frame in frames:
        expected = last + 1
        slot = expected
        if seconds is not None:
            if start is None:
                start = seconds
            slot = round((seconds - start) * fps)
            if abs(slot - expected) > LONGEST_GAP_SECONDS * fps:
                start, slot = seconds - expected / fps, expected
        if slot >= last:
            last = slot
            yield slot, frame
