# SPDX-License-Identifier: Apache-2.0
"""Pairs on their way to the device: made one by one, or by many workers into a store from which batches are drawn."""

import threading
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from .samples import Sample, layout

Batch = dict[str, Tensor]
WARM = 6
"""Pairs that are made once before workers are"""
TOGETHER = 8
"""Pairs of one source that a worker makes"""
FIELDS = ("source", "target", "prior_source", "prior_target", "warped", "flow", "valid", "regions")


class Pairs(Protocol):
    """What can be learned from: the same number gives the same pair."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


@runtime_checkable
class Grouped(Protocol):
    """Pairs of which several together cost less."""

    def group(self, index: int, count: int) -> list[Sample]: ...


class Feeder(Protocol):
    """Where a training takes its batches from."""

    def batch(self, random: np.random.Generator, count: int) -> Batch: ...

    def close(self) -> None: ...


def collated(samples: list[Sample]) -> Batch:
    """Fields (B, …) of pairs."""
    out = {name: torch.from_numpy(np.stack([getattr(s, name) for s in samples])) for name in FIELDS}
    out["person"] = torch.tensor([s.person for s in samples])
    return out


class Direct:
    """Makes every pair when it is asked for: few, or on a CPU. The same random numbers give the same batches."""

    def __init__(self, pairs: Pairs, device: torch.device) -> None:
        self.pairs, self.device = pairs, device

    def batch(self, random: np.random.Generator, count: int) -> Batch:
        numbers = random.integers(len(self.pairs), size=count)
        found = collated([self.pairs[int(i)] for i in numbers])
        return {name: value.to(self.device) for name, value in found.items()}

    def close(self) -> None:
        pass


class Store:
    """Keeps many pairs on the device and replaces them as workers make new ones, the oldest first.

    However long a pair takes to make, batches are there at once; a pair is seen more than once, varied each time.
    """

    def __init__(self, pairs: Pairs, device: torch.device, places: int, workers: int, seed: int) -> None:
        # Compiles what makes pairs before the workers begin, which then have it.
        size = min(pairs[i].size for i in range(WARM))
        self._stop, self._first = threading.Event(), threading.Condition()
        stream: Dataset[Any] = _Stream(pairs, seed)
        # The workers are forked here, before other threads and the device have anything under way.
        self._loader = iter(DataLoader(stream, batch_size=8, num_workers=workers, collate_fn=collated,
                                       prefetch_factor=4, pin_memory=device.type == "cuda",
                                       multiprocessing_context="fork"))
        self.store: Batch = {}
        for name, (shape, kind) in layout(size).items():
            if name in FIELDS:
                self.store[name] = torch.empty((places, *shape), dtype=getattr(torch, kind.name), device=device)
        self.store["person"] = torch.zeros(places, dtype=torch.long, device=device)
        self.made = 0
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._fill, daemon=True)
        self._thread.start()

    def batch(self, random: np.random.Generator, count: int) -> Batch:
        """Pairs (B, …) from what is there; waits at first for a batch's worth."""
        with self._first:
            self._first.wait_for(lambda: self.made >= min(2 * count, self.places) or self.failure is not None)
        if self.failure is not None:
            raise self.failure
        chosen = torch.from_numpy(random.integers(min(self.made, self.places), size=count))
        chosen = chosen.to(self.store["source"].device)
        return {name: value[chosen] for name, value in self.store.items()}

    @property
    def places(self) -> int:
        return len(self.store["source"])

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    def _fill(self) -> None:
        try:
            for made in self._loader:
                if self._stop.is_set():
                    return
                at = torch.arange(self.made, self.made + len(made["source"])) % self.places
                for name, value in made.items():
                    self.store[name][at.to(self.store[name].device)] = value.to(self.store[name].device,
                                                                                non_blocking=True)
                with self._first:
                    self.made += len(at)
                    self._first.notify_all()
        except BaseException as failure:
            with self._first:
                self.failure = failure
                self._first.notify_all()


class _Stream(IterableDataset[Sample]):
    """Pairs without end, other ones in every worker."""

    def __init__(self, pairs: Pairs, seed: int) -> None:
        self.pairs, self.seed = pairs, seed

    def __iter__(self) -> Iterator[Sample]:
        worker = get_worker_info()
        random = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            index = int(random.integers(len(self.pairs)))
            if isinstance(self.pairs, Grouped):
                yield from self.pairs.group(index, TOGETHER)
            else:
                yield self.pairs[index]
