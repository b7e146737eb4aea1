# SPDX-License-Identifier: Apache-2.0
"""What an evaluation hands back: figures for a script, a table for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Report:
    """`figures` can be written as JSON; `table` is the same in lines of text."""

    figures: dict[str, Any]
    table: str


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns lined up, the first to the left and the others to the right, a rule under the header.

    Floats are shown with three significant digits; None is shown as a dash.
    """
    cells = [list(header), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}" if 1 <= abs(value) < 100 else f"{value:.3g}"
    return str(value)


def plain(value: float | None, digits: int = 4) -> float | None:
    """A number fit for JSON: rounded, and None where it is not finite."""
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return None
    return round(float(value), digits)
