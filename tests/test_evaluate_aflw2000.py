# SPDX-License-Identifier: Apache-2.0
"""The yardstick for photos: who is counted, in which bin, and what is said of the missed."""

from types import SimpleNamespace

import numpy as np
import pytest
from mien.core.errors import BadInput, NoFaceFound
from mien.core.evaluate import aflw2000 as a
from mien.core.evaluate import convention
from PIL import Image

YAW = np.array([0.0, 30, 30.1, 60, 60.5, 120])


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(0).uniform(50, 150, (6, 68, 3)) + np.arange(6)[:, None, None]


@pytest.fixture
def folder(tmp_path, truth):
    """Six photos, each of one grey, so that a stand-in for the fit can tell them apart."""
    (tmp_path / "images").mkdir()
    names = [f"image{i}.png" for i in range(6)]
    for i, name in enumerate(names):
        Image.new("RGB", (200, 200), (i, i, i)).save(tmp_path / "images" / name)
    np.savez(tmp_path / "labels.npz", name=names, pt3d_68=truth, pts68_reannotated=truth[..., :2] + 1,
             abs_yaw=YAW)
    return tmp_path


@pytest.fixture
def stand_in(monkeypatch, truth):
    """A fit that is off by 3 and 4 pixels, finds no face in the fourth photo and another's in the last."""

    def fit_photo(rgb):
        row = int(rgb[0, 0, 0])
        if row == 3:
            raise NoFaceFound("No face.")
        points = truth[row] + [3, 4, 0] + [1000 * (row == 5), 0, 0]
        return SimpleNamespace(landmarks_68=points, landmarks_478=np.zeros((478, 3)), rotation=np.zeros(3))

    import mien.core.fitting

    monkeypatch.setattr(mien.core.fitting, "fit_photo", fit_photo, raising=False)
    monkeypatch.setattr(convention, "corrected", lambda points, names, labels: points[:, :68, :2] - [3, 4])


def test_errors_are_binned_and_nothing_is_dropped_in_silence(folder, stand_in, truth):
    figures = a.evaluate_aflw2000(folder).figures
    expected = a.nme(truth + np.array([3, 4, 0]), truth)
    fitted = figures["nme_percent"]["fitted"]["original"]
    assert fitted["0-30"] == pytest.approx(expected[:2].mean(), abs=1e-3)
    assert fitted["30-60"] == pytest.approx(expected[2], abs=1e-3)
    assert fitted["60-90"] > 100
    assert figures["missed_by_yaw"] == [0, 1, 0]
    assert figures["missed"] == ["image3.png"]
    assert figures["missed_percent"] == pytest.approx(16.67)
    assert figures["wrong_face"] == ["image5.png"]
    strict = figures["wrong_faces_as_missed"]
    assert strict["missed_percent"] == pytest.approx(33.33)
    assert strict["nme_percent"]["fitted"]["60-90"] == pytest.approx(expected[4], abs=1e-3)
    assert figures["nme_percent"]["fitted + correction"]["original"]["0-30"] == pytest.approx(0, abs=1e-3)
    assert figures["nme_percent"]["fitted + correction"]["reannotated"]["0-30"] > 0.5


def test_the_table_names_our_rows_the_peers_and_the_missed(folder, stand_in):
    table = a.evaluate_aflw2000(folder).table
    for text in ("fitted + correction", "3DDFA_V2", "MediaPipe", "0 of 2, 1 of 2, 0 of 2", "Wrong face: 1"):
        assert text in table
    assert len({len(line) for line in table.splitlines()[:8]}) == 1


def test_a_folder_without_labels_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", numbers=np.zeros(3))
    with pytest.raises(BadInput, match="is it AFLW2000-3D"):
        a.read_labels(tmp_path)


def test_a_missing_photo_is_named(folder):
    (folder / "images/image2.png").unlink()
    with pytest.raises(BadInput, match=r"image2\.png"):
        a.read_labels(folder)


def test_overlap_of_boxes():
    box = np.array([[[0.0, 0], [10, 20]]])
    assert a.overlap(box, box) == 1
    assert a.overlap(box, box + np.array([5, 0])) == pytest.approx(1 / 3)
    assert a.overlap(box, box + np.array([50, 0])) == 0


def test_bins_without_images_are_none():
    assert a.by_yaw(np.array([2.0]), np.array([1])) == {
        "0-30": None, "30-60": 2.0, "60-90": None, "balanced": None, "mean": 2.0, "median": 2.0}
