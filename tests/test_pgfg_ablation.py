# SPDX-License-Identifier: Apache-2.0
"""The ablation: every row trains, rows differ by what they say, and what is frozen stays."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("lightning_fabric", reason="training needs Lightning Fabric")

from mien.core.model_files import default_model  # noqa: E402
from mien.models.faces.made_up import PeopleJob, make_people  # noqa: E402
from mien.models.faces.shards import read_shard, write_shard  # noqa: E402
from mien.models.pgfg.evaluation import ablation  # noqa: E402
from mien.models.pgfg.evaluation.ablation import Pools, main, rows, trained  # noqa: E402


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two made-up people, and the same two as if they were real, one of them kept apart."""
    folder = tmp_path_factory.mktemp("faces")
    make_people(PeopleJob(folder / "people_0000000.npz", 0, 2, 4, 64))
    takes = read_shard(folder / "people_0000000.npz")
    for number, take in zip((1, 2), takes, strict=True):
        write_shard(folder / f"clip_{number}.npz", [replace(take, person=f"p{number:02d}", synthetic=False)],
                    default_model().hash)
    return folder


def test_rows_differ_in_one_thing_each() -> None:
    found = rows(recogniser=True)
    assert len({row.name for row in found}) == len({replace(row, name="") for row in found}) == len(found)
    assert {row.prior for row in found} == {(4, False), (1, False), (2, False), (3, False), (6, False), (1, True)}
    assert all(row.config.sensible() and row.config.size == ablation.SIZE for row in found)
    assert [row.name for row in rows(recogniser=False)] == [row.name for row in found][:-1]


@pytest.fixture(scope="module")
def pools(shards: Path) -> Pools:
    return Pools.of([shards], [(4, False), (1, True)], 8)


def test_pools_hold_the_same_pairs_by_every_prior(pools: Pools) -> None:
    assert {len(pool) for kind in (pools.real, pools.made_up, pools.apart) for pool in kind.values()} <= {6, 9}
    for sparse, dense in zip(pools.real[4, False], pools.real[1, True], strict=True):
        np.testing.assert_array_equal(sparse.target, dense.target)
        assert not np.array_equal(sparse.prior_target, dense.prior_target)
    assert not any(s.synthetic for s in pools.real[4, False]) and all(s.synthetic for s in pools.made_up[4, False])


@pytest.mark.parametrize("row", [r for r in rows(False) if r.name.startswith("no ") and r.frozen],
                         ids=lambda r: r.name)
def test_what_is_frozen_stays_at_nothing(row, pools: Pools, monkeypatch) -> None:
    runs = []
    original = ablation.Run
    monkeypatch.setattr(ablation, "Run", lambda *a: runs.append(original(*a)) or runs[-1])
    figures = trained(row, pools, 3, 2, None, "32-true")
    weight = runs[0].plain.net.decoder.last.weight
    others = [i for i in (*range(12), 16, 17) if i not in row.frozen]
    assert (weight[list(row.frozen)] == 0).all() and (weight[others] != 0).any()
    assert all(0.5 < figures[m] < 2 for m in ablation.MEASURES)


def test_the_command_writes_its_figures(shards: Path, tmp_path: Path, capsys) -> None:
    main([str(shards), "-o", str(tmp_path / "a.json"), "--steps", "2", "--pairs", "4", "--rows", "reference", "critic",
          "FaceAnime's network and"])
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["steps"] == 2 and len(written["rows"]) == 3
    shown = capsys.readouterr().out
    for name, figures in written["rows"].items():
        assert name in shown and all(figures[m] > 0 for m in ablation.MEASURES)
