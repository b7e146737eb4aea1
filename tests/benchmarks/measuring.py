# SPDX-License-Identifier: Apache-2.0
"""Medians of several runs, beside a baseline that was measured in the same minute on the same machine."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
PACKAGES = ("numpy", "scipy", "numba", "onnxruntime", "av", "pillow")


@dataclass(frozen=True)
class Result:
    """One figure: `value` in `unit`, what is wanted, and a plain way to do the same or part of it."""

    name: str
    unit: str
    value: float
    wanted: str = ""
    baseline: str = ""
    baseline_value: float | None = None
    note: str = ""

    def row(self) -> tuple[object, ...]:
        beside = f"{self.baseline} {self.baseline_value:.3g} {self.unit}" if self.baseline_value is not None else ""
        ratio = self.value / self.baseline_value if self.baseline_value else None
        return (self.name, self.value, self.unit, self.wanted, beside, ratio)

    def figures(self) -> dict[str, Any]:
        ratio = self.value / self.baseline_value if self.baseline_value else None
        return {**asdict(self), "ratio": ratio}


def median_seconds(work: Callable[[], object], runs: int = 7, warm_up: int = 1) -> float:
    """The median time of `runs` calls, after some that do not count."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "processor": _processor(), "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(), "packages": {name: version(name) for name in PACKAGES},
        "threads": {name: os.environ[name] for name in THREADS if name in os.environ},
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()
