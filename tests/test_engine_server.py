# SPDX-License-Identifier: Apache-2.0
"""The engine's process, spoken with over pipes."""

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from mien.core.engine import jobs as engine_jobs
from mien.core.engine.protocol import PREVIEW_SIDE, PROTOCOL, encode, read_message
from mien.core.fit_files import load_fit
from mien.core.fitting import fit_photo, track_video
from mien.core.image import read_image, write_image
from mien.core.motion_files import load_motion
from mien.core.video import VideoWriter

PHOTO = Path(__file__).parents[1] / "core" / "demo_data" / "astronaut.jpg"


class Talk:
    """A running engine and its pipes."""

    place = None

    def __init__(self, command=(sys.executable, "-m", "mien.core.engine"), **options):
        self.folder = Path(tempfile.mkdtemp(prefix="mien-test-", dir=Talk.place))
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      bufsize=0, **options)
        self.watchdog = threading.Timer(60, self.child.kill)  # a test that waits in vain fails then
        self.watchdog.start()

    def say(self, **message):
        self.child.stdin.write(encode(message))

    def hello(self, **changes):
        self.say(**{"type": "hello", "protocol": PROTOCOL, "version": "0", "folder": str(self.folder), **changes})
        return self.hear()

    def hear(self):
        while (message := read_message(self.child.stdout)) and message["type"] == "heartbeat":
            pass
        return message

    def outcome(self, name, kind, **params):
        """All messages of a job."""
        self.say(type="job", id=name, job=kind, params=params)
        heard = [self.hear()]
        while heard[-1]["type"] not in ("result", "error", "cancelled"):
            heard.append(self.hear())
        assert {m["id"] for m in heard} == {name}
        return heard

    def end(self):
        self.child.stdin.close()
        code = self.child.wait(20)
        self.watchdog.cancel()
        self.child.stdout.close()
        self.child.stderr.close()
        return code


@pytest.fixture(scope="module", autouse=True)
def own_place(tmp_path_factory):
    Talk.place = tmp_path_factory.mktemp("engines")
    yield
    Talk.place = None


@pytest.fixture
def engine():
    talk = Talk()
    talk.ready = talk.hello()
    yield talk
    talk.end()
    assert not talk.folder.exists()


@pytest.fixture(scope="module")
def lasting_engine():
    talk = Talk()
    talk.hello()
    talk.numbers = itertools.count()
    yield talk
    talk.end()


@pytest.fixture(scope="module")
def photo():
    return read_image(PHOTO)


@pytest.fixture(scope="module")
def clip(tmp_path_factory, photo):
    path = tmp_path_factory.mktemp("clips") / "клип 脸.mp4"
    with VideoWriter(path, 25, 320, 320) as writer:
        for i in range(12):
            writer.write(np.ascontiguousarray(photo[i:i + 320, 60 + 2 * i:380 + 2 * i]))
    return path


def test_the_handshake_says_what_is_here(engine):
    import mien

    assert engine.ready["type"] == "ready"
    assert engine.ready["protocol"] == PROTOCOL and engine.ready["version"] == mien.__version__
    assert engine.ready["pid"] == engine.child.pid and engine.ready["device"]
    assert {"fit_photos", "track_video", "test"} <= set(engine.ready["jobs"])


def test_photos_become_what_the_api_makes_of_them(engine, photo):
    heard = engine.outcome("a", "fit_photos", photos=[str(PHOTO)], texture_size=256)
    result, folder = heard[-1]["result"], engine.folder / "a"
    saved, expected = load_fit(folder / result["fit"]), fit_photo(photo, projection="perspective")
    np.testing.assert_array_equal(saved.vertices_image, expected.vertices_image)
    assert saved.camera.projection == "perspective"
    assert result["confidence"] == expected.confidence and result["warnings"] == list(expected.warnings)
    assert read_image(folder / result["texture"]).shape == (256, 256, 3)
    assert read_image(folder / result["overlay"]).shape == photo.shape
    assert result["photo"] is None
    fractions = [m["fraction"] for m in heard if m["type"] == "progress"]
    assert fractions == sorted(fractions) and fractions[0] >= 0 and fractions[-1] <= 1
    (shown,) = [m for m in heard if m["type"] == "preview"]
    preview = np.load(folder / shown["file"], allow_pickle=False)
    assert preview.dtype == np.uint8 and max(preview.shape) == PREVIEW_SIDE


