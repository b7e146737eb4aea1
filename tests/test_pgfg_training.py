# SPDX-License-Identifier: Apache-2.0
"""How the face generator is taught: pairs, losses, recognition, and training that goes on after a stop."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mien.core.errors import BadInput
from mien.models.pgfg.config import TINY, TINY_FACEANIME
from mien.models.pgfg.files import load_generator, save_generator
from mien.models.pgfg.samples import EYE_AREA, MOUTH_AREA, PLACE
from mien.models.pgfg.toy_faces import ToyFaces

torch = pytest.importorskip("torch", reason="training needs the extra `neural`")

from mien.models.pgfg import augment, feeding, losses  # noqa: E402
from mien.models.pgfg.criterion import steadiness_loss, with_moved  # noqa: E402
from mien.models.pgfg.feeding import Direct, Store  # noqa: E402
from mien.models.pgfg.generators import Whole, bytes_of, units  # noqa: E402
from mien.models.pgfg.identity import (  # noqa: E402
    IdentityNet,
    Recogniser,
    crop_grid,
    load_recogniser,
    save_identity,
)
from mien.models.pgfg.identity_training import train_identity  # noqa: E402
from mien.models.pgfg.network import moved  # noqa: E402
from mien.models.pgfg.plan import Plan, plan_for  # noqa: E402
from mien.models.pgfg.train import train  # noqa: E402
from toy_batches import batch_of, one_thread  # noqa: E402, F401


def test_workers_make_the_pairs_of_one_source_together() -> None:
    class Grouping(ToyFaces):
        def group(self, index: int, count: int):
            return [self[index], self[index + 1]][:count]

    stream = iter(feeding._Stream(Grouping(32), 3))
    first, second, third = (next(stream) for _ in range(3))
    known = Grouping(32)
    index = int(np.random.default_rng([3, 0]).integers(len(known)))
    np.testing.assert_array_equal(first.target, known[index].target)
    np.testing.assert_array_equal(second.target, known[index + 1].target)
    assert not np.array_equal(third.target, known[index + 2].target)
    np.testing.assert_array_equal(next(iter(feeding._Stream(ToyFaces(32), 3))).target, known[index].target)


def test_what_shifts_cost() -> None:
    still = torch.zeros(2, 2, 8, 8)
    assert losses.reach(still) == losses.unevenness(still) == 0
    assert losses.reach(still + 0.5) == pytest.approx(1) and losses.unevenness(still + 0.5) == 0
    ramp = torch.arange(8.0).expand(2, 2, 8, 8)
    assert losses.unevenness(ramp) == pytest.approx(1) and losses.unevenness(-ramp.mT) == pytest.approx(1)


def test_variety_keeps_what_is_true() -> None:
    """Sampling the varied source by the varied flow gives the varied picture of the mesh; a mirror twice is nothing."""
    torch.manual_seed(3)
    batch = batch_of(64, 6)
    batch["flow"] = batch["flow"].float()
    twice = augment.mirrored(augment.mirrored(batch, torch.ones(6, dtype=torch.bool)), torch.ones(6, dtype=torch.bool))
    for name, value in batch.items():
        torch.testing.assert_close(twice[name].float(), value.float(), atol=1e-4, rtol=0)
    for change in (lambda b: augment.mirrored(b, torch.ones(6, dtype=torch.bool)), augment.turned):
        new = change(batch)
        for mine, field in (("source", "warped"),):
            taken = moved(new[mine].float(), new["flow"])
            inner = (..., slice(14, -14), slice(14, -14))
            assert (taken - new[field].float())[inner].abs().mean() < 3.0
            assert (new[mine].float() - new[field].float())[inner].abs().mean() > 8.0
        x, drawn = new["prior_target"][:, PLACE.start], new["prior_target"][:, PLACE.start + 2] > 0
        assert (x[drawn] > 0).all() and (x[~drawn] == 0).all()
    coloured = augment.recoloured(batch)
    same = {k for k in batch if torch.equal(coloured[k], batch[k])}
    assert same == {"flow", "valid", "regions", "person"}
    assert torch.equal((coloured["prior_target"] > 0), (batch["prior_target"] > 0))


def test_losses_are_nothing_for_truth_and_grow_with_error() -> None:
    batch = units(batch_of(64))
    target, regions, weights = batch["target"], batch["regions"], losses.MIEN
    assert losses.image_loss(target, target, regions, weights) == 0
    assert losses.structure_loss(target, target).abs() < 1e-5
    assert losses.similarity(target, target) == pytest.approx(1, abs=1e-5)
    noisy = [target + a * torch.randn_like(target) for a in (0.05, 0.2)]
    for loss in (lambda p: losses.image_loss(p, target, regions, weights), lambda p: losses.structure_loss(p, target)):
        assert 0 < loss(noisy[0]) < loss(noisy[1])
    # An error of the same size counts more in the mouth.
    wrong = [target + 0.1 * (regions == code) for code in (MOUTH_AREA, EYE_AREA)]
    for code, picture in zip((MOUTH_AREA, EYE_AREA), wrong, strict=True):
        share = (regions == code).float().mean()
        more = 1 + 4 * ((regions == MOUTH_AREA) | (regions == EYE_AREA)).float()
        assert losses.image_loss(picture, target, regions, weights) == pytest.approx(
            float(0.1 * 5 * share / more.mean()), rel=1e-4)


def test_what_moves_along_is_steady() -> None:
    batch = units(batch_of(64))
    asked, by = with_moved(batch, torch.tensor([0.9, 0.2]))
    assert by == (5, -4)
    count = len(asked["warped"]) - 4
    torch.testing.assert_close(steadiness_loss(asked["warped"][:4], asked["warped"][4:], by), torch.tensor(0.0))
    assert count == 1 and steadiness_loss(asked["source"][:4], asked["source"][4:], by) > 0.01
    torch.testing.assert_close(losses.shifted(batch["target"], by)[..., :-4, 5:], batch["target"][..., 4:, :-5])


def test_the_critics_penalty_is_nothing_at_slope_one() -> None:
    class Plane(torch.nn.Module):
        def __init__(self, slope: float) -> None:
            super().__init__()
            self.slope = slope

        def forward(self, prior, picture):
            return [[picture.flatten(1).sum(1) * self.slope / math.sqrt(picture[0].numel())]]

    target, made = torch.rand(3, 3, 8, 8), torch.rand(3, 3, 8, 8)
    assert losses.gradient_penalty(Plane(1.0), target, target, made) == pytest.approx(0, abs=1e-6)
    assert losses.gradient_penalty(Plane(3.0), target, target, made) == pytest.approx(4, rel=1e-4)


def test_faces_are_aligned_for_recognition() -> None:
    """Whatever the toy's place, size and turn, its eyes and mouth come to the rows where they belong."""
    batch = units(batch_of(128, 8))
    grid = crop_grid(batch["prior_target"])
    eyes = torch.nn.functional.grid_sample(batch["prior_target"][:, 6:7], grid, align_corners=False)[:, 0]
    rows = torch.arange(112.0)[None, :, None]
    middles = (eyes * rows).sum((1, 2)) / eyes.sum((1, 2))
    assert middles.std() < 2.5
    across = ((eyes * rows.transpose(1, 2)).sum((1, 2)) / eyes.sum((1, 2)) - 55.5).abs()
    assert across.max() < 3


