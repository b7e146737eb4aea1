# SPDX-License-Identifier: Apache-2.0
"""The engine's client: it never waits, and whatever the engine does ends in one sentence and no files."""

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from engine_peers import NONSENSE, STAGES, peer
from mien.addon.engine import client, discovery, sentences, shared
from mien.addon.engine.client import Engine, EngineError, JobState
from mien.addon.engine.process import clean_environment

PHOTO = Path(__file__).parents[1] / "core" / "demo_data" / "astronaut.jpg"
COMMAND = shared.command(sys.executable)


@pytest.fixture(autouse=True)
def no_files_left(tmp_path, monkeypatch):
    """Every test has its own place for temporary files; at its end nothing is there."""
    place = tmp_path / "temporary ü"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv("TMPDIR", str(place))
    yield place
    shared.stop_engine()
    assert list(place.iterdir()) == []


@pytest.fixture
def start():
    """Starts engines and stops them at the end."""
    started = []

    def starter(command=COMMAND, **options):
        started.append(Engine(command, **options))
        return started[-1]

    yield starter
    for engine in started:
        engine.stop()


def until(condition, engine, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, (engine.error, engine.facts)
        engine.poll()
        time.sleep(0.005)


def finish(job, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not job.poll().final:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return job.state


def one_sentence(text):
    assert text and "\n" not in text and "Traceback" not in text and "{" not in text
    return text


def test_a_job_from_start_to_end(start):
    engine = start()
    job = engine.submit("fit_photos", {"photos": [str(PHOTO)], "texture_size": 128})
    assert job.state is JobState.WAITING
    seen = []
    while not job.poll().final:
        seen.append((job.fraction, job.text))
        time.sleep(0.005)
    assert job.state is JobState.DONE and job.preview.suffix == ".npy"
    assert job.file("fit").is_file() and job.file("texture").is_file() and job.file("photo") is None
    assert len({text for _, text in seen}) >= 3
    assert oct(engine.folder.stat().st_mode & 0o777) == "0o700"
    job.close()
    assert not job.folder.exists() and not engine.busy


def test_polling_and_starting_take_no_time(start):
    """Generous bounds against what would be a wait; the benchmark has the figures."""
    begin = time.perf_counter()
    engine = start()
    job = engine.submit("track_video", {"video": str(PHOTO)})
    began = time.perf_counter() - begin
    worst = 0.0
    while not job.state.final:
        before = time.thread_time()
        job.poll()
        worst = max(worst, time.thread_time() - before)
        time.sleep(0.001)
    assert began < 1.0 and worst < 0.02


@pytest.mark.parametrize("stage", STAGES)
def test_an_engine_that_ends_is_one_sentence(start, tmp_path, stage):
    engine = start(peer(tmp_path, STAGES[stage]), log=tmp_path / "log.txt")
    job = engine.submit("wait", {"seconds": 1})
    assert finish(job) is JobState.FAILED
    assert one_sentence(job.error) == engine.error and not engine.alive
    assert "signal 9" in job.error if "killed" in stage else "exit code 7" in job.error or "ended" in job.error
    assert str(tmp_path / "log.txt") in job.error
    later = engine.submit("wait", {})
    assert later.poll() is JobState.FAILED and later.error == engine.error


@pytest.mark.parametrize("kind", NONSENSE)
def test_an_engine_that_talks_nonsense_is_stopped(start, tmp_path, kind):
    engine = start(peer(tmp_path, NONSENSE[kind]))
    job = engine.submit("wait", {"seconds": 1})
    assert finish(job, 20) is JobState.FAILED
    assert "nonsense" in one_sentence(job.error) and len(job.error) < 500
    engine.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(engine.pid, 0)


def test_an_engine_of_another_version(start, tmp_path):
    engine = start(peer(tmp_path, "greet(protocol=99, version='9.9.9')\ntime.sleep(60)"))
    assert finish(engine.submit("wait", {})) is JobState.FAILED
    assert "9.9.9" in one_sentence(engine.error) and "pip install --upgrade mien" in engine.error


def test_an_engine_that_refuses_our_version(start, tmp_path):
    engine = start(peer(tmp_path, "say(type='error', id=None, kind='protocol', text='I am too old.')\ntime.sleep(60)"))
    assert finish(engine.submit("wait", {})) is JobState.FAILED
    assert "I am too old" in one_sentence(engine.error)


@pytest.mark.parametrize("when", ["before the greeting", "after the greeting"])
def test_an_engine_that_hangs(start, tmp_path, when, monkeypatch):
    monkeypatch.setattr(client, "READY_WITHIN", 0.5)
    monkeypatch.setattr(client, "SILENT_FOR", 0.5)
    engine = start(peer(tmp_path, "time.sleep(60)" if when.startswith("before") else "greet(); time.sleep(60)"))
    assert finish(engine.submit("wait", {}), 20) is JobState.FAILED
    assert ("not ready" if when.startswith("before") else "not answered") in one_sentence(engine.error)


def test_our_own_silence_is_not_held_against_the_engine(start, monkeypatch):
    """While Blender renders it does not poll."""
    monkeypatch.setattr(client, "SILENT_FOR", 1.5)
    monkeypatch.setattr(client, "_AWAY", 0.3)
    engine = start()
    until(lambda: engine.facts, engine)
    engine._process.heard -= 100
    time.sleep(0.4)
    engine.poll()
    assert engine.alive


def test_an_engine_that_will_not_cancel_is_stopped(start, tmp_path, monkeypatch):
    monkeypatch.setattr(client, "CANCELLED_WITHIN", 0.3)
    engine = start(peer(tmp_path, "greet(); i = hear('job')['id']; say(type='progress', id=i, fraction=0, text='on')\n"
                                  "while True: say(type='heartbeat'); time.sleep(.05)"))
    job = engine.submit("wait", {})
    until(lambda: job.state is JobState.RUNNING, engine)
    job.cancel()
    assert job.state is JobState.CANCELLED
    until(lambda: not engine.alive, engine)
    assert "would not stop" in one_sentence(engine.error) and job.state is JobState.CANCELLED


@pytest.mark.parametrize("when", ["at once", "when it runs"])
def test_cancelling_is_at_once_and_the_engine_goes_on(start, when):
    engine = start()
    job = engine.submit("wait", {"seconds": 60})
    if when == "when it runs":
        until(lambda: job.state is JobState.RUNNING, engine)
    job.cancel()
    assert job.state is JobState.CANCELLED and job.error == ""
    next_job = engine.submit("wait", {"seconds": 0})
    assert finish(next_job) is JobState.DONE
    until(lambda: not engine.busy, engine)
    assert engine.alive and not job.folder.exists()


def test_results_cannot_lead_out_of_their_folder(start, tmp_path):
    (tmp_path / "secret").write_text("x")
    engine = start(peer(tmp_path, f"""
        folder = greet()
        i = hear('job')['id']
        os.mkdir(folder + '/' + i)
        os.symlink({str(tmp_path / 'secret')!r}, folder + '/' + i + '/link')
        os.mkdir(folder + '/' + i + '/dir')
        say(type='preview', id=i, file='../../secret')
        say(type='result', id=i, result=dict(a='../secret', b={str(tmp_path / 'secret')!r}, c='link', d='dir', e=5,
                                             f='none', g='a' * 500, h='a\\0b', i=''))
        hear()"""))
    job = engine.submit("wait", {})
    assert finish(job) is JobState.DONE and job.preview is None
    for key in "abcdefghi":
        with pytest.raises(EngineError):
            job.file(key)
    assert job.file("nothing") is None


def test_strange_messages_do_no_harm(start, tmp_path):
    engine = start(peer(tmp_path, """
        greet()
        i = hear('job')['id']
        for more in (dict(fraction='x'), dict(fraction=7, text=5), dict(fraction=None, text=None), dict()):
            say(type='progress', id=i, **more)
        for name in (None, 3, ['a'], 'job-99', {}):
            say(type='progress', id=name, fraction=1, text='not ours')
            say(type='result', id=name, result={})
        say(type='news')
        say(type='preview', id=i)
        say(type='result', id=i, result='none')
        say(type='result', id=i, result={'a': 'again'})
        hear()"""))
    job = engine.submit("wait", {})
    assert finish(job) is JobState.DONE and job.result == {}
    engine.poll()
    assert engine.alive


def test_a_flood_of_messages_neither_blocks_nor_fills_memory(start, tmp_path):
    engine = start(peer(tmp_path, "greet(); i = hear('job')['id']\n"
                                  "while True: say(type='progress', id=i, fraction=.1, text='x' * 1000)"))
    job = engine.submit("wait", {})
    until(lambda: job.state is JobState.RUNNING, engine)
    time.sleep(0.3)
    assert engine._process._incoming.qsize() <= 256
    before = time.thread_time()
    engine.poll()
    assert time.thread_time() - before < 0.02
    job.cancel()
    engine.stop()


def test_an_engine_that_does_not_read_does_not_block_us(start, tmp_path):
    engine = start(peer(tmp_path, "greet()\nwhile True: say(type='heartbeat'); time.sleep(.1)"))
    before = time.thread_time()
    for _ in range(50):
        engine.submit("wait", {"text": "x" * 100_000})
    assert time.thread_time() - before < 2
    engine.stop()
    assert not engine.folder.exists()


def test_a_job_that_cannot_be_sent(start):
    engine = start()
    with pytest.raises(EngineError, match="fewer files"):
        engine.submit("fit_photos", {"photos": ["/" + "x" * 200] * 10_000})
    with pytest.raises(EngineError):
        engine.submit("fit_photos", {"photos": {1, 2}})
    assert finish(engine.submit("wait", {"seconds": 0})) is JobState.DONE


@pytest.mark.parametrize(("command", "says"), [
    (["/no/such/python"], "could not be started"), ([str(PHOTO)], "could not be started"), (["a\0b"], "could not be"),
    (["/"], "could not be started")])
def test_a_python_that_is_none(command, says):
    with pytest.raises(EngineError, match=says) as raised:
        Engine(command)
    one_sentence(str(raised.value))


def test_a_python_without_mien(start, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    engine = start(shared.command(python), log=tmp_path / "log")
    assert finish(engine.submit("wait", {})) is JobState.FAILED
    assert engine.error == sentences.NO_MIEN.format(python=python)


def test_no_place_for_temporary_files(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/no/such/folder")
    with pytest.raises(EngineError, match="temporary folder"):
        Engine(COMMAND)
    monkeypatch.undo()


def test_a_log_that_cannot_be_written_is_done_without(start, tmp_path):
    engine = start(log=tmp_path / "no" / "folder" / "log")
    assert finish(engine.submit("wait", {"seconds": 0})) is JobState.DONE


def test_a_bug_names_the_log(start, tmp_path):
    code = ("from mien.core.engine import jobs, server\n"
            "def faulty(params, work): raise KeyError('oops')\njobs.JOBS['faulty'] = faulty\nserver.serve()")
    engine = start([sys.executable, "-c", code], log=tmp_path / "log")
    job = engine.submit("faulty", {})
    assert finish(job) is JobState.FAILED
    assert "bug" in job.error and str(tmp_path / "log") in one_sentence(job.error)
    assert "Traceback" in (tmp_path / "log").read_text()


def test_the_log_does_not_grow_for_ever(start, tmp_path):
    log = tmp_path / "log"
    log.write_bytes(bytes(3 << 20))
    engine = start(log=log)
    until(lambda: engine.facts, engine)
    assert log.stat().st_size < 1 << 20


def test_the_environment_is_python_s_own(monkeypatch):
    dirty = {"PATH": "/bin", "PYTHONHOME": "/blender", "PYTHONPATH": "/blender/lib", "LD_LIBRARY_PATH": "/blender",
             "PYTHONSTARTUP": "x", "LD_PRELOAD": "y", "HOME": "/home/me"}
    clean = clean_environment(dirty)
    assert {k: v for k, v in clean.items() if not k.startswith("PYTHON")} == {"PATH": "/bin", "HOME": "/home/me"}
    assert not {"PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP"} & set(clean)


def test_it_starts_in_blenders_environment(start, monkeypatch, tmp_path):
    (tmp_path / "mien").mkdir()
    (tmp_path / "mien" / "__init__.py").write_text("raise SystemExit('the wrong mien')")
    monkeypatch.setenv("PYTHONHOME", "/no/such/python")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    engine = start()
    assert finish(engine.submit("wait", {"seconds": 0})) is JobState.DONE


@pytest.mark.parametrize("how", ["os._exit(0)", "os.kill(os.getpid(), 9)", "sys.exit(0)", "raise KeyError"])
def test_it_ends_with_its_parent_and_leaves_nothing(how, no_files_left):
    code = f"""
import os, sys, tempfile, time
from mien.addon.engine import shared
engine = shared.running_engine(shared.command(sys.executable))
job = engine.submit("wait", {{"seconds": 60}})
while job.poll().value == "waiting": time.sleep(.01)
print(engine.pid, flush=True)
{how}
"""
    out = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                         timeout=60, env={**os.environ, "TMPDIR": str(no_files_left)}).stdout
    deadline = time.monotonic() + 10
    while Path(f"/proc/{out.strip()}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{out.strip()}").exists() and list(no_files_left.iterdir()) == []


def test_it_is_started_when_needed_and_anew_when_it_failed(tmp_path):
    first = shared.running_engine(COMMAND)
    assert shared.running_engine(COMMAND) is first
    until(lambda: first.facts, first)
    os.kill(first.pid, 9)
    until(lambda: not first.alive, first)
    second = shared.running_engine(COMMAND)
    assert second is not first and finish(second.submit("wait", {"seconds": 0})) is JobState.DONE
    other = shared.running_engine(peer(tmp_path, "greet(); hear('nothing')"))
    assert other is not second and not second.alive
    shared.stop_engine()
    assert not other.alive


def test_killed_while_nobody_looks_it_is_started_anew():
    first = shared.running_engine(COMMAND)
    until(lambda: first.facts, first)
    os.kill(first.pid, 9)
    time.sleep(0.3)
    assert shared.running_engine(COMMAND) is not first


def test_a_python_with_mien_is_found_by_looking_at_files(tmp_path):
    for name, package in (("bare", None), ("good", "mien-0.1.0.dist-info")):
        folder = tmp_path / name
        site = folder / "lib" / "python3.11" / "site-packages"
        site.mkdir(parents=True)
        (folder / "bin").mkdir()
        (folder / "pyvenv.cfg").write_text("")
        (folder / "bin" / "python3").write_text("#!/bin/sh\necho must not run >&2; exit 1\n")
        (folder / "bin" / "python3").chmod(0o755)
        if package:
            (site / package).mkdir()
    assert not discovery.has_mien(tmp_path / "bare" / "bin" / "python3")
    assert discovery.has_mien(tmp_path / "good" / "bin" / "python3")
    for environment in ({"VIRTUAL_ENV": str(tmp_path / "good")}, {"CONDA_PREFIX": str(tmp_path / "good")},
                        {"MIEN_PYTHON": str(tmp_path / "good")}):
        environment |= {"HOME": str(tmp_path), "PATH": str(tmp_path / "bare" / "bin")}
        found = {c.python for c in discovery.candidates(environment) if c.has_mien}
        python = tmp_path / "good" / "bin" / "python3"
        assert python in found or discovery.find_python("", environment).python == python
    assert discovery.find_python(str(tmp_path / "bare")).python == tmp_path / "bare" / "bin" / "python3"


def test_the_command_on_the_path_names_its_interpreter(tmp_path):
    script = tmp_path / "bin" / "mien"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nimport sys\n")
    script.chmod(0o755)
    assert discovery.interpreter(script) == Path(sys.executable)
    first = next(discovery.candidates({"PATH": str(script.parent), "HOME": str(tmp_path)}))
    assert first.python == Path(sys.executable) and first.has_mien


@pytest.mark.parametrize("text", ["", "#!/bin/sh\n", "#!/usr/bin/env python3\n", "\0\1\2", "#!/no/such/python3\n",
                                  "#!" + "x" * 10_000])
def test_a_command_that_names_none(tmp_path, text):
    script = tmp_path / "mien"
    script.write_text(text)
    assert discovery.interpreter(script) == script


def test_the_client_needs_the_standard_library_alone():
    code = textwrap.dedent("""
        import sys
        for name in ("numpy", "bpy", "scipy", "PIL"): sys.modules[name] = None
        from mien.addon.engine import client, discovery, process, sentences, shared
        print("fine")""")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "fine\n"
