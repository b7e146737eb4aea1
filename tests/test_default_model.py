# SPDX-License-Identifier: Apache-2.0
"""The face model in the box: what every other part relies on, and what an artist would look for."""

import numpy as np
import pytest
from mien.core.channels import ARKIT52, mirror_index
from mien.core.face_model import FaceModel
from mien.core.face_models import describe
from mien.core.face_models.makehuman_lids import fit_sphere
from mien.core.model_files import DEFAULT_MODEL, default_model
from mien.core.rasterize import rasterize_image

ACROSS = np.array([-1.0, 1.0, 1.0], np.float32)
PARTS = {"skin", "eye_left", "eye_right", "tongue", "teeth_upper", "teeth_lower", "lashes", "mouth_cavity"}


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return default_model()


@pytest.fixture(scope="module")
def people(model: FaceModel) -> np.ndarray:
    """(24, S) identities as the model distributes them."""
    return np.random.default_rng(5).normal(size=(24, len(model.identity_basis))).astype(np.float32)


def members(model: FaceModel, part: str) -> np.ndarray:
    return np.unique(model.triangles[model.triangle_part == model.part_names.index(part)])


def expression(**channels: float) -> np.ndarray:
    return np.array([channels.get(name, 0.0) for name in ARKIT52], np.float32)


def front_parts(model: FaceModel, vertices: np.ndarray, scale: float = 2500.0, side: int = 512) -> np.ndarray:
    """(side, side) number of the part seen at each pixel from the front, -1 where there is none."""
    pixels = vertices * np.float32([scale, -scale, scale]) + np.float32([side / 2, side / 2, 0])
    seen = rasterize_image(pixels, model.triangles, side, side).triangle_id
    return np.where(seen > 0, model.triangle_part[np.maximum(seen, 1) - 1], -1)


def seen_pixels(model: FaceModel, vertices: np.ndarray, *parts: str) -> int:
    wanted = [model.part_names.index(part) for part in parts]
    return int(np.isin(front_parts(model, vertices), wanted).sum())


def test_sizes_and_names(model: FaceModel) -> None:
    assert model.identity_basis.shape == (80, model.vertex_count, 3)
    assert model.expression_names == ARKIT52
    assert set(model.part_names) == PARTS
    assert {name: len(points) for name, points in model.embeddings.items()} == {"mesh478": 478, "ibug68": 68}
    assert DEFAULT_MODEL.stat().st_size < 6e6


def test_description_tells_the_facts(model: FaceModel) -> None:
    facts = describe(model)
    assert (facts["vertices"], facts["expressions"], facts["hash"]) == (model.vertex_count, 52, model.hash)


def test_metres_axes_and_origin(model: FaceModel) -> None:
    centres = {side: fit_sphere(model.mean[members(model, f"eye_{side}")])[0] for side in ("left", "right")}
    np.testing.assert_allclose((centres["left"] + centres["right"]) / 2, 0, atol=1e-5)
    assert 0.025 < centres["left"][0] < 0.036
    points = model.points("ibug68", model.mean)
    assert 0.09 < points[27, 1] - points[8, 1] < 0.14
    assert points[30, 2] > points[:17, 2].max()


def test_mean_is_its_own_mirror_image(model: FaceModel) -> None:
    assert (model.mirror[model.mirror] == np.arange(model.vertex_count)).all()
    np.testing.assert_allclose(model.mean[model.mirror] * ACROSS, model.mean, atol=2e-5)
    flipped = np.sort(model.mirror[model.triangles], axis=1)
    assert {tuple(t) for t in flipped} == {tuple(t) for t in np.sort(model.triangles, axis=1)}


def test_each_mode_is_symmetric_or_antisymmetric(model: FaceModel) -> None:
    reflected = model.identity_basis[:, model.mirror] * ACROSS
    size = np.linalg.norm(model.identity_basis, axis=(1, 2))
    same = np.linalg.norm(reflected - model.identity_basis, axis=(1, 2)) / size
    opposite = np.linalg.norm(reflected + model.identity_basis, axis=(1, 2)) / size
    assert (np.minimum(same, opposite) < 0.02).all()
    assert (same < 0.02).sum() > 40


def test_modes_are_orthogonal_and_ordered(model: FaceModel) -> None:
    skin = members(model, "skin")
    flat = model.identity_basis[:, skin].reshape(80, -1).astype(np.float64)
    gram = flat @ flat.T / np.outer(*[np.linalg.norm(flat, axis=1)] * 2)
    assert np.abs(gram - np.eye(80)).max() < 0.25
    assert (np.diff(np.linalg.norm(model.identity_basis, axis=(1, 2))) < 1e-3).all()


