# SPDX-License-Identifier: Apache-2.0
"""The landmark network as a teacher: it sees what the base install's own sees, and says where to move a face."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `neural`")
pytest.importorskip("onnx", reason="reading the network for training needs onnx")

from mien.core.landmarks import landmarks_of  # noqa: E402
from mien.core.landmarks.runtime import run_net  # noqa: E402
from mien.models.faces.made_up import PeopleJob, make_people  # noqa: E402
from mien.models.faces.pairs import FacePairs  # noqa: E402
from mien.models.faces.played import Options  # noqa: E402
from mien.models.pgfg.criterion import Teachers, judged  # noqa: E402
from mien.models.pgfg.feeding import collated  # noqa: E402
from mien.models.pgfg.generators import bytes_of, units  # noqa: E402
from mien.models.pgfg.landmarker import SIDE, Landmarker, landmark_loss, window_grid  # noqa: E402
from mien.models.pgfg.losses import Weights  # noqa: E402
from torch.nn import functional  # noqa: E402
from toy_batches import one_thread  # noqa: E402, F401

NOTHING = Weights(adversarial=0, identity=0, perceptual=0, structure=0, under=0, image=0, smooth=0, reach=0,
                  mask=0, landmarks=0, traits=0)


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("faces")
    make_people(PeopleJob(folder / "people_0000000.npz", 0, 2, 3, 192))
    pairs = FacePairs.of([folder], "train", Options(192, synthetic=1.0, augment=False))
    return units(collated([pairs[i] for i in range(3)]))


@pytest.fixture(scope="module")
def landmarker() -> Landmarker:
    return Landmarker()


def windows_of(pictures, grid):
    return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def test_it_is_the_network_in_the_box(batch, landmarker: Landmarker) -> None:
    grid = window_grid(batch["prior_target"])
    points, seen = landmarker(batch["target"], grid)
    window = ((windows_of(batch["target"], grid) + 1) / 2).numpy()
    wanted = np.asarray(run_net("face_turned", window)[0]).reshape(3, 468, 3)[..., :2]
    np.testing.assert_allclose(points.numpy(), wanted, atol=0.02)
    assert [f.shape[-1] for f in seen] == [96, 48, 24, 12]


def test_its_windows_are_those_it_is_used_to(batch, landmarker: Landmarker) -> None:
    """The face fills two thirds of them, in their middle, and its points lie where the base install finds them."""
    grid = window_grid(batch["prior_target"])
    points, _ = landmarker(batch["target"], grid)
    low, high = points.amin(1), points.amax(1)
    assert torch.allclose((low + high) / 2, torch.full((3, 2), SIDE / 2), atol=12)
    assert torch.allclose((high - low).amax(1), torch.full((3,), SIDE / 1.5), atol=16)
    for one, where, picture in zip(points, grid, bytes_of(batch["target"]), strict=True):
        found = landmarks_of(np.ascontiguousarray(picture.numpy().transpose(1, 2, 0))).points[:468, :2]
        place = functional.grid_sample(where.permute(2, 0, 1)[None], one[None, None] * (2 / SIDE) - 1,
                                       align_corners=False)[0, :, 0].T
        shown = (place.numpy() + 1) * (192 / 2)
        assert np.linalg.norm(shown - found, axis=1).mean() < 5


def test_windows_move_at_random(batch) -> None:
    torch.manual_seed(3)
    still, moved = window_grid(batch["prior_target"]), window_grid(batch["prior_target"], 0.1)
    by = (moved - still).reshape(3, -1, 2)
    assert by.std(1).max() < 1e-6 and 0 < by.abs().max() <= 0.1 and len(by[:, 0].unique(dim=0)) == 3


def test_the_distance_of_points() -> None:
    points = torch.rand(2, 5, 2)
    assert landmark_loss(points, points) == pytest.approx(0.01)
    assert landmark_loss(points + torch.tensor([3.0, 4.0]), points) == pytest.approx(5, rel=1e-4)


def test_a_face_that_lies_aside_is_moved_back(batch, landmarker: Landmarker) -> None:
    """Following the loss's slope, a shift of the whole picture by two pixels is found and undone."""
    by = torch.tensor([2.0, -1.0], requires_grad=True)
    weights = replace(NOTHING, landmarks=1.0, traits=1.0)
    optimizer, first = torch.optim.Adam([by], 0.2), 0.0
    still = functional.affine_grid(torch.eye(2, 3).expand(3, 2, 3), [3, 3, 192, 192], align_corners=False)
    for _ in range(25):
        made = windows_of(batch["target"], still + by * (2 / 192))
        ones = torch.ones_like(made[:, :1])
        parts = judged((made, ones, made), batch, weights, None, Teachers(landmarker=landmarker))
        first = first or float(parts["landmarks"].detach())
        optimizer.zero_grad()
        parts["loss"].backward()
        optimizer.step()
    assert first > 1.5 and float(parts["landmarks"].detach()) < 0.5 and by.abs().max() < 0.5
    assert "identity" not in parts and float(parts["traits"].detach()) < 0.2


def test_only_what_is_asked_for_is_loaded() -> None:
    cpu = torch.device("cpu")
    assert Teachers.of(Weights(landmarks=0, traits=0), None, cpu) == Teachers()
    assert Teachers.of(Weights(), None, cpu).landmarker is not None
