# SPDX-License-Identifier: Apache-2.0
"""Measures of pictures and landmarks, against scikit-image and against what follows from their formulas."""

import numpy as np
import pytest
from mien.core import metrics
from mien.core.errors import BadInput
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


@pytest.fixture(scope="module")
def pictures() -> tuple[np.ndarray, np.ndarray]:
    clean = astronaut()[40:171, 150:301]
    noise = np.random.default_rng(0).normal(0, 12, clean.shape)
    return clean, np.clip(clean + noise, 0, 255).astype(np.uint8)


def test_psnr_is_that_of_scikit_image(pictures):
    assert metrics.psnr(*pictures) == pytest.approx(peak_signal_noise_ratio(*pictures), abs=1e-9)
    assert metrics.psnr(pictures[0], pictures[0]) == float("inf")


@pytest.mark.parametrize("channels", [3, None])
def test_ssim_is_that_of_scikit_image(pictures, channels):
    a, b = (p if channels else p[..., 1] for p in pictures)
    expected = structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                     data_range=255, channel_axis=2 if channels else None)
    assert metrics.ssim(a, b) == pytest.approx(expected, abs=1e-9)
    assert metrics.ssim(a, a) == pytest.approx(1, abs=1e-12)


def test_l1_is_one_between_black_and_white():
    black, white = np.zeros((12, 13, 3), np.uint8), np.full((12, 13, 3), 255, np.uint8)
    assert metrics.l1(black, white) == 1
    assert metrics.l1(white, black) == 1
    assert metrics.l1(white, white) == 0


@pytest.mark.parametrize("measure", [metrics.l1, metrics.psnr, metrics.ssim])
def test_pictures_of_other_sizes_are_refused(measure):
    with pytest.raises(BadInput, match="different sizes"):
        measure(np.zeros((20, 20, 3), np.uint8), np.zeros((20, 21, 3), np.uint8))


def test_ssim_refuses_what_its_window_does_not_fit():
    with pytest.raises(BadInput, match="at least 11"):
        metrics.ssim(np.zeros((10, 30, 3), np.uint8), np.zeros((10, 30, 3), np.uint8))


def test_nme_of_a_shift_is_its_length_over_the_box():
    corners = np.array([[10.0, 20], [50, 20], [10, 110], [50, 110]])
    truth = np.stack([corners, 3 * corners])
    predicted = truth + np.array([3, 4])
    assert metrics.nme(predicted, truth) == pytest.approx([100 * 5 / 60, 100 * 5 / 180])
    assert metrics.nme(np.c_[corners, np.full(4, 99)], corners) == 0


def test_akd_is_in_pixels_of_a_256_picture():
    points = np.random.default_rng(1).uniform(0, 500, (68, 2))
    assert metrics.akd(points + np.array([6, 8]), points, 512, 512) == pytest.approx(5)
    assert metrics.akd(points + np.array([10, 0]), points, 1280, 720) == pytest.approx(2)
