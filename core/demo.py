# SPDX-License-Identifier: Apache-2.0
"""The demo: a portrait in the box, driven by a motion in the box."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .contact_sheet import grid
from .errors import CannotWrite
from .fitting import fit_photo
from .gltf import write_glb
from .image import read_image, write_image
from .model_files import default_model
from .motion_files import load_motion
from .overlay import draw_overlay
from .playback import animate, renderer_named, write_video
from .plots import plot_motion
from .progress import progress_bar
from .provenance.note import Provenance
from .texture import uv_texture

Rgb = NDArray[np.uint8]

DATA = Path(__file__).parent / "demo_data"
PORTRAIT = DATA / "astronaut.jpg"
MOTION = DATA / "talking.npz"
SHOWN = (32, 60, 93, 110, 130, 160)
"""Frames of the video that the picture shows"""
FACE = (slice(0, 256), slice(90, 346))
"""Rows and columns of the portrait around the head"""


def run_demo(folder: Path, *, quiet: bool = False) -> dict[str, Path]:
    """Fit the portrait, play the motion on it, and write what that gives into `folder`.

    A video, the fit drawn over the portrait, the head as glTF, the motion's curves, and a picture of it all.

    Raises:
        CannotWrite: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"Cannot make the folder {folder}: {error.strerror}; choose another place.") from error
    paths = {"video": folder / "astronaut.mp4", "fit": folder / "overlay.png", "head (glTF)": folder / "head.glb",
             "curves": folder / "curves.png", "picture": folder / "demo.jpg"}
    model, photo = default_model(), read_image(PORTRAIT)
    motion = load_motion(MOTION, model)
    fit, renderer = fit_photo(photo, model), renderer_named("auto", model)
    overlay = draw_overlay(photo, fit, model)
    write_image(paths["fit"], overlay)
    write_image(paths["curves"], plot_motion(motion))
    write_glb(paths["head (glTF)"], model, fit.identity, uv_texture([photo], [fit], model).rgb, motion)
    shown = [photo, overlay]
    with progress_bar("rendering", total=len(motion), unit="frames", quiet=quiet) as progress:
        frames = _keeping(animate(photo, fit, motion, model, renderer=renderer), shown)
        write_video(paths["video"], frames, motion.fps, progress, provenance=Provenance(renderer.source_type))
    labels = ["portrait", "fit", *(f"{index / motion.fps:.1f} s" for index in SHOWN)]
    write_image(paths["picture"], grid([np.ascontiguousarray(one[FACE]) for one in shown], 4, labels))
    return paths


def _keeping(frames: Iterable[Rgb], kept: list[Rgb]) -> Iterator[Rgb]:
    """Pass frames on, and put those that are to be shown into `kept`."""
    for index, frame in enumerate(frames):
        if index in SHOWN:
            kept.append(frame)
        yield frame
