# SPDX-License-Identifier: Apache-2.0
"""Textures from photos whose fit is exact: what is seen, what is hidden, what is made up; and the sparse priors."""

from dataclasses import replace

import numpy as np
import pytest
from heads import SIZE, exact_fit, expression, portrait
from mien.core.camera import project
from mien.core.errors import BadInput
from mien.core.face_model import FaceModel
from mien.core.face_square import FaceSquare
from mien.core.inpaint import fill_along, pull_push
from mien.core.model_files import default_model
from mien.core.rasterize import Raster, cuda, interpolate, rasterize_image
from mien.core.sparse_texture import sparse_mesh, sparse_texture
from mien.core.texture import sample_vertex_colours, uv_texture, view_of
from mien.core.texture_space import atlas
from mien.core.visibility import visible_vertices
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return default_model()


def painted(model: FaceModel, vertices: NDArray[np.floating], colours: NDArray[np.floating],
            size: int = SIZE) -> NDArray[np.uint8]:
    """The head (V, 3) in unlit vertex colours (V, 3) 0..255 before black, lashes and all."""
    raster = rasterize_image(vertices, model.triangles, size, size, backend="cpu")
    return np.asarray(interpolate(raster, model.triangles, colours) + 0.5, np.uint8)


def by_place(model: FaceModel) -> NDArray[np.float32]:
    """A colour for every place on the head that changes smoothly and is not symmetric."""
    unit = (model.mean - model.mean.min(0)) / np.ptp(model.mean, axis=0)
    return np.float32(40) + np.float32(170) * unit


def texel_points(model: FaceModel, size: int, values: NDArray[np.floating]) -> tuple[NDArray[np.floating], Raster]:
    texels = atlas(model, size)
    return interpolate(texels, model.triangles, values), texels


def test_pull_push_keeps_what_is_known_and_stays_between() -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(10, 20, (37, 53, 2)).astype(np.float32)
    known = (rng.uniform(size=(37, 53)) < 0.05).astype(np.float32)
    filled = pull_push(values, known)
    assert (filled[known == 1] == values[known == 1]).all()
    assert filled.min() >= values[known == 1].min() - 1e-4
    assert filled.max() <= values[known == 1].max() + 1e-4
    assert (pull_push(values, np.zeros_like(known)) == 0).all()


def test_filling_along_a_guide_has_no_seam() -> None:
    """Left half known, the guide has the same detail but is darker: the right half continues the left."""
    y, x = np.mgrid[:64, :64]
    truth = (100 + 30 * np.sin(x / 3) * np.cos(y / 4))[..., None].astype(np.float32)
    known = (x < 32).astype(np.float32)
    filled = fill_along(truth * known[..., None], known, truth - 25, np.ones_like(known))
    assert np.abs(filled - truth).max() < 1e-2


def test_only_what_is_in_front_is_visible(model: FaceModel) -> None:
    """Of a turned head: the near ear, never the far one or the tongue, and the same at four times the size."""
    fit = exact_fit(model, (0, -0.5, 0))
    view = view_of(np.zeros((SIZE, SIZE, 3), np.uint8), fit, model)
    seen = visible_vertices(view)
    sharp = view_of(np.zeros((SIZE * 4, SIZE * 4, 3), np.uint8), exact_fit(model, (0, -0.5, 0), SIZE * 4), model)
    assert (seen == visible_vertices(sharp)).mean() > 0.97
    assert not seen[view.normals[:, 2] < 0].any()
    tongue = np.unique(model.triangles[model.triangle_part == model.part_names.index("tongue")])
    assert not seen[tongue].any()
    ear = model.regions["ears"] > 0.5
    left = model.mean[:, 0] > 0
    # Turned to the subject's left, the head shows its right ear.
    assert seen[ear & ~left].mean() > 0.2
    assert seen[ear & left].mean() < 0.05


def test_vertex_colours_come_from_the_photo_bilinearly(model: FaceModel) -> None:
    fit = exact_fit(model, (0.1, -0.2, 0.05))
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    ramp = np.stack([x / 2, y / 2, np.full_like(x, 77)], -1)
    colours, seen = sample_vertex_colours(np.asarray(np.round(ramp), np.uint8), view_of(
        np.zeros((SIZE, SIZE, 3), np.uint8), fit, model))
    assert np.abs(colours[seen][:, :2] - fit.vertices_image[seen][:, :2] / 2).max() < 0.51
    assert np.abs(colours[:, 2] - 77).max() < 1e-3


