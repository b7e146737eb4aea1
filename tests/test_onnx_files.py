# SPDX-License-Identifier: Apache-2.0
"""Networks written as ONNX say, run by onnxruntime alone, what they say here."""

import json
from pathlib import Path

import numpy as np
import pytest
from mien.core.cli import main
from mien.core.onnx_runtime import onnxruntime
from mien.models.dynamics.config import LEASH, LEASH_PULL, timer
from mien.models.dynamics.files import SHIPPED, load_network
from mien.models.dynamics.runtime import Target, home_line
from mien.models.pgfg.config import TINY, TINY_FACEANIME
from mien.models.pgfg.files import load_generator, save_generator
from mien.models.pgfg.toy_faces import ToyFaces

pytest.importorskip("onnx", reason="writing graphs needs onnx")
FRAMES = 100


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def rolled_out(graph: onnxruntime.InferenceSession, observed: np.ndarray, target: Target | None) -> np.ndarray:
    """States (FRAMES, D) after the observed ones, the likeliest, with nothing of the network but its graph."""
    notes = graph.get_modelmeta().custom_metadata_map
    tables = json.loads(notes["codec"])
    scale, group = np.array(tables["codec.step_scale"], np.float32), np.array(tables["codec.group"])
    leash, pull = (np.array(values, np.float32)[group] for values in (LEASH, LEASH_PULL))
    hidden = next(i.shape[1] for i in graph.get_inputs() if i.name == "hidden")
    anchor, zero = observed[-1], np.zeros_like(observed[-1])
    homes = home_line(anchor, FRAMES, target)
    left = np.arange(FRAMES, 0, -1, dtype=np.float32)
    aimed = np.full(FRAMES, target is not None, np.float32)
    clocks = timer(left, np.full(FRAMES, FRAMES, np.float32), aimed, aimed)
    memory = {"hidden": np.zeros((1, hidden), np.float32), "cell": np.zeros((1, hidden), np.float32)}
    steps = np.concatenate([zero[None], np.diff(observed, axis=0) / scale])

    def ask(state: np.ndarray, step: np.ndarray, goal: Target | None, clock: np.ndarray, until: float) -> np.ndarray:
        values = {"state": state, "step": step, "anchor": anchor, "target": goal.state if goal else zero,
                  "target_step": goal.step if goal else zero, "timer": clock, "left": [until]}
        feed = {name: np.asarray(value, np.float32)[None] for name, value in values.items()}
        said, memory["hidden"], memory["cell"] = graph.run(None, feed | memory)
        return said[0]

    for state, step in zip(observed[:-1], steps[:-1], strict=True):
        ask(state, step, None, np.zeros(5), 1)
    state, step, made = observed[-1], steps[-1], []
    for frame in range(FRAMES):
        step = ask(state, step, target, clocks[frame], left[frame])
        away = state + step * scale - homes[frame]
        state = homes[frame] + away - pull * (away - np.clip(away, -leash, leash))
        made.append(state)
    return np.array(made)


@pytest.mark.parametrize("aimed", [False, True])
def test_the_dynamics_roll_out_the_same_for_a_hundred_frames(tmp_path: Path, aimed: bool) -> None:
    path = tmp_path / "dynamics.onnx"
    assert main(["export", str(SHIPPED), "-o", str(path), "--quiet"]) == 0
    network, graph = load_network(), session(path)
    notes = graph.get_modelmeta().custom_metadata_map
    assert tuple(notes["channels"].split()) == network.channels and float(notes["fps"]) == 30
    random = np.random.default_rng(4)
    size = network.codec.size
    observed = (0.3 * random.normal(size=size) + np.cumsum(0.05 * random.normal(size=(12, size)), 0)).astype(np.float32)
    goal = Target(*(0.5 * random.normal(size=(2, size))).astype(np.float32)) if aimed else None
    expected = network.runtime.roll_out(observed, observed[-1], FRAMES, 0.0, target=goal)
    np.testing.assert_allclose(rolled_out(graph, observed, goal), expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.02, "something moves"


@pytest.mark.parametrize("config", [TINY, TINY_FACEANIME], ids=lambda c: c.name)
def test_a_generator_paints_the_same(tmp_path: Path, config) -> None:
    torch = pytest.importorskip("torch", reason="writing a generator needs the extra `neural`")
    from mien.models.pgfg.generators import Whole
    from mien.models.pgfg.torch_runtime import TorchPainter

    torch.manual_seed(7)
    torch.set_num_threads(1)
    state_dict = Whole(config).state_dict()
    save_generator(tmp_path / "g.safetensors", config,
                   {name.removeprefix("net."): value.numpy() for name, value in state_dict.items()})
    assert main(["export", str(tmp_path / "g.safetensors"), "-o", str(tmp_path / "g.onnx"), "--quiet"]) == 0
    encode, paint = session(tmp_path / "g.encode.onnx"), session(tmp_path / "g.paint.onnx")
    face = ToyFaces(config.size)[3]
    known = TorchPainter(load_generator(tmp_path / "g.safetensors"), "cpu")
    known.begin(face.source, face.prior_source)
    expected = known.frame(face.prior_target, face.warped, face.valid, face.flow)
    source, warped = (p[None] / np.float32(127.5) - 1 for p in (face.source, face.warped))
    before, after = (p[None, :config.planes] / np.float32(255) for p in (face.prior_source, face.prior_target))
    state = encode.run(None, {"source": source, "prior": before})
    feed = {"prior": after, "base": source if config.base == "source" else warped, "warped": warped,
            "valid": face.valid[None] / np.float32(255), "flow": face.flow[None].astype(np.float32),
            **{f"state{i}": values for i, values in enumerate(state)}}
    wanted = {i.name for i in paint.get_inputs()}
    picture = paint.run(None, {name: values for name, values in feed.items() if name in wanted})[0][0]
    assert np.abs(np.clip((picture + 1) * 127.5, 0, 255) - expected).max() <= 0.51, "only rounding lies between"


def test_what_is_no_network_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from mien.models.dynamics.weights import write_weights

    write_weights(tmp_path / "x.safetensors", {"a": np.zeros(3, np.float32)}, {"format": "other"})
    assert main(["export", str(tmp_path / "x.safetensors"), "-o", str(tmp_path / "x.onnx")]) != 0
    assert "no network that can be written as ONNX" in capsys.readouterr().err
    assert not (tmp_path / "x.onnx").exists()
    assert main(["export", str(Path(__file__)), "-o", str(tmp_path / "x.onnx")]) != 0
    assert "weights (.safetensors)" in capsys.readouterr().err
