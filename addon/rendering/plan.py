# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be rendered and where it goes; checks that need no Blender."""

import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from ...core.errors import BadInput, CannotWrite

Output = Literal["MP4", "PNG"]
Background = Literal["SCENE", "TRANSPARENT"]
Engine = Literal["SCENE", "CYCLES", "EEVEE", "WORKBENCH"]
BYTES_PER_PIXEL = 2
"""Room that a pixel of a PNG frame takes at most in practice"""
MAX_FRAMES = 1_000_000
LONGEST_PATH = 980
"""Bytes; Blender cuts paths off at 1023, and writes elsewhere then; what is unfinished has a name of its own"""


@dataclass(frozen=True)
class RenderPlan:
    """One video or one sequence of pictures.

    Raises:
        BadInput: the range is empty, or the choices do not go together.
    """

    output: Path
    """The video, or the name that the folder of pictures is called after"""
    frame_start: int
    frame_end: int
    kind: Output = "MP4"
    background: Background = "SCENE"
    engine: Engine = "SCENE"
    samples: int = 0
    """Samples per pixel; 0 leaves the scene's"""
    sound: bool = True
    even_light: bool = True
    """Before a picture the head is lit from everywhere, for its texture holds the picture's light already"""
    keep: bool = True
    """Frames of an earlier run that are whole and show the same stay"""

    def __post_init__(self) -> None:
        if self.frame_end < self.frame_start:
            raise BadInput(f"The frame range {self.frame_start}–{self.frame_end} is empty; choose a later last frame.")
        if len(self) > MAX_FRAMES:
            raise BadInput(f"{len(self)} frames are more than the {MAX_FRAMES} that are rendered at once.")
        if self.kind == "MP4" and self.background == "TRANSPARENT":
            raise BadInput("An MP4 cannot be transparent; choose a PNG sequence, or a background.")

    def __len__(self) -> int:
        return self.frame_end - self.frame_start + 1

    @property
    def frames(self) -> range:
        return range(self.frame_start, self.frame_end + 1)

    @property
    def name(self) -> str:
        """What frames and their folder are called after; a point in a sequence's name begins no suffix."""
        return self.output.stem if self.kind == "MP4" else self.output.name

    @property
    def folder(self) -> Path:
        """Where the frames are."""
        return self.output.with_name(f"{self.name}_frames")

    def frame_path(self, frame: int) -> Path:
        """The picture of one frame."""
        return self.folder / f"{self.name}_{frame:04d}.png"

    @property
    def result(self) -> Path:
        """What there is in the end: the video, or the folder of pictures."""
        return self.output if self.kind == "MP4" else self.folder

    @property
    def unfinished(self) -> Path:
        """The video while it is being written."""
        return self.folder / ".unfinished.mp4"

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "output": str(self.output)})

    @classmethod
    def from_json(cls, text: str) -> "RenderPlan":
        values = json.loads(text)
        return cls(**{**values, "output": Path(values["output"])})


def output_path(text: str, kind: Output) -> Path:
    """The absolute output path for what a user typed: a video's name gets its suffix, a sequence's loses it.

    Raises:
        BadInput: there is no file name, or a video is to have another suffix than .mp4.
    """
    path = Path(text)
    if not text.strip() or text.endswith(("/", "\\")) or not path.stem:
        raise BadInput("Give the name of the file to render to.")
    if kind == "PNG":
        return path.with_suffix("") if path.suffix.lower() in (".png", ".mp4") else path
    if path.suffix.lower() not in (".mp4", ""):
        raise BadInput(f"Videos are written as .mp4, not as {path.suffix}.")
    return path if path.suffix else path.with_name(path.name + ".mp4")


def prepare_folder(plan: RenderPlan) -> None:
    """Make the folder of frames and see that it can be written.

    Raises:
        CannotWrite: it cannot be made or written, or a file or folder of that name is in the way.
    """
    if len(os.fsencode(plan.frame_path(plan.frame_end))) > LONGEST_PATH:
        raise CannotWrite(f"The path of {plan.name} is longer than Blender can write; choose a folder less deep.")
    try:
        if plan.kind == "MP4" and plan.output.is_dir():
            raise CannotWrite(f"{plan.output} is a folder; give the name of a file.")
        plan.folder.mkdir(parents=True, exist_ok=True)
        for folder in {plan.folder, plan.result.parent}:
            with tempfile.TemporaryFile(dir=folder):
                pass
    except OSError as error:
        raise CannotWrite(f"Cannot write into {plan.folder}: {error.strerror}; choose another place.") from error


def check_room(plan: RenderPlan, width: int, height: int) -> None:
    """See that the frames which are still missing have room on the disk.

    Raises:
        CannotWrite: they do not.
    """
    missing = sum(not plan.frame_path(frame).exists() for frame in plan.frames)
    needed = missing * width * height * BYTES_PER_PIXEL
    free = shutil.disk_usage(plan.folder).free
    if free < needed:
        raise CannotWrite(f"{missing} frames of {width} × {height} may need {needed / 1e6:.0f} MB, and {plan.folder} "
                          f"has {free / 1e6:.0f} MB left; make room or choose another place.")
