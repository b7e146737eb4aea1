# SPDX-License-Identifier: Apache-2.0
"""Playback: the surface is brought onto the lids and lips of the photo; lids that shut."""

from dataclasses import replace

import numpy as np
import pytest
from heads import exact_fit, expression, flat_portrait, motion
from mien.core.camera import project, unproject
from mien.core.face_model import FaceModel
from mien.core.fitting.schemes import MESH478
from mien.core.model_files import default_model
from mien.core.playback import animate, transfer
from mien.core.playback.lids import lids_of
from mien.core.playback.register import registered
from mien.core.playback.source import prepare
from mien.core.shutting import shut_at

LIDS = [*MESH478.groups["lids_right"], *MESH478.groups["lids_left"]]
IRISES = [*MESH478.groups["iris_right"], *MESH478.groups["iris_left"]]
LIPS = [*MESH478.groups["lips_inner"], *MESH478.groups["lips_outer"]]


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return default_model()


def test_an_exact_fit_stays_as_it_is(model: FaceModel) -> None:
    fit = exact_fit(model, (0.1, 0.2, 0), jawOpen=0.3)
    assert np.abs(registered(fit, model).vertices_image - fit.vertices_image).max() < 0.01


def test_lids_go_where_the_photo_shows_them_and_lips_and_depth_stay(model: FaceModel) -> None:
    fit = exact_fit(model)
    seen = fit.landmarks_478.copy()
    seen[LIDS + IRISES, :2] += (0.5, -2.0)
    out = registered(replace(fit, landmarks_478=seen), model)
    moved = model.points("mesh478", out.vertices_image) - model.points("mesh478", fit.vertices_image)
    assert moved[LIDS, 0] == pytest.approx(0.5, abs=0.15)
    assert moved[LIDS, 1] == pytest.approx(-2.0, abs=0.3)
    assert np.abs(moved[LIPS]).max() < 0.2
    assert (out.vertices_image[:, 2] == fit.vertices_image[:, 2]).all()
    assert (out.expression == fit.expression).all()
    far = np.linalg.norm(model.mean[:, None] - model.points("mesh478", model.mean)[LIDS][None], axis=-1).min(1) > 0.03
    assert np.abs(out.vertices_image - fit.vertices_image)[far].max() < 0.05


def test_narrow_eyes_that_shut_shut_wide_ones(model: FaceModel) -> None:
    blinks = [model.expression_names.index(f"eyeBlink{side}") for side in ("Left", "Right")]

    def opening(identity: np.ndarray, beta: np.ndarray) -> float:
        points = model.points("mesh478", model.vertices(identity, beta))
        return 1000 * float(np.mean([points[a, 1] - points[b, 1] for a, b in ((159, 145), (386, 374))]))

    none = np.zeros(len(model.expression_names), np.float32)
    widening = np.array([opening(3 * unit, none) for unit in np.eye(len(model.identity_basis), dtype=np.float32)])
    widening -= opening(np.zeros(len(widening), np.float32), none)
    wide = (2.0 * widening / np.linalg.norm(widening)).astype(np.float32)
    narrow, ends = -wide, (shut_at(model, -wide), shut_at(model, wide))
    assert opening(wide, none) > opening(narrow, none) + 1
    assert (np.delete(ends, blinks, 1) == 1).all()
    for identity, end in zip((narrow, wide), ends, strict=True):
        shut = none.copy()
        shut[blinks] = end[blinks]
        assert abs(opening(identity, shut)) < 0.4
    fit = replace(exact_fit(model), identity=wide)
    driver = motion(model, [fit, fit])
    driver.expression[1, blinks] = ends[0][blinks]
    shut = transfer(fit, replace(driver, identity=narrow), model).expression[1]
    assert abs(opening(wide, shut)) < 0.4 < opening(wide, driver.expression[1]) - 0.4
    unknown = transfer(fit, replace(driver, identity=np.zeros(3, np.float32), model_hash="other"), model)
    assert np.isfinite(unknown.expression).all()
    nobody = transfer(fit, replace(driver, identity=np.zeros(0, np.float32)), model)
    np.testing.assert_array_equal(nobody.expression, unknown.expression)


