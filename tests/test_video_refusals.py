# SPDX-License-Identifier: Apache-2.0
import wave

import av
import numpy as np
import pytest
from clips import marked, number, write_clip
from mien.core.errors import BadInput
from mien.core.image import write_image
from mien.core.video import VideoReader
from PIL import Image


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
