# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from clips import HEIGHT, WIDTH, marked, number, write_clip
from mien.core.errors import BadInput, CannotWrite
from mien.core.video import VideoReader, VideoWriter


def test_an_error_in_the_block_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_text("old")
    for error in (ValueError("no"), KeyboardInterrupt()):
        with pytest.raises(type(error)), VideoWriter(path, 25, WIDTH, HEIGHT) as writer:
            writer.write(marked(0))
            raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_writer_refuses_what_it_cannot_write(tmp_path):
    with pytest.raises(BadInput, match="written as"):
        VideoWriter(tmp_path / "a.xyz", 25, 8, 8)
    for fps, width in ((0, 8), (float("nan"), 8), (25, 0), (25, 100_000)):
        with pytest.raises(BadInput, match="cannot be written"):
            VideoWriter(tmp_path / "a.mp4", fps, width, 8)
    with pytest.raises(BadInput, match="no frame"), VideoWriter(tmp_path / "a.mp4", 25, 8, 8):
        pass
    with pytest.raises(BadInput, match="uint8"), VideoWriter(tmp_path / "a.mp4", 25, 8, 8) as writer:
        writer.write(np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(CannotWrite), VideoWriter(tmp_path / "no" / "a.mp4", 25, 8, 8):
        pytest.fail("the block must not run")
    assert list(tmp_path.iterdir()) == []


def test_metadata_is_stored(tmp_path):
    entries = {"title": "T", "comment": "made by a program", "digitalSourceType": "compositeSynthetic"}
    with VideoWriter(tmp_path / "a.mp4", 25, 8, 8, metadata=entries) as writer:
        writer.write(np.zeros((8, 8, 3), np.uint8))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert entries.items() <= container.metadata.items()


def _with_tone(path, codec="aac", seconds=2.0, rate=44100):
    """A clip whose sound is silent for one second and then a tone."""
    wave_of = np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * 440 / rate).astype(np.float32) * 0.5
    wave_of[:rate] = 0
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=25)
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        track = container.add_stream(codec, rate=rate, layout="mono")
        for i in range(int(seconds * 25)):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(marked(i), format="rgb24")))
        container.mux(picture.encode(None))
        for start in range(0, len(wave_of), 1024):
            part = wave_of[None, start:start + 1024]
            part = (part * 32767).astype(np.int16) if codec.startswith("pcm") else part
            frame = av.AudioFrame.from_ndarray(part, format="s16" if codec.startswith("pcm") else "fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return path


def _samples(path):
    with av.open(str(path)) as container:
        (track,) = container.streams.audio
        frames = list(container.decode(track))
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]), frames[0].sample_rate


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("count", [50, 40])
def test_sound_is_taken_along_and_ends_with_the_pictures(tmp_path, capfd, suffix, count):
    source = _with_tone(tmp_path / "source.mp4")
    with VideoWriter(tmp_path / f"a.{suffix}", 25, WIDTH, HEIGHT, sound=source) as writer:
        for i in range(count):
            writer.write(marked(i))
    samples, rate = _samples(tmp_path / f"a.{suffix}")
    assert len(samples) / rate == pytest.approx(count / 25, abs=0.1)
    loud = np.abs(samples) > 0.1
    assert np.flatnonzero(loud)[0] / rate == pytest.approx(1, abs=0.06)
    assert len(list(VideoReader(tmp_path / f"a.{suffix}"))) == count
    assert capfd.readouterr() == ("", "")


def test_without_sound_to_copy_the_video_is_silent(tmp_path):
    for name, source in (("silent.mp4", write_clip(tmp_path / "silent.mp4")),
                         ("pcm.mkv", _with_tone(tmp_path / "pcm.mkv", "pcm_s16le"))):
        with VideoWriter(tmp_path / "a.mp4", 25, WIDTH, HEIGHT, sound=source) as writer:
            writer.write(marked(3))
        assert [number(f.rgb) for f in VideoReader(tmp_path / "a.mp4")] == [3], name
        with av.open(str(tmp_path / "a.mp4")) as container:
            assert not container.streams.audio
    with pytest.raises(BadInput, match="does not exist"), \
            VideoWriter(tmp_path / "b.mp4", 25, WIDTH, HEIGHT, sound=tmp_path / "no.mp4"):
        pytest.fail("the block must not run")
    assert not (tmp_path / "b.mp4").exists()


FULL_DISK = """
import resource, sys
import numpy as np
from mien.core.errors import CannotWrite
from mien.core.video import VideoWriter
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
rng = np.random.default_rng(0)
try:
    with VideoWriter(sys.argv[1], 25, 128, 128) as writer:
        for _ in range(60):
            writer.write(rng.integers(0, 255, (128, 128, 3), np.uint8))
except CannotWrite as error:
    print(error)
else:
    print("written")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits of Unix")
@pytest.mark.parametrize("limit", [10, 40_000, 400_000])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_full_disk_is_one_sentence_and_leaves_what_was_there(tmp_path, limit, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_text("old")
    command = [sys.executable, "-c", FULL_DISK, str(path), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Cannot write" in done.stdout and done.returncode == 0, done.stdout + done.stderr
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