def test_depth_goes_half_the_way_to_the_landmarks_in_any_scale_of_theirs(model: FaceModel) -> None:
    fit = exact_fit(model)
    seen, cheeks = fit.landmarks_478.copy(), [50, 101, 118, 123, 147, 187, 205, 280, 330, 347, 352, 376, 411, 425]
    seen[cheeks, 2] += 6
    out = registered(replace(fit, landmarks_478=seen), model)
    for scale, tilt in ((1.0, 0.0), (0.7, 0.2)):
        other = seen.copy()
        other[:, 2] = scale * seen[:, 2] + tilt * seen[:, 0] + 40
        again = registered(replace(fit, landmarks_478=other), model)
        assert np.abs(again.vertices_image - out.vertices_image).max() < 1e-2
    moved = model.points("mesh478", out.vertices_image) - model.points("mesh478", fit.vertices_image)
    others = np.setdiff1d(np.arange(468), cheeks)
    assert 1 < moved[cheeks, 2].mean() - moved[others, 2].mean() < 3
    assert np.abs(moved[:, :2]).max() < 0.01


@pytest.mark.parametrize("projection", ["orthographic", "perspective"])
def test_what_registration_moved_turns_and_grows_with_the_head(model: FaceModel, projection: str) -> None:
    fit = exact_fit(model, (0.1, 0.3, 0))
    fit = replace(fit, camera=replace(fit.camera, projection=projection))
    fit = replace(fit, vertices_image=project(model.mean, fit.rotation, fit.translation, fit.camera).astype(np.float32))
    fit = replace(fit, landmarks_478=model.points("mesh478", fit.vertices_image))
    back = unproject(fit.vertices_image, fit.rotation, fit.translation, fit.camera)
    assert np.abs(back - model.mean).max() < 1e-6
    seen = fit.landmarks_478.copy()
    seen[LIDS + IRISES, 1] -= 2
    source = prepare(flat_portrait(model, fit), replace(fit, landmarks_478=seen), model)
    assert np.abs(source.offset).max() < 1e-3
    twice_as_near = fit.translation * [1, 1, 0.5]
    lids = [model.points("mesh478", source.vertices(shape, fit.rotation, twice_as_near))[LIDS, 1].mean()
            for shape in (source.rest, model.mean)]
    assert lids[0] - lids[1] == pytest.approx(-4, abs=0.6)


@pytest.mark.parametrize("landmarks", [np.zeros((0, 3), np.float32), np.full((478, 3), np.nan, np.float32)])
def test_without_landmarks_the_fit_is_taken_as_it_is(model: FaceModel, landmarks: np.ndarray) -> None:
    fit = replace(exact_fit(model), landmarks_478=landmarks)
    assert registered(fit, model) is fit


def test_a_photo_beside_its_fit_still_begins_with_itself(model: FaceModel) -> None:
    fit = exact_fit(model)
    seen = fit.landmarks_478.copy()
    seen[LIDS, 1] -= 2
    photo = flat_portrait(model, fit)
    still = next(animate(photo, replace(fit, landmarks_478=seen), motion(model, [fit]), model))
    assert (still == photo).all()


def test_lashes_are_drawn_along_the_rims_of_the_eye_that_shuts(model: FaceModel) -> None:
    lids = lids_of(model)
    rest = model.vertices(np.zeros(len(model.identity_basis), np.float32))
    wink = rest + np.tensordot(expression(model, eyeBlinkLeft=1.0), model.expression_basis, 1)
    dark = lids.lashes(rest, wink)
    assert (lids.lashes(rest, rest) == 0).all() and (lids.lashes(wink, wink) == 0).all()
    assert (lids.lashes(wink, rest) == 0).all()
    assert (dark[lids.rims["left"] > 0.9] > 0.3).all()
    assert (dark[lids.rims["left"] == 0] == 0).all()
    # Corners apart, only the left eye, the subject's own, +x.
    assert (model.mean[dark > 0, 0] > 0).all()


def test_skin_is_renewed_where_lids_come_down(model: FaceModel) -> None:
    lids = lids_of(model)
    rest = model.vertices(np.zeros(len(model.identity_basis), np.float32))
    wink = rest + np.tensordot(expression(model, eyeBlinkLeft=1.0), model.expression_basis, 1)
    renewed = lids.renewed(rest, wink)
    assert (lids.renewed(rest, rest) == 0).all()
    assert renewed.max() > 0.4
    assert (model.mean[renewed > 0, 0] > 0).all()
    assert (renewed[lids.rims["left"] == 1] == 0).all()
