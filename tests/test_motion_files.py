# SPDX-License-Identifier: Apache-2.0
import io
import json
import math
import subprocess
import sys
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from mien.core.camera import Camera, rotation_matrix, yaw_pitch_roll
from mien.core.channels import ARKIT52
from mien.core.errors import BadInput, CannotWrite
from mien.core.livelink import EYES, HEAD, SHAPES
from mien.core.livelink_clock import format_timecode, parse_timecode, timeline
from mien.core.motion import Motion
from mien.core.motion_files import for_model, load_motion, read_motion, resample, save_motion
from mien.core.rotations import multiply, quaternion, slerp, vector

F = np.float32
FIELDS = ("expression", "rotation", "translation", "identity", "confidence")


def a_motion(count=40, fps=25.0, channels=ARKIT52, seed=0):
    rng = np.random.default_rng(seed)
    expression = rng.random((count, len(channels)), F)
    expression[:, ::3] = 0
    translation = rng.normal(0, 0.05, (count, 3)).astype(F) + np.array([0, 0, 0.8], F)
    return Motion(fps, expression, rng.normal(0, 0.3, (count, 3)).astype(F), translation,
                  rng.normal(0, 1, 80).astype(F), channels, "a model", "0123456789abcdef",
                  Camera(640, 480, 900.5, "perspective"), (rng.random(count) > 0.2).astype(F),
                  {"source": "clip.mp4", "consent": "given by Zoë"})


def a_model(names=ARKIT52, digest="fedcba9876543210", identities=80):
    """What `for_model` reads of a face model."""
    return SimpleNamespace(name="other", hash=digest, expression_names=tuple(names),
                           identity_basis=np.zeros((identities, 3, 3), F))


@pytest.mark.parametrize("suffix", ["npz", "json"])
def test_a_motion_comes_back_exactly(tmp_path, suffix):
    motion = a_motion()
    assert save_motion(motion, tmp_path / f"a.{suffix}").sentences() == []
    back = load_motion(tmp_path / f"a.{suffix}")
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(back, name), getattr(motion, name))
        assert getattr(back, name).dtype == np.float32
    for name in ("fps", "channels", "model", "model_hash", "camera", "metadata"):
        assert getattr(back, name) == getattr(motion, name)


