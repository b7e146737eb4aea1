# SPDX-License-Identifier: Apache-2.0
"""Expression presets: known channels, everyday strength, and faces that do what their name says."""

import numpy as np
import pytest
from mien.core.channels import ARKIT52, CHANNELS, mirror_index
from mien.core.errors import BadInput
from mien.core.face_model import FaceModel
from mien.core.model_files import default_model
from mien.core.presets import PRESETS, VISEME_REGIONS, preset_values
from numpy.typing import NDArray

REGION = {channel.name: channel.region for channel in CHANNELS}
SIDED = {"contempt", "wink_left", "wink_right", "thoughtful"}


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return default_model()


def points(model: FaceModel, name: str) -> NDArray[np.floating]:
    """The 68 landmarks (68, 3) in model space; iBUG's order has the subject's right first."""
    return model.points("ibug68", model.vertices(None, preset_values(name, model.expression_names)))


def test_tables_name_channels_at_everyday_strength() -> None:
    for name, preset in PRESETS.items():
        assert preset.name == name and preset.label
        assert set(preset.values) <= set(ARKIT52), name
        assert all(0 < value <= 1 for value in preset.values.values()), name
        if preset.kind == "viseme":
            assert {REGION[channel] for channel in preset.values} <= set(VISEME_REGIONS), name
    assert sum(p.kind == "viseme" for p in PRESETS.values()) == 15
    assert len({tuple(sorted(p.values.items())) for p in PRESETS.values() if p.values}) == len(PRESETS) - 2


@pytest.mark.parametrize("name", PRESETS)
def test_sides_are_alike_but_where_they_should_not(name: str) -> None:
    values = preset_values(name, ARKIT52)
    mirrored = preset_values(name, ARKIT52, mirrored=True)
    np.testing.assert_array_equal(mirrored, values[mirror_index(ARKIT52)])
    assert np.array_equal(values, mirrored) == (name not in SIDED)
    np.testing.assert_allclose(preset_values(name, ARKIT52, 0.5), values / 2)


def test_other_winks_are_mirror_images() -> None:
    np.testing.assert_array_equal(preset_values("wink_left", ARKIT52, mirrored=True),
                                  preset_values("wink_right", ARKIT52))


def test_faces_do_what_they_are_called(model: FaceModel) -> None:
    rest = points(model, "neutral")
    moved = {name: points(model, name) - rest for name in PRESETS}
    corners, brows, lower_lip, upper_lids = [48, 54], list(range(17, 27)), 57, [37, 38, 43, 44]
    assert (moved["smile"][corners, 1] > 0.002).all() and (moved["grin"][corners, 1] > 0.002).all()
    assert (moved["frown"][corners, 1] < -0.002).all() and (moved["sadness"][corners, 1] < 0).all()
    assert (moved["surprise"][brows, 1] > 0.0015).all() and moved["surprise"][lower_lip, 1] < -0.01
    assert moved["anger"][brows, 1].mean() < -0.001
    assert (moved["blink"][upper_lids, 1] < -0.003).all()
    left, right = moved["wink_left"][[43, 44], 1], moved["wink_left"][[37, 38], 1]
    assert (left < -0.003).all() and (np.abs(right) < 0.001).all()
    width = {name: np.ptp(rest[corners, 0] + moved[name][corners, 0]) for name in PRESETS}
    assert width["kiss"] < 0.9 * width["neutral"] < width["neutral"] < width["viseme_ih"]
    assert width["viseme_ou"] < width["viseme_oh"] < width["viseme_aa"]
    opening = {name: -(moved[name][lower_lip, 1]) for name in PRESETS}
    assert opening["viseme_aa"] > opening["viseme_e"] > opening["viseme_pp"]


def test_channels_that_a_face_lacks_are_left_out() -> None:
    np.testing.assert_array_equal(preset_values("smile", ("tongueOut", "mouthSmileLeft")),
                                  np.float32([0, PRESETS["smile"].values["mouthSmileLeft"]]))
    with pytest.raises(BadInput, match="smirk"):
        preset_values("smirk", ARKIT52)
