# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in the other Blender: what takes time of the animation and the sound, made ready for the engine."""

import json
from pathlib import Path

import bpy

from ...core.errors import BadInput
from ...core.fit_files import load_fit
from ...core.motion_files import save_motion
from ..rendering.child import work_in
from ..rendering.process import ORDER, Status, write_status
from .photo_motion import photo_motion
from .sound import mix_sound


def main(folder: str) -> None:
    """Do what `order.json` in the folder says, and leave."""
    work_in(folder, _prepare)


def _prepare(place: Path) -> Status:
    order = json.loads((place / ORDER).read_text(encoding="utf-8"))
    target, first, last = Path(order["target"]), order["first"], order["last"]
    scene = bpy.data.scenes[order["scene"]]
    if order["motion"]:
        write_status(place, Status(text="Reading the animation"))
        motion = photo_motion(_head(order), scene, load_fit(target / "fit.npz"), first, last)
        save_motion(motion, target / "motion.npz")
    if order["sound"]:
        write_status(place, Status(text="Mixing the sound"))
        mix_sound(scene, first, last, target / order["sound"])
    return Status("done", "Ready")


def _head(order: dict[str, str]) -> bpy.types.Object:
    for thing in bpy.data.objects:
        if thing.name == order["head"] and bool(thing.library) == bool(order["library"]):
            return thing
    raise BadInput(f"“{order['head']}” is gone.")