def test_recognition_networks_in_files(tmp_path: Path) -> None:
    torch.manual_seed(4)
    net = IdentityNet()
    save_identity(tmp_path / "id.safetensors", net)
    read = load_recogniser(tmp_path / "id.safetensors")
    batch = units(batch_of(64))
    grid = crop_grid(batch["prior_target"])
    with torch.no_grad():
        vector = read(batch["target"], grid)[0]
        wanted = Recogniser(net)(batch["target"], grid)[0]
    torch.testing.assert_close(vector, wanted, atol=5e-3, rtol=0)
    torch.testing.assert_close(vector.norm(dim=1), torch.ones(4))
    assert not any(p.requires_grad for p in read.parameters())
    save_generator(tmp_path / "g.safetensors", TINY, {})
    with pytest.raises(BadInput, match="recognition network"):
        load_recogniser(tmp_path / "g.safetensors")


def test_a_user_s_onnx_network_gives_gradients_and_the_same_vector(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="reading ONNX needs onnx")
    import onnxruntime
    from mien.models.pgfg.onnx_net import OnnxNet

    torch.manual_seed(5)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.BatchNorm2d(8), torch.nn.PReLU(8),
                              torch.nn.Conv2d(8, 8, 3, 2, 1, groups=8), torch.nn.ReLU6(), torch.nn.Flatten(),
                              torch.nn.Linear(8 * 28 * 28, 16)).eval()
    path = tmp_path / "net.onnx"
    torch.onnx.export(net, torch.zeros(1, 3, 112, 112), str(path), dynamo=False, opset_version=17)
    picture = torch.randn(2, 3, 112, 112, requires_grad=True)
    vector, inner = OnnxNet(path)(picture)
    vector.sum().backward()
    assert picture.grad is not None and picture.grad.abs().sum() > 0 and len(inner) == 2
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    for one, want in zip(picture.detach().numpy(), vector.detach().numpy(), strict=True):
        np.testing.assert_allclose(session.run(None, {name: one[None]})[0][0], want, atol=1e-4)
    node = onnx.helper.make_node("Tanhish", ["x"], ["y"])
    info = [onnx.helper.make_tensor_value_info(n, 1, [1]) for n in "xy"]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "g", info[:1], info[1:])), path)
    with pytest.raises(BadInput, match="Tanhish"):
        OnnxNet(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(BadInput, match="damaged"):
        OnnxNet(path)


def plan(steps: int, **more) -> Plan:
    return replace(plan_for("tiny", steps=steps, batch=4), check_every=4, rate=2e-3, adversarial_from=0.4, **more)


def test_training_resumes_to_the_same_bits(tmp_path: Path) -> None:
    """Stopped and resumed, twice, as if it had never stopped: weights, critic, averages and random numbers."""
    pytest.importorskip("lightning_fabric", reason="training needs Lightning Fabric")
    recogniser = Recogniser(IdentityNet())
    for name, stops in (("whole", (8,)), ("parts", (3, 5, 8))):
        for stop in stops:
            done = train(tmp_path / f"{name}.safetensors", ToyFaces(32), ToyFaces(32, seed=9), plan(8),
                         recogniser=recogniser, accelerator="cpu", stop_at=stop)
            assert done == (stop == 8)
    whole, parts = (torch.load(tmp_path / f"{n}.checkpoint.pt", weights_only=True) for n in ("whole", "parts"))
    for part in ("net", "critic", "average"):
        for key, value in whole[part].items():
            assert torch.equal(value, parts[part][key]), key
    read = load_generator(tmp_path / "parts.safetensors", "tiny")
    assert read.notes["steps"] == "8"
    with (tmp_path / "whole.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["step"] for r in rows] == ["4", "8"]
    assert {"train image", "train adversarial", "train identity", "train steadiness", "held out L1", "held out mesh L1",
            "held out CSIM", "waiting", "pairs a second"} <= set(rows[1])
    assert (tmp_path / "whole.png").stat().st_size > 5000
    assert (tmp_path / "whole.sheets" / "0000008.jpg").exists() and (tmp_path / "whole.sheet.jpg").exists()
    with pytest.raises(BadInput, match="another configuration"):
        train(tmp_path / "whole.safetensors", ToyFaces(32), ToyFaces(32),
              replace(plan(9), config=replace(TINY, base="source")), accelerator="cpu")
    (tmp_path / "whole.checkpoint.pt").write_bytes(b"nonsense")
    with pytest.raises(BadInput, match="damaged"):
        train(tmp_path / "whole.safetensors", ToyFaces(32), ToyFaces(32), plan(9), accelerator="cpu")


def test_it_learns_what_the_mesh_does_not_show(tmp_path: Path) -> None:
    """On unseen toys the network is nearer to the truth than the mesh's picture."""
    pytest.importorskip("lightning_fabric", reason="training needs Lightning Fabric")
    quick = replace(plan(150, weights=replace(losses.MIEN, adversarial=0, steadiness=0, landmarks=0,
                                            traits=0)), batch=8, check_every=150,
                    rate=5e-3, average=0.98)
    train(tmp_path / "g.safetensors", ToyFaces(32), ToyFaces(32, seed=9), quick, accelerator="cpu")
    with (tmp_path / "g.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    assert float(last["held out L1"]) < 0.93 * float(last["held out mesh L1"])


def test_faceanime_trains_as_a_wasserstein_gan(tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric", reason="training needs Lightning Fabric")
    small = replace(plan_for("tiny-faceanime", steps=3, batch=4), check_every=3)
    assert small.weights.penalty == 10 and small.config.base == "source"
    train(tmp_path / "f.safetensors", ToyFaces(32), ToyFaces(32, seed=9), small, accelerator="cpu")
    assert load_generator(tmp_path / "f.safetensors").config == TINY_FACEANIME


def test_weights_can_be_begun_from(tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric", reason="training needs Lightning Fabric")
    torch.manual_seed(6)
    arrays = {k.removeprefix("net."): v.numpy() for k, v in Whole(TINY).state_dict().items()}
    save_generator(tmp_path / "start.safetensors", TINY, arrays)
    frozen = replace(plan(1), rate=0.0, check_every=1)
    train(tmp_path / "g.safetensors", ToyFaces(32), ToyFaces(32), frozen, start=tmp_path / "start.safetensors",
          accelerator="cpu")
    assert (tmp_path / "g.safetensors").read_bytes()[-3000:] == (tmp_path / "start.safetensors").read_bytes()[-3000:]
    with pytest.raises(BadInput, match="32 pixels, tiny learns from"):
        train(tmp_path / "h.safetensors", ToyFaces(32), ToyFaces(32), replace(
            frozen, config=replace(TINY, size=64)), accelerator="cpu")


def test_a_store_serves_pairs_that_workers_make() -> None:
    """Batches hold true pairs, each as some index gives it, and workers' failures are heard of."""
    store = Store(ToyFaces(32), torch.device("cpu"), places=32, workers=2, seed=1)
    try:
        random = np.random.default_rng(0)
        first = store.batch(random, 8)
        direct = Direct(ToyFaces(32), torch.device("cpu")).batch(random, 8)
        assert {k: (v.shape, v.dtype) for k, v in first.items()} == {k: (v.shape, v.dtype) for k, v in direct.items()}
        taken = moved(first["source"].float(), first["flow"].float())
        assert (taken - first["warped"].float()).abs().mean() < 1
        assert len({tuple(s.flatten().tolist()) for s in first["source"]}) > 3
    finally:
        store.close()

    class Broken(ToyFaces):
        def __getitem__(self, index: int):
            if index > 5:
                raise BadInput("A shard is damaged.")
            return super().__getitem__(index)

    store = Store(Broken(32), torch.device("cpu"), places=32, workers=1, seed=1)
    try:
        with pytest.raises(Exception, match="damaged"):
            store.batch(random, 8)
    finally:
        store.close()


def test_identities_are_learned(tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric", reason="training needs Lightning Fabric")
    train_identity(tmp_path / "id.safetensors", ToyFaces(32), ToyFaces(32), steps=20, batch=12, accelerator="cpu")
    with (tmp_path / "id.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    assert float(last["same"]) > float(last["others"]) + 0.25
    assert isinstance(load_recogniser(tmp_path / "id.safetensors").net, IdentityNet)


def test_plans_refuse_what_is_not_there() -> None:
    with pytest.raises(BadInput, match="There is no loss 'beauty'"):
        plan_for("mien256", weights={"beauty": 1})
    with pytest.raises(BadInput, match="no configuration"):
        plan_for("mien1024")
    changed = plan_for("mien256", base="source", plain_prior=True, weights={"adversarial": 0})
    assert changed.config.name == "mien256-source-plain" and changed.weights.adversarial == 0
    assert bytes_of(torch.tensor([-1.0, 0.0, 1.2])).tolist() == [0, 128, 255]


@pytest.mark.parametrize(("words", "said"), [
    ([], "Give the folders of the shards"), (["--weight", "mouth"], "--weight needs a loss and a number"),
    (["--weight", "beauty=1"], "There is no loss 'beauty'"), (["--config", "mien4"], "There is no configuration"),
    (["--steps", "0"], "--steps must be 1 or more"), (["--identity", "none.safetensors"], "Cannot read the weights"),
    (["nowhere"], "nowhere")])
def test_the_command_says_what_is_wrong(words: list[str], said: str, tmp_path: Path, capsys) -> None:
    from mien.core.cli import main

    assert main(["train", "pgfg", *words, "-o", str(tmp_path / "g.safetensors")]) == 1
    error = capsys.readouterr().err.strip()
    assert said in error and "\n" not in error and not list(tmp_path.iterdir())
