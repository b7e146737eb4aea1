# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
import wave
from fractions import Fraction

import av
import numpy as np
import pytest
from mien.core.errors import BadInput, CannotWrite
from mien.core.image import write_image
from mien.core.video import VideoReader, VideoWriter
from mien.core.video_clock import at_constant_rate, common_rate
from PIL import Image

WIDTH, HEIGHT = 96, 64


def marked(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A frame with its number in eight bars, bright for a set bit; the left top corner is red."""
    frame = np.full((height, width, 3), 40, np.uint8)
    for bit in range(8):
        if index >> bit & 1:
            frame[height // 2:, bit * width // 8:(bit + 1) * width // 8] = 220
    frame[:height // 4, :width // 4] = (230, 20, 20)
    return frame


def number(rgb: np.ndarray) -> int:
    """The number that `marked` wrote."""
    height, width = rgb.shape[:2]
    bars = rgb[height * 3 // 4, [(2 * bit + 1) * width // 16 for bit in range(8)], 1]
    return sum(1 << bit for bit in range(8) if bars[bit] > 130)


def write_clip(path, count=12, fps=25.0, width=WIDTH, height=HEIGHT):
    with VideoWriter(path, fps, width, height) as writer:
        for i in range(count):
            writer.write(marked(i, width, height))
    return path


def write_timed(path, times, width=WIDTH, height=HEIGHT, codec="libx264", pix_fmt="yuv420p", options=None):
    """Frames 0, 1, … at the given milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = Fraction(1, 1000)
        for i, milliseconds in enumerate(times):
            frame = av.VideoFrame.from_ndarray(marked(i, width, height), format="rgb24")
            frame.pts, frame.time_base = milliseconds, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "m4v"])
@pytest.mark.parametrize("fps", [25.0, 30000 / 1001])
def test_what_is_written_comes_back(tmp_path, capfd, suffix, fps):
    with VideoReader(write_clip(tmp_path / f"a.{suffix}", fps=fps)) as reader:
        frames = list(reader)
        assert (reader.width, reader.height, reader.frame_count) == (WIDTH, HEIGHT, 12)
        assert reader.fps == pytest.approx(fps, rel=1e-6)
    assert [number(f.rgb) for f in frames] == list(range(12))
    assert [f.index for f in frames] == list(range(12))
    assert [f.time_seconds for f in frames] == pytest.approx([i / fps for i in range(12)])
    for i, frame in enumerate(frames):
        assert frame.rgb.dtype == np.uint8 and frame.rgb.flags.c_contiguous
        assert np.abs(frame.rgb.astype(int) - marked(i)).mean() < 4
    assert reader.faults == 0
    assert capfd.readouterr() == ("", "")


def test_a_reader_can_be_read_again_and_left_early(tmp_path):
    reader = VideoReader(write_clip(tmp_path / "a.mp4"))
    for frame in reader:
        if frame.index == 3:
            break
    assert [number(f.rgb) for f in reader] == list(range(12))


@pytest.mark.parametrize(("width", "height"), [(97, 63), (97, 64), (96, 63), (1, 1)])
def test_odd_sizes_get_their_last_row_and_column_twice(tmp_path, width, height):
    rgb = np.tile(np.arange(height, dtype=np.uint8)[:, None, None] * 3, (1, width, 3))
    with VideoWriter(tmp_path / "a.mp4", 25, width, height) as writer:
        writer.write(rgb)
    (frame,) = VideoReader(tmp_path / "a.mp4")
    assert frame.rgb.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(frame.rgb[:height, :width].astype(int) - rgb).max() < 8


def test_one_frame_and_a_single_gif_frame_are_videos(tmp_path):
    write_clip(tmp_path / "a.mp4", count=1)
    Image.fromarray(marked(5)).save(tmp_path / "b.gif")
    assert [number(f.rgb) for f in VideoReader(tmp_path / "a.mp4")] == [0]
    assert [number(f.rgb) for f in VideoReader(tmp_path / "b.gif")] == [5]


def test_an_animated_gif_keeps_its_timing(tmp_path):
    frames = [Image.fromarray(marked(i)) for i in range(5)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=100)
    reader = VideoReader(tmp_path / "a.gif")
    assert reader.fps == pytest.approx(10)
    assert [number(f.rgb) for f in reader] == list(range(5))


def test_a_variable_rate_becomes_the_most_common_one(tmp_path):
    times = [*range(0, 1000, 40), *range(1000, 2000, 80), *range(2000, 3000, 40)]
    reader = VideoReader(write_timed(tmp_path / "a.mkv", times))
    assert reader.fps == 25
    shown = [number(f.rgb) for f in reader]
    expected = [max(i for i, t in enumerate(times) if t <= k * 40) for k in range(times[-1] // 40 + 1)]
    assert shown == expected


def test_jittered_times_of_a_phone_lose_no_frame(tmp_path):
    rng = np.random.default_rng(3)
    times = [round(i * 1000 / 30 + rng.uniform(-4, 4)) + 5 for i in range(60)]
    reader = VideoReader(write_timed(tmp_path / "a.mkv", times))
    assert reader.fps == 30
    assert [number(f.rgb) for f in reader] == list(range(60))


def test_rotation_in_the_file_is_applied(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=2)
    upright = next(iter(VideoReader(path))).rgb
    for clockwise, turns in ((90, 3), (180, 2), (270, 1)):
        turned = tmp_path / f"{clockwise}.mp4"
        turned.write_bytes(_with_rotation(path.read_bytes(), clockwise))
        reader = VideoReader(turned)
        expected = np.rot90(upright, turns)
        assert (reader.height, reader.width) == expected.shape[:2]
        np.testing.assert_array_equal(next(iter(reader)).rgb, expected)


def _with_rotation(mp4: bytes, clockwise: int) -> bytes:
    """Set the matrix of the track header: a, b, u, c, d, v, x, y, w as fixed (ISO/IEC 14496-12 §8.3.2)."""
    quarter = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[clockwise]
    a, b, c, d = (value << 16 for value in quarter)
    matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    start = mp4.index(b"tkhd") + 4 + 40
    return mp4[:start] + matrix + mp4[start + 36:]


def test_pixels_that_are_not_square_are_made_square(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(marked(9), format="rgb24")))
        container.mux(stream.encode(None))
    reader = VideoReader(tmp_path / "a.mp4")
    assert (reader.width, reader.height) == (2 * WIDTH, HEIGHT)
    assert [number(f.rgb) for f in reader] == [9]


@pytest.mark.parametrize("matrix", [1, 6])
def test_the_colour_matrix_of_the_file_is_used(tmp_path, matrix):
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[..., 1] = 180
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.colorspace = matrix
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
            format="yuv420p", dst_colorspace={1: "ITU709", 6: "ITU601"}[matrix])
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (frame,) = VideoReader(tmp_path / "a.mp4")
    assert np.abs(frame.rgb.astype(int) - rgb).max() <= 4