def test_a_video_becomes_what_the_api_makes_of_it(engine, clip):
    heard = engine.outcome("v", "track_video", video=str(clip), texture_size=128)
    result, folder = heard[-1]["result"], engine.folder / "v"
    motion, expected = load_motion(folder / result["motion"]), track_video(clip, projection="perspective")
    np.testing.assert_array_equal(motion.expression, expected.expression)
    np.testing.assert_array_equal(motion.translation, expected.translation)
    assert (result["frames"], result["fps"], result["frames_without_face"]) == (12, 25, 0)
    assert (result["width"], result["height"]) == (320, 320)
    assert read_image(folder / result["texture"]).shape == (128, 128, 3)
    assert any(m["type"] == "preview" for m in heard)
    texts = {m["text"].split(" frame")[0] for m in heard if m["type"] == "progress"}
    assert {"Tracking", "Solving the motion"} <= texts


def test_a_known_person_is_kept(engine, clip, photo):
    fit_result = engine.outcome("a", "fit_photos", photos=[str(PHOTO)], texture_size=0)[-1]["result"]
    fit = load_fit(engine.folder / "a" / fit_result["fit"])
    assert fit_result["texture"] is None
    for name, identity in (("b", str(engine.folder / "a" / "face.npz")), ("c", fit.identity.tolist())):
        engine.outcome(name, "track_video", video=str(clip), identity=identity)
        np.testing.assert_array_equal(load_motion(engine.folder / name / "motion.npz").identity, fit.identity)
    motion = str(engine.folder / "b" / "motion.npz")
    assert engine.outcome("d", "track_video", video=str(clip), identity=motion)[-1]["type"] == "result"


def test_a_photo_that_other_programs_see_turned_comes_upright(engine, photo, tmp_path):
    from PIL import Image

    turned = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(photo))).save(turned, quality=95, exif=exif)
    result = engine.outcome("a", "fit_photos", photos=[str(turned)], texture_size=0)[-1]["result"]
    upright = read_image(engine.folder / "a" / result["photo"])
    assert np.abs(upright.astype(int) - photo).mean() < 4


@pytest.mark.parametrize(("kind", "params", "says"), [
    ("fit_photos", {}, "photos"), ("fit_photos", {"photos": []}, "photos"), ("fit_photos", {"photos": "x"}, "photos"),
    ("fit_photos", {"photos": ["relative.jpg"]}, "absolute"), ("fit_photos", {"photos": ["/no/such.jpg"]}, "such.jpg"),
    ("fit_photos", {"photos": ["/a\0b"]}, "absolute"), ("fit_photos", {"photos": [str(PHOTO)] * 21}, "too many"),
    ("fit_photos", {"photos": [str(PHOTO)], "projection": "fisheye"}, "projection"),
    ("fit_photos", {"photos": [str(PHOTO)], "texture_size": 5000}, "texture_size"),
    ("fit_photos", {"photos": [str(PHOTO)], "texture_size": 3}, "too small"),
    ("fit_photos", {"photos": [str(PHOTO)], "face": True}, "face"),
    ("fit_photos", {"photos": [str(PHOTO)], "face": 7}, "face"),
    ("fit_photos", {"photos": [str(PHOTO)], "model": str(PHOTO)}, "astronaut.jpg"),
    ("fit_photos", {"photos": ["/" + "long/" * 2000 + "x.jpg"]}, ""),
    ("track_video", {"video": str(PHOTO)}, "astronaut.jpg"), ("track_video", {"video": "/"}, ""),
    ("track_video", {"video": str(PHOTO), "identity": [1, 2]}, "identity"),
    ("track_video", {"video": str(PHOTO), "identity": str(PHOTO)}, "astronaut.jpg"),
    ("dance", {}, "dance"), ("wait", {"seconds": "soon"}, "seconds"), ("wait", [1], "parameters")])
def test_bad_jobs_are_one_sentence_and_leave_nothing(lasting_engine, kind, params, says):
    engine = lasting_engine
    engine.say(type="job", id=f"bad-{next(engine.numbers)}", job=kind, params=params)
    while (answer := engine.hear())["type"] != "error":
        assert answer["type"] == "progress"
    assert answer["kind"] in ("input", "missing") and says in answer["text"]
    assert "\n" not in answer["text"] and answer["text"].endswith(".")
    assert [path for path in engine.folder.iterdir() if path.name.startswith("bad")] == []
    assert engine.outcome(f"good-{next(engine.numbers)}", "wait", seconds=0)[-1]["type"] == "result"


