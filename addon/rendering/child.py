# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in the other Blender: render what `order.json` says, and tell how far it is."""

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import bpy

from ...core.errors import MienError
from .plan import RenderPlan
from .process import ORDER, Status, write_status
from .run import render_plan, summary

_SELDOM = 0.1
"""Seconds between two reports"""


def main(folder: str) -> None:
    """Render the scene of the file that is open, and leave."""
    work_in(folder, _render)


def work_in(folder: str, work: Callable[[Path], Status]) -> None:
    """Do some work, tell the watcher how it ended, and leave; the exit code is 0 when all went well."""
    threading.Thread(target=_leave_when_alone, daemon=True).start()
    place = Path(folder)
    try:
        status = work(place)
    except MienError as error:
        status = Status("failed", str(error))
    except Exception as error:  # the watcher must learn of bugs too
        traceback.print_exc()
        status = Status("failed", f"The other Blender failed: {error}")
    write_status(place, status)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0 if status.state == "done" else 1)


def _render(place: Path) -> Status:
    order = json.loads((place / ORDER).read_text(encoding="utf-8"))
    plan = RenderPlan.from_json(json.dumps(order["plan"]))
    last = 0.0

    def progress(text: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > _SELDOM or done == total:
            last = time.monotonic()
            write_status(place, Status("running", text, done, total))

    report = render_plan(plan, bpy.data.scenes[order["scene"]], progress)
    return Status("done", summary(report), len(plan), len(plan))


def _leave_when_alone() -> None:
    """The watcher holds the other end of standard input; when it is gone nobody waits for this render."""
    while os.read(0, 4096):
        pass
    os._exit(2)
