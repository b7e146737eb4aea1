# SPDX-License-Identifier: Apache-2.0
import io
import json
import zipfile

import numpy as np
import pytest
from mien.core.errors import BadInput
from mien.core.motion_files import load_motion, save_motion
from motions import FIELDS, a_motion, json_of


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
    document = json_of(tmp_path, a_motion(5))
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
