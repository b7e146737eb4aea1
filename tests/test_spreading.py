# SPDX-License-Identifier: Apache-2.0
"""The same work in turn, in processes and on a cluster: the same answers, in order, and failures that stop nothing."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from mien.core.errors import BadInput, MissingPart
from mien.models.spreading import attempt, spread

ANSWERS = ["2", "failed: 0 is none", "6", "8"]


def double(number: int) -> str:
    if number == 0:
        raise BadInput("0 is none")
    return str(2 * number)


def test_answers_come_in_the_jobs_order() -> None:
    steps: list[tuple[int, int | None]] = []
    assert spread(double, [1, 0, 3, 4], progress=lambda done, total=None: steps.append((done, total))) == ANSWERS
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_processes_give_the_same_answers() -> None:
    assert spread(str, [3, 1, 2], processes=2) == ["3", "1", "2"]


def test_a_cluster_gives_the_same_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in with Ray's calls, whose jobs end in the opposite order."""
    class Reference:
        def __init__(self, value: str) -> None:
            self.value = value

    def remote(function: Any) -> Any:
        assert function is attempt
        return SimpleNamespace(remote=lambda *arguments: Reference(function(*arguments)))

    def wait(waiting: list[Reference], num_returns: int) -> tuple[list[Reference], list[Reference]]:
        return waiting[-num_returns:], waiting[:-num_returns]

    started: list[dict[str, object]] = []
    stand_in = SimpleNamespace(is_initialized=lambda: bool(started), init=lambda **options: started.append(options),
                               remote=remote, wait=wait, get=lambda reference: reference.value)
    monkeypatch.setitem(sys.modules, "ray", stand_in)
    assert spread(double, [1, 0, 3, 4], ray=True) == ANSWERS and len(started) == 1


def test_without_ray_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPart, match=r"mien\[cluster\]"):
        spread(double, [1], ray=True)
