# SPDX-License-Identifier: Apache-2.0
"""Playback: transfer of coefficients, and frames against heads rendered at the target's coefficients."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from heads import SIZE, background, exact_fit, expression, flat_portrait, motion, portrait
from mien.core.camera import rotation_matrix, rotation_vector
from mien.core.errors import BadInput, CannotWrite
from mien.core.face_model import FaceModel
from mien.core.fitting import Fit
from mien.core.model_files import default_model
from mien.core.playback import animate, transfer, write_video
from mien.core.playback.source import prepare
from mien.core.retarget import Rules
from mien.core.texture import view_of
from mien.core.video import VideoReader
from mien.core.visibility import MOUTH
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return default_model()


def played(model: FaceModel, photo: Picture, source: Fit, target: Fit, relative: bool = True) -> Picture:
    """The photo at the target's coefficients; the motion begins at the source's."""
    return list(animate(photo, source, motion(model, [source, target]), model, rules=Rules(relative)))[1]


def error(a: Picture, b: Picture, where: NDArray[np.bool_] | None = None) -> float:
    difference = np.abs(a.astype(float) - b).mean(-1)
    return float(difference.mean() if where is None else difference[where].mean())


def around(fit: Fit, model: FaceModel, region: str, grow: int = 0) -> NDArray[np.bool_]:
    """The box of a region in the picture, (H, W)."""
    points = fit.vertices_image[model.regions[region] > 0.5]
    low, high = points[:, :2].min(0).astype(int) - grow, points[:, :2].max(0).astype(int) + grow + 1
    box = np.zeros((fit.camera.height, fit.camera.width), bool)
    box[max(low[1], 0):high[1], max(low[0], 0):high[0]] = True
    return box


def face_of(fit: Fit, model: FaceModel) -> NDArray[np.bool_]:
    """Pixels well inside the face, (H, W)."""
    from mien.core.rasterize import interpolate, rasterize_image

    raster = rasterize_image(fit.vertices_image, model.triangles, SIZE, SIZE, backend="cpu")
    return np.asarray(interpolate(raster, model.triangles, model.regions["face"][:, None])[..., 0] > 0.7)


# --- transfer -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("relative", [True, False])
def test_ones_own_motion_comes_back_as_it_is(model: FaceModel, relative: bool) -> None:
    fits = [exact_fit(model, (0.1 * k, 0.05 * k, -0.1 * k), shift=(0.01 * k, 0.02), jawOpen=0.2 * k,
                      mouthSmileLeft=0.5) for k in range(4)]
    fits[2] = replace(fits[2], translation=fits[2].translation * np.float32([1, 1, 1.2]))
    out = transfer(fits[0], motion(model, fits), model, Rules(relative))
    for k, fit in enumerate(fits):
        assert out.expression[k] == pytest.approx(fit.expression, abs=1e-6)
        assert rotation_matrix(out.rotation[k]) == pytest.approx(rotation_matrix(fit.rotation), abs=1e-6)
        assert out.translation[k] == pytest.approx(fit.translation, abs=1e-5)


def test_relative_adds_changes_within_bounds(model: FaceModel) -> None:
    own = exact_fit(model, jawOpen=0.3, mouthSmileLeft=0.8)
    drivers = [exact_fit(model, jawOpen=0.2, browInnerUp=0.4), exact_fit(model, jawOpen=0.6, mouthSmileLeft=0.5)]
    out = dict(zip(model.expression_names, transfer(own, motion(model, drivers), model).expression[1], strict=True))
    assert out["jawOpen"] == pytest.approx(0.7)
    assert out["mouthSmileLeft"] == pytest.approx(1.0)
    assert out["browInnerUp"] == 0
    absolute = transfer(own, motion(model, drivers), model, Rules(relative=False)).expression[1]
    assert absolute == pytest.approx(drivers[1].expression)


def test_a_nod_is_about_the_heads_own_axis(model: FaceModel) -> None:
    """A frontal driver nods; the face in the photo, tilted in the picture, nods along its own tilt."""
    own = exact_fit(model, (0, 0, 0.5))
    out = transfer(own, motion(model, [exact_fit(model), exact_fit(model, (0.3, 0, 0))]), model)
    expected = rotation_matrix(own.rotation) @ rotation_matrix(np.array([0.3, 0, 0]))
    assert out.rotation[1] == pytest.approx(rotation_vector(expected), abs=1e-6)


def test_place_and_size_are_the_photos_own(model: FaceModel) -> None:
    """A driver filmed elsewhere, three times nearer: its shift counts in metres at the head, its size in ratio."""
    own = exact_fit(model)
    drivers = [exact_fit(model, shift=(-0.05, 0.0)), exact_fit(model, shift=(-0.03, 0.01))]
    near = [replace(f, translation=np.float32(f.translation / [1, 1, 3])) for f in drivers]
    near[1] = replace(near[1], translation=near[1].translation * np.float32(1.25))
    out = transfer(own, motion(model, near), model)
    assert out.translation[0] == pytest.approx(own.translation, abs=1e-6)
    assert out.translation[1, 2] == pytest.approx(own.translation[2] * 1.25, rel=1e-5)
    place = out.translation[1] / out.translation[1, 2] * own.translation[2]
    assert place[:2] == pytest.approx(own.translation[:2] + np.array([0.02, 0.01]), abs=1e-5)


def test_the_first_frame_with_a_face_is_the_reference(model: FaceModel) -> None:
    fits = [exact_fit(model, jawOpen=0.9), exact_fit(model, jawOpen=0.1), exact_fit(model, jawOpen=0.3)]
    confidence = np.array([0, 1, 1], np.float32)
    out = transfer(exact_fit(model), motion(model, fits, confidence=confidence), model)
    assert out.expression[:, model.expression_names.index("jawOpen")] == pytest.approx([0.8, 0, 0.2])


def test_channels_are_matched_by_name(model: FaceModel) -> None:
    fits = [exact_fit(model), exact_fit(model)]
    some = motion(model, fits, channels=("tongueOut", "jawOpen"), expression=np.float32([[0, 0], [0.5, 0.25]]))
    out = transfer(fits[0], some, model).expression[1]
    assert out[model.expression_names.index("tongueOut")] == 0.5
    assert out[model.expression_names.index("jawOpen")] == 0.25
    assert np.count_nonzero(out) == 2
    strange = motion(model, fits, channels=("earWiggle",), expression=np.zeros((2, 1), np.float32))
    with pytest.raises(BadInput, match="earWiggle"):
        transfer(fits[0], strange, model)


# --- frames -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("pose", [(0.0, 0.0, 0.0), (0.2, -0.5, 0.1)])
@pytest.mark.parametrize("jaw", [0.0, 0.1, 0.4])
def test_no_motion_gives_the_photo_itself(model: FaceModel, pose: tuple[float, float, float], relative: bool,
                                          jaw: float) -> None:
    """To the last bit, whatever the photo shows: noise shows every shift."""
    source = exact_fit(model, pose, jawOpen=jaw, eyeBlinkLeft=0.6)
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    assert (played(model, noise, source, source, relative) == noise).all()


@pytest.mark.parametrize("target", [
    {"rotation": (0, 0.25, 0)}, {"rotation": (0.2, 0, 0)}, {"rotation": (0, 0, 0.2)}, {"shift": (0.025, 0.0)},
    {"jawOpen": 0.5}, {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8}, {"browInnerUp": 1.0}, {"mouthPucker": 0.8}])
def test_the_face_comes_near_to_a_head_rendered_there(model: FaceModel, target: dict[str, object]) -> None:
    source, goal = exact_fit(model), exact_fit(model, **target)  # type: ignore[arg-type]
    photo, truth = flat_portrait(model, source), flat_portrait(model, goal)
    face = face_of(goal, model)
    assert error(played(model, photo, source, goal), truth, face) < 0.4 * error(photo, truth, face)


def test_a_head_that_is_shifted_takes_its_face_along_exactly(model: FaceModel) -> None:
    """Five whole pixels aside: inside the face, every pixel is the photo's pixel."""
    source = exact_fit(model)
    metres = 5 * float(source.translation[2]) / source.camera.focal
    goal = exact_fit(model, shift=(metres, 0.02))
    photo = portrait(model, source)
    frame = played(model, photo, source, goal)
    inside = face_of(goal, model) & face_of(source, model)
    moved = np.roll(photo, 5, axis=1)
    difference = np.abs(frame.astype(int) - moved).max(-1)[inside]
    assert np.percentile(difference, 97) <= 2


