# SPDX-License-Identifier: Apache-2.0
"""Detection and landmarks: the maths of windows, anchors and suppression, and the nets on real pictures."""

import math
from pathlib import Path

import numpy as np
import pytest
from mien.core.camera import Camera, project
from mien.core.errors import BadInput, NoFaceFound
from mien.core.landmarks import LandmarkTracker, detect_faces, landmarks_of, pick_face
from mien.core.landmarks.detector import FULL_RANGE, SHORT_RANGE, decode, detect, weighted_nms
from mien.core.landmarks.keypoints import KEYPOINTS, canonical_points, pose_of_keypoints
from mien.core.landmarks.mesh import WINDOW, mesh_points, roi_of_points
from mien.core.landmarks.mirror import MIRROR
from mien.core.landmarks.regions import EYE_CONTOURS, REFINED
from mien.core.landmarks.roi import Roi, crop, whole_image
from mien.core.landmarks.search import overlap
from mien.core.landmarks.turned import head_rotation, turned_points, window_of_points, yaw_of
from mien.core.model_files import default_model
from mien.core.shade import shade_head


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    data = pytest.importorskip("skimage.data")
    return np.ascontiguousarray(data.astronaut())


def ramp(height: int, width: int) -> np.ndarray:
    """A picture whose red is 2·x and whose green is 2·y, at pixel centres, and blue constant."""
    y, x = np.mgrid[:height, :width]
    return np.stack([2 * x, 2 * y, np.full_like(x, 7)], -1).astype(np.uint8)


@pytest.mark.parametrize("roi", [
    Roi(50, 40, 30), Roi(50.3, 40.7, 30, 0.4), Roi(50, 40, 24, -1.2, mirrored=True), Roi(48, 44, 36, 0.2),
    Roi(50, 40, 60, 0.3), Roi(50.5, 41.2, 56, -0.3, mirrored=True)])
def test_crop_shows_what_to_image_says(roi: Roi) -> None:
    size = 20
    image = crop(ramp(100, 110), roi, size, high=255.0)
    v, u = (np.mgrid[:size, :size] + 0.5) / size
    places = roi.to_image(np.stack([u, v], -1))
    # the mean of k × k whole numbers is rounded once more
    np.testing.assert_allclose(image[0], 2 * (places[..., 0] - 0.5), atol=1.01 if roi.side / size > 2 else 0.02)
    np.testing.assert_allclose(image[1], 2 * (places[..., 1] - 0.5), atol=1.01 if roi.side / size > 2 else 0.02)


def test_crop_outside_repeats_the_border_or_is_low() -> None:
    picture = ramp(20, 30)
    repeated = crop(picture, Roi(-50, 10, 20), 10)
    assert np.all(repeated[0] == 0) and np.ptp(repeated[1]) > 0
    np.testing.assert_array_equal(crop(picture, Roi(-50, 10, 20), 10, low=-1, replicate=False), -1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (37, 2), (513, 77)])
def test_crop_takes_any_size(shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 200, np.uint8)
    for side in (0.5, 10.0, 900.0):
        np.testing.assert_allclose(crop(picture, Roi(shape[1] / 2, shape[0] / 2, side), 32), 200 / 255, atol=1e-5)


@pytest.mark.parametrize(("net", "count"), [(SHORT_RANGE, 896), (FULL_RANGE, 2304)])
def test_anchors_cover_the_input_evenly(net, count) -> None:
    anchors = net.anchors()
    assert anchors.shape == (count, 2)
    np.testing.assert_allclose(anchors.mean(0), 0.5, atol=1e-6)
    np.testing.assert_allclose(np.unique(anchors[-1]), 1 - 0.5 / net.grids[-1][0])


