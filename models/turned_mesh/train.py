# SPDX-License-Identifier: Apache-2.0
"""Train the net: `python -m mien.models.turned_mesh.train WHEEL CLIPS FOLDER -o face_turned.onnx --steps 2500`.

WHEEL is mediapipe 0.10.21's, whose plain mesh net is where training starts; CLIPS is a folder of face videos; FOLDER
holds the pictures that `samples` drew. A checkpoint beside the output lets a stopped training go on.
"""

import argparse
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from ...core.files import atomic_write
from ...core.landmarks.mirror import MIRROR
from .graph_net import POINTS, GraphNet
from .pictures import SIDE
from .samples import grounds
from .windows import faceless_window, real_windows

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

START = "face_mesh_plain"
BATCH = 32
REAL, FACELESS = BATCH // 5, BATCH // 8
RATE = 1e-3
WARM_UP = 50
FROZEN_SIDE = 24
DEPTH_WEIGHT, FACE_WEIGHT = 0.3, 0.05
"""Weights of the depth's error and of the face logit's cross entropy beside the points' error in tenths of a pixel"""
SAVE_EVERY = 100


@dataclass
class Material:
    """Where batches come from: drawn pieces, which may still grow in number, real windows and grounds."""

    folder: Path
    real: tuple[Bytes, Floats]
    grounds: list[Bytes]
    pieces: dict[Path, tuple[Bytes, Floats]] = field(default_factory=dict)

    def refresh(self) -> None:
        """Load the pieces that are new."""
        for path in sorted(set(self.folder.glob("piece_*.npz")) - self.pieces.keys()):
            with np.load(path, allow_pickle=False) as piece:
                self.pieces[path] = piece["windows"], piece["landmarks"]

    def batch(self, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Images (32, 3, 192, 192) and landmarks (32, 468, 3): first real ones, then drawn ones, last faceless ones."""
        keys = sorted(self.pieces)
        sources = [self.real] * REAL + [self.pieces[keys[random.integers(len(keys))]] for _ in range(BATCH - REAL)]
        picks = [int(random.integers(len(windows))) for windows, _ in sources]
        windows = np.stack([source[0][k] for source, k in zip(sources, picks, strict=True)]).astype(np.float32)
        landmarks = np.stack([source[1][k] for source, k in zip(sources, picks, strict=True)])
        for k in range(BATCH - FACELESS, BATCH):
            faces = self.real[0] if random.random() < 0.3 else sources[k][0]
            windows[k] = faceless_window(random, self.grounds, faces)
        gain = np.exp(random.normal(size=(BATCH, 1, 1, 1)) * 0.2)
        shift = random.normal(size=(BATCH, 1, 1, 3)) * 0.05
        images = np.clip(windows / 255 * gain + shift, 0, 1).astype(np.float32).transpose(0, 3, 1, 2)
        return _mirrored(random, torch.from_numpy(images.copy()), torch.from_numpy(landmarks))


def _mirrored(random: np.random.Generator, images: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
    """Half of a batch, chosen at random, seen in a mirror."""
    chosen = torch.from_numpy(random.random(len(images)) < 0.5)
    images[chosen] = images[chosen].flip(-1)
    turned = landmarks[chosen][:, torch.from_numpy(np.asarray(MIRROR)[:POINTS])]
    turned[..., 0] = SIDE - turned[..., 0]
    landmarks[chosen] = turned
    return images.contiguous(memory_format=torch.channels_last), landmarks


def errors(points: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
    """Mean absolute error (n,) of x and y, and of z up to a shift, in window pixels."""
    depth = points[..., 2] - landmarks[..., 2]
    return ((points - landmarks)[..., :2].abs().mean((1, 2)), (depth - depth.mean(1, keepdim=True)).abs().mean(1))


def loss(points: Tensor, logits: Tensor, landmarks: Tensor) -> Tensor:
    """L1 of the landmarks of the faces, and cross entropy of face or not."""
    flat, depth = errors(points[:-FACELESS], landmarks[:-FACELESS])
    sign = torch.ones(BATCH)
    sign[-FACELESS:] = -1
    face = functional.softplus(-logits * sign).mean()
    return ((flat + DEPTH_WEIGHT * depth).sum() / BATCH / 10 + FACE_WEIGHT * face)


@dataclass
class Run:
    """A training and all that goes on with it."""

    net: GraphNet
    optimizer: torch.optim.Optimizer
    random: np.random.Generator
    average: dict[str, Tensor]
    step: int = 0

    @classmethod
    def fresh(cls, net: GraphNet) -> "Run":
        optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=1e-4)
        return cls(net, optimizer, np.random.default_rng(5), {k: v.detach().clone() for k, v in net.weights.items()})

    def advance(self, material: Material, steps: int) -> tuple[float, float]:
        """One step of `steps`; the mean errors in pixels on real and drawn windows."""
        for group in self.optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (self.step + 1) / WARM_UP) * _cosine(self.step / steps)
        images, landmarks = material.batch(self.random)
        points, logits = self.net(images)
        self.optimizer.zero_grad()
        loss(points, logits, landmarks).backward()
        torch.nn.utils.clip_grad_norm_([p for p in self.net.parameters() if p.grad is not None], 1.0)
        self.optimizer.step()
        self.step += 1
        keep = min(0.999, self.step / (self.step + 9))
        for name, value in self.net.weights.items():
            self.average[name].lerp_(value.detach(), 1 - keep)
        flat = errors(points.detach(), landmarks)[0]
        return float(flat[:REAL].mean()), float(flat[REAL:-FACELESS].mean())

    def save(self, path: Path) -> None:
        state = {"weights": self.net.weights.state_dict(), "optimizer": self.optimizer.state_dict(),
                 "average": self.average, "step": self.step, "random": _packed(self.random)}
        with atomic_write(path) as temporary:
            torch.save(state, temporary)

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.net.weights.load_state_dict(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.step = state["average"], state["step"]
        self.random.bit_generator.state = _unpacked(state["random"])


def _cosine(share: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * share)) + 0.01


def _packed(random: np.random.Generator) -> dict[str, str]:
    """A generator's state as text, for its integers are too long for a tensor."""
    state = random.bit_generator.state
    return {"state": str(state["state"]["state"]), "inc": str(state["state"]["inc"]),
            "has_uint32": str(state["has_uint32"]), "uinteger": str(state["uinteger"])}


def _unpacked(text: dict[str, str]) -> dict[str, object]:
    numbers = {name: int(value) for name, value in text.items()}
    return {"bit_generator": "PCG64", "state": {"state": numbers["state"], "inc": numbers["inc"]},
            "has_uint32": numbers["has_uint32"], "uinteger": numbers["uinteger"]}


def train(wheel: Path, clips: list[Path], folder: Path, output: Path, steps: int) -> None:
    """Train, or go on training, and write the averaged weights as an ONNX net."""
    from ...core.landmarks.build_nets import convert, read_source

    run = Run.fresh(GraphNet(convert(START, read_source(wheel, START)), FROZEN_SIDE))
    material = Material(folder, real_windows(clips, np.random.default_rng(5)), grounds())
    material.refresh()
    checkpoint = output.with_suffix(".checkpoint.pt")
    if checkpoint.exists():
        run.load(checkpoint)
    log = []
    while run.step < steps:
        log.append(run.advance(material, steps))
        if run.step % SAVE_EVERY == 0 or run.step == steps:
            run.save(checkpoint)
            real, drawn = np.mean(log[-SAVE_EVERY:], 0)
            print(f"step {run.step}: real {real:.2f} px, drawn {drawn:.2f} px", flush=True)
            material.refresh()
    with atomic_write(output) as temporary:
        temporary.write_bytes(run.net.to_onnx(run.average).SerializeToString(deterministic=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("wheel", "clips", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2500)
    options = parser.parse_args()
    train(options.wheel, sorted(options.clips.glob("*.mp4")), options.folder, options.output, options.steps)
