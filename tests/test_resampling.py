# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest
from mien.core.camera import rotation_matrix
from mien.core.errors import BadInput
from mien.core.motion_files import resample
from mien.core.rotations import multiply, quaternion, slerp, vector
from motions import FIELDS, F, a_motion


@pytest.mark.parametrize("fps", [10.0, 12.5, 24.0, 25.0, 30.0, 60.0])
def test_resampling_keeps_time(fps):
    base = a_motion(51, 25.0)
    t = np.arange(51) / 25
    turn = np.column_stack([np.zeros(51), 0.8 * t, np.zeros(51)]).astype(F)
    ramp = np.repeat((t / 2).astype(F)[:, None], 52, 1)
    out = resample(replace(base, expression=ramp, rotation=turn), fps)
    times = np.arange(len(out)) / fps
    assert times[-1] <= 2 + 1e-9 and times[-1] > 2 - 1 / fps - 1e-9
    np.testing.assert_allclose(out.expression[:, 0], times / 2, atol=1e-6)
    np.testing.assert_allclose(out.rotation[:, 1], 0.8 * times, atol=1e-5)
    assert out.fps == fps


def test_resampling_to_the_same_rate_changes_nothing():
    motion = a_motion()
    out = resample(motion, motion.fps)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(out, name), getattr(motion, name))
    for fps in (0, -1, float("nan"), 1001):
        with pytest.raises(BadInput, match="frame rate"):
            resample(motion, fps)


def test_rotation_goes_the_short_way():
    near_pi = np.array([[0, 3.1, 0], [0, -3.1, 0]], F)
    out = resample(replace(a_motion(2, 1.0), rotation=near_pi), 2.0)
    middle = rotation_matrix(out.rotation[1])
    np.testing.assert_allclose(middle, rotation_matrix(np.array([0, np.pi, 0])), atol=1e-5)


def test_quaternions_agree_with_matrices():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 1, (2, 50, 3))
    a[0] = 0
    np.testing.assert_allclose(rotation_matrix(vector(quaternion(a))), rotation_matrix(a), atol=1e-12)
    product = multiply(quaternion(a), quaternion(b))
    np.testing.assert_allclose(rotation_matrix(vector(product)), rotation_matrix(a) @ rotation_matrix(b), atol=1e-12)
    half = vector(slerp(quaternion(np.zeros_like(a)), quaternion(a), np.full(50, 0.5)))
    np.testing.assert_allclose(rotation_matrix(half) @ rotation_matrix(half), rotation_matrix(a), atol=1e-9)