def test_a_photo_without_a_face(engine, tmp_path):
    write_image(tmp_path / "grey.png", np.full((200, 300, 3), 120, np.uint8))
    answer = engine.outcome("a", "fit_photos", photos=[str(tmp_path / "grey.png")])[-1]
    assert answer["kind"] == "input" and "face" in answer["text"]


def test_cancelling_takes_effect_at_once_and_leaves_nothing(engine, clip):
    for name, kind, params in (("a", "wait", {"seconds": 60}), ("b", "track_video", {"video": str(clip)})):
        engine.say(type="job", id=name, job=kind, params=params)
        assert engine.hear()["type"] == "progress"
        began = time.monotonic()
        engine.say(type="cancel", id=name)
        while (answer := engine.hear())["type"] in ("progress", "preview"):
            pass
        assert answer == {"type": "cancelled", "id": name}
        assert time.monotonic() - began < 5 and list(engine.folder.iterdir()) == []


def test_a_job_that_waits_can_be_cancelled_before_it_begins(engine):
    engine.say(type="job", id="a", job="wait", params={"seconds": 60})
    engine.say(type="job", id="b", job="wait", params={"seconds": 60})
    engine.say(type="cancel", id="b")
    engine.say(type="cancel", id="a")
    ends = []
    while len(ends) < 2:
        ends += [m for m in [engine.hear()] if m["type"] != "progress"]
    assert ends == [{"type": "cancelled", "id": "a"}, {"type": "cancelled", "id": "b"}]


def test_cancelling_what_is_not_there_does_no_harm(engine):
    for name in ("nobody", None, 3, ["a"]):
        engine.say(type="cancel", id=name)
    engine.say(type="something new", id="a")
    assert engine.outcome("a", "wait", seconds=0)[-1]["type"] == "result"


@pytest.mark.parametrize("name", ["../up", "", None, 7, "x" * 40])
def test_a_job_whose_name_would_leave_the_folder_ends_the_talk(name):
    talk = Talk()
    talk.hello()
    talk.say(type="job", id=name, job="wait", params={"seconds": 1})
    assert talk.hear()["kind"] == "protocol"
    assert talk.child.wait(10) == 1 and not talk.folder.exists()
    talk.end()


@pytest.mark.parametrize("data", [b"hello\n", b"MIEN\xff\xff\xff\xff" + bytes(100), b"MIEN\0\0\0\2{}",
                                  b"MIEN\0\0\0\4null", b"MIEN\0\0\0\7[[[[[[["])
def test_nonsense_ends_it_with_one_error(data):
    for greeted in (False, True):
        talk = Talk()
        if greeted:
            talk.hello()
        talk.child.stdin.write(data)
        answer = talk.hear()
        assert answer["type"] == "error" and answer["kind"] == "protocol" and answer["id"] is None
        assert talk.child.wait(10) == 1
        assert talk.folder.exists() != greeted
        talk.end()


@pytest.mark.parametrize("changes", [{"protocol": PROTOCOL + 1}, {"protocol": None}, {"folder": None}, {"folder": "x"},
                                     {"folder": "/no/such/folder"}, {"folder": str(PHOTO)},
                                     {"folder": str(PHOTO.parent)}, {"type": "job"}], ids=str)
def test_a_greeting_that_does_not_fit_is_refused(changes):
    talk = Talk()
    answer = talk.hello(**changes)
    assert answer["type"] == "error" and answer["kind"] == "protocol" and answer["text"].endswith(".")
    assert talk.child.wait(10) == 1
    talk.end()
    assert talk.folder.exists() and PHOTO.exists()


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_folder_that_others_may_read_is_refused():
    talk = Talk()
    talk.folder.chmod(0o755)
    assert talk.hello()["kind"] == "protocol"
    talk.end()


@pytest.mark.parametrize("stage", ["at once", "greeted", "in a job", "while warming up"])
def test_the_end_of_its_input_ends_it_and_removes_the_folder(stage):
    talk = Talk()
    if stage != "at once":
        talk.hello()
    if stage == "in a job":
        talk.say(type="job", id="a", job="wait", params={"seconds": 60})
        talk.hear()
    if stage == "while warming up":
        time.sleep(0.4)
    began = time.monotonic()
    assert talk.end() == 0
    assert time.monotonic() - began < 10
    assert talk.folder.exists() == (stage == "at once")


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals(number):
    talk = Talk()
    talk.hello()
    assert talk.outcome("a", "wait", seconds=0)[-1]["type"] == "result"
    talk.child.send_signal(number)
    if number == signal.SIGTERM:
        assert talk.child.wait(10) == 0 and not talk.folder.exists()
    else:  # Ctrl-C in Blender's terminal is Blender's matter
        assert talk.outcome("b", "wait", seconds=0)[-1]["type"] == "result"
    talk.end()


