# SPDX-License-Identifier: Apache-2.0
"""Loops over pixels and triangles, compiled by numba."""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile on the first call, keep the result on disk, release the GIL, divide as numpy does."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))


def compiled_loosely(function: F) -> F:
    """As `compiled`, and sums may be reordered: for colours, never for geometry."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy", fastmath=True)(function))
