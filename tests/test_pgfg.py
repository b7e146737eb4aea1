# SPDX-License-Identifier: Apache-2.0
"""The face generator without torch: its samples, its files, and its pictures by onnxruntime."""

import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mien.core.errors import BadInput, MienError, MissingPart
from mien.models.dynamics.weights import write_weights
from mien.models.pgfg.config import MIEN128, NAMED, TINY, Config, config_named
from mien.models.pgfg.files import load_generator, save_generator
from mien.models.pgfg.runtime import Painter, moved
from mien.models.pgfg.samples import COEFFICIENTS, EYE_AREA, MOUTH, PLACE, PLANES, Sample, layout, sampled, still
from mien.models.pgfg.shapes import shapes
from mien.models.pgfg.toy_faces import ToyFaces


def arrays_of(config: Config, seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights that halve exactly."""
    random = np.random.default_rng(seed)
    return {name: (random.normal(size=shape) * (np.prod(shape[1:]) + 1) ** -0.5).astype(np.float16)
            for name, shape in shapes(config).items()}


def test_the_same_number_gives_the_same_pair_and_its_fields_are_what_they_say() -> None:
    faces = ToyFaces(48)
    one, again = faces[7], ToyFaces(48)[7]
    for name, (shape, kind) in layout(48).items():
        array = getattr(one, name)
        assert array.shape == shape and array.dtype == kind
        np.testing.assert_array_equal(array, getattr(again, name))
    assert Sample.of(one.arrays()).size == 48
    with pytest.raises(BadInput, match="lacks `flow`"):
        Sample.of({k: v for k, v in one.arrays().items() if k != "flow"})
    with pytest.raises(BadInput, match="`valid` of a training sample"):
        Sample.of({**one.arrays(), "valid": one.valid[:, :-1]})
    assert one.coefficients_target.shape == (COEFFICIENTS,)


def test_where_a_toy_is_valid_the_flow_tells_the_truth() -> None:
    """Far better than staying still, and the regions that are not valid are the eyes and the mouth."""
    better = []
    for i in range(12):
        one = ToyFaces(64)[i]
        seen = np.repeat(one.valid, 3, 0) > 0
        face = np.repeat(one.prior_target[PLACE][2:] > 0, 3, 0) & seen
        away = np.abs(one.warped.astype(float) - one.target)[face].mean()
        better.append(away - np.abs(one.source.astype(float) - one.target)[face].mean())
        assert not one.valid[one.regions == EYE_AREA].any() and not one.valid[one.prior_target[MOUTH] > 0].any()
    assert np.mean(better) < -3


def test_flow() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (3, 20, 20)).astype(np.uint8)
    np.testing.assert_array_equal(sampled(picture, still(20)), picture)
    moved_on = sampled(picture, still(20) + np.array([2, -1], np.float32)[:, None, None])
    np.testing.assert_array_equal(moved_on[:, 1:, :-2], picture[:, :-1, 2:])


def test_features_move_as_pictures_do() -> None:
    """A flow of whole cells shifts the features by them; one that stays leaves them."""
    features = np.random.default_rng(1).normal(size=(5, 16, 16)).astype(np.float32)
    np.testing.assert_allclose(moved(features, still(64)), features, atol=1e-6)
    shift = moved(features, still(64) + np.array([8, 12], np.float32)[:, None, None])
    np.testing.assert_allclose(shift[:, :-3, :-2], features[:, 3:, 2:], atol=1e-5)
    np.testing.assert_allclose(shift[:, -1, -1], features[:, -1, -1], atol=1e-6)


def test_weights_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    config = replace(TINY, base="source", residual=False)
    arrays = arrays_of(config)
    save_generator(path, config, arrays, {"note": "hello"})
    read = load_generator(path)
    assert read.config == config and read.notes["note"] == "hello"
    for name, value in arrays.items():
        np.testing.assert_array_equal(read.arrays[name], value.astype(np.float32))
    with pytest.raises(BadInput, match="holds the generator 'tiny', not 'mien256'"):
        load_generator(path, "mien256")


def test_weights_that_cannot_be_right_are_refused_in_one_sentence(tmp_path: Path) -> None:
    good, bad = tmp_path / "g.safetensors", tmp_path / "bad.safetensors"
    arrays = arrays_of(TINY)
    save_generator(good, TINY, arrays)
    raw = good.read_bytes()
    archive = tmp_path / "archive"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("data.pkl", b"")
    other_size = {**arrays, "gains.bias": np.zeros(17, np.float16)}
    infinite = {**arrays, "gains.bias": np.full(16, np.inf, np.float16)}
    notes = {"format": "mien pgfg", "version": "1", "config": TINY.text()}

    def refused(words: str, data: bytes | None = None) -> None:
        if data is not None:
            bad.write_bytes(data)
        with pytest.raises(MienError, match=words) as found:
            load_generator(bad)
        assert str(found.value).count("\n") == 0 and str(found.value).endswith(".")

    refused("Cannot read the weights")
    for end in (0, 5, 100, len(raw) // 2, len(raw) - 1):
        refused("damaged", raw[:end])
    refused("is a pickle", pickle.dumps(arrays))
    refused("is a pickle", archive.read_bytes())
    write_weights(bad, other_size, notes)
    refused("gains.bias is missing or has another size")
    write_weights(bad, infinite, notes)
    refused("damaged")
    write_weights(bad, {k: v for k, v in arrays.items() if k != "decoder.last.weight"}, notes)
    refused("decoder.last.weight is missing")
    write_weights(bad, arrays, {**notes, "format": "mien dynamics"})
    refused("something else")
    write_weights(bad, arrays, {**notes, "version": "2"})
    refused("newer version")
    for wrong in (replace(TINY, widths=(8, 1 << 20)), replace(TINY, size=33), replace(TINY, growth=0)):
        write_weights(bad, arrays, {**notes, "config": wrong.text()})
        refused("impossible sizes")
    for text in ("{}", "[]", "no", '{"name": 3}'):
        write_weights(bad, arrays, {**notes, "config": text})
        refused("not the weights")


def test_configurations() -> None:
    assert all(config.sensible() and Config.read({"config": config.text()}) == config for config in NAMED.values())
    with pytest.raises(BadInput, match="choose one of"):
        config_named("mien512")


@pytest.fixture(scope="module")
def pair() -> Sample:
    return ToyFaces(MIEN128.size)[3]


def painter_of(arrays: dict[str, np.ndarray], tmp_path: Path) -> Painter:
    save_generator(tmp_path / "g.safetensors", MIEN128, arrays)
    return Painter(load_generator(tmp_path / "g.safetensors"), threads=1)


def test_a_network_that_changes_nothing_shows_what_the_mesh_shows(tmp_path: Path, pair: Sample) -> None:
    arrays = arrays_of(MIEN128)
    for name in ("decoder.last.weight", "decoder.last.bias"):
        arrays[name] = np.zeros_like(arrays[name])
    painter = painter_of(arrays, tmp_path)
    painter.begin(pair.source, pair.prior_source)
    np.testing.assert_array_equal(painter.frame(pair.prior_target, pair.warped, pair.valid, pair.flow), pair.warped)
    assert painter.painted(pair.prior_target, pair.warped, pair.valid, pair.flow).mask == pytest.approx(0.5)


def test_frames_do_not_depend_on_those_before(tmp_path: Path, pair: Sample) -> None:
    painter = painter_of(arrays_of(MIEN128), tmp_path)
    frame = (pair.prior_target, pair.warped, pair.valid, pair.flow)
    with pytest.raises(BadInput, match="no source yet"):
        painter.frame(*frame)
    painter.begin(pair.source, pair.prior_source)
    first = painter.frame(*frame)
    other = painter.frame(pair.prior_source, pair.source, np.full_like(pair.valid, 255), still(MIEN128.size))
    assert np.abs(first.astype(int) - other).mean() > 1
    np.testing.assert_array_equal(painter.frame(*frame), first)
    with pytest.raises(BadInput, match="reads pictures of"):
        painter.begin(pair.source[:, :64], pair.prior_source)
    assert pair.prior_target.shape[0] == PLANES


def test_a_configuration_without_a_graph_is_refused(tmp_path: Path) -> None:
    config = replace(TINY, name="nobody's")
    save_generator(tmp_path / "g.safetensors", config, arrays_of(config))
    with pytest.raises(MissingPart, match="no ONNX graph of nobody's"):
        Painter(load_generator(tmp_path / "g.safetensors"))
