# SPDX-License-Identifier: Apache-2.0
"""Results that cannot be written: one sentence, earlier results kept, no half and no temporary files."""

from pathlib import Path

import numpy as np
import pytest
from mien.core.camera import Camera
from mien.core.model_files import default_model
from mien.core.motion import Motion
from mien.core.motion_files import save_motion
from mien.core.video import VideoWriter
from PIL import Image
from skimage.data import astronaut

FACE = astronaut()[0:240, 100:340]
EARLIER = b"an earlier result"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> dict[str, Path]:
    """A photo, a video and a motion that are all good."""
    folder = tmp_path_factory.mktemp("inputs")
    model, frames = default_model(), 10
    Image.fromarray(FACE).save(folder / "photo.png")
    with VideoWriter(folder / "video.mp4", 25, 240, 240) as video:
        for i in range(frames):
            video.write(np.roll(FACE, i, axis=1))
    expression = np.zeros((frames, len(model.expression_names)), np.float32)
    expression[:, model.expression_names.index("jawOpen")] = np.linspace(0, 0.7, frames)
    save_motion(Motion(25.0, expression, np.zeros((frames, 3), np.float32),
                       np.tile(np.float32([0, 0, 1]), (frames, 1)), np.zeros(80, np.float32),
                       model.expression_names, model.name, model.hash, Camera.for_image(240, 240),
                       np.ones(frames, np.float32)), folder / "motion.npz")
    return {"photo": folder / "photo.png", "video": folder / "video.mp4", "motion": folder / "motion.npz"}


def _commands(inputs: dict[str, Path], folder: Path) -> dict[str, list[object]]:
    """Commands whose last word is the result."""
    return {
        "fit": ["fit", inputs["photo"], "-o", folder / "face.npz"],
        "overlay": ["fit", inputs["photo"], "-o", folder / "face.npz", "--overlay", folder / "overlay.png"],
        "glb": ["fit", inputs["photo"], "-o", folder / "face.npz", "--glb", folder / "head.glb"],
        "track": ["track", inputs["video"], "-o", folder / "motion.npz"],
        "csv": ["track", inputs["video"], "-o", folder / "motion.csv"],
        "json": ["track", inputs["video"], "-o", folder / "motion.json"],
        "animate": ["animate", inputs["photo"], "--motion", inputs["motion"], "-o", folder / "out.mp4"],
    }


NAMES = ("fit", "overlay", "glb", "track", "csv", "json", "animate")


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_is_not_there_is_named(name, tmp_path, inputs, mien, untouched):
    check = untouched(tmp_path)
    command = _commands(inputs, tmp_path)[name]
    command[-1] = tmp_path / "nowhere" / Path(str(command[-1])).name
    assert "nowhere" in mien(*command).sentence()
    check()


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_under_the_results_name_is_refused(name, tmp_path, inputs, mien):
    command = _commands(inputs, tmp_path)[name]
    target = Path(str(command[-1]))
    target.mkdir()
    assert target.name in mien(*command).sentence()
    assert list(target.iterdir()) == []
    assert [p for p in tmp_path.iterdir() if p != target] == []


def test_a_place_that_nobody_can_write_is_refused(inputs, mien):
    assert "/proc" in mien("fit", inputs["photo"], "-o", "/proc/face.npz").sentence()


@pytest.mark.parametrize(("name", "limit"), [("fit", 512), ("csv", 2048), ("json", 2048), ("animate", 2048)])
def test_a_full_disk_keeps_the_earlier_result_and_leaves_no_half_file(name, limit, tmp_path, inputs, mien_process):
    """A limit on the size of files stands for the full disk: writing fails in the middle."""
    command = _commands(inputs, tmp_path)[name]
    target = Path(str(command[-1]))
    target.write_bytes(EARLIER)
    sentence = mien_process(*command, file_limit=limit).sentence()
    assert target.name in sentence
    assert target.read_bytes() == EARLIER
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
