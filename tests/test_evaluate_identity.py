# SPDX-License-Identifier: Apache-2.0
"""The alignment before face recognition, and the network's bad files."""

from pathlib import Path

import numpy as np
import pytest
from mien.core.errors import BadInput
from mien.core.evaluate import identity as i
from skimage.data import astronaut

NETWORK = Path(__file__).parents[2] / "shared/metrics/MobileFaceNet.onnx"
TURN = np.array([[0.6, -0.8], [0.8, 0.6]])


def _mesh(points: np.ndarray) -> np.ndarray:
    """A mesh of 478 points whose five points are the given ones."""
    mesh = np.zeros((478, 2))
    for eye, corners in zip(points[:2], i._EYE_CORNERS, strict=True):
        mesh[list(corners)] = eye + np.array([[-7, -1], [7, 1]])
    mesh[list(i._NOSE_AND_MOUTH)] = points[2:]
    return mesh


def test_similarity_finds_turn_scale_and_shift():
    turn, shift = i.similarity(i.ARCFACE_TEMPLATE, i.ARCFACE_TEMPLATE @ (2.5 * TURN).T + [30, -4])
    assert turn == pytest.approx(2.5 * TURN)
    assert shift == pytest.approx([30, -4])


def test_a_face_already_on_the_template_is_cut_out_as_it_is():
    picture = astronaut()
    crop = i.align_face(picture, _mesh(i.ARCFACE_TEMPLATE + 0.5 + [100, 60]))
    assert crop == pytest.approx(picture[60:172, 100:212].astype(float), abs=1e-9)


def test_missing_and_damaged_networks_are_named(tmp_path):
    with pytest.raises(BadInput, match="no recognition network"):
        i.FaceIdentity(tmp_path / "none.onnx")
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"not a network")
    with pytest.raises(BadInput, match="not a usable ONNX"):
        i.FaceIdentity(damaged)


@pytest.mark.shared
@pytest.mark.skipif(not NETWORK.is_file(), reason="needs ../shared/metrics")
def test_persons_are_told_apart():
    from PIL import Image

    photos = NETWORK.parents[1] / "data/photos_dev"
    landmarks = np.load(photos / "landmarks.npz")
    network = i.FaceIdentity(NETWORK)
    names = ("em_a1", "em_a2", "nasa_1")
    pictures = [np.asarray(Image.open(photos / f"{name}.jpg").convert("RGB")) for name in names]
    vectors = [network.embed(p, landmarks[n]) for p, n in zip(pictures, names, strict=True)]
    assert vectors[0] @ vectors[0] == pytest.approx(1)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.15
