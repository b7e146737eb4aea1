# SPDX-License-Identifier: Apache-2.0
"""Batches of drawn faces, and one thread for the tests that learn from them."""

from collections.abc import Iterator

import pytest
import torch
from mien.models.pgfg.feeding import Batch, collated
from mien.models.pgfg.toy_faces import ToyFaces


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def batch_of(size: int, count: int = 4, seed: int = 0) -> Batch:
    faces = ToyFaces(size, seed=seed)
    return collated([faces[i] for i in range(count)])
