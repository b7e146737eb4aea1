# SPDX-License-Identifier: Apache-2.0
import math
from dataclasses import replace

import numpy as np
import pytest
from mien.core.camera import rotation_matrix, yaw_pitch_roll
from mien.core.channels import ARKIT52
from mien.core.errors import BadInput
from mien.core.livelink import EYES, HEAD, SHAPES
from mien.core.livelink_clock import format_timecode, parse_timecode, timeline
from mien.core.motion_files import load_motion, read_motion, save_motion
from motions import F, a_motion


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
