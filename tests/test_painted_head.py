# SPDX-License-Identifier: Apache-2.0
"""The texture for heads without a photo: everything is where the face model has it."""

import numpy as np
import pytest
from mien.core.face_models.painted_head import painted_head
from mien.core.image import read_image
from mien.core.model_files import DEFAULT_MODEL, default_model
from mien.core.rasterize import interpolate
from mien.core.texture_space import atlas

SIZE = 512


@pytest.fixture(scope="module")
def painted() -> np.ndarray:
    return painted_head(default_model(), SIZE)


def _part(name: str) -> np.ndarray:
    model = default_model()
    index = model.part_names.index(name)
    return np.append(False, model.triangle_part == index)[atlas(model, SIZE).triangle_id]


def test_same_each_time(painted: np.ndarray) -> None:
    assert painted.shape == (SIZE, SIZE, 3) and painted.dtype == np.uint8
    np.testing.assert_array_equal(painted, painted_head(default_model(), SIZE))


def test_pupils_are_the_darkest_of_the_eyes(painted: np.ndarray) -> None:
    model = default_model()
    place = interpolate(atlas(model, SIZE), model.triangles, model.mean)
    for name in ("eye_left", "eye_right"):
        seen = _part(name)
        front = seen & (place[..., 2] > np.percentile(place[seen][:, 2], 99))
        white = seen & (place[..., 2] < np.percentile(place[seen][:, 2], 70))
        assert painted[front].mean() < 40
        assert painted[white].mean() > 130


def test_brows_lips_and_teeth_differ_from_skin(painted: np.ndarray) -> None:
    model = default_model()
    texels = atlas(model, SIZE)
    weight = {name: interpolate(texels, model.triangles, model.regions[name][:, None])[..., 0]
              for name in ("brows", "lips", "forehead")}
    skin = _part("skin")
    plain = painted[skin & (weight["forehead"] > 0.9) & (weight["brows"] < 0.01)].astype(float)
    assert painted[skin & (weight["brows"] > 0.9)].mean() < 0.75 * plain.mean()
    lips = painted[skin & (weight["lips"] > 0.9)].astype(float)
    assert lips[:, 0].mean() / lips[:, 1].mean() > 1.1 * plain[:, 0].mean() / plain[:, 1].mean()
    assert plain.std(0).max() < 12  # even skin, not a mask
    for name in ("teeth_upper", "teeth_lower"):
        assert painted[_part(name)].max() > 200


def test_the_picture_in_the_box_is_this_one(painted: np.ndarray) -> None:
    shipped = read_image(DEFAULT_MODEL.with_name("default_texture.jpg")).astype(float)
    assert shipped.shape == (2048, 2048, 3)
    coarse = shipped.reshape(SIZE, 4, SIZE, 4, 3).mean((1, 3))
    inside = atlas(default_model(), SIZE).triangle_id > 0
    assert np.abs(coarse - painted)[inside].mean() < 3