@pytest.mark.parametrize("suffix", ["npz", "json", "csv"])
def test_writing_twice_gives_the_same_bytes(tmp_path, suffix):
    for name in ("a", "b"):
        save_motion(a_motion(), tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_json_is_readable(tmp_path):
    document = _json_of(tmp_path, a_motion(3))
    assert document["format"] == "mien motion" and document["version"] == 1
    assert set(document["frames"][0]["expression"]) <= set(ARKIT52)
    assert 0 not in document["frames"][0]["expression"].values()


def _json_of(folder, motion):
    save_motion(motion, folder / "a.json")
    return json.loads((folder / "a.json").read_text())


@pytest.mark.parametrize("fps", [5.0, 23.976, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60.0, 120.0])
@pytest.mark.parametrize("count", [1, 2, 7, 130])
def test_livelink_comes_back(tmp_path, fps, count):
    motion = a_motion(count, fps)
    save_motion(motion, tmp_path / "a.csv")
    back, report = read_motion(tmp_path / "a.csv")
    assert report.missing == report.unmatched == ()
    assert len(back) == count
    if count > 1:
        assert back.fps == pytest.approx(fps, rel=2e-3)
        assert report.notes == ()
    np.testing.assert_allclose(back.expression, motion.expression, atol=1e-6)
    np.testing.assert_allclose(rotation_matrix(back.rotation), rotation_matrix(motion.rotation), atol=1e-6)
    assert (back.confidence == 1).all()


def _csv(path, header, rows):
    path.write_text("\n".join([",".join(header), *(",".join(str(c) for c in row) for row in rows)]) + "\n")
    return path


def test_columns_are_found_by_name_in_any_order_and_case(tmp_path):
    motion = a_motion(20, 60.0)
    save_motion(motion, tmp_path / "a.csv")
    lines = [line.split(",") for line in (tmp_path / "a.csv").read_text().splitlines()]
    assert lines[0] == ["Timecode", "BlendShapeCount", *SHAPES, *HEAD, *EYES]
    order = np.random.default_rng(1).permutation(len(lines[0]))
    header = [name.upper() if i % 2 else name[0].lower() + name[1:] for i, name in enumerate(lines[0])]
    _csv(tmp_path / "b.csv", [header[i] for i in order], [[row[i] for i in order] for row in lines[1:]])
    np.testing.assert_array_equal(load_motion(tmp_path / "b.csv").expression,
                                  load_motion(tmp_path / "a.csv").expression)


def test_signs_and_units_of_the_head_and_the_eyes(tmp_path):
    header = ["Timecode", "BlendshapeCount", "JawOpen", *HEAD]
    rows = [[format_timecode(i / 60), 4, 0, *angles] for i, angles in
            enumerate([(0.3, 0, 0), (0, 0.3, 0), (0, 0, 0.3), (0.3, -0.2, 0.1)])]
    motion = load_motion(_csv(tmp_path / "a.csv", header, rows))
    expected = np.degrees([(0.3, 0, 0), (0, 0.3, 0), (0, 0, -0.3), (0.3, -0.2, -0.1)])
    np.testing.assert_allclose(yaw_pitch_roll(motion.rotation), expected, atol=1e-4)

    gaze = a_motion(1)
    values = np.zeros((1, 52), F)
    values[0, [ARKIT52.index(n) for n in ("eyeLookOutLeft", "eyeLookInRight", "eyeLookUpLeft")]] = 0.5
    save_motion(replace(gaze, expression=values), tmp_path / "b.csv")
    columns, row = ((tmp_path / "b.csv").read_text().splitlines()[i].split(",") for i in (0, 1))
    eyes = {name: float(cell) for name, cell in zip(columns, row, strict=True) if name in EYES}
    assert eyes == {"LeftEyeYaw": -0.3, "LeftEyePitch": -0.275, "LeftEyeRoll": 0,
                    "RightEyeYaw": -0.3, "RightEyePitch": 0, "RightEyeRoll": 0}


def test_gaze_comes_from_the_eyes_where_its_shapes_are_missing(tmp_path):
    motion = a_motion(5)
    values = np.zeros((5, 52), F)
    values[:, ARKIT52.index("eyeLookInLeft")] = np.linspace(0, 1, 5)
    values[:, ARKIT52.index("eyeLookDownRight")] = np.linspace(1, 0, 5)
    save_motion(replace(motion, expression=values), tmp_path / "a.csv")
    lines = [line.split(",") for line in (tmp_path / "a.csv").read_text().splitlines()]
    keep = [i for i, name in enumerate(lines[0]) if not name.startswith("EyeLook")]
    _csv(tmp_path / "b.csv", *[[lines[0][i] for i in keep]], [[row[i] for i in keep] for row in lines[1:]])
    back, report = read_motion(tmp_path / "b.csv")
    np.testing.assert_allclose(back.expression, values, atol=1e-6)
    assert report.missing == () and "eyes' angles" in report.notes[0]


def test_angles_in_degrees_are_noticed(tmp_path):
    header = ["Timecode", "BlendshapeCount", "JawOpen", *HEAD]
    rows = [[format_timecode(i / 60), 4, 0, 20, 5, 0] for i in range(3)]
    motion, report = read_motion(_csv(tmp_path / "a.csv", header, rows))
    np.testing.assert_allclose(yaw_pitch_roll(motion.rotation)[0], [20, 5, 0], atol=1e-4)
    assert any("degrees" in note for note in report.notes)


def test_without_head_rotation_and_with_foreign_columns(tmp_path):
    rows = [[format_timecode(i / 30), 1, i / 10, 7] for i in range(5)]
    motion, report = read_motion(_csv(tmp_path / "a.csv", ["Timecode", "BlendshapeCount", "jawopen", "Mood"], rows))
    assert (motion.rotation == 0).all() and motion.fps == 30
    np.testing.assert_allclose(motion.expression[:, ARKIT52.index("jawOpen")], np.arange(5) / 10, atol=1e-6)
    assert report.unmatched == ("Mood",)
    assert report.missing == tuple(n for n in ARKIT52 if n != "jawOpen")
    assert any("no head rotation" in sentence for sentence in report.sentences())


def test_lost_and_dropped_frames_are_bridged_by_the_timecode(tmp_path):
    header = ["Timecode", "BlendshapeCount", "JawOpen"]
    rows = [[format_timecode(i / 60), 1, i / 100] for i in range(60) if i not in (20, 21, 22)]
    rows[40] = [rows[40][0], 0]
    rows[41] = [rows[41][0], 0]
    rows[42] = [rows[42][0], 0]
    motion = load_motion(_csv(tmp_path / "a.csv", header, rows))
    assert len(motion) == 60 and motion.fps == 60
    np.testing.assert_allclose(motion.expression[:, ARKIT52.index("jawOpen")], np.arange(60) / 100, atol=1e-5)
    assert np.flatnonzero(motion.confidence == 0).tolist() == [21, 44]


def test_uneven_rows_are_placed_by_their_time(tmp_path):
    rng = np.random.default_rng(4)
    times = np.sort(np.arange(120) / 60 + rng.uniform(-0.004, 0.004, 120))
    times -= times[0]
    rows = [[format_timecode(t), 1, math.sin(3 * t)] for t in times]
    motion = load_motion(_csv(tmp_path / "a.csv", ["Timecode", "BlendshapeCount", "JawOpen"], rows))
    assert motion.fps == pytest.approx(60, rel=2e-3)
    expected = np.sin(3 * np.arange(len(motion)) / motion.fps)
    assert np.abs(motion.expression[:-1, ARKIT52.index("jawOpen")] - expected[:-1]).max() < 0.006


@pytest.mark.parametrize(("codes", "fps", "step"), [
    ([f"00:00:{i // 24:02d}:{i % 24:02d}" for i in range(60)], 24, 1),
    ([f"00:00:{i // 25:02d}:{i % 25:02d}" for i in range(60)], 25, 1),
    ([f"23:59:{58 + i // 30:02d}:{i % 30:02d}" if i < 60 else f"00:00:00:{i - 60:02d}" for i in range(90)], 30, 1),
    ([f"01:02:03:{2 * i:02d}.500" for i in range(30)], 30, 1),
    ([f"10:00:{i // 60:02d}:{i % 60 // 2:02d}" for i in range(120)], 60, 1),
    (["", "", ""], 60, 1),
    (["x", "y", "z"], 60, 1),
])
def test_the_rate_is_found_from_the_timecodes(codes, fps, step):
    clock = timeline(codes)
    assert clock.fps == pytest.approx(fps)
    np.testing.assert_allclose(np.diff(clock.times), step / fps, atol=1e-9)


def test_timecodes_are_read_and_written():
    assert format_timecode(0) == "00:00:00:00.000"
    assert format_timecode(3661.25) == "01:01:01:15.000"
    assert format_timecode(0.9999999) == "00:00:01:00.000"
    assert parse_timecode("13:13:04:31.652") == (47584, 31.652)
    assert parse_timecode("13:13:04;31") == (47584, 31.0)
    assert parse_timecode("13:13") is None


CSV_FAULTS = [
    ("", "names no ARKit shape"),
    ("a,b\n1,2\n", "names no ARKit shape"),
    ("Timecode,JawOpen\n", "no row with values"),
    ("Timecode,BlendshapeCount,JawOpen\n00:00:00:00,0\n", "no face was tracked"),
    ("Timecode,JawOpen,JAWOPEN\n00:00:00:00,0,0\n", "a column twice"),
    ("Timecode,JawOpen\n00:00:00:00,0.5\n00:00:00:01,wide\n", "frame 1, JawOpen is 'wide'"),
    ("Timecode,JawOpen,MouthLeft\n00:00:00:00,0.5,0\n00:00:00:01,0.5\n", "frame 1, MouthLeft is ''"),
    ("Timecode,JawOpen\n00:00:00:00,0.5\n00:00:00:01,nan\n", "frame 1, JawOpen is not a finite number"),
    ("Timecode,JawOpen\n00:00:00:00,0.5\n00:00:00:01,1e999\n", "frame 1, JawOpen is not a finite number"),
    ("\x00\x01\xff" * 50, "names no ARKit shape|not a table"),
]


@pytest.mark.parametrize(("text", "message"), CSV_FAULTS)
def test_a_table_that_is_no_motion_is_refused_in_a_sentence(tmp_path, text, message):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match=message) as caught:
        load_motion(path)
    assert "a.csv" in str(caught.value) and "\n" not in str(caught.value)


