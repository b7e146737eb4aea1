# SPDX-License-Identifier: Apache-2.0
"""How quick the two runtimes are, and how quick the machine was that they were measured on."""

import time
from collections.abc import Callable
from importlib import import_module

import numpy as np

from ....core.evaluate.report import plain
from ....core.motion import Motion
from ..courses import draw_course
from ..files import Network
from ..predict import predict

FRAMES, BATCH, BATCH_FRAMES = 300, 256, 50
RUNS = 7


def speed(motion: Motion, network: Network) -> dict[str, float | None]:
    """Medians of several runs, by the clock and by the processor's time: milliseconds a frame by numpy (for one
    prediction of 300 frames from ten), frames a second by torch; each as a multiple, too, of plain products of matrices
    of the network's size, which tell what the machine had to give."""
    wall, busy = _median(lambda: predict(motion, FRAMES, network=network))
    own, own_busy = _median(lambda: _products(network, 1, FRAMES))
    found = {"numpy_ms_per_frame": plain(1000 * wall / FRAMES), "numpy_cpu_ms_per_frame": plain(1000 * busy / FRAMES),
             "numpy_per_products": plain(busy / own_busy, 2), "numpy_products_wall_per_cpu": plain(own / own_busy, 2)}
    return {**found, **_torch_speed(network)}


def _torch_speed(network: Network) -> dict[str, float | None]:
    """Of drawn roll-outs; None without torch."""
    try:
        batches = import_module("..batches", __package__)
    except ImportError:
        return {"torch_frames_per_second": None}
    net, config = batches.network_of(network), network.runtime.config
    start, momentum = np.zeros((BATCH, 1, config.state), np.float32), network.runtime.weights["momentum"][0]
    courses = [draw_course(network.bank, s, s[0], BATCH_FRAMES, i, momentum) for i, s in enumerate(start)]
    wall, busy = _median(lambda: batches.roll_out(net, start, start[:, 0], BATCH_FRAMES, 1.0, courses))
    _, own = _median(lambda: _products(network, BATCH, BATCH_FRAMES))
    frames = BATCH * BATCH_FRAMES
    return {"torch_frames_per_second": plain(frames / wall, 0), "torch_frames_per_cpu_second": plain(frames / busy, 0),
            "torch_per_products": plain(busy / own, 2)}


def _products(network: Network, batch: int, frames: int) -> None:
    """The products that an LSTM of this size cannot do without."""
    config = network.runtime.config
    both = np.ones((config.inputs + config.hidden, 4 * config.hidden), np.float32)
    head, read = np.ones((config.hidden, config.state), np.float32), np.ones((batch, len(both)), np.float32)
    hidden = np.ones((batch, config.hidden), np.float32)
    for _ in range(frames):
        read @ both
        hidden @ head


def _median(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of the processor, after one run to warm up."""
    work()
    times = []
    for _ in range(RUNS):
        clock, busy = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - clock, time.process_time() - busy))
    wall, cpu = np.median(times, axis=0)
    return float(wall), float(cpu)
