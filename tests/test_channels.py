# SPDX-License-Identifier: Apache-2.0
import numpy as np
from mien.core.channels import ARKIT52, CHANNELS, REGIONS, channels_of, mirror_index, mirror_name

APPLE = [
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft",
    "eyeSquintLeft", "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight",
    "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight", "jawForward", "jawLeft",
    "jawRight", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft",
    "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft", "browDownRight",
    "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
]


def test_the_names_are_apples_in_apples_order():
    assert list(ARKIT52) == APPLE
    assert len(set(ARKIT52)) == 52


def test_regions_partition_the_channels():
    by_region = [name for region in REGIONS for name in channels_of(region)]
    assert sorted(by_region) == sorted(ARKIT52)
    assert {region: len(channels_of(region)) for region in REGIONS} == {
        "brows": 5, "eyes": 14, "cheeks": 3, "nose": 2, "jaw": 4, "mouth": 23, "tongue": 1}


def test_mirroring_is_an_involution_that_keeps_region_and_moves_every_sided_channel():
    index = mirror_index(ARKIT52)
    np.testing.assert_array_equal(index[index], np.arange(52))
    for i, channel in enumerate(CHANNELS):
        assert ARKIT52[index[i]] == channel.mirror
        assert CHANNELS[index[i]].region == channel.region
        assert (index[i] != i) == channel.name.endswith(("Left", "Right"))
    assert mirror_name("jawLeft") == "jawRight" and mirror_name("mouthRight") == "mouthLeft"


def test_a_channel_without_its_partner_stays_where_it_is():
    np.testing.assert_array_equal(mirror_index(["jawLeft", "jawOpen", "mouthRight"]), [0, 1, 2])


def test_gaze_units_name_the_side_the_eye_turns_to():
    facs = {channel.name: channel.facs for channel in CHANNELS}
    assert facs["eyeLookInLeft"] == facs["eyeLookOutRight"] == "M62 eye turns right"
    assert facs["eyeLookOutLeft"] == facs["eyeLookInRight"] == "M61 eye turns left"
    assert all(facs[name] for name in ARKIT52)
