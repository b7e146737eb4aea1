# SPDX-License-Identifier: Apache-2.0
"""The command: help, reports for people and scripts, and results that other commands take."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mien.core import cli
from mien.core.demo import MOTION, PORTRAIT
from mien.core.image import read_image
from mien.core.video import VideoReader


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("face") / "face.npz"
    assert cli.main(["fit", str(PORTRAIT), "-o", str(path), "--quiet"]) == 0
    return path


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_explains_itself(command: str, mien) -> None:
    outcome = mien(command, "--help")
    assert outcome.code == 0
    assert "--debug" in outcome.out or "ACTION" in outcome.out


def test_wrong_arguments_are_one_line(mien) -> None:
    outcome = mien("fit", "photo.jpg")
    assert outcome.code == 2
    assert len(outcome.err.strip().splitlines()) == 1
    assert "--output" in outcome.err


def test_a_fit_is_reported_for_people_and_for_scripts(tmp_path: Path, mien) -> None:
    overlay = tmp_path / "overlay.png"
    outcome = mien("fit", PORTRAIT, "-o", tmp_path / "face.npz", "--overlay", overlay, "--json")
    result = json.loads(outcome.out)
    assert result["confidence"] > 0.8
    assert len(result["expression"]) == 52 and len(result["identity"]) == 80
    assert result["expression"]["mouthSmileLeft"] > 0.2, "she smiles"
    photo, drawn = read_image(PORTRAIT).astype(int), read_image(overlay).astype(int)
    changed = (abs(drawn - photo).sum(-1) > 0).mean()
    assert 0.01 < changed < 0.3
    plain = mien("fit", PORTRAIT, "-o", tmp_path / "face.npz")
    assert plain.out.startswith(f"{tmp_path / 'face.npz'}: confidence")


def test_two_photos_share_the_person(tmp_path: Path, mien) -> None:
    first = mien("fit", PORTRAIT, PORTRAIT, "-o", tmp_path / "face.npz", "--json")
    alone = mien("fit", PORTRAIT, "-o", tmp_path / "one.npz", "--json")
    both, one = (np.array(json.loads(o.out)["identity"]) for o in (first, alone))
    assert np.linalg.norm(both) > np.linalg.norm(one), "two photos say more than the prior"
    assert np.corrcoef(both, one)[0, 1] > 0.9


def test_a_face_becomes_a_sheet_and_a_glb(face: Path, tmp_path: Path, mien) -> None:
    assert mien("preview", face, "--photo", PORTRAIT, "-o", tmp_path / "sheet.png").code == 0
    assert read_image(tmp_path / "sheet.png").std() > 20
    assert mien("export", face, "--photo", PORTRAIT, "--motion", MOTION, "-o", tmp_path / "head.glb").code == 0
    assert (tmp_path / "head.glb").read_bytes()[:4] == b"glTF"


def test_a_motion_goes_through_live_link_and_back(tmp_path: Path, mien) -> None:
    csv, back = tmp_path / "take.csv", tmp_path / "back.json"
    assert mien("export", MOTION, "-o", csv).code == 0
    assert mien("export", csv, "-o", back, "--fps", 60).code == 0
    frames = json.loads(back.read_text())
    assert frames["fps"] == 60
    assert mien("preview", back, "-o", tmp_path / "curves.png").code == 0


def test_a_portrait_moves_and_the_video_has_a_sheet(tmp_path: Path, mien) -> None:
    from mien.core import load_motion, save_motion

    motion, short = load_motion(MOTION), tmp_path / "short.json"
    save_motion(motion, short)
    content = json.loads(short.read_text())
    content["frames"] = content["frames"][80:100]
    short.write_text(json.dumps(content))
    video = tmp_path / "out.mp4"
    assert mien("animate", PORTRAIT, "--motion", short, "-o", video, "--absolute").code == 0
    with VideoReader(video) as reader:
        frames = [frame.rgb for frame in reader]
    assert len(frames) == 20
    assert abs(frames[0].astype(int) - frames[-1]).mean() > 0.5, "she moves"
    assert mien("preview", video, "-o", tmp_path / "sheet.png").code == 0


def test_model_info_counts_what_is_there(mien) -> None:
    facts = json.loads(mien("model", "info", "--json").out)
    assert facts["identity coefficients"] == 80 and facts["expressions"] == 52


def test_the_doctor_names_parts_and_remedies(mien) -> None:
    findings = json.loads(mien("doctor", "--json").out)
    assert all(findings[part]["works"] for part in ("face model", "landmarks", "H.264 video"))
    assert all(finding["works"] or "—" in finding["detail"] for finding in findings.values())


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(stop: signal.Signals, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("mien")), "animate", str(PORTRAIT), "--motion", str(MOTION),
               "-o", str(tmp_path / "out.mp4")]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.02)
    os.kill(child.pid, stop)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert said.strip().splitlines()[-1] == "mien: Interrupted: nothing was written."
    assert not list(tmp_path.iterdir())


def test_sound_and_provenance_go_along(tmp_path: Path, mien) -> None:
    import av

    driving, result = tmp_path / "driving.mp4", tmp_path / "out.mp4"
    portrait = read_image(PORTRAIT)
    with av.open(str(driving), "w") as container:
        video = container.add_stream("libx264", rate=25, width=512, height=512, pix_fmt="yuv420p")
        audio = container.add_stream("aac", rate=44100)
        for _ in range(8):
            container.mux(video.encode(av.VideoFrame.from_ndarray(portrait, format="rgb24")))
        for start in range(0, 16384, 1024):
            tone = np.sin(np.arange(start, start + 1024) / 20).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, start
            container.mux(audio.encode(frame))
        for stream in (video, audio):
            container.mux(stream.encode())
    assert mien("animate", PORTRAIT, "--driving", driving, "-o", result).code == 0
    with av.open(str(result)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert "compositeWithTrainedAlgorithmicMedia" in container.metadata["digitalSourceType"]


def test_gains_calibration_and_matching_of_the_driver(tmp_path: Path, mien) -> None:
    short, plain, still = tmp_path / "short.json", tmp_path / "plain.mp4", tmp_path / "still.mp4"
    assert mien("export", MOTION, "-o", short, "--fps", "2").code == 0
    drive = ("animate", PORTRAIT, "--motion", short, "-o")
    assert mien(*drive, plain).code == 0
    none = [f"--gain={name}=0" for name in ("brows", "eyes", "cheeks", "nose", "jaw", "mouth", "tongue", "rotation",
                                            "translation")]
    assert mien(*drive, still, *none, "--calibrate", "--match", MOTION).code == 0
    from mien.core.video import VideoReader

    def stir(path: Path) -> float:
        with VideoReader(path) as reader:
            frames = [frame.rgb.astype(np.float32) for frame in reader]
        return float(np.abs(np.diff(frames, axis=0)).mean())

    assert stir(still) < 0.1 * stir(plain)
    assert mien(*drive, still, "--gain", "ears=2").err.startswith("mien: There is no region or channel 'ears'")
    assert mien(*drive, still, "--gain", "jaw").code == 2
