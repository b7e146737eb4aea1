# SPDX-License-Identifier: Apache-2.0
"""Progress bars that keep silent where nobody watches."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What long work calls after each step: how many are done, and of how many if that is known."""

    def __call__(self, done: int, total: int | None = None) -> None: ...


@contextmanager
def progress_bar(label: str, total: int | None = None, *, unit: str = "frames",
                 quiet: bool = False) -> Iterator[Progress]:
    """Give a `Progress` that draws a bar on stderr, or nothing when quiet or when stderr is no terminal."""
    from tqdm import tqdm

    hidden = quiet or not sys.stderr.isatty()
    with tqdm(desc=label, total=total, unit=f" {unit}", disable=hidden, leave=False, dynamic_ncols=True,
              miniters=1) as bar:

        def show(done: int, total: int | None = None) -> None:
            if total is not None:
                bar.total = total
            bar.update(done - bar.n)

        yield show
