# SPDX-License-Identifier: Apache-2.0
"""The demo: a portrait in the box, driven by a motion in the box."""

from pathlib import Path

from .errors import CannotWrite
from .fitting import fit_photo
from .gltf import write_glb
from .image import read_image, write_image
from .model_files import default_model
from .motion_files import load_motion
from .overlay import draw_overlay
from .playback import animate, write_video
from .plots import plot_motion
from .progress import progress_bar
from .texture import uv_texture

DATA = Path(__file__).parent / "demo_data"
PORTRAIT = DATA / "astronaut.jpg"
MOTION = DATA / "talking.npz"


def run_demo(folder: Path, *, quiet: bool = False) -> dict[str, Path]:
    """Fit the portrait, play the motion on it, and write video, overlay, head and curves into `folder`.

    Raises:
        CannotWrite: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"Cannot make the folder {folder}: {error.strerror}; choose another place.") from error
    paths = {"video": folder / "astronaut.mp4", "overlay": folder / "overlay.png",
             "head (glTF)": folder / "head.glb", "curves": folder / "curves.png"}
    model, photo = default_model(), read_image(PORTRAIT)
    motion = load_motion(MOTION, model)
    fit = fit_photo(photo, model)
    write_image(paths["overlay"], draw_overlay(photo, fit, model))
    write_image(paths["curves"], plot_motion(motion))
    write_glb(paths["head (glTF)"], model, fit.identity, uv_texture([photo], [fit], model).rgb, motion)
    with progress_bar("rendering", total=len(motion), unit="frames", quiet=quiet) as progress:
        write_video(paths["video"], animate(photo, fit, motion, model), motion.fps, progress=progress)
    return paths
