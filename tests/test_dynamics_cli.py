# SPDX-License-Identifier: Apache-2.0
"""`mien predict`, `dataset motion`, and portraits that move by themselves, from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from mien.core.cli import main
from mien.core.demo import MOTION, PORTRAIT
from mien.core.motion_files import load_motion
from mien.models.dynamics.files import SHIPPED


def run(*arguments: object) -> int:
    return main([str(a) for a in arguments])


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fit") / "face.npz"
    assert run("fit", PORTRAIT, "-o", path, "--quiet") == 0
    return path


def test_a_motion_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, whole = tmp_path / "next.npz", tmp_path / "whole.npz"
    assert run("predict", MOTION, "--frames", 20, "-o", out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 20
    assert run("predict", MOTION, "--frames", 20, "-o", whole, "--append", "-q") == 0
    source = load_motion(MOTION)
    np.testing.assert_array_equal(load_motion(whole).expression[len(source):], load_motion(out).expression)
    assert load_motion(out).fps == source.fps


def test_a_photo_goes_to_a_motion(fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "there.npz"
    assert run("predict", fitted, "--target", MOTION, "--frames", 25, "--temperature", 0, "-o", out) == 0
    assert "another person" in capsys.readouterr().out
    np.testing.assert_allclose(load_motion(out).expression[-1], load_motion(MOTION).expression[0], atol=1e-6)


def test_a_portrait_moves_by_itself(tmp_path: Path) -> None:
    from mien.core.video import VideoReader

    for number, extra in enumerate((("--predict", 3), ("--target", PORTRAIT, "--frames", 3), ("--idle", 3))):
        out = tmp_path / f"{number}.mp4"
        code = run("animate", PORTRAIT, *extra, "-o", out, "-q")
        if "--target" in extra:
            assert code == 1 and not out.exists(), "a face that is there already has nowhere to go"
            continue
        assert code == 0
        with VideoReader(out) as reader:
            assert len(list(reader)) == 4


@pytest.mark.parametrize("change", [("--frames", 0), ("--frames", 1, "--target", MOTION), ("--temperature", "nan"),
                                    ("--seed", -1), ("--target", "missing.npz"), ("--weights", "cut")])
def test_bad_input_is_one_line_and_nothing_is_written(change: tuple[object, ...], tmp_path: Path,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(SHIPPED.read_bytes()[:-7])
    extra = [cut if c == "cut" else c for c in change]
    frames = () if "--frames" in change else ("--frames", 9)
    assert run("predict", MOTION, *frames, *extra, "-o", tmp_path / "out.npz") == 1
    assert not (tmp_path / "out.npz").exists()
    said = capsys.readouterr().err
    assert said.startswith("mien: ") and said.count("\n") == 1


def test_tracks_become_motions_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A track that is damaged is said, the others are made; what was made is kept."""
    from mien.core.fitting import fit_photo
    from mien.core.image import read_image

    points = fit_photo(read_image(PORTRAIT)).landmarks_478 * np.array([0.5, 0.5, -0.5], np.float32)
    folder, out = tmp_path / "clips", tmp_path / "motions"
    folder.mkdir()
    shake = np.random.default_rng(0).normal(size=(40, 1, 3)) * 0.5
    np.savez(folder / "one.npz", landmarks=(points + shake).astype(np.float32), fps=30.0)
    np.savez(folder / "bad.npz", other=np.zeros(3))
    (folder / "clips.csv").write_text("clip,person,licence\none,p3,CC0-1.0\n")
    assert run("dataset", "motion", folder, "-o", out, "--pack", tmp_path / "all.npz") == 0
    said = capsys.readouterr().out
    assert "1 motions" in said and "bad: failed" in said
    made = load_motion(out / "one.npz")
    assert len(made) == 40 and made.metadata["person"] == "p3" and made.metadata["licence"] == "CC0-1.0"
    before = (out / "one.npz").stat().st_mtime_ns
    assert run("dataset", "motion", folder, "-o", out, "-q") == 0
    assert (out / "one.npz").stat().st_mtime_ns == before
    assert run("dataset", "motion", tmp_path / "nowhere", "-o", out) == 1


def test_tracking_on_a_ray_cluster_is_the_same(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="spreading over machines needs the extra `cluster`")
    folder = tmp_path / "clips"
    folder.mkdir()
    np.savez(folder / "bad.npz", other=np.zeros(3))
    from mien.models.dynamics.data import make_motions

    assert make_motions(folder, tmp_path / "out", ray=True)["bad"].startswith("failed")