@pytest.mark.skipif(os.name != "posix", reason="processes of POSIX")
def test_it_ends_when_its_parent_dies_although_somebody_holds_its_input():
    """A process that inherited the pipe's other end must not keep the engine alive."""
    code = f"""
import os, subprocess, sys, tempfile, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_engine_server import Talk
talk = Talk()
talk.hello()
holder = subprocess.Popen(["sleep", "30"], pass_fds=[talk.child.stdin.fileno()],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(talk.child.pid, holder.pid, talk.folder, flush=True)
os._exit(0)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    engine, holder, folder = out.split()
    try:
        deadline = time.monotonic() + 10
        while Path(f"/proc/{engine}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not Path(folder).exists()
    finally:
        os.kill(int(holder), signal.SIGKILL)


def test_prints_of_libraries_do_not_reach_the_stream():
    code = ("import os, sys\nfrom mien.core.engine import jobs, server\n"
            "def chatter(params, work):\n"
            "    print('loading 3 %'); os.write(1, b'native noise\\n'); os.system('echo shell')\n"
            "    return {'read': sys.stdin.read()}\n"
            "jobs.JOBS['chatter'] = chatter\nserver.serve()")
    talk = Talk([sys.executable, "-c", code])
    talk.hello()
    assert talk.outcome("a", "chatter")[-1] == {"type": "result", "id": "a", "result": {"read": ""}}
    talk.child.stdin.close()
    said = talk.child.stderr.read()
    talk.watchdog.cancel()
    assert all(noise in said for noise in (b"loading 3 %", b"native noise", b"shell"))
    talk.child.wait(10)


@pytest.mark.parametrize(("fault", "kind", "says"), [
    ("raise KeyError('oops')", "bug", "KeyError"), ("raise MemoryError", "memory", "smaller"),
    ("return {'a': float('nan')}", "bug", "JSON"), ("return {'a': 'x' * (2 << 20)}", "bug", "too long"),
    ("open('/no/such/file')", "input", "/no/such/file"), ("raise SystemExit(3)", "bug", "SystemExit")])
def test_what_goes_wrong_in_a_job_does_not_end_the_engine(fault, kind, says):
    code = ("from mien.core.engine import jobs, server\n"
            f"def faulty(params, work):\n    (work.folder / 'half').write_text('x')\n    {fault}\n"
            "jobs.JOBS['faulty'] = faulty\nserver.serve()")
    talk = Talk([sys.executable, "-c", code])
    talk.hello()
    answer = talk.outcome("a", "faulty")[-1]
    assert (answer["type"], answer["kind"]) == ("error", kind) and says in answer["text"]
    assert list(talk.folder.iterdir()) == []
    assert talk.outcome("b", "wait", seconds=0)[-1]["type"] == "result"
    talk.end()


def test_the_heart_beats_during_work():
    talk = Talk()
    talk.hello()
    talk.say(type="job", id="a", job="wait", params={"seconds": 2.5})
    kinds = []
    while (message := read_message(talk.child.stdout))["type"] != "result":
        kinds.append(message["type"])
    assert kinds.count("heartbeat") >= 2
    talk.end()


def test_the_command_serves_too():
    talk = Talk([sys.executable, "-c", "import sys; from mien.core.cli import main; sys.exit(main(['engine']))"])
    assert talk.hello()["type"] == "ready"
    assert talk.end() == 0


def test_ready_loads_nothing_heavy():
    code = ("import sys\nfrom mien.core.engine import server\n"
            "print([m for m in ('scipy', 'numba', 'torch', 'onnxruntime', 'av', 'PIL') if m in sys.modules])")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert out.strip() == "[]"


def test_the_test_job_says_what_the_doctor_says(engine):
    from mien.core.doctor import examine

    findings = engine.outcome("a", "test")[-1]["result"]["findings"]
    assert [(f["part"], f["works"]) for f in findings] == [(f.part, f.works) for f in examine()]


def test_every_job_is_described():
    from mien.core.engine import protocol

    assert all(f"\n{name} " in protocol.__doc__ for name in engine_jobs.JOBS)
