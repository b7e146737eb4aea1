# SPDX-License-Identifier: Apache-2.0
import sys
import time

import pytest
from mien.core.progress import progress_bar


def _run(**options):
    with progress_bar("working", total=10, **options) as progress:
        for done in range(1, 11):
            progress(done)
        progress(10, 20)


@pytest.mark.parametrize(("terminal", "quiet", "expected"), [(True, False, True), (True, True, False),
                                                             (False, False, False)])
def test_a_bar_is_drawn_for_a_person_only(capsys, monkeypatch, terminal, quiet, expected):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    _run(quiet=quiet)
    captured = capsys.readouterr()
    assert ("working" in captured.err) == expected
    assert captured.out == ""


def test_it_counts_what_is_said_not_how_often(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress_bar("working", unit="frames") as progress:
        for done in (30, 45):
            time.sleep(0.15)
            progress(done, 60)
    assert "45/60" in capsys.readouterr().err


def test_an_error_in_the_work_comes_through():
    with pytest.raises(ValueError, match="no"), progress_bar("working"):
        raise ValueError("no")
