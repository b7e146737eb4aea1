# SPDX-License-Identifier: Apache-2.0
"""The correction between our 68 points and a data set's labels."""

import numpy as np
import pytest
from mien.core.evaluate import convention as c
from mien.core.metrics import nme

NAMES = tuple(f"photo{i}.jpg" for i in range(60))


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """Sixty faces: a mirror-symmetric shape with ten modes of any kind, anywhere in a picture."""
    rng = np.random.default_rng(0)
    shape = rng.normal(0, 20, (11, 68, 2))
    shape[0] = (shape[0] + (shape[0] * [-1, 1])[c.MIRROR]) / 2
    modes = np.concatenate([shape[:1], 0.05 * shape[1:]])
    weights = np.c_[np.ones(60), rng.normal(0, 1, (60, 10))]
    points = np.einsum("nk,klx->nlx", weights, modes)
    return points * rng.uniform(0.5, 3, (60, 1, 1)) + rng.uniform(100, 400, (60, 1, 2))


def _habit(points: np.ndarray) -> np.ndarray:
    """Labels that differ from the points by a linear, mirror-symmetric rule in the face's own frame."""
    frame = c.Frame.of(points)
    inside = frame.inside(points)
    offset = 0.05 * inside + 0.02 * inside[:, c.MIRROR] * [-1, 1] + [0, 0.03]
    return points + frame.size[:, None, None] * offset


def test_mirroring_twice_changes_nothing():
    assert (c.MIRROR[c.MIRROR] == np.arange(68)).all()
    assert sorted(c.MIRROR) == list(range(68))


def test_a_linear_habit_is_learnt_and_holds_for_faces_not_seen(faces):
    truth = _habit(faces)
    correction = c.fit_correction(faces[:40], truth[:40], NAMES[:40], strength=1e-9)
    assert nme(faces[40:], truth[40:]).min() > 1
    assert nme(correction.apply(faces[40:]), truth[40:]).max() < 1e-3


def test_the_correction_follows_shift_scale_and_mirror(faces):
    correction = c.fit_correction(faces, _habit(faces), NAMES)
    moved = correction.apply(2 * faces + [7, -3])
    assert moved == pytest.approx(2 * correction.apply(faces) + [7, -3])
    mirrored = correction.apply((faces * [-1, 1])[:, c.MIRROR])
    assert mirrored == pytest.approx((correction.apply(faces) * [-1, 1])[:, c.MIRROR])


def test_gross_errors_teach_nothing(faces):
    truth = _habit(faces)
    wild = truth.copy()
    wild[7] += 1000
    wild[8] = wild[8, ::-1]
    without = [i for i in range(60) if i not in (7, 8)]
    names = tuple(NAMES[i] for i in without)
    expected = c.fit_correction(faces[without], truth[without], names).apply(faces)
    assert c.fit_correction(faces, wild, NAMES).apply(faces) == pytest.approx(expected)


def test_cross_validation_does_not_learn_noise(faces):
    """Labels of pure noise: a fit to them looks good on itself, and cross-validation must not."""
    noisy = faces + np.random.default_rng(1).normal(0, 4, faces.shape)
    itself = c.fit_correction(faces, noisy, NAMES, strength=1e-6).apply(faces)
    honest = c.cross_validated(faces, noisy, NAMES, strength=1e-6)
    before = nme(faces, noisy).mean()
    assert nme(itself, noisy).mean() < 0.98 * before
    assert nme(honest, noisy).mean() > before


def test_photos_it_was_fitted_on_are_cross_validated_and_others_are_not(faces, monkeypatch):
    truth = _habit(faces)
    correction = c.fit_correction(faces[:40], truth[:40], NAMES[:40])
    monkeypatch.setattr(c, "load_correction", lambda points: correction)
    points = faces.copy()
    points[3] = np.nan
    result = c.corrected(points, NAMES, truth)
    seen = [i for i in range(40) if i != 3]
    assert np.isnan(result[3]).all()
    assert result[40:] == pytest.approx(correction.apply(faces[40:]))
    honest = c.cross_validated(faces[seen], truth[seen], tuple(NAMES[i] for i in seen))
    assert result[seen] == pytest.approx(honest)


def test_photos_may_all_be_seen_and_none(faces, monkeypatch):
    truth = _habit(faces)
    correction = c.fit_correction(faces, truth, NAMES)
    monkeypatch.setattr(c, "load_correction", lambda points: correction)
    assert c.corrected(faces, NAMES, truth) == pytest.approx(c.cross_validated(faces, truth, NAMES))
    strangers = tuple(f"other{i}" for i in range(60))
    assert c.corrected(faces, strangers, truth) == pytest.approx(correction.apply(faces))


def test_a_stored_correction_comes_back_and_is_the_same_to_the_byte(faces, tmp_path, monkeypatch):
    both = np.concatenate([faces, faces + 1], axis=1)
    correction, second = (c.fit_correction(points, _habit(faces), NAMES) for points in (faces, both))
    for name in ("a.npz", "b.npz"):
        c.save_corrections({68: correction, 136: second}, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    monkeypatch.setattr(c, "STORED", tmp_path / "a.npz")
    c.load_correction.cache_clear()
    again, again_second = c.load_correction(68), c.load_correction(136)
    c.load_correction.cache_clear()
    assert (again.fitted_on == c.identifiers(NAMES)).all()
    assert again.apply(faces) == pytest.approx(correction.apply(faces), abs=1e-2)
    assert again_second.apply(both) == pytest.approx(second.apply(both), abs=1e-2)


def test_a_second_set_of_points_can_tell_what_the_first_does_not_know(faces):
    """The truth is the second set: a correction of both finds it, and moves the first set there."""
    truth = faces + np.random.default_rng(2).normal(0, 3, faces.shape)
    both = np.concatenate([faces, truth], axis=1)
    found = c.fit_correction(both[:50], truth[:50], NAMES[:50], strength=1e-3).apply(both[50:])
    alone = c.fit_correction(faces[:50], truth[:50], NAMES[:50], strength=1e-3).apply(faces[50:])
    assert nme(found, truth[50:]).mean() < 0.6 * nme(alone, truth[50:]).mean()