def test_decode_moves_by_the_anchor_but_not_the_size() -> None:
    raw = np.arange(16, dtype=np.float32)[None]
    values = decode(raw, np.float32([[0.25, 0.75]]), 128)[0]
    expected = raw[0] / 128
    expected[[0, 4, 6, 8, 10, 12, 14]] += 0.25
    expected[[1, 5, 7, 9, 11, 13, 15]] += 0.75
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_suppression_merges_overlapping_boxes_by_score() -> None:
    values = np.zeros((3, 16), np.float32)
    values[:, :4] = [[0.5, 0.5, 0.2, 0.2], [0.52, 0.5, 0.2, 0.2], [0.1, 0.1, 0.1, 0.1]]
    merged = weighted_nms(values, np.float32([0.6, 0.9, 0.7]))
    assert [score for _, score in merged] == pytest.approx([0.9, 0.7])
    assert merged[0][0][0] == pytest.approx((0.6 * 0.5 + 0.9 * 0.52) / 1.5)
    np.testing.assert_array_equal(merged[1][0], values[2])


def test_overlap_of_windows() -> None:
    assert overlap(Roi(0, 0, 2), Roi(0, 0, 2)) == 1
    assert overlap(Roi(0, 0, 2), Roi(1, 0, 2)) == pytest.approx(1 / 3)
    assert overlap(Roi(0, 0, 4), Roi(0.5, 0.5, 2)) == pytest.approx(1 / 4)
    assert overlap(Roi(0, 0, 2), Roi(3, 0, 2)) == 0


@pytest.mark.parametrize("yaw", [-80, -40, 0, 40, 80])
@pytest.mark.parametrize("roll", [-60, 0, 100])
def test_pose_of_projected_keypoints_is_found_again(yaw: float, roll: float) -> None:
    sides = KEYPOINTS[[0, 0, 1, 2, 3, 3]] * [[s, 1, 1] for s in (-1, 1, 1, 1, -1, 1)]
    a, b = math.radians(yaw), math.radians(roll)
    about_y = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    about_z = np.array([[math.cos(b), -math.sin(b), 0], [math.sin(b), math.cos(b), 0], [0, 0, 1]])
    rotation = about_z @ about_y
    pose = pose_of_keypoints(12 * (sides @ rotation.T)[:, :2] + [300, 200])
    np.testing.assert_allclose(pose.rotation, rotation, atol=1e-3)
    assert pose.scale == pytest.approx(12, rel=1e-3)
    assert pose.misfit < 1e-5
    assert math.degrees(pose.yaw) == pytest.approx(yaw, abs=0.1)
    assert math.degrees(pose.roll) == pytest.approx(roll, abs=0.1)


def test_mirror_table_is_an_involution_that_keeps_the_regions() -> None:
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(478))
    assert set(MIRROR[list(EYE_CONTOURS[0])]) == set(EYE_CONTOURS[1])
    assert MIRROR[468] == 473 and MIRROR[33] == 263 and MIRROR[1] == 1
    canonical = canonical_points()
    np.testing.assert_allclose(canonical[MIRROR][:468] * [-1, 1, 1], canonical[:468], atol=0.02)


def test_refined_points_are_distinct_mesh_points_and_both_irises() -> None:
    assert len(np.unique(REFINED)) == len(REFINED) == 80 + 71 + 71 + 10
    assert set(range(468, 478)) < set(REFINED.tolist())


def test_landmarks_lie_on_the_astronaut(astronaut: np.ndarray) -> None:
    faces = detect_faces(astronaut)
    assert len(faces) == 1
    face = faces[0]
    assert face.confidence > 0.85 and face.points.shape == (478, 3) and face.points.dtype == np.float32
    # irises, mouth and nose tip as a person would mark them
    for index, place in ((468, (204, 101)), (473, (247, 103)), (4, (224, 127)), (13, (223, 144))):
        assert np.hypot(*(face.points[index, :2] - place)) < 3, index
    assert face.points[1, 2] == face.points[:, 2].max() or face.points[4, 2] == face.points[:, 2].max()
    assert face.points[234, 2] < face.points[1, 2] - 20