def test_expressions_have_mirror_partners(model: FaceModel) -> None:
    partner = model.expression_basis[mirror_index(ARKIT52)][:, model.mirror] * ACROSS
    assert np.abs(partner - model.expression_basis).max() < 2e-5


@pytest.mark.parametrize("side, sign", [("Left", 1), ("Right", -1)])
def test_left_moves_the_subjects_left(model: FaceModel, side: str, sign: int) -> None:
    for name in ARKIT52:
        if name.endswith(side) and name not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
            moved = np.linalg.norm(model.expression_basis[ARKIT52.index(name)], axis=1)
            assert sign * (moved * model.mean[:, 0]).sum() > 0, name
    for name in (f"jaw{side}", f"mouth{side}"):
        assert sign * model.expression_basis[ARKIT52.index(name)][:, 0].sum() > 0


def test_jaw_carries_lower_teeth_and_tongue_only(model: FaceModel) -> None:
    for name in ("jawOpen", "jawForward", "jawLeft", "jawRight"):
        moved = np.linalg.norm(model.expression_basis[ARKIT52.index(name)], axis=1)
        assert moved[members(model, "teeth_lower")].min() > 0.006, name
        assert moved[members(model, "tongue")].max() > 0.006, name
        assert moved[members(model, "teeth_upper")].max() < 1e-4, name


@pytest.mark.parametrize("direction, axis, sign", [("Up", 1, 1), ("Down", 1, -1), ("In", 0, -1), ("Out", 0, 1)])
def test_eyes_turn_about_their_centres(model: FaceModel, direction: str, axis: int, sign: int) -> None:
    ball = members(model, "eye_left")
    centre, radius = fit_sphere(model.mean[ball])
    turned = model.vertices(None, expression(**{f"eyeLook{direction}Left": 1.0}))
    after, radius_after = fit_sphere(turned[ball])
    np.testing.assert_allclose(after, centre, atol=1e-4)
    assert abs(radius_after - radius) < 1e-4
    pupil = model.points("mesh478", turned)[473] - model.points("mesh478", model.mean)[473]
    assert sign * pupil[axis] > 0.004


