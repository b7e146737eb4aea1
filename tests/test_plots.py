# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from mien.core.camera import Camera
from mien.core.channels import ARKIT52
from mien.core.motion import Motion
from mien.core.plots import plot_motion

F = np.float32


def a_motion(count, moving=(), channels=ARKIT52, lost=slice(0, 0)):
    expression = np.zeros((count, len(channels)), F)
    wave = 0.5 - 0.5 * np.cos(np.linspace(0, 6 * np.pi, count))
    for name in moving:
        expression[:, channels.index(name)] = wave
    confidence = np.ones(count, F)
    confidence[lost] = 0
    return Motion(25.0, expression, np.zeros((count, 3), F), np.ones((count, 3), F), np.zeros(0, F), channels,
                  "m", "h", Camera.for_image(64, 64), confidence, {"source": "clip.mp4"})


def amount(picture, colour):
    return int((np.abs(picture.astype(int) - colour).max(-1) < 12).sum())


def has(picture, colour):
    return amount(picture, colour) > 0


BLUE, ORANGE, SHADE = (47, 111, 181), (217, 98, 43), (240, 217, 208)


def test_each_region_that_moves_gets_a_panel():
    still = plot_motion(a_motion(50))
    one = plot_motion(a_motion(50, ["jawOpen"]))
    two = plot_motion(a_motion(50, ["jawOpen", "browInnerUp"]))
    assert still.shape[1:] == one.shape[1:] == (1300, 3) and still.dtype == np.uint8
    assert still.shape[0] < one.shape[0] < two.shape[0]


def test_a_curve_is_drawn_where_its_values_are():
    flat = plot_motion(a_motion(50, ["jawOpen"]))
    np.testing.assert_array_equal(flat, plot_motion(a_motion(50, ["jawOpen"])))
    panel = flat[:flat.shape[0] // 2, 60:1100]
    blue = (np.abs(panel.astype(int) - BLUE).max(-1) < 40)
    centres = np.array([rows.mean() for rows in (np.flatnonzero(column) for column in blue.T) if len(rows)])
    turns = np.diff(np.sign(centres - centres.mean()))
    assert (turns != 0).sum() == 6


def test_left_and_right_share_a_colour_and_a_lost_face_is_shaded():
    motion = a_motion(50, ["eyeBlinkLeft", "eyeBlinkRight"], lost=slice(10, 20))
    picture = plot_motion(motion)
    upper = picture[:picture.shape[0] // 2]
    assert has(upper, BLUE) and not has(upper, ORANGE)
    other = plot_motion(a_motion(50, ["eyeBlinkLeft"]))
    assert amount(picture, SHADE) > 10_000 > 500 > amount(other, SHADE)


@pytest.mark.parametrize("count", [1, 2, 20_000])
def test_any_length_is_drawn(count):
    picture = plot_motion(a_motion(count, ARKIT52[:20]))
    assert picture.ndim == 3 and has(picture, BLUE)


def test_a_single_blink_in_a_long_motion_is_not_lost():
    motion = a_motion(30_000)
    motion.expression[15_000, 0] = 1
    assert plot_motion(motion).shape[0] > plot_motion(a_motion(30_000)).shape[0]
    panel = plot_motion(motion)[40:150, 60:1100]
    blue = (np.abs(panel.astype(int) - BLUE).max(-1) < 60)
    assert blue.any(1).mean() > 0.6


def test_channels_of_other_names_are_drawn_too():
    assert has(plot_motion(a_motion(30, ["smirk"], ("smirk",)))[:150], BLUE)