def test_a_texture_gives_back_the_colours_that_were_seen(model: FaceModel) -> None:
    fit, colours = exact_fit(model, (0.05, 0.3, 0.0)), by_place(model)
    photo = painted(model, fit.vertices_image, colours)
    texture = uv_texture([photo], [fit], model, 512)
    wanted, texels = texel_points(model, 512, colours)
    error = np.abs(texture.rgb - wanted).max(-1)
    sure = texture.coverage > 0.99
    assert sure.mean() > 0.15
    assert np.median(error[sure]) < 2
    assert np.percentile(error[sure], 98) < 8
    assert (texture.coverage[texels.triangle_id == 0] == 0).all()


def test_the_hidden_side_is_taken_from_the_mirrored_side(model: FaceModel) -> None:
    """Symmetric colours seen from the side: the far cheek is filled with what the near one shows."""
    colours = by_place(model)
    colours = np.asarray((colours + colours[model.mirror]) / 2, np.float32)
    detail = 25 * np.sin(model.mean[:, 1:2] * 400)
    colours = np.clip(colours + detail, 0, 255).astype(np.float32)
    fit = exact_fit(model, (0, -0.7, 0))
    texture = uv_texture([painted(model, fit.vertices_image, colours)], [fit], model, 512)
    wanted, texels = texel_points(model, 512, colours)
    place, _ = texel_points(model, 512, model.mean)
    cheek, _ = texel_points(model, 512, model.regions["cheeks"][:, None])
    far = (cheek[..., 0] > 0.5) & (place[..., 0] > 0) & (texture.coverage < 0.01)
    assert far.sum() > 1000
    error = np.abs(texture.rgb.astype(float) - wanted)[far]
    assert np.median(error) < 6
    assert texels.triangle_id[far].min() > 0


def test_the_mirror_image_meets_what_is_known_in_its_light(model: FaceModel) -> None:
    """One side lit twice as bright: the copy of the other side takes the light of the seam, and shows no step."""
    side = np.clip(model.mean[:, :1] / 0.06, -1, 1)
    colours = np.repeat(120 + 50 * side, 3, 1).astype(np.float32)
    fit = exact_fit(model, (0, 0.5, 0))
    texture = uv_texture([painted(model, fit.vertices_image, colours)], [fit], model, 256)
    cheek, _ = texel_points(model, 256, (model.regions["face"] * (1 - model.regions["lips"]))[:, None])
    inside = cheek[..., 0] > 0.9
    step = np.abs(np.diff(texture.rgb[..., 0].astype(int), axis=1))[inside[:, 1:] & inside[:, :-1]]
    assert np.percentile(step, 99.5) <= 20


def test_several_photos_show_more_and_the_squarest_counts_most(model: FaceModel) -> None:
    fits = [exact_fit(model, (0, yaw, 0)) for yaw in (-0.8, 0.0, 0.8)]
    colours = by_place(model)
    photos = [painted(model, f.vertices_image, colours) for f in fits]
    photos[0] = np.asarray(photos[0] * 0.8, np.uint8)
    one = uv_texture(photos[1:2], fits[1:2], model, 256)
    three = uv_texture([photos[1], photos[0], photos[2]], [fits[1], fits[0], fits[2]], model, 256)
    assert (three.coverage > 0.9).sum() > 1.4 * (one.coverage > 0.9).sum()
    wanted, _ = texel_points(model, 256, colours)
    sure = three.coverage > 0.99
    assert np.median(np.abs(three.rgb - wanted)[sure]) < 6


def test_no_texel_is_left_empty(model: FaceModel) -> None:
    fit = exact_fit(model)
    texture = uv_texture([portrait(model, fit)], [fit], model, 256)
    filled = atlas(model, 256).triangle_id > 0
    assert texture.rgb[filled].max(1).min() > 5


