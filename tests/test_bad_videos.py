# SPDX-License-Identifier: Apache-2.0
"""Videos that cannot be tracked are refused in one sentence; odd ones that can are tracked and bridged."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from mien.core.motion_files import load_motion
from mien.core.video import VideoReader, VideoWriter
from PIL import Image
from skimage.data import astronaut

FACE = np.asarray(Image.fromarray(astronaut()[0:240, 100:340]).resize((160, 160)))
OTHER = np.ascontiguousarray(np.roll(FACE[:, ::-1], 24, axis=1))
GREY = np.full_like(FACE, 96)


def _drifting(frames: int) -> list[np.ndarray]:
    """The face, moved by a pixel a frame."""
    return [np.roll(FACE, i, axis=1) for i in range(frames)]


def _write(path: Path, pictures: Sequence[np.ndarray]) -> Path:
    height, width = pictures[0].shape[:2]
    with VideoWriter(path, 25, width, height) as video:
        for rgb in pictures:
            video.write(rgb)
    return path


def _timed(path: Path, pictures: Sequence[np.ndarray], milliseconds: Sequence[int]) -> None:
    """A video whose frames are shown at any times; any size, also odd."""
    from fractions import Fraction

    with av.open(path, "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.time_base = "yuvj444p", Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        for rgb, time in zip(pictures, milliseconds, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _sound_only(path: Path) -> None:
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _cut_off(path: Path) -> None:
    data = _write(path, _drifting(10)).read_bytes()
    path.write_bytes(data[: len(data) // 3])


BAD: dict[str, Callable[[Path], object]] = {
    "no_face.mp4": lambda path: _write(path, [GREY] * 12),
    "sound_only.m4a": _sound_only,
    "cut_off.mp4": _cut_off,
    "empty.mp4": lambda path: path.write_bytes(b""),
    "text.mp4": lambda path: path.write_text("not a video\n" * 50),
    "playlist.m3u8": lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n"),
    "folder.mp4": lambda path: path.mkdir(),
    "missing.mp4": lambda path: None,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_video_is_refused_in_one_sentence(name, tmp_path, mien, untouched):
    place = tmp_path / "results"
    place.mkdir()
    (place / "motion.npz").write_bytes(b"an earlier result")
    BAD[name](tmp_path / name)
    check = untouched(place)
    outcome = mien("track", tmp_path / name, "-o", place / "motion.npz", "--overlay", place / "overlay.mp4")
    sentence = outcome.sentence()
    assert name in sentence or "face" in sentence
    check()


@pytest.mark.parametrize("name", ["no_face.mp4", "text.mp4"])
def test_a_bad_driver_leaves_no_video_behind(name, tmp_path, mien, untouched):
    BAD[name](tmp_path / name)
    Image.fromarray(FACE).save(tmp_path / "photo.png")
    check = untouched(tmp_path)
    mien("animate", tmp_path / "photo.png", "--driving", tmp_path / name, "-o", tmp_path / "out.mp4").sentence()
    check()


def _track(video: Path, mien) -> tuple[dict[str, object], np.ndarray]:
    target = video.with_suffix(".npz")
    outcome = mien("track", video, "-o", target, "--json")
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out), load_motion(target).confidence


def test_one_frame_is_a_motion_of_one_frame(tmp_path, mien):
    report, confidence = _track(_write(tmp_path / "one.mp4", [FACE]), mien)
    assert report["frames"] == len(confidence) == 1
    assert confidence[0] > 0


def test_a_face_that_leaves_and_returns_is_bridged_and_marked(tmp_path, mien):
    pictures = [*_drifting(12), *[GREY] * 8, *_drifting(12)]
    report, confidence = _track(_write(tmp_path / "gone.mp4", pictures), mien)
    assert report["frames"] == 32
    assert (confidence[12:20] == 0).all()
    assert (confidence[:12] > 0).all()
    assert (confidence[22:] > 0).all()
    assert report["frames_without_face"] == int((confidence == 0).sum())
    motion = load_motion(tmp_path / "gone.npz")
    assert np.isfinite(motion.expression).all()
    assert np.abs(np.diff(motion.translation[11:21], axis=0)).max() < 0.05


def test_a_face_that_comes_late_is_waited_for(tmp_path, mien):
    report, confidence = _track(_write(tmp_path / "late.mp4", [*[GREY] * 6, *_drifting(10)]), mien)
    assert report["frames"] == 16
    assert (confidence[:6] == 0).all()
    assert (confidence[8:] > 0).all()


def test_a_cut_moves_the_head_at_once_and_not_before(tmp_path, mien):
    """Two shots with the face in two places: no smoothing across the cut."""
    small = np.pad(np.asarray(Image.fromarray(FACE).resize((80, 80))), ((0, 80), (0, 80), (0, 0)), mode="edge")
    report, confidence = _track(_write(tmp_path / "cut.mp4", [*[FACE] * 12, *[small] * 12]), mien)
    assert report["frames"] == 24
    assert (confidence > 0).sum() >= 23
    motion = load_motion(tmp_path / "cut.npz")
    size = motion.camera.focal / motion.translation[:, 2]
    assert size[:11] == pytest.approx(size[0], rel=0.03)
    assert size[14:] == pytest.approx(size[-1], rel=0.03)
    assert size[0] / size[-1] == pytest.approx(2, rel=0.1)


def test_a_variable_frame_rate_becomes_constant(tmp_path, mien):
    times = [0, 40, 80, 120, 240, 280, 320, 360, 400]
    _timed(tmp_path / "variable.mkv", [FACE] * len(times), times)
    report, confidence = _track(tmp_path / "variable.mkv", mien)
    assert report["fps"] == pytest.approx(25)
    assert report["frames"] == 11
    assert (confidence > 0).all()


def test_rotation_in_the_file_is_applied(tmp_path, mien):
    upright = _write(tmp_path / "upright.mp4", [FACE] * 3)
    sideways = _write(tmp_path / "sideways.mp4", [np.ascontiguousarray(np.rot90(FACE))] * 3)
    data = sideways.read_bytes()
    start = data.index(b"tkhd") + 44  # the matrix of the track header, ISO/IEC 14496-12 §8.3.2
    matrix = np.array([0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30], ">i4").tobytes()
    sideways.write_bytes(data[:start] + matrix + data[start + 36:])
    motions = []
    for video in (upright, sideways):
        _track(video, mien)
        motions.append(load_motion(video.with_suffix(".npz")))
    assert motions[1].rotation[0] == pytest.approx(motions[0].rotation[0], abs=0.05)
    assert motions[1].translation[0] == pytest.approx(motions[0].translation[0], rel=0.1, abs=0.01)


def test_odd_sizes_are_tracked_and_drawn(tmp_path, mien):
    _timed(tmp_path / "odd.mkv", [FACE[:-1, :-3]] * 4, [0, 40, 80, 120])
    overlay = tmp_path / "overlay.mp4"
    outcome = mien("track", tmp_path / "odd.mkv", "-o", tmp_path / "odd.npz", "--overlay", overlay)
    assert outcome.code == 0, outcome.err
    frames = [frame.rgb for frame in VideoReader(overlay)]
    assert len(frames) == 4
    assert abs(frames[0].shape[0] - 159) <= 1
    assert abs(frames[0].shape[1] - 157) <= 1
