# SPDX-License-Identifier: Apache-2.0
"""The face generators in torch: what their equations say, and ONNX beside them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mien.core.errors import BadInput
from mien.models.pgfg.config import FACEANIME, NAMED, TINY, TINY_FACEANIME, Config
from mien.models.pgfg.files import load_generator, save_generator
from mien.models.pgfg.runtime import Painter
from mien.models.pgfg.samples import still
from mien.models.pgfg.shapes import shapes
from mien.models.pgfg.toy_faces import ToyFaces

torch = pytest.importorskip("torch", reason="training needs the extra `neural`")

from mien.models.pgfg.generators import Whole, critic_of, units  # noqa: E402
from mien.models.pgfg.network import conv, moved, shifted_by, unshuffled  # noqa: E402
from toy_batches import batch_of, one_thread  # noqa: E402, F401

SMALL = [TINY, TINY_FACEANIME, replace(TINY, name="tiny-source", base="source"),
         replace(TINY, name="tiny-plain", residual=False)]


@pytest.mark.parametrize("config", NAMED.values(), ids=lambda c: c.name)
def test_the_arrays_are_named_and_sized_without_torch_as_with_it(config: Config) -> None:
    with torch.device("meta"):
        state = Whole(config).net.state_dict()
    found = {k: tuple(v.shape) for k, v in state.items() if not k.endswith("num_batches_tracked")}
    assert found == shapes(config)


def test_faceanime_is_as_large_as_the_released_code_says() -> None:
    with torch.device("meta"):
        whole, critic = Whole(FACEANIME), critic_of(FACEANIME)
    assert sum(p.numel() for p in whole.parameters()) / 1e6 == pytest.approx(114.6, abs=0.05)
    assert sum(p.numel() for p in critic.parameters()) / 1e6 == pytest.approx(20, abs=1)


@pytest.mark.parametrize("config", [TINY, TINY_FACEANIME], ids=lambda c: c.name)
def test_where_the_target_is_the_source_the_priors_cancel(config: Config) -> None:
    """z = E_I(I_s) + (E_p(p_t) - E_p(p_s)) is E_I(I_s): the prior's encoder does not matter, elsewhere it does."""
    torch.manual_seed(0)
    net = Whole(config).eval().net
    batch = units(batch_of(config.size))
    source, prior = batch["source"], batch["prior_source"][:, :config.planes]
    ones, flow = torch.ones_like(source[:, :1]), torch.from_numpy(still(config.size)).expand(4, -1, -1, -1)

    def code(prior_target):
        state = net.move(net.encode(source, prior), flow)
        if config.family == "faceanime":
            from mien.models.pgfg.faceanime import centred

            return state[-1] + net.prior(centred(prior_target))[0]
        return torch.cat([(f + p).flatten(1) for f, p in zip(
            state, net.prior(torch.cat([prior_target, source, ones], 1)), strict=False)], 1)

    with torch.no_grad():
        same, other = code(prior), code(batch["prior_target"][:, :config.planes])
        for parameter in net.prior.parameters():
            parameter.mul_(1.5)
        torch.testing.assert_close(code(prior), same, atol=2e-5, rtol=0)
        assert (code(batch["prior_target"][:, :config.planes]) - other).abs().max() > 1e-3


@pytest.mark.parametrize("config", SMALL, ids=lambda c: c.name)
def test_the_mask_mixes_base_and_paint(config: Config) -> None:
    torch.manual_seed(1)
    whole, batch = Whole(config).eval(), units(batch_of(config.size))
    with torch.no_grad():
        for parameter in whole.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
        made, mask, paint, *shift = whole(batch)
    base = shifted_by(batch[config.base], shift[0]) if shift else batch[config.base]
    assert bool(shift) == (config.family == "mien") and all(0 < s.abs().max() <= config.size / 16 for s in shift)
    torch.testing.assert_close(made, mask * paint + (1 - mask) * base)
    assert made.shape == batch["target"].shape and mask.min() > 0 and mask.max() < 1


def test_moving_features_is_grid_sampling_in_pixels() -> None:
    features = torch.randn(2, 3, 16, 16)
    flow = torch.from_numpy(still(64)).expand(2, -1, -1, -1)
    torch.testing.assert_close(moved(features, flow), features, atol=1e-5, rtol=0)
    shift = moved(features, flow + torch.tensor([8.0, 4.0]).view(1, 2, 1, 1))
    torch.testing.assert_close(shift[:, :, :-1, :-2], features[:, :, 1:, 2:], atol=1e-5, rtol=0)


def test_a_picture_comes_from_as_far_away_as_the_shift_says() -> None:
    picture = torch.rand(1, 3, 32, 32)
    shift = torch.zeros(1, 2, 16, 16)
    shift[:, 0], shift[:, 1] = 2, -1
    torch.testing.assert_close(shifted_by(picture, shift)[..., 1:, :-2], picture[..., :-1, 2:], atol=1e-5, rtol=0)