def test_the_mouth_has_white_teeth_and_dark_depth_though_it_was_shut(model: FaceModel) -> None:
    fit = exact_fit(model)
    texture = uv_texture([portrait(model, fit)], [fit], model, 512)
    part = np.append(np.int32(-1), model.triangle_part)[atlas(model, 512).triangle_id]
    mean = {name: texture.rgb[part == i].astype(float).mean(0) for i, name in enumerate(model.part_names)}
    brightest = {name: np.percentile(texture.rgb[part == i].mean(-1), 90) for i, name in enumerate(model.part_names)}
    assert brightest["teeth_upper"] > 95
    assert mean["mouth_cavity"].mean() < 60
    assert mean["tongue"][0] > 1.3 * mean["tongue"][2]


def test_seams_of_the_mouth_show_no_skin(model: FaceModel) -> None:
    """Beside the part's own texels lies what lies at its edge, up to the padding, at every size."""
    fit = exact_fit(model)
    for size in (256, 1024):
        rgb = uv_texture([portrait(model, fit)], [fit], model, size).rgb.astype(int)
        piece = np.append(-1, model.triangle_part)[atlas(model, size).triangle_id]
        cavity = piece == model.part_names.index("mouth_cavity")
        around = binary_dilation(cavity, iterations=2) & (piece < 0)
        nearest = distance_transform_edt(~cavity, return_indices=True)[1]
        assert around.sum() > size // 4
        np.testing.assert_array_equal(rgb[around], rgb[nearest[0], nearest[1]][around])
        assert rgb[around].mean() < 100


def test_what_does_not_belong_together_is_refused(model: FaceModel) -> None:
    fit = exact_fit(model)
    photo = np.zeros((SIZE, SIZE, 3), np.uint8)
    for images, fits in (([], []), ([photo], []), ([photo[:-1]], [fit]),
                         ([photo], [replace(fit, vertices_image=fit.vertices_image[:-1])])):
        with pytest.raises(BadInput):
            uv_texture(images, fits, model)
    with pytest.raises(BadInput):
        uv_texture([photo], [fit], model, 100000)


@pytest.mark.parametrize("step", [1, 4, 9])
def test_sparse_meshes_are_regular_subsets(model: FaceModel, step: int) -> None:
    mesh = sparse_mesh(model, step)
    face = model.regions["face"] > 0.5
    on_face = mesh.vertices[face[mesh.vertices]]
    assert len(np.unique(mesh.vertices)) == len(mesh.vertices)
    assert len(on_face) == pytest.approx(len(np.flatnonzero(face)) / step, rel=0.15)
    # Every edge belongs to at most two triangles, and its two sides run against each other.
    edges = np.concatenate([mesh.triangles[:, [0, 1]], mesh.triangles[:, [1, 2]], mesh.triangles[:, [2, 0]]])
    assert np.unique(edges, axis=0, return_counts=True)[1].max() <= 2
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 1).mean() > 0.97


def test_priors_have_the_photos_colours_where_the_targets_are(model: FaceModel) -> None:
    fit = exact_fit(model)
    colours = by_place(model)
    photo = painted(model, fit.vertices_image, colours)
    turned = project(model.vertices(fit.identity, expression(model, jawOpen=0.5)), np.array([0, 0.3, 0]),
                     fit.translation, fit.camera)
    mesh = sparse_mesh(model, 6)
    source, targets = sparse_texture(photo, fit, np.stack([fit.vertices_image, turned]), model, mesh, 128, 128)
    assert (source == targets[0]).all()
    truth = painted(model, turned * 0.5, colours, 128)
    both = (targets[1].max(-1) > 0) & (truth.max(-1) > 0)
    assert np.median(np.abs(targets[1].astype(int) - truth)[both]) < 12
    assert both.mean() > 0.1
    # A mosaic: few colours, and nothing where the photo shows nothing.
    assert len(np.unique(targets[1].reshape(-1, 3), axis=0)) <= len(mesh.triangles) + 1
    assert (source[0] == 0).all()