def test_blink_hides_the_eyeballs(model: FaceModel, people: np.ndarray) -> None:
    shut = expression(eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
    shares = []
    for person in np.concatenate([np.zeros_like(people[:1]), people]):
        open_eyes = seen_pixels(model, model.vertices(person), "eye_left", "eye_right")
        assert open_eyes > 300
        shares.append(seen_pixels(model, model.vertices(person, shut), "eye_left", "eye_right") / open_eyes)
    assert shares[0] == 0
    assert np.mean(np.array(shares) < 0.02) >= 0.9
    assert max(shares) < 0.1


def test_half_a_blink_half_closes_without_holes(model: FaceModel) -> None:
    full, half = (seen_pixels(model, model.vertices(None, expression(eyeBlinkLeft=b)), "eye_left") for b in (0.0, 0.5))
    assert 0.25 < half / full < 0.75
    picture = front_parts(model, model.vertices(None, expression(eyeBlinkLeft=0.5)))
    eye = picture == model.part_names.index("eye_left")
    runs = np.abs(np.diff(eye.astype(int), axis=0)).sum(0)
    assert runs.max() <= 2, "the eyeball shows in one piece in every column"


def test_lips_meet_at_rest(model: FaceModel, people: np.ndarray) -> None:
    inside = ("teeth_upper", "teeth_lower", "tongue", "mouth_cavity")
    wide = seen_pixels(model, model.vertices(None, expression(jawOpen=1.0)), *inside)
    assert seen_pixels(model, model.mean, *inside) < 0.002 * wide
    slits = [seen_pixels(model, model.vertices(person), *inside) / wide for person in people]
    assert np.median(slits) < 0.01
    assert max(slits) < 0.06


def test_mouth_close_undoes_the_jaws_opening(model: FaceModel) -> None:
    inside = ("teeth_upper", "teeth_lower", "tongue", "mouth_cavity")
    for amount in (0.3, 0.6, 1.0):
        wide = seen_pixels(model, model.vertices(None, expression(jawOpen=amount)), *inside)
        closed = seen_pixels(model, model.vertices(None, expression(jawOpen=amount, mouthClose=amount)), *inside)
        assert closed < 0.03 * wide


def test_smiles_show_the_upper_teeth(model: FaceModel) -> None:
    smile = expression(mouthSmileLeft=0.8, mouthSmileRight=0.8, mouthUpperUpLeft=0.5, mouthUpperUpRight=0.5,
                       jawOpen=0.1)
    assert seen_pixels(model, model.vertices(None, smile), "teeth_upper") > 300


def test_teeth_show_only_between_the_lips(model: FaceModel, people: np.ndarray) -> None:
    from skimage.draw import polygon2mask

    inner = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
    teeth = [model.part_names.index(f"teeth_{row}") for row in ("upper", "lower")]
    pairs = [n.removesuffix("Left") for n in ARKIT52 if n.endswith("Left") and n.startswith(("mouth", "jaw", "cheek"))]
    both = [{f"{stem}Left": 1.0, f"{stem}Right": 1.0} for stem in pairs if stem not in ("jaw", "mouth")]
    single = [{n: 1.0} for n in ARKIT52 if n.startswith(("mouth", "jaw")) and n != "mouthClose"]
    mixed = [{"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "jawOpen": 0.3}, {"jawOpen": 0.4, "mouthPucker": 1.0}]
    for i, channels in enumerate(both + single + mixed):
        vertices = model.vertices(people[i % len(people)], expression(**channels))
        opening = model.points("mesh478", vertices)[list(inner), :2] * (2500, -2500) + 256
        mouth = polygon2mask((512, 512), opening[:, ::-1])
        middle = opening.mean(0)
        mouth |= polygon2mask((512, 512), (middle + 1.35 * (opening - middle))[:, ::-1])
        stray = np.isin(front_parts(model, vertices), teeth) & ~mouth
        assert stray.sum() <= 15, channels


def test_random_people_are_plausible(model: FaceModel, people: np.ndarray) -> None:
    for person in people:
        points = model.points("ibug68", model.vertices(person))
        eyes = np.linalg.norm(points[36:42].mean(0) - points[42:48].mean(0))
        assert 0.045 < eyes < 0.075
        assert 1.35 < (points[27, 1] - points[8, 1]) / eyes < 2.7
        assert points[51, 1] > points[57, 1]


def test_texture_layout_is_one_to_one(model: FaceModel) -> None:
    corners = model.uv[model.uv_triangles].astype(np.float64)
    (ax, ay), (bx, by) = (corners[:, k].T - corners[:, 0].T for k in (1, 2))
    area = ax * by - ay * bx
    assert (area > 0).all(), "no triangle is turned over"
    side = 1024
    flat = np.concatenate([model.uv * side, np.zeros((len(model.uv), 1))], 1).astype(np.float32)
    drawn = rasterize_image(flat, model.uv_triangles, side, side).triangle_id
    assert abs((drawn > 0).sum() / side**2 - area.sum() / 2) < 0.005, "overlaps would be drawn once and counted twice"
    face = (model.regions["face"][model.triangles] > 0.5).all(1)
    assert area[face].sum() / 2 > 0.33
    assert model.uv.min() > 0.01 and model.uv.max() < 0.99


def test_landmarks_are_where_they_belong(model: FaceModel) -> None:
    ibug, mesh = model.points("ibug68", model.mean), model.points("mesh478", model.mean)
    flip = [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46,
            39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
    np.testing.assert_allclose(ibug[flip] * ACROSS, ibug, atol=0.0012)
    assert (ibug[:8, 0] < 0).all() and (ibug[36:42, 0] < 0).all(), "the subject's right comes first"
    assert (np.diff(ibug[:9, 1]) < 0).all() and (np.diff(ibug[:9, 0]) > 0).all()
    parts = np.array(model.part_names)[model.triangle_part[model.embeddings["mesh478"].triangles]]
    assert set(parts[:468]) == {"skin"} and set(parts[468:473]) == {"eye_right"} and set(parts[473:]) == {"eye_left"}
    np.testing.assert_allclose(model.embeddings["mesh478"].barycentric.sum(1), 1, atol=1e-5)
    assert mesh[469, 0] > mesh[471, 0] and mesh[470, 1] > mesh[472, 1]


def test_lip_landmarks_part_when_the_jaw_opens(model: FaceModel) -> None:
    rest, wide = (model.points("mesh478", model.vertices(None, expression(jawOpen=jaw))) for jaw in (0.0, 1.0))
    for upper, lower in ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402)):
        assert rest[upper, 1] - rest[lower, 1] < 0.004
        assert wide[upper, 1] - wide[lower, 1] > 0.015


def test_lid_landmarks_meet_in_a_blink(model: FaceModel) -> None:
    points = [model.points("mesh478", model.vertices(None, expression(eyeBlinkLeft=blink, eyeBlinkRight=blink)))
              for blink in (0.0, 1.0)]
    for upper, lower in ((159, 145), (158, 153), (160, 144), (386, 374), (385, 380), (387, 373)):
        opening, closed = (p[upper, 1] - p[lower, 1] for p in points)
        assert opening > 0.005 and closed < 0.15 * opening


def test_regions_cover_the_skin_once(model: FaceModel) -> None:
    cover = sum(model.regions[name] for name in ("face", "scalp", "ears", "neck"))
    np.testing.assert_allclose(cover[members(model, "skin")], 1, atol=0.07)
    assert not cover[members(model, "teeth_upper")].any()