def test_turned_mirrored_small_and_filling_faces_are_found(astronaut: np.ndarray) -> None:
    face = landmarks_of(astronaut)
    mirrored = landmarks_of(np.ascontiguousarray(astronaut[:, ::-1])).points[MIRROR]
    np.testing.assert_allclose(512 - mirrored[:, 0], face.points[:, 0], atol=3)
    upside_down = landmarks_of(np.ascontiguousarray(astronaut[::-1, ::-1])).points
    np.testing.assert_allclose(512 - upside_down[:, :2], face.points[:, :2], atol=3)
    sideways = landmarks_of(np.ascontiguousarray(np.rot90(astronaut))).points
    np.testing.assert_allclose(512 - sideways[:, 1], face.points[:, 0], atol=4)
    x0, y0, x1, y1 = (round(v) for v in face.box)
    tight = landmarks_of(np.ascontiguousarray(astronaut[y0:y1, x0:x1])).points + np.float32([x0, y0, 0])
    assert np.linalg.norm((tight - face.points)[:, :2], axis=1).mean() < 5
    far = np.zeros((1500, 1500, 3), np.uint8)
    far[900:1156, 300:556] = astronaut[::2, ::2]
    small = landmarks_of(far).points
    assert np.linalg.norm((small[:, :2] - [300, 900]) * 2 - face.points[:, :2], axis=1).mean() < 4


def test_two_faces_are_sorted_by_size_and_can_be_picked(astronaut: np.ndarray) -> None:
    both = np.zeros((512, 900, 3), np.uint8)
    both[:, :512] = astronaut
    both[100:484, 516:900] = astronaut[np.ix_(np.arange(384) * 4 // 3, np.arange(384) * 4 // 3)]
    faces = detect_faces(both)
    assert len(faces) == 2 and faces[0].size > faces[1].size
    assert faces[0].box[0] < 512 < faces[1].box[0]
    assert pick_face(faces, 1) is faces[1]
    assert len(detect_faces(both, max_faces=1)) == 1
    with pytest.raises(BadInput, match="no face 2"):
        pick_face(faces, 2)


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "brick", "moon", "noise", "black", "pixel", "blobs"])
def test_what_is_no_face_gives_none(name: str) -> None:
    random = np.random.default_rng(3)
    made = {"noise": random.integers(0, 256, (300, 300, 3), dtype=np.uint8), "black": np.zeros((200, 300, 3), np.uint8),
            "pixel": np.full((1, 1, 3), 90, np.uint8),
            "blobs": np.kron(random.integers(0, 256, (10, 12, 3), dtype=np.uint8), np.ones((40, 40, 1), np.uint8))}
    if name in made:
        picture = made[name]
    else:
        picture = getattr(pytest.importorskip("skimage.data"), name)()
        height, width = picture.shape[:2]
        picture = np.ascontiguousarray(np.broadcast_to(picture.reshape(height, width, -1), (height, width, 3)))
    with pytest.raises(NoFaceFound):
        landmarks_of(picture)


@pytest.mark.parametrize("picture", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8),
                                     np.zeros((4, 4, 3), np.float32)])
def test_other_arrays_are_refused(picture: np.ndarray) -> None:
    with pytest.raises(BadInput, match="uint8"):
        detect_faces(picture)


def test_tracker_follows_loses_and_finds_again(astronaut: np.ndarray) -> None:
    tracker = LandmarkTracker()
    crops = [np.ascontiguousarray(astronaut[:300, x:x + 300]) for x in range(60, 140, 4)]
    points = [face.points[:, :2] + np.float32([x, 0]) for x, image in zip(range(60, 140, 4), crops, strict=True)
              if (face := tracker(image))]
    assert len(points) == len(crops)
    assert np.abs(np.diff(points, axis=0)).max() < 3
    assert not tracker.cut
    assert tracker(np.zeros((300, 300, 3), np.uint8)) is None
    assert tracker.cut
    found = tracker(crops[0])
    assert found is not None and tracker.cut
    np.testing.assert_allclose(found.points[:, :2] + [60, 0], points[0], atol=2)