def test_hidden_samples_give_no_colour(model: FaceModel) -> None:
    """Seen from the front, the cheek that the photo hid stays empty."""
    fit = exact_fit(model, (0, -0.8, 0))
    photo = painted(model, fit.vertices_image, by_place(model))
    front = project(model.vertices(fit.identity), np.zeros(3), fit.translation, fit.camera)
    _, prior = sparse_texture(photo, fit, front, model, sparse_mesh(model, 4), SIZE, SIZE)
    cheek = model.regions["cheeks"] > 0.5
    near = front[cheek & (model.mean[:, 0] < 0)].mean(0)
    far = front[cheek & (model.mean[:, 0] > 0.05)].mean(0)
    assert prior[int(near[1]), int(near[0])].max() > 0
    assert prior[int(far[1]), int(far[0])].max() == 0


def test_impossible_steps_are_refused(model: FaceModel) -> None:
    for step in (0, -3, 10**6):
        with pytest.raises(BadInput):
            sparse_mesh(model, step)


@pytest.mark.parametrize("step", [1, 3])
def test_screen_priors_show_the_photo_on_the_face_and_nothing_beside_it(model: FaceModel, step: int) -> None:
    fit = exact_fit(model)
    colours = by_place(model)
    photo = painted(model, fit.vertices_image, colours)
    turned = project(model.vertices(fit.identity), np.array([0, 0.3, 0]), fit.translation, fit.camera)
    source, target = sparse_texture(photo, fit, turned, model, step, SIZE, SIZE)
    drawn = source.max(-1) > 0
    assert np.abs(source.astype(int) - photo)[drawn].max() < 3 + 6 * step
    truth = painted(model, turned, colours)
    both = (target.max(-1) > 0) & (truth.max(-1) > 0)
    assert np.median(np.abs(target.astype(int) - truth)[both]) < 6
    face = np.append(False, (model.regions["face"][model.triangles] > 0.5).all(1))
    seen = face[rasterize_image(fit.vertices_image, model.triangles, SIZE, SIZE, backend="cpu").triangle_id]
    assert (drawn & seen).sum() / seen.sum() > 0.75 and (drawn & ~seen).sum() < 0.02 * seen.sum()


def test_screen_priors_of_closed_lips_open(model: FaceModel) -> None:
    """Neighbouring pixels on either lip are no one surface: between lips that open there is nothing."""
    fit = exact_fit(model)
    photo = painted(model, fit.vertices_image, by_place(model))
    wide = project(model.vertices(fit.identity, expression(model, jawOpen=0.8)), np.zeros(3), fit.translation,
                   fit.camera)
    _, prior = sparse_texture(photo, fit, wide, model, 2, SIZE, SIZE)
    middle = model.points("ibug68", wide)[[62, 66]].mean(0)
    assert prior[int(middle[1]), int(middle[0])].max() == 0


def test_a_fit_in_its_face_square_lies_where_the_cut_shows_it(model: FaceModel) -> None:
    fit = exact_fit(model, (0.1, 0.3, 0.05))
    square = FaceSquare.around(fit.landmarks_68)
    inside = square.fit(fit, 128)
    again = project(model.vertices(fit.identity, fit.expression), inside.rotation, inside.translation, inside.camera)
    np.testing.assert_allclose(again, inside.vertices_image, atol=2e-3)
    photo = painted(model, fit.vertices_image, by_place(model))
    cut, truth = square.cut(photo, 128), painted(model, inside.vertices_image, by_place(model), 128)
    assert np.median(np.abs(cut.astype(int) - truth)[truth.max(-1) > 0]) <= 2


@pytest.mark.skipif(not cuda.available(), reason="needs CUDA and nvdiffrast")
@pytest.mark.parametrize("step", [1, 4])
def test_priors_are_the_same_on_both_backends(model: FaceModel, step: int) -> None:
    fit = exact_fit(model, (0.1, 0.3, 0.05))
    photo = painted(model, fit.vertices_image, by_place(model))
    turned = project(model.vertices(fit.identity), np.array([0, 0.4, 0.1]), fit.translation, fit.camera)
    for mesh in (sparse_mesh(model, step), step):
        pairs = zip(*(sparse_texture(photo, fit, turned, model, mesh, SIZE, SIZE, backend)
                      for backend in ("cpu", "cuda")), strict=True)
        for cpu, gpu in pairs:
            assert (cpu != gpu).any(-1).mean() <= 0.002
