# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import numpy as np
import pytest
from mien.core.channels import ARKIT52
from mien.core.errors import BadInput, CannotWrite
from mien.core.motion_files import for_model, load_motion, save_motion
from motions import FIELDS, F, a_model, a_motion, json_of


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
    document = json_of(tmp_path, a_motion(3))
    assert document["format"] == "mien motion" and document["version"] == 1
    assert set(document["frames"][0]["expression"]) <= set(ARKIT52)
    assert 0 not in document["frames"][0]["expression"].values()


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


def test_motion_files_need_numpy_alone():
    script = """
import sys
for name in ("scipy", "numba", "torch", "bpy", "av", "PIL", "matplotlib", "onnxruntime"):
    sys.modules[name] = None
from mien.core import motion_files
import numpy as np
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