def test_windows_from_points_and_detection_agree(astronaut: np.ndarray) -> None:
    found = detect(astronaut, whole_image(512, 512), SHORT_RANGE)[0]
    points, logits = mesh_points(astronaut, [found.roi, found.roi.mirror()])
    assert logits.min() > 8
    assert np.linalg.norm((points[0] - points[1])[:, :2], axis=1).mean() < 2
    assert overlap(roi_of_points(points[0]), found.roi) > 0.6


def wheel() -> Path:
    """The wheel that the nets were converted from, where a developer has put it into build/."""
    found = sorted((Path(__file__).parent.parent / "build").glob("mediapipe-0.10.21*.whl"))
    if not found:
        pytest.skip("needs build/mediapipe-0.10.21*.whl (pip download --no-deps mediapipe==0.10.21 -d build)")
    return found[0]


@pytest.mark.parametrize("name", ["face_short_range", "face_full_range", "face_mesh"])
def test_nets_are_converted_exactly_and_to_the_byte(name: str) -> None:
    for module in ("onnx", "tflite", "ai_edge_litert"):
        pytest.importorskip(module)
    from mien.core import landmarks
    from mien.core.landmarks.build_nets import check, convert, read_source

    content = read_source(wheel(), name)
    model = convert(name, content)
    assert check(name, content, model) < 1e-5
    shipped = Path(landmarks.__file__).with_name(f"{name}.onnx").read_bytes()
    assert model.SerializeToString(deterministic=True) == shipped


