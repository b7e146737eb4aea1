# SPDX-License-Identifier: Apache-2.0
"""Loops over pixels and triangles, compiled by numba."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile on the first call, keep the result on disk, release the GIL, divide as numpy does."""
    return cast(F, _kept(njit(cache=True, nogil=True, error_model="numpy")(function)))


def compiled_loosely(function: F) -> F:
    """As `compiled`, and sums may be reordered: for colours, never for geometry."""
    return cast(F, _kept(njit(cache=True, nogil=True, error_model="numpy", fastmath=True)(function)))


def _kept(function: Any) -> Any:
    """Let a disk that is full or read-only cost a compilation the next time, not the work of this time."""
    cache = function._cache
    save = cache.save_overload

    def save_if_possible(signature: object, code: object) -> None:
        with suppress(OSError):
            save(signature, code)

    cache.save_overload = save_if_possible
    return function
