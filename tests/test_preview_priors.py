# SPDX-License-Identifier: Apache-2.0
"""`mien preview priors`: one row of pictures for each interval, below the photo moved by the mesh."""

from pathlib import Path

import numpy as np
import pytest
from mien.core.cli import main
from mien.core.contact_sheet import GAP, LABEL_HEIGHT
from mien.core.demo import MOTION, PORTRAIT
from mien.core.image import read_image


def cells(sheet: np.ndarray, columns: int, side: int = 256) -> list[np.ndarray]:
    step = side + GAP
    rows = (len(sheet) - GAP) // (step + LABEL_HEIGHT)
    return [sheet[GAP + r * (step + LABEL_HEIGHT):][:side, GAP + c * step:][:, :side]
            for r in range(rows) for c in range(columns)]


def test_priors_are_drawn_for_every_interval(tmp_path: Path) -> None:
    out = tmp_path / "priors.png"
    assert main(["preview", "priors", str(PORTRAIT), "--motion", str(MOTION), "-k", "2,6", "-o", str(out), "-q"]) == 0
    found = cells(read_image(out), 5)
    assert len(found) == 15
    shares = [(cell.max(-1) > 0).mean() for cell in found[5:]]
    assert all(0.03 < share < 0.4 for share in shares)
    dense, sparse = (len(np.unique(cell.reshape(-1, 3), axis=0)) for cell in (found[5], found[10]))
    assert dense > 1.5 * sparse
    assert not np.array_equal(found[5], found[7])


@pytest.mark.parametrize("change", [("-k", "two"), ("-k", "0"), ("-k", "0", "--screen"), ("--motion", "missing.npz")])
def test_bad_input_is_one_line(tmp_path: Path, change: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "priors.png"
    assert main(["preview", "priors", str(PORTRAIT), "-o", str(out), *change]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1 and not out.exists()
