# SPDX-License-Identifier: Apache-2.0
"""The training of the mesh net for turned heads: its pictures, its network, its steps."""

from pathlib import Path

import numpy as np
import pytest
from mien.core.face_model import FaceModel
from mien.core.model_files import default_model

pytest.importorskip("torch", reason="training needs the extra `neural`")
onnx = pytest.importorskip("onnx", reason="training needs the extra `nets`")

import torch  # noqa: E402
from mien.models.turned_mesh.graph_net import GraphNet  # noqa: E402
from mien.models.turned_mesh.pictures import SIDE, Painter  # noqa: E402
from mien.models.turned_mesh.textures import Heads  # noqa: E402
from mien.models.turned_mesh.train import BATCH, Material, Run, errors  # noqa: E402

NET = Path(__file__).parents[1] / "core" / "landmarks" / "face_turned.onnx"


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return default_model()


@pytest.fixture
def painter(model: FaceModel) -> Painter:
    random = np.random.default_rng(0)
    textures = random.integers(0, 255, (2, 512, 512, 3)).astype(np.uint8)
    heads = Heads(textures, random.normal(size=(2, 80)).astype(np.float32), np.zeros((2, 52), np.float32))
    return Painter(model, heads, [random.integers(0, 255, (60, 80, 3)).astype(np.uint8)])


def net() -> GraphNet:
    return GraphNet(onnx.load(NET), frozen_side=24)


def test_the_torch_net_is_the_onnx_net() -> None:
    runtime = pytest.importorskip("onnxruntime").InferenceSession(str(NET), providers=["CPUExecutionProvider"])
    images = np.random.default_rng(1).random((2, 3, SIDE, SIDE)).astype(np.float32)
    expected = runtime.run(None, {"image": images})
    points, logits = net()(torch.from_numpy(images))
    np.testing.assert_allclose(points.detach().numpy().reshape(2, -1), expected[0].reshape(2, -1), atol=2e-3)
    np.testing.assert_allclose(logits.detach().numpy(), expected[1].ravel(), atol=1e-3)


def test_weights_come_back_through_onnx() -> None:
    first = net()
    weights = {name: value.detach() + 0.5 for name, value in first.weights.items()}
    second = GraphNet(first.to_onnx(weights))
    for name, value in second.weights.items():
        np.testing.assert_allclose(value.detach(), weights[name], rtol=1e-3, atol=1e-3)


def test_pictures_repeat_and_show_the_landmarks_of_a_head(painter: Painter) -> None:
    for seed in range(4):
        window, landmarks = painter.picture(np.random.default_rng(seed))
        again, same = painter.picture(np.random.default_rng(seed))
        assert np.array_equal(window, again) and np.array_equal(landmarks, same)
        assert window.shape == (SIDE, SIDE, 3) and landmarks.shape == (468, 3)
        extent = np.ptp(landmarks[:, :2], axis=0).max()
        assert SIDE / 2.6 < extent < SIDE / 0.9
        assert landmarks[10, 1] < landmarks[152, 1], "the forehead is above the chin"
        assert landmarks[1, 2] < landmarks[[234, 454], 2].max(), "the nose is nearer than the farther ear"


def test_a_training_goes_on_as_if_it_had_not_stopped(painter: Painter, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    windows, landmarks = (np.stack(part) for part in zip(*(painter.picture(random) for _ in range(4)), strict=True))
    np.savez(tmp_path / "piece_1_000.npz", windows=windows, landmarks=landmarks)
    material = Material(tmp_path, (windows, landmarks), list(painter.grounds))
    material.refresh()
    through = Run.fresh(net())
    for _ in range(3):
        through.advance(material, 10)
    stopped = Run.fresh(net())
    stopped.advance(material, 10)
    stopped.save(tmp_path / "checkpoint.pt")
    resumed = Run.fresh(net())
    resumed.load(tmp_path / "checkpoint.pt")
    for _ in range(2):
        resumed.advance(material, 10)
    assert resumed.step == through.step == 3
    for name, value in through.average.items():
        assert torch.equal(value, resumed.average[name]), name


def test_depth_is_judged_up_to_a_shift() -> None:
    points = torch.from_numpy(np.random.default_rng(3).random((BATCH, 468, 3)).astype(np.float32))
    moved = points + torch.tensor([1.0, 0.0, 7.0])
    flat, depth = errors(moved, points)
    np.testing.assert_allclose(flat, 0.5, atol=1e-5)
    np.testing.assert_allclose(depth, 0.0, atol=1e-5)
