# SPDX-License-Identifier: Apache-2.0
"""The dynamics network in torch: the same as in numpy, trained, resumed, and its losses."""

from pathlib import Path

import numpy as np
import pytest
from mien.core.model_files import default_model
from mien.models.dynamics import corpus
from mien.models.dynamics.courses import draw_course
from mien.models.dynamics.files import load_network
from mien.models.dynamics.runtime import Target
from mien.models.dynamics.surface import Surface

torch = pytest.importorskip("torch", reason="training needs the extra `neural`")

from mien.models.dynamics import train as training  # noqa: E402
from mien.models.dynamics.batches import network_of, roll_out  # noqa: E402
from mien.models.dynamics.losses import SurfaceLoss, Tensors, Weights, losses  # noqa: E402
from mien.models.dynamics.samples import FUTURE, Windows  # noqa: E402


@pytest.fixture(scope="module")
def clips() -> list[corpus.Clip]:
    return corpus.load_corpus([corpus.SHIPPED])[:3]


@pytest.mark.parametrize("temperature", [0.0, 0.6, 1.0, 1.5])
@pytest.mark.parametrize("aimed", [False, True])
def test_torch_and_numpy_are_one(temperature: float, aimed: bool) -> None:
    """Equal to 1e-5 over 100 steps, for several starts at once."""
    network = load_network()
    runtime, config = network.runtime, network.runtime.config
    random = np.random.default_rng(7)
    start = np.cumsum(random.normal(size=(3, 12, config.state)) * 0.05, 1).astype(np.float32)
    anchor = start.mean(1)
    momentum = runtime.weights["momentum"][0]
    courses = [draw_course(network.bank, start[i], anchor[i], 100, i, momentum) for i in range(3)]
    goals = [Target(start[i, 0] + np.float32(0.5), None if i else np.full(config.state, 0.3, np.float32))
             for i in range(3)] if aimed else None
    many = roll_out(network_of(network), start, anchor, 100, temperature, courses, goals)
    for i in range(3):
        one = runtime.roll_out(start[i], anchor[i], 100, temperature, courses[i], goals[i] if goals else None)
        np.testing.assert_allclose(one, many[i], atol=1e-5)


def test_windows_are_what_they_say(clips: list[corpus.Clip]) -> None:
    codec = load_network().codec
    batch = Windows(clips, codec).batch(np.random.default_rng(0), 40)
    assert batch.states.shape == (40, batch.first + 1 + FUTURE, codec.size) and np.isfinite(batch.states).all()
    aimed = batch.timer[:, 0, 0] == 1
    assert 0.2 < aimed.mean() < 0.8
    assert np.all(batch.valid[:, :2] == 1) and np.all(np.diff(batch.valid, axis=1) <= 0)
    rows = np.flatnonzero(aimed)
    last = batch.first + batch.valid[rows].sum(1).astype(int) - 1
    np.testing.assert_array_equal(batch.target[rows], batch.states[rows, last])
    np.testing.assert_array_equal(batch.left[rows, 0], batch.valid[rows].sum(1) - 1)
    assert not batch.target[~aimed].any() and not batch.timer[~aimed].any()
    # The place is counted from the last observed frame.
    np.testing.assert_allclose(batch.states[:, batch.first, 3:6], 0, atol=1e-5)


def test_the_surface_of_the_loss_is_the_surface_that_is_measured(clips: list[corpus.Clip]) -> None:
    codec, surface = load_network().codec, Surface.of(default_model())
    states = codec.states(clips[0].motion, clips[0].motion.channels)
    loss = SurfaceLoss(codec, surface, len(surface.mean))
    pose = states[:, :6] * codec.pose_scale
    points = surface.points(codec.expression(states), pose[:, :3], pose[:, 3:])
    np.testing.assert_allclose(loss.points(torch.from_numpy(states)).numpy(), points, atol=0.02)


def test_the_density_is_one() -> None:
    """Steps drawn from a mixture are where it says that steps are: its expectation under itself is its entropy, which
    a quadrature of one number gives too."""
    network = load_network()
    net, config = network_of(network), network.runtime.config
    torch.manual_seed(0)
    zero = torch.zeros(1, config.state)
    said = net.step_of(torch.randn(1, config.hidden), torch.zeros(1, config.inputs), zero, zero)
    grid = torch.linspace(-60, 60, 20001)
    first = torch.nonzero(net.member[:, 2])[0, 0]
    steps = zero.repeat(len(grid), 1)
    steps[:, first] = grid
    wide = type(said)(*(part.expand(len(grid), *part.shape[1:]) for part in
                        (said.expected, said.logits, said.means, said.log_deviations)))
    slice_of = torch.exp(net.log_density(wide, steps)[:, 2].double())
    others = torch.nonzero(net.member[:, 2])[1:, 0]
    weights = torch.softmax(said.logits[0, :, 2], 0)
    rest = torch.distributions.Normal(said.means[0][:, others], said.log_deviations[0][:, others].exp())
    expected = (weights * torch.exp(rest.log_prob(torch.zeros(())).sum(1))).sum()
    torch.testing.assert_close(torch.trapezoid(slice_of, grid.double()), expected.double(), rtol=1e-3, atol=1e-9)


def test_losses_fall(clips: list[corpus.Clip]) -> None:
    fabric = pytest.importorskip("lightning_fabric", reason="training needs Lightning Fabric")
    one = fabric.Fabric(accelerator="cpu", devices=1)
    one.launch()
    run = training.Run(one, clips, training.Plan(steps=40, batch=8, hidden=16, everyone=True, rate=2e-2))
    batch = Tensors.of(run.windows.batch(np.random.default_rng(0), 16), one.device)
    parts = []
    for _ in range(2):
        run.plain.eval()
        torch.manual_seed(0)
        with torch.no_grad():
            parts.append({k: float(v) for k, v in losses(run.plain, run.surface, batch, Weights(), frames=20).items()})
        for _ in range(30):
            run.advance()
    assert parts[1]["density"] < parts[0]["density"] - 0.1 and parts[1]["loss"] < parts[0]["loss"]


def test_a_training_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    """To the last bit, on a CPU; curves and picture are written, the checkpoint goes."""
    pytest.importorskip("lightning_fabric", reason="training needs Lightning Fabric")
    motions = corpus.unpack(corpus.SHIPPED)[:2]
    corpus.pack(motions, tmp_path / "few.npz")
    plan = training.Plan(steps=4, batch=4, hidden=8, everyone=True, check_every=2)
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    places = [tmp_path / "few.npz"]
    training.train(whole, places, plan, accelerator="cpu")
    training.train(parts, places, plan, accelerator="cpu", stop_at=2)
    assert parts.with_suffix(".checkpoint.pt").exists() and not parts.exists()
    training.train(parts, places, plan, accelerator="cpu")
    assert whole.read_bytes() == parts.read_bytes()
    assert whole.with_suffix(".csv").read_text() == parts.with_suffix(".csv").read_text()
    assert whole.with_suffix(".png").stat().st_size > 5000
    assert not parts.with_suffix(".checkpoint.pt").exists()
    load_network(whole)