def _tampered(motion, **changes):
    """The bytes of an .npz of a motion with other arrays or other header entries."""
    buffer = io.BytesIO()
    header = {"format": "mien motion", "version": 1, "fps": motion.fps, "model": "m", "model_hash": "h",
              "camera": {"width": 8, "height": 8, "focal": 9.0, "projection": "orthographic"},
              "channels": list(motion.channels), "metadata": {}}
    arrays = {name: getattr(motion, name) for name in FIELDS}
    for key, value in changes.items():
        if key in arrays:
            arrays[key] = value
        else:
            header[key] = value
    np.savez(buffer, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    return buffer.getvalue()


def _nan_at(motion, frame, channel):
    values = motion.expression.copy()
    values[frame, motion.channels.index(channel)] = np.nan
    return values


NPZ_FAULTS = [
    ("NaN", lambda m: {"expression": _nan_at(m, 7, "jawOpen")}, "frame 7, jawOpen is not a finite number"),
    ("infinite pose", lambda m: {"rotation": m.rotation + np.inf}, "frame 0, rotation x"),
    ("too few channels", lambda m: {"expression": m.expression[:, :51]}, "expression has shape"),
    ("too few frames", lambda m: {"translation": m.translation[:-1]}, "translation has shape"),
    ("no frame", lambda m: {name: getattr(m, name)[:0] for name in FIELDS if name != "identity"}, "no frames"),
    ("flat", lambda m: {"expression": m.expression.ravel()}, "expression has shape"),
    ("objects", lambda m: {"identity": np.array([{}], object)}, "plain arrays"),
    ("text", lambda m: {"identity": np.array(["a"])}, "floating-point"),
    ("behind", lambda m: {"translation": -m.translation}, "behind the camera"),
    ("rate", lambda m: {"fps": 0}, "frame rate"),
    ("rate of words", lambda m: {"fps": "fast"}, "not a motion, or is damaged"),
    ("camera", lambda m: {"camera": {"width": 8}}, "not a motion, or is damaged"),
    ("camera of nothing", lambda m: {"camera": {"width": 0, "height": 8, "focal": 1.0}}, "camera"),
    ("channel twice", lambda m: {"channels": ["jawOpen"] * 52}, "names a channel twice"),
    ("newer", lambda m: {"version": 2}, "newer version"),
    ("other format", lambda m: {"format": "song"}, "not a motion"),
]


@pytest.mark.parametrize(("name", "changes", "message"), NPZ_FAULTS, ids=[f[0] for f in NPZ_FAULTS])
def test_an_npz_that_is_no_good_motion_is_refused_in_a_sentence(tmp_path, name, changes, message):
    motion = a_motion()
    path = tmp_path / "a.npz"
    path.write_bytes(_tampered(motion, **changes(motion)))
    with pytest.raises(BadInput, match=message) as caught:
        load_motion(path)
    assert "a.npz" in str(caught.value) and "\n" not in str(caught.value)


def test_the_untampered_file_of_these_tests_is_good(tmp_path):
    (tmp_path / "a.npz").write_bytes(_tampered(a_motion()))
    assert len(load_motion(tmp_path / "a.npz")) == 40


def test_a_huge_header_and_a_bomb_are_refused_before_they_are_decoded(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("expression.npy", bytes(600 << 20), compresslevel=1)
    shape = "(" + "1," * 30_000 + ")"
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    with zipfile.ZipFile(tmp_path / "header.npz", "w") as archive:
        archive.writestr("expression.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head)
    for name in ("bomb.npz", "header.npz"):
        with pytest.raises(BadInput, match=name):
            load_motion(tmp_path / name)


def test_every_cut_of_an_npz_and_of_a_json_is_refused(tmp_path):
    for suffix in ("npz", "json"):
        save_motion(a_motion(5), tmp_path / f"whole.{suffix}")
        whole = (tmp_path / f"whole.{suffix}").read_bytes()
        for length in range(0, len(whole) - 2, len(whole) // 20):
            (tmp_path / f"cut.{suffix}").write_bytes(whole[:length])
            with pytest.raises(BadInput, match="cut"):
                load_motion(tmp_path / f"cut.{suffix}")


JSON_FAULTS = [
    (lambda d: d["frames"][3]["expression"].update(jawOpen=float("nan")), "frame 3, jawOpen is not a finite"),
    (lambda d: d["frames"][3]["expression"].update(jawOpen="wide"), "damaged"),
    (lambda d: d["frames"][3]["expression"].update(smirk=0.5), "'smirk'"),
    (lambda d: d["frames"][3].pop("rotation"), "damaged"),
    (lambda d: d["frames"][3].update(rotation=[1, 2]), "damaged"),
    (lambda d: d.update(frames=[]), "no frames"),
    (lambda d: d.update(frames="many"), "damaged"),
    (lambda d: d.update(version=99), "newer version"),
    (lambda d: d.update(identity=[[1.0], [2.0]]), "identity has shape"),
]


@pytest.mark.parametrize(("damage", "message"), JSON_FAULTS)
def test_a_json_that_is_no_good_motion_is_refused_in_a_sentence(tmp_path, damage, message):
    document = _json_of(tmp_path, a_motion(5))
    damage(document)
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(BadInput, match=message) as caught:
        load_motion(tmp_path / "a.json")
    assert "a.json" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "12", "[" * 100_000, '{"format": "mien motion"}'])
def test_other_json_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(BadInput, match=r"a\.json"):
        load_motion(tmp_path / "a.json")


def test_missing_files_and_other_suffixes_are_named(tmp_path):
    for name in ("no.npz", "no.csv", "no.json"):
        with pytest.raises(BadInput, match="no file"):
            load_motion(tmp_path / name)
    for call in (lambda: load_motion(tmp_path / "a.bvh"), lambda: save_motion(a_motion(), tmp_path / "a.bvh")):
        with pytest.raises(BadInput, match=r"\.npz, \.json, \.csv"):
            call()
    for suffix in ("npz", "csv", "json"):
        with pytest.raises(CannotWrite):
            save_motion(a_motion(), tmp_path / "no" / f"a.{suffix}")


def test_channels_go_to_a_model_by_name():
    motion = a_motion(channels=("MOUTHLEFT", "extra", "jawOpen"))
    fitted, report = for_model(motion, a_model(("jawOpen", "mouthLeft", "tongueOut")))
    np.testing.assert_array_equal(fitted.expression[:, :2], motion.expression[:, [2, 0]])
    assert (fitted.expression[:, 2] == 0).all()
    assert report.missing == ("tongueOut",) and report.unmatched == ("extra",)
    assert (fitted.model, fitted.model_hash) == ("other", "fedcba9876543210")


def test_the_identity_stays_with_its_own_model_only():
    motion = a_motion()
    same, report = for_model(motion, a_model(digest=motion.model_hash))
    np.testing.assert_array_equal(same.identity, motion.identity)
    assert report.notes == ()
    other, report = for_model(motion, a_model(identities=40))
    np.testing.assert_array_equal(other.identity, np.zeros(40, F))
    assert "identity" in report.notes[0]
    with pytest.raises(BadInput, match="none of the channels"):
        for_model(motion, a_model(("AU1", "AU2")))


@pytest.mark.parametrize("fps", [10.0, 12.5, 24.0, 25.0, 30.0, 60.0])
def test_resampling_keeps_time(fps):
    base = a_motion(51, 25.0)
    t = np.arange(51) / 25
    turn = np.column_stack([np.zeros(51), 0.8 * t, np.zeros(51)]).astype(F)
    ramp = np.repeat((t / 2).astype(F)[:, None], 52, 1)
    out = resample(replace(base, expression=ramp, rotation=turn), fps)
    times = np.arange(len(out)) / fps
    assert times[-1] <= 2 + 1e-9 and times[-1] > 2 - 1 / fps - 1e-9
    np.testing.assert_allclose(out.expression[:, 0], times / 2, atol=1e-6)
    np.testing.assert_allclose(out.rotation[:, 1], 0.8 * times, atol=1e-5)
    assert out.fps == fps


def test_resampling_to_the_same_rate_changes_nothing():
    motion = a_motion()
    out = resample(motion, motion.fps)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(out, name), getattr(motion, name))
    for fps in (0, -1, float("nan"), 1001):
        with pytest.raises(BadInput, match="frame rate"):
            resample(motion, fps)


def test_rotation_goes_the_short_way():
    near_pi = np.array([[0, 3.1, 0], [0, -3.1, 0]], F)
    out = resample(replace(a_motion(2, 1.0), rotation=near_pi), 2.0)
    middle = rotation_matrix(out.rotation[1])
    np.testing.assert_allclose(middle, rotation_matrix(np.array([0, np.pi, 0])), atol=1e-5)


def test_quaternions_agree_with_matrices():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 1, (2, 50, 3))
    a[0] = 0
    np.testing.assert_allclose(rotation_matrix(vector(quaternion(a))), rotation_matrix(a), atol=1e-12)
    product = multiply(quaternion(a), quaternion(b))
    np.testing.assert_allclose(rotation_matrix(vector(product)), rotation_matrix(a) @ rotation_matrix(b), atol=1e-12)
    half = vector(slerp(quaternion(np.zeros_like(a)), quaternion(a), np.full(50, 0.5)))
    np.testing.assert_allclose(rotation_matrix(half) @ rotation_matrix(half), rotation_matrix(a), atol=1e-9)


def test_motion_files_need_numpy_alone():
    script = """
import sys
for name in ("scipy", "numba", "torch", "bpy", "av", "PIL", "matplotlib", "onnxruntime"):
    sys.modules[name] = None
from mien.core import motion_files
import numpy as np
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
