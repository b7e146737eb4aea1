# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames as PNG files, each whole or not there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ...core.errors import CannotWrite
from ...core.provenance.marking import mark
from ...core.provenance.note import Provenance
from .behind import Backdrop, pixels_of, render_frame
from .fingerprint import Fingerprints, fingerprint
from .plan import RenderPlan
from .png import PngKind, whole_png, write_png
from .provenance import provenance_of
from .scene_copy import frame_size, hidden

Progress = Callable[[int, int], None]
"""Called with the frames that are there and all that are to be"""


RenderTo = Callable[[int, Path], None]
"""Renders a frame into a file"""


@dataclass
class FrameCount:
    """What became of the frames of a run."""

    rendered: int = 0
    kept: int = 0


def render_frames(plan: RenderPlan, copy: bpy.types.Scene, plane: bpy.types.Object | None,
                  progress: Progress) -> FrameCount:
    """Render a prepared copy of the scene into the plan's folder.

    Raises:
        CannotWrite: a frame could not be rendered or written; those before it stay.
    """
    width, height = frame_size(copy, plan)
    wanted = PngKind(width, height, 8, 4 if plan.background == "TRANSPARENT" else 3)
    fingerprints, count, said = Fingerprints.of(plan), FrameCount(), provenance_of(copy)
    progress(0, len(plan))
    with _way_to_render(plan, copy, plane) as render_to:
        for done, frame in enumerate(plan.frames, start=1):
            copy.frame_set(frame)
            path, now = plan.frame_path(frame), fingerprint(copy, said)
            if plan.keep and fingerprints.same(frame, now) and whole_png(path) == wanted:
                count.kept += 1
            else:
                _render_frame(render_to, frame, path, wanted, said)
                fingerprints.note(frame, now)
                count.rendered += 1
            progress(done, len(plan))
    return count


def _render_frame(render_to: RenderTo, frame: int, path: Path, wanted: PngKind, said: Provenance) -> None:
    unfinished = path.with_name(".unfinished.png")
    try:
        render_to(frame, unfinished)
        if whole_png(unfinished) != wanted:
            raise CannotWrite(f"{path.name} could not be written whole; is there room on the disk?")
        mark(unfinished, said)
        unfinished.replace(path)
    except (OSError, RuntimeError) as error:
        raise CannotWrite(f"{path.name} could not be rendered: {str(error).strip()}") from error
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _way_to_render(plan: RenderPlan, copy: bpy.types.Scene, plane: bpy.types.Object | None) -> Iterator[RenderTo]:
    """How a frame of the copy gets into a file."""
    if plane is None or plan.background == "TRANSPARENT":
        with hidden([plane] if plane else []):
            yield lambda frame, path: render_frame(copy, frame, path)
    else:
        with Backdrop.of(copy, plane) as behind:
            copy.render.film_transparent, copy.render.image_settings.color_mode = True, "RGBA"
            yield lambda frame, path: _render_over(copy, plane, behind, frame, path)


def _render_over(copy: bpy.types.Scene, plane: bpy.types.Object, behind: Backdrop, frame: int, path: Path) -> None:
    """The head over the picture behind it."""
    below = behind.pixels(frame, path)
    with hidden([plane]):
        render_frame(copy, frame, path)
    above = pixels_of(path)
    cover = above[..., 3:]
    mixed = above[..., :3] * cover + below * (1 - cover)
    write_png(path, np.rint(mixed * 255).astype(np.uint8)[::-1])
