# SPDX-License-Identifier: Apache-2.0
"""A motion as a picture: curves by region of the face."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .camera import yaw_pitch_roll
from .channels import CHANNELS, REGIONS, mirror_name
from .motion import Motion

Rgb = NDArray[np.uint8]

MOST_LINES = 8
"""Stems drawn in one panel; a left and right pair is one"""
_QUIET = 0.02
"""Channels that move less than this are left out"""
_MOST_POINTS = 3000
_COLOURS = ("#2f6fb5", "#d9622b", "#2f9468", "#a34a9c", "#b8901f", "#4aa3b8", "#c23b5a", "#6b6b6b")
_INK, _PALE, _PAPER = "#2b2b2b", "#b8b8b8", "#ffffff"
_WIDTH_INCHES, _DPI = 13.0, 100
_REST = "other channels"


def plot_motion(motion: Motion) -> Rgb:
    """The curves of a motion over time in seconds, (H, W, 3) uint8.

    One panel for each region that moves, and one for the head in degrees (see `camera.yaw_pitch_roll`). Left is
    a full line, right a dashed one of the same colour. Stretches without a face are shaded.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = _panels(motion)
    heights = [1.3 + 0.16 * len(stems) for _, stems in panels] + [1.6]
    figure = Figure((_WIDTH_INCHES, sum(heights) + 1.1), dpi=_DPI, facecolor=_PAPER, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    figure.suptitle(_title(motion), x=0.01, ha="left", color=_INK, fontsize=12)
    times = np.arange(len(motion)) / motion.fps
    for axis, (region, stems) in zip(axes, panels, strict=False):
        _draw_region(axis, motion, times, region, stems)
    _draw_head(axes[-1], motion, times)
    for axis in axes:
        _finish(axis, motion, times)
    axes[-1].set_xlabel("seconds", color=_INK)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]


def _panels(motion: Motion) -> list[tuple[str, list[str]]]:
    """Regions in order from the forehead down, each with its moving stems, liveliest first."""
    region_of = {channel.name: channel.region for channel in CHANNELS}
    span = np.ptp(motion.expression, axis=0) if len(motion) > 1 else np.abs(motion.expression[0])
    panels = []
    for region in (*REGIONS, _REST):
        liveliness: dict[str, float] = {}
        for name, extent in zip(motion.channels, span, strict=True):
            if region_of.get(name, _REST) == region and extent > _QUIET:
                stem = _stem(name)
                liveliness[stem] = max(liveliness.get(stem, 0), float(extent))
        if liveliness:
            panels.append((region, sorted(liveliness, key=lambda stem: -liveliness[stem])))
    return panels


def _stem(name: str) -> str:
    """A channel's name without its side."""
    return name if mirror_name(name) == name else name.removesuffix("Left").removesuffix("Right")


def _label(stem: str) -> str:
    return f"{stem}Left, Right" if stem in ("jaw", "mouth") else stem


def _draw_region(axis: Any, motion: Motion, times: NDArray[np.float64], region: str, stems: list[str]) -> None:
    names = list(motion.channels)
    for stem, colour in zip(stems[:MOST_LINES], _COLOURS, strict=False):
        for name, style in ((stem, "-"), (f"{stem}Left", "-"), (f"{stem}Right", (0, (4, 2)))):
            if name in names and _stem(name) == stem:
                label = _label(stem) if name.removesuffix("Left") == stem else None
                _line(axis, times, motion.expression[:, names.index(name)], colour, style, label)
    hidden = len(stems) - MOST_LINES
    title = f"{region} ({hidden} quieter ones not shown)" if hidden > 0 else region
    axis.set_title(title, loc="left", fontsize=10, color=_INK, fontweight="bold")
    low, high = axis.get_ylim()
    axis.set_ylim(min(low, -0.03), max(high, 0.3))


def _draw_head(axis: Any, motion: Motion, times: NDArray[np.float64]) -> None:
    angles = yaw_pitch_roll(motion.rotation)
    for column, (label, colour) in enumerate(zip(("yaw, left +", "pitch, up +", "roll, clockwise +"), _COLOURS,
                                                 strict=False)):
        _line(axis, times, angles[:, column], colour, "-", label)
    axis.set_title("head, degrees", loc="left", fontsize=10, color=_INK, fontweight="bold")


def _line(axis: Any, times: NDArray[np.float64], values: NDArray[np.floating], colour: str, style: Any,
          label: str | None) -> None:
    """A curve; a long one keeps the extremes of each stretch, so that no blink is lost."""
    if len(values) > _MOST_POINTS:
        size = -(-len(values) // (_MOST_POINTS // 2))
        starts = np.arange(0, len(values), size)
        values = np.stack([np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)], 1).ravel()
        times = np.repeat(times[starts], 2)
    axis.plot(times, values, color=colour, linestyle=style, linewidth=1.3, label=label, solid_joinstyle="round",
              marker="o" if len(values) == 1 else None)


def _finish(axis: Any, motion: Motion, times: NDArray[np.float64]) -> None:
    """Frame, grid, legend at the right, and shading where no face was seen."""
    for first, last in _stretches(motion.confidence == 0):
        step = 0.5 / motion.fps
        axis.axvspan(times[first] - step, times[last] + step, color="#f0d9d0", linewidth=0, zorder=0)
    axis.set_xlim(0, max(times[-1], 1 / motion.fps))
    axis.grid(True, color="#ececec", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(colors="#777777", labelsize=8, length=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(_PALE)
    axis.legend(loc="upper left", bbox_to_anchor=(1.005, 1.04), frameon=False, fontsize=8.5, labelcolor="linecolor",
                handlelength=1.2, borderaxespad=0.0)


def _stretches(chosen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    return [(int(first), int(last) - 1) for first, last in edges.reshape(-1, 2)]


def _title(motion: Motion) -> str:
    source = motion.metadata.get("source", "")
    facts = f"{len(motion)} frames at {motion.fps:g} per second"
    missing = int((motion.confidence == 0).sum())
    return " · ".join(filter(None, (source, facts, f"no face in {missing} (shaded)" if missing else "")))