def test_crop_operators_match_a_plain_reference() -> None:
    """The mesh net's three custom operators, written out as loops."""
    for module in ("onnx", "tflite", "ai_edge_litert"):
        pytest.importorskip(module)
    import onnxruntime
    from mien.core.landmarks.convert_attention import _crop_matrix, _cut_out, _transformed
    from mien.core.landmarks.convert_onnx import OnnxBuilder

    random = np.random.default_rng(5)
    points = (random.random((2, 468, 3)) * 20 + 12).astype(np.float32)
    features = random.random((2, 4, 48, 48)).astype(np.float32)
    options = {"left_rotation_idx": 3, "right_rotation_idx": 8, "subset_idxs": [1, 3, 5, 8, 13],
               "scale_x": 1.5, "scale_y": 1.5}
    builder = OnnxBuilder(None)  # type: ignore[arg-type]
    matrix = _crop_matrix(builder, "points", options)
    crops = _cut_out(builder, "features", matrix, 48, 48)
    moved = _transformed(builder, "local", matrix)
    model = builder.model({"points": [2, 468, 3], "features": [2, 4, 48, 48], "local": [2, 7, 2]},
                          {matrix: [2, 2, 3], crops: [2, 4, 16, 16], moved: [2, 7, 2]})
    local = (random.random((2, 7, 2)) * 16).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    results = session.run(None, {"points": points, "features": features, "local": local})
    for k in range(2):
        expected = reference_matrix(points[k, :, :2], options)
        np.testing.assert_allclose(results[0][k], expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(results[1][k], reference_crop(features[k], expected), atol=1e-3)
        np.testing.assert_allclose(results[2][k], local[k] @ expected[:, :2].T + expected[:, 2], rtol=1e-4, atol=1e-3)


def reference_matrix(points: np.ndarray, options: dict) -> np.ndarray:
    """Crop pixels (16 × 16) → feature-map pixels."""
    dx, dy = points[options["right_rotation_idx"]] - points[options["left_rotation_idx"]]
    angle = math.atan2(dy, dx)
    back = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    upright = points[options["subset_idxs"]] @ back.T
    low, high = upright.min(0), upright.max(0)
    scale = 1.5 * (high - low) / 16
    linear = back.T * scale
    shift = back.T @ ((low + high) / 2) - linear @ [8, 8]
    return np.concatenate([linear, shift[:, None]], 1)


def reference_crop(features: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Bilinear samples at the crop's pixel centres; zero where one lies outside the outermost centres."""
    out = np.zeros((len(features), 16, 16), np.float32)
    for row in range(16):
        for column in range(16):
            x, y = matrix @ [column + 0.5, row + 0.5, 1] - 0.5
            if not (0 <= x <= 47 and 0 <= y <= 47):
                continue
            x0, y0 = min(int(x), 46), min(int(y), 46)
            fx, fy = x - x0, y - y0
            patch = features[:, y0:y0 + 2, x0:x0 + 2]
            out[:, row, column] = ((1 - fy) * ((1 - fx) * patch[:, 0, 0] + fx * patch[:, 0, 1])
                                   + fy * ((1 - fx) * patch[:, 1, 0] + fx * patch[:, 1, 1]))
    return out


def turned_head(yaw: float) -> tuple[np.ndarray, np.ndarray]:
    """A picture (400, 400, 3) of the default head, turned to the subject's left, and its 478 points."""
    model, camera = default_model(), Camera.for_image(400, 400)
    pose = np.array([0.0, -math.radians(yaw), 0.0]), np.array([0.0, -0.02, 0.34 * camera.focal / 400])
    vertices = project(model.vertices(), *pose, camera)
    rgba = shade_head(model, vertices, 400, 400).astype(np.float32)
    cover = rgba[..., 3:] / 255
    return (rgba[..., :3] * cover + 120 * (1 - cover)).astype(np.uint8), model.points("mesh478", vertices)


@pytest.mark.parametrize("yaw", [-85, -60, 60, 85])
def test_turned_heads_are_followed_where_the_mesh_net_gives_out(yaw: float) -> None:
    picture, truth = turned_head(yaw)
    size = np.ptp(truth[:, :2], axis=0).max()
    guess = truth + np.array([0.08 * size, -0.06 * size, 0])
    points, logit = turned_points(picture, guess)
    error = np.linalg.norm((points - truth)[:, :2], axis=1).mean() / size
    assert logit > 0
    assert error < 0.06, error
    if abs(yaw) > 80:
        plain, _ = mesh_points(picture, [roi_of_points(guess)])
        assert error < 0.6 * np.linalg.norm((plain[0] - truth)[:, :2], axis=1).mean() / size
    assert math.degrees(yaw_of(head_rotation(points))) == pytest.approx(yaw, abs=12)


def test_the_net_for_turned_heads_knows_what_is_no_face() -> None:
    _, truth = turned_head(70)
    data = pytest.importorskip("skimage.data")
    for picture in (data.brick(), data.grass(), data.gravel()):
        assert turned_points(np.repeat(picture[..., None], 3, -1), truth)[1] < 0


@pytest.mark.parametrize("yaw", [-75, 0, 40])
def test_rotation_and_window_follow_the_points(yaw: float) -> None:
    angle, roll = math.radians(yaw), 0.3
    about_y = np.array([[math.cos(angle), 0, math.sin(angle)], [0, 1, 0], [-math.sin(angle), 0, math.cos(angle)]])
    about_z = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    points = 9 * canonical_points() @ (about_z @ about_y).T + [200, 150, 5]
    rotation = head_rotation(points)
    np.testing.assert_allclose(rotation, about_z @ about_y, atol=1e-6)
    assert yaw_of(rotation) == pytest.approx(angle)
    window = window_of_points(points, rotation)
    inside = (points[:468, :2] - [window.x, window.y]) @ about_z[:2, :2] / window.side
    assert window.angle == pytest.approx(roll)
    assert np.ptp(inside, axis=0).max() == pytest.approx(1 / WINDOW)
    np.testing.assert_allclose(inside.min(0), -inside.max(0), atol=1e-6)
