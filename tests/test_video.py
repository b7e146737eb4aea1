# SPDX-License-Identifier: Apache-2.0
from fractions import Fraction

import av
import numpy as np
import pytest
from clips import HEIGHT, WIDTH, marked, number, write_clip, write_timed
from mien.core.video import VideoReader, VideoWriter
from mien.core.video_clock import at_constant_rate, common_rate
from PIL import Image


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