def test_a_broken_tail_gives_the_frames_before_it(tmp_path):
    whole = write_timed(tmp_path / "a.mkv", range(0, 4000, 40), options={"g": "10"}).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[:len(whole) * 2 // 3])
    shown = [number(f.rgb) for f in VideoReader(tmp_path / "cut.mkv")]
    assert 40 < len(shown) < 100
    assert shown == list(range(len(shown)))


def test_damage_in_the_middle_costs_only_what_it_hits(tmp_path):
    whole = bytearray(write_timed(tmp_path / "a.mp4", range(0, 4000, 40), options={"g": "10"}).read_bytes())
    middle = len(whole) // 2
    whole[middle:middle + 300] = bytes(300)
    (tmp_path / "hurt.mp4").write_bytes(whole)
    shown = [number(f.rgb) for f in VideoReader(tmp_path / "hurt.mp4")]
    assert shown[:30] == list(range(30))
    assert shown[-10:] == list(range(90, 100))
    assert len(shown) == 100


def _cut_mp4(path):
    write_clip(path, count=50)
    path.write_bytes(path.read_bytes()[:200])


def _sound_only(path):
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 8000, "NONE", ""))
        sound.writeframes(bytes(16000))


def _sound_in_mp4(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _unknown_codec(path):
    write_clip(path)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"xyz9"))


def _playlist(path):
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.ts\n#EXT-X-ENDLIST\n")


def _concatenation(path):
    write_clip(path.with_name("secret.mp4"))
    path.write_text("ffconcat version 1.0\nfile secret.mp4\n")


REFUSED = [
    ("cut.mp4", _cut_mp4, "cut off"),
    ("sound.wav", _sound_only, "only sound"),
    ("sound.mp4", _sound_in_mp4, "only sound"),
    ("photo.mp4", lambda path: Image.fromarray(marked(0)).save(path, format="PNG"), "a picture, not a video"),
    ("photo.jpg", lambda path: write_image(path, marked(0)), "a picture, not a video"),
    ("list.mp4", _playlist, "not a video"),
    ("join.mp4", _concatenation, "not a video"),
    ("codec.mp4", _unknown_codec, "unknown way"),
    ("noise.mp4", lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)), "not a video|decoded"),
    ("words.mp4", lambda path: path.write_text("hello " * 500), "not a video"),
    ("empty.mp4", lambda path: path.write_bytes(b""), "is empty"),
]


@pytest.mark.parametrize(("name", "make", "message"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_is_no_good_video_is_refused_in_a_sentence(tmp_path, name, make, message):
    path = tmp_path / name
    make(path)
    with pytest.raises(BadInput, match=message) as caught:
        list(VideoReader(path))
    assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.mp4", "http://127.0.0.1:9/a.mp4", "concat:a.mp4|b.mp4", "."])
def test_only_files_that_are_there_are_opened(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"does not exist|folder"):
        VideoReader(name)


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "concat:a.mp4", count=2)
    assert [number(f.rgb) for f in VideoReader("concat:a.mp4")] == [0, 1]


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


def test_the_clock_repeats_drops_and_closes_gaps():
    def shown(times, fps=10):
        return list(at_constant_rate(list(zip(times, range(len(times)), strict=True)), fps))

    assert shown([0, 0.1, 0.2]) == [0, 1, 2]
    assert shown([5.0, 5.1, 5.2]) == [0, 1, 2]
    assert shown([0, 0.3, 0.4]) == [0, 0, 0, 1, 2]
    assert shown([0, 0.02, 0.1, 0.11, 0.2]) == [1, 3, 4]
    assert shown([None, None, None]) == [0, 1, 2]
    assert shown([0, None, 0.2]) == [0, 1, 2]
    assert shown([0, 0.1, 1e9, 1e9 + 0.1]) == [0, 1, 2, 3]
    assert shown([100, 100.1, 0, 0.1]) == [0, 1, 2, 3]
    assert shown([0, 0.1, 0.08, 0.2]) == [0, 2, 3]
    assert shown([0, 0.1, 0.02, 0.2]) == [0, 1, 3]
    assert shown([]) == []


def test_the_most_common_rate():
    assert common_rate([0, 0.033, 0.067, 0.1, 0.2, 0.233]) == 30
    assert common_rate([i * 1001 / 30000 for i in range(99)]) == pytest.approx(30000 / 1001)
    assert common_rate([0, 0.15, 0.3]) == pytest.approx(1 / 0.15)
    assert common_rate([0]) is None