def test_an_untrained_network_shows_the_base() -> None:
    for config in (TINY, replace(TINY, base="source")):
        arrays = ToyFaces(config.size)[1].arrays()
        batch = units({k: torch.from_numpy(v)[None] for k, v in arrays.items() if v.ndim == 3})
        made, mask, under, shift = Whole(config)(batch)
        torch.testing.assert_close(made, batch[config.base], atol=1e-5, rtol=0)
        torch.testing.assert_close(under, made)
        assert (shift == 0).all() and 0 < mask.max() < 0.5


def test_the_wide_convolution_is_the_one_of_the_unshuffled_picture() -> None:
    layer, picture = conv(20, 8), torch.randn(2, 5, 16, 16)
    torch.testing.assert_close(unshuffled(picture, layer), layer(torch.nn.functional.pixel_unshuffle(picture, 2)))


@pytest.mark.parametrize("config", SMALL, ids=lambda c: c.name)
def test_onnx_and_torch_are_one(config: Config, tmp_path: Path) -> None:
    """Every pixel and mask equal to 2e-5 (of a range of 2), with weights as stored; the same bytes but for rounding."""
    pytest.importorskip("onnx", reason="writing graphs needs onnx")
    from mien.models.pgfg.export import export_graphs

    torch.manual_seed(2)
    whole = Whole(config).eval()
    with torch.no_grad():
        for value in whole.state_dict().values():
            if value.is_floating_point():
                value.copy_((value + 0.02 * torch.rand_like(value)).half().float())
    save_generator(tmp_path / "g.safetensors", config,
                   {k.removeprefix("net."): v.numpy() for k, v in whole.state_dict().items()})
    export_graphs(config, tmp_path)
    painter = Painter(load_generator(tmp_path / "g.safetensors"), threads=1, graphs=tmp_path)
    faces = ToyFaces(config.size)
    for index in range(3):
        one = faces[index]
        painter.begin(one.source, one.prior_source)
        layers = painter.painted(one.prior_target, one.warped, one.valid, one.flow)
        batch = units({k: torch.from_numpy(v)[None] for k, v in one.arrays().items() if v.ndim == 3})
        with torch.no_grad():
            made, wanted, _, *shift = whole(batch)
        np.testing.assert_allclose(layers.picture, made[0], atol=2e-5)
        np.testing.assert_allclose(layers.mask, wanted[0], atol=2e-5)
        assert (layers.shift is None) == (config.family == "faceanime")
        if shift:
            assert np.abs(layers.shift).max() > 0.05
            np.testing.assert_allclose(layers.shift, shift[0][0], atol=2e-5)


def test_the_graphs_in_the_box_are_those_that_are_written_now() -> None:
    onnx = pytest.importorskip("onnx", reason="writing graphs needs onnx")
    from mien.models.pgfg.export import graph
    from mien.models.pgfg.runtime import GRAPHS

    def steps(data: bytes):
        model = onnx.load_from_string(data)
        return [(n.op_type, len(n.input)) for n in model.graph.node], sorted(i.name for i in model.graph.initializer)

    for name in ("mien128", "mien256", "faceanime", "faceanime16"):
        for part in ("encode", "paint"):
            assert steps((GRAPHS / f"{name}.{part}.onnx").read_bytes()) == steps(graph(NAMED[name], part))


@pytest.mark.parametrize("config", [TINY, replace(TINY, name="tiny-source", base="source"), TINY_FACEANIME],
                         ids=lambda c: c.name)
def test_frames_by_torch_many_at_once_are_those_by_onnx_one_by_one(config: Config, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="writing graphs needs onnx")
    from mien.models.pgfg.export import export_graphs
    from mien.models.pgfg.torch_runtime import TorchPainter

    torch.manual_seed(7)
    state = Whole(config).state_dict()
    save_generator(tmp_path / "g.safetensors", config, {k.removeprefix("net."): v.numpy() for k, v in state.items()})
    export_graphs(config, tmp_path)
    weights = load_generator(tmp_path / "g.safetensors")
    one, many = Painter(weights, threads=1, graphs=tmp_path), TorchPainter(weights, "cpu")
    faces = ToyFaces(config.size)
    with pytest.raises(BadInput, match="no source yet"):
        many.frame(faces[0].prior_target, faces[0].warped, faces[0].valid, faces[0].flow)
    for painter in (one, many):
        painter.begin(faces[0].source, faces[0].prior_source)
    shown = [faces[i] for i in range(4)]
    fields = ("prior_target", "warped", "valid", "flow")
    together = many.frames(*(np.stack([getattr(s, f) for s in shown]) for f in fields))
    layers = many.layers(*(np.stack([getattr(s, f) for s in shown]) for f in fields))
    for s, picture, layer in zip(shown, together, layers, strict=True):
        values = [getattr(s, f) for f in fields]
        alone, = one.layers(*(v[None] for v in values))
        for name in ("picture", "mask", *(["shift"] if config.family == "mien" else [])):
            np.testing.assert_allclose(getattr(layer, name), getattr(alone, name), atol=2e-5)
        assert np.abs(one.frame(*values).astype(int) - picture).max() <= 1
        assert np.abs(many.frame(*values).astype(int) - picture).max() <= 1
