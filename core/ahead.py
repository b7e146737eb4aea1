# SPDX-License-Identifier: Apache-2.0
"""The next thing is made while this one is being used."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def one_ahead(items: Iterable[T]) -> Iterator[T]:
    """The items, the next of which is made in a thread of its own as soon as one is handed out.

    For work that releases the interpreter's lock. An error comes out in its item's place.
    """
    rest = iter(items)
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(lambda: list(islice(rest, 1)))
        while taken := coming.result():
            coming = worker.submit(lambda: list(islice(rest, 1)))
            yield taken[0]
