# SPDX-License-Identifier: Apache-2.0
"""Small systems are solved fastest by one thread: the threads of a BLAS library wait for each other far longer."""

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")


@cache
def _controller() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401  # its own BLAS must be there to be found

    return ThreadpoolController()


def on_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Let BLAS use one thread while a function runs; what the caller had set holds again after it."""

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with _controller().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited
