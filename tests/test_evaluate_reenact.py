# SPDX-License-Identifier: Apache-2.0
"""Renderers side by side on clips: the measures on what is known exactly, and the command from end to end."""

import json
from pathlib import Path

import numpy as np
import pytest
from heads import SIZE, exact_fit, motion, portrait
from mien.core.errors import BadInput, MissingPart
from mien.core.model_files import default_model
from mien.core.video import VideoWriter
from mien.models.pgfg.evaluation import cases, reenact
from mien.models.pgfg.evaluation.areas import AREAS, guide
from mien.models.pgfg.evaluation.cases import Case, Found, clips_of
from mien.models.pgfg.evaluation.cross import correlations
from skimage.data import astronaut


@pytest.fixture(scope="module")
def case() -> Case:
    """A rendered head: the source, then it turned by a little and by a little more."""
    model = default_model()
    fits = [exact_fit(model), exact_fit(model, (0, 0.05, 0)), exact_fit(model, (0, 0.12, 0), jawOpen=0.3)]
    return Case(Found(Path("none.mp4"), "p1"), motion(model, fits), [portrait(model, fit) for fit in fits])


def test_areas_do_not_overlap_and_lie_where_their_names_say(case: Case) -> None:
    known = guide(case, 2, default_model()).areas
    assert set(known) == set(AREAS)
    assert np.sum(list(known.values()), axis=0).max() == 1
    rows = {name: np.nonzero(where)[0].mean() for name, where in known.items()}
    assert rows["hair"] < rows["eyes"] < rows["mouth"]
    assert known["background"][0, 0] and not known["background"][SIZE // 2, SIZE // 2]


def test_errors_in_an_area_are_its_own(case: Case) -> None:
    known, truth = guide(case, 2, default_model()), case.frames[2]
    wrong = truth.copy()
    wrong[known.areas["mouth"]] = np.where(truth[known.areas["mouth"]] < 128, truth[known.areas["mouth"]] + 51,
                                          truth[known.areas["mouth"]] - 51)
    errors = known.area_errors(wrong, truth)
    assert errors["mouth"] == pytest.approx(0.2) and errors["eyes"] == errors["hair"] == errors["background"] == 0


def test_the_warp_error_follows_the_face(case: Case) -> None:
    """What moves as the face does has little of it; flicker, and what stays while the face moves, have more."""
    known = guide(case, 2, default_model())
    before, shown = case.frames[1], case.frames[2]
    true = known.warp_error(before, shown)
    assert true < 0.5 * known.warp_error(shown, shown)
    bright = np.clip(shown.astype(int) + 25, 0, 255).astype(np.uint8)
    assert known.warp_error(before, bright) > true + 0.5 * 3 * (25 / 255) ** 2


def test_correlation_is_of_what_the_driver_moves() -> None:
    t = np.linspace(0, 4 * np.pi, 101)[:-1]
    driver = np.stack([np.sin(t), np.cos(t), 0.001 * t], 1).astype(np.float32)
    for factor, alike in ((0.3, 1.0), ([1, -1, 1], 0.0), ([1, 0, 1], 0.5)):
        found = correlations(driver, driver * np.float32(factor) + 0.1)
        assert list(found.values()) == pytest.approx([alike, alike], abs=1e-5)
    assert np.isnan(list(correlations(driver * 0, driver).values())).all()


def test_correlation_may_weigh_channels_by_how_much_the_driver_moves_them() -> None:
    t = np.linspace(0, 4 * np.pi, 101)[:-1]
    driver = np.stack([0.6 * np.sin(t), 0.2 * np.cos(t)], 1).astype(np.float32)
    found = correlations(driver, driver * [1, 0])
    assert found["expression_correlation"] == pytest.approx(0.5, abs=1e-5)
    assert found["expression_correlation_weighted"] == pytest.approx(0.9, abs=1e-5)


def test_only_people_who_were_not_learned_from(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"{name}.mp4").write_bytes(b"")
    (tmp_path / "clips.csv").write_text("clip,person,kind,quality\na,p01,real,A\nb,p04,real,A\nc,p08,synthetic,A\n"
                                        "d,p12,real,C\n")
    assert [c.path.stem for c in clips_of(tmp_path)] == ["b"]
    assert [c.path.stem for c in clips_of(tmp_path, everyone=True)] == ["a", "b"]
    (tmp_path / "b.mp4").unlink()
    with pytest.raises(BadInput, match="was learned from"):
        clips_of(tmp_path)
    with pytest.raises(BadInput, match="no videos"):
        clips_of(tmp_path / "nowhere")


def test_renderers_by_name(tmp_path: Path) -> None:
    model = default_model()
    known = reenact.renderers_of("copy,mesh", model)
    assert known["copy"] is None and known["mesh"] is not None and list(known) == ["copy", "mesh"]
    for text, words in (("", "Name the renderers"), ("mesh,mesh", "named twice"), ("fast", "no renderer 'fast'"),
                        (f"pgfg={tmp_path / 'no.safetensors'}", "Cannot read the weights")):
        with pytest.raises((BadInput, MissingPart), match=words):
            reenact.renderers_of(text, model)


def test_a_case_is_the_source_and_pairs_of_neighbours(tmp_path: Path) -> None:
    picture = astronaut()
    with VideoWriter(tmp_path / "v.mp4", 25, 240, 240) as video:
        for i in range(12):
            video.write(np.ascontiguousarray(picture[2 * i: 240 + 2 * i, 100 + i: 340 + i]))
    one = cases.case_of(Found(tmp_path / "v.mp4", "p"), default_model(), 3)
    assert len(one.frames) == len(one.motion) == 7
    assert all(frame.shape == (cases.SIZE, cases.SIZE, 3) for frame in one.frames)
    for index in (0, 3, 6):
        from mien.core.landmarks import landmarks_of

        found = landmarks_of(one.frames[index]).points[:, :2]
        there = default_model().points("mesh478", one.vertices(index, default_model()))[:, :2]
        assert np.linalg.norm(found - there, axis=1).mean() < 4


def test_the_command_compares_renderers(mien, tmp_path: Path) -> None:
    """A face that drifts: following it beats standing still; the real video stands beside, and another's motion."""
    picture = astronaut()
    for name, flip in (("one", 1), ("two", -1)):
        with VideoWriter(tmp_path / f"{name}.mp4", 25, 240, 240) as video:
            for i in range(14):
                video.write(np.ascontiguousarray(picture[2 * i: 240 + 2 * i, 100 + i: 340 + i][:, ::flip]))
    result = mien("evaluate", "reenact", tmp_path, "--renderers", "copy,mesh", "--frames", 2, "--cross",
                  "--json", tmp_path / "out.json")
    assert result.code == 0, result.err
    figures = json.loads((tmp_path / "out.json").read_text())
    copy, mesh = (figures["summary"][name] for name in ("copy", "mesh"))
    assert mesh["l1"] < copy["l1"] and mesh["akd"] < copy["akd"] and mesh["ssim"] > copy["ssim"]
    assert mesh["mouth"] < copy["mouth"] and mesh["eyes"] < copy["eyes"]
    assert mesh["warp"] < copy["warp"]
    assert figures["summary"]["real video"]["warp_to_real"] == 1
    assert set(figures["clips"]) == {"one", "two"} and set(figures["cross"]) == {"copy", "mesh"}
    assert "warp / real" in result.out and "another's motion" in result.out
    assert "1 or more" in mien("evaluate", "reenact", tmp_path, "--frames", 0).sentence()
