# SPDX-License-Identifier: Apache-2.0
"""The demo gives what it says, from what is in the box alone."""

from pathlib import Path

import numpy as np
from mien.core import default_model, load_motion
from mien.core.demo import MOTION, PORTRAIT, SHOWN, run_demo
from mien.core.image import read_image
from mien.core.video import VideoReader


def test_the_motion_in_the_box_is_of_the_model_in_the_box() -> None:
    assert load_motion(MOTION).model_hash == default_model().hash


def test_demo_writes_all_that_it_names(tmp_path: Path) -> None:
    paths = run_demo(tmp_path / "results", quiet=True)
    assert sorted(paths.values()) == sorted((tmp_path / "results").iterdir())
    motion, portrait = load_motion(MOTION), read_image(PORTRAIT)
    with VideoReader(paths["video"]) as reader:
        frames = {frame.index: frame.rgb for frame in reader}
        assert reader.fps == motion.fps
    assert len(frames) == len(motion)
    assert max(SHOWN) < len(motion)
    still = np.abs(frames[0].astype(int) - portrait).mean()
    moved = np.abs(frames[93].astype(int) - portrait).mean()
    assert still < 6 and moved > still, "it begins at the portrait and leaves it"
    assert paths["head (glTF)"].read_bytes()[:4] == b"glTF"