def test_shut_eyes_are_skin(model: FaceModel) -> None:
    source = exact_fit(model)
    goal = exact_fit(model, eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
    photo = portrait(model, source)
    frame = played(model, photo, source, goal)
    iris = goal.landmarks_478[[468, 473], :2].astype(int)
    cheeks = photo[around(source, model, "cheeks")].reshape(-1, 3).astype(float)
    skin = np.median(cheeks, 0)
    for x, y in iris:
        lid = frame[y - 3:y + 1, x - 2:x + 3].reshape(-1, 3).astype(float).mean(0)
        eye = photo[y - 3:y + 1, x - 2:x + 3].reshape(-1, 3).astype(float).mean(0)
        assert np.abs(lid - skin).max() < 50
        assert np.abs(lid - skin).max() < 0.6 * np.abs(eye - skin).max()


def test_an_open_mouth_goes_with_its_lips_as_one_layer(model: FaceModel) -> None:
    source = exact_fit(model, jawOpen=0.55)
    target = exact_fit(model, (0.05, 0.2, 0), jawOpen=0.6, mouthSmileLeft=0.5, mouthSmileRight=0.5)
    photo = flat_portrait(model, source)
    photo[view_of(photo, source, model).kind == MOUTH] = (255, 0, 255)
    frame = played(model, photo, source, target).astype(int)
    inside = binary_erosion(view_of(photo, target, model).kind == MOUTH, iterations=2)
    assert inside.sum() > 100
    assert (np.abs(frame[inside] - (255, 0, 255)).max(1) < 12).mean() > 0.98


def test_only_a_mouth_that_is_open_in_the_photo_and_opens_little_more_is_carried(model: FaceModel) -> None:
    for own, driven, share in ((0.35, 0.35, 1), (0.35, 0.1, 1), (0.3, 1.0, 0), (0.0, 0.0, 0)):
        fit = exact_fit(model, jawOpen=own)
        source = prepare(flat_portrait(model, fit), fit, model)
        assert source.carried(source.shape(expression(model, jawOpen=driven))) == pytest.approx(share)


def test_an_opening_mouth_is_dark_inside(model: FaceModel) -> None:
    source, goal = exact_fit(model), exact_fit(model, jawOpen=0.8)
    frame = played(model, portrait(model, source), source, goal)
    inner = goal.landmarks_68[60:68, :2]
    x, y = inner.mean(0).astype(int)
    mouth, skin = frame[y - 2:y + 3, x - 4:x + 5].astype(float), frame[around(source, model, "cheeks")]
    assert mouth.mean() < 0.55 * skin.mean()


def test_eyes_turn(model: FaceModel) -> None:
    source = exact_fit(model)
    photo = portrait(model, source)
    frame = played(model, photo, source, exact_fit(model, eyeLookOutLeft=0.8, eyeLookInRight=0.8))
    box = around(source, model, "eye_left", -5)

    def dark(picture: Picture) -> float:
        shade = np.clip(90 - picture.astype(float).mean(-1), 0, None) * box
        return float((shade.sum(0) * np.arange(SIZE)).sum() / shade.sum())

    # The subject's left is the picture's right.
    assert dark(frame) > dark(photo) + 1


def test_hair_goes_along_and_the_background_stays(model: FaceModel) -> None:
    """A brown cap above the skull, a blue wall: the cap moves with the head, the far wall does not move."""
    source = exact_fit(model)
    photo = portrait(model, source)
    skull = source.vertices_image[:, :2]
    y, x = np.mgrid[:SIZE, :SIZE]
    centre = np.array([skull[:, 0].mean(), skull[:, 1].min() + 40])
    cap = (np.hypot(x - centre[0], y - centre[1]) < 62) & (y < centre[1])
    head = np.abs(photo - background()).max(-1) > 1
    photo[~head] = (60, 90, 200)
    photo[cap] = (90, 60, 30)
    metres = 8 * float(source.translation[2]) / source.camera.focal
    frame = played(model, photo, source, exact_fit(model, shift=(metres, 0.02)))
    brown = (np.abs(photo.astype(int) - (90, 60, 30)).max(-1) < 12) & (y < centre[1] - 8)
    after = (np.abs(frame.astype(int) - (90, 60, 30)).max(-1) < 25) & (y < centre[1] - 8)
    assert x[after].mean() - x[brown].mean() == pytest.approx(8, abs=1.5)
    assert after.sum() == pytest.approx(brown.sum(), rel=0.1)
    far = (x < 12) | (x > SIZE - 13)
    assert (frame[far & (y < 120)] == photo[far & (y < 120)]).mean() > 0.98


def test_a_smooth_photo_stays_smooth(model: FaceModel) -> None:
    """No tears and no bare rim: a head that goes aside and nearer stretches a ramp, and breaks it nowhere."""
    source = exact_fit(model)
    y, x = np.mgrid[:SIZE, :SIZE]
    ramp = np.stack([x // 2 + 40, y // 2 + 40, (x + y) // 4 + 40], -1).astype(np.uint8)
    goal = exact_fit(model, shift=(0.02, 0.03))
    goal = replace(goal, translation=goal.translation * np.float32([1, 1, 0.93]))
    frame = played(model, ramp, source, goal).astype(int)
    assert max(np.abs(np.diff(frame, axis=axis)).max() for axis in (0, 1)) <= 6


def test_a_turned_head_is_filled_from_the_other_side(model: FaceModel) -> None:
    """From one side to the other: what the photo never showed has the colour of skin, not of the wall."""
    source, goal = exact_fit(model, (0, -0.35, 0)), exact_fit(model, (0, 0.2, 0))
    photo, truth = flat_portrait(model, source), flat_portrait(model, goal)
    face = face_of(goal, model)
    assert error(played(model, photo, source, goal), truth, face) < 0.5 * error(photo, truth, face)


def test_every_frame_of_the_motion_is_given_as_it_comes(model: FaceModel) -> None:
    source = exact_fit(model)
    frames = animate(portrait(model, source), source, motion(model, [source] * 5), model)
    assert isinstance(frames, Iterator)
    first = next(frames)
    assert first.shape == (SIZE, SIZE, 3)
    assert first.dtype == np.uint8
    assert len(list(frames)) == 4


def test_photos_of_any_shape(model: FaceModel) -> None:
    """Odd sizes, and a head partly outside the picture."""
    source = exact_fit(model, shift=(0.05, 0.1))
    camera = replace(source.camera, width=201, height=SIZE - 55)
    moved = source.vertices_image + np.float32([(201 - SIZE) / 2, -55 / 2, 0])
    source = replace(source, camera=camera, vertices_image=moved)
    photo = np.random.default_rng(1).integers(0, 256, (SIZE - 55, 201, 3), np.uint8)
    still, turned = animate(photo, source, motion(model, [source, replace(
        source, rotation=np.float32([0.1, 0.2, 0]))]), model)
    assert (still == photo).all()
    assert turned.shape == photo.shape


def test_a_fit_of_another_picture_or_model_is_refused_at_once(model: FaceModel) -> None:
    source = exact_fit(model)
    photo = portrait(model, source)
    with pytest.raises(BadInput):
        animate(photo[:-2], source, motion(model, [source]), model)
    with pytest.raises(BadInput):
        animate(photo, replace(source, vertices_image=source.vertices_image[:-1]), motion(model, [source]), model)


def test_frames_become_a_video(tmp_path: Path, model: FaceModel) -> None:
    source = exact_fit(model)
    photo = portrait(model, source)
    path, done = tmp_path / "out.mp4", []
    count = write_video(path, animate(photo, source, motion(model, [source] * 4), model), 25,
                        progress=lambda n, total=None: done.append(n))
    assert count == 4
    assert done == [1, 2, 3, 4]
    with VideoReader(path) as reader:
        frames = [frame.rgb for frame in reader]
    assert len(frames) == 4
    assert error(frames[0], photo) < 4
    with pytest.raises(BadInput):
        write_video(tmp_path / "none.mp4", [], 25)
    assert not (tmp_path / "none.mp4").exists()
    with pytest.raises(CannotWrite):
        write_video(tmp_path / "missing" / "out.mp4", [photo], 25)
