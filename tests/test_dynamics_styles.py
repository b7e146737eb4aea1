# SPDX-License-Identifier: Apache-2.0
"""Stretches of motion in the manner of other persons."""

from pathlib import Path

import numpy as np
import pytest
from mien.core.errors import BadInput
from mien.models.dynamics import corpus, styles
from mien.models.dynamics.files import SHIPPED, load_network
from mien.models.dynamics.samples import styles_of
from mien.models.dynamics.weights import read_weights, write_weights


def wave(hertz: float, frames: int = 300) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(frames) / 30)[:, None]


def test_octaves_add_up_and_hold_what_is_of_their_pace() -> None:
    random = np.random.default_rng(0)
    for frames in (8, 40, 301):
        values = np.cumsum(random.normal(size=(frames, 3)), 0)
        parts, mean = styles.octaves(values)
        assert len(parts) == styles.OCTAVES
        np.testing.assert_allclose(sum(parts) + mean, values, atol=1e-9)
    places = [int(styles.strengths(styles.octaves(wave(h))[0])[:, 0].argmax()) for h in (14.0, 8.0, 3.5, 1.8, 0.9, 0.3)]
    assert places == sorted(places) and places[0] == 0 and places[-1] == styles.OCTAVES - 1


def test_strengths_are_logarithms_and_a_burst_does_not_count_for_all() -> None:
    calm = wave(0.4) * 0.01
    once = styles.strengths(styles.octaves(calm)[0])
    np.testing.assert_allclose(styles.strengths(styles.octaves(10 * calm)[0], 10 * styles.FLOOR) - once, np.log(10))
    burst = calm.copy()
    burst[:30] *= 30
    more = styles.strengths(styles.octaves(burst)[0])[-1, 0] - once[-1, 0]
    assert 0 < more < np.log(np.std(burst) / np.std(calm)) - 1


def test_a_stretch_takes_a_manner_and_keeps_its_time() -> None:
    """The octaves are as strong as wanted, bounds hold, and peaks stay where they were."""
    clip = max(corpus.unpack(corpus.SHIPPED), key=len)
    jaw = clip.expression[:300, [clip.channels.index("jawOpen"), clip.channels.index("browInnerUp")]]
    style = styles.strengths(styles.octaves(jaw)[0]) + np.linspace(-0.5, -1.0, styles.OCTAVES)[:, None]
    made = styles.dressed(jaw, style, 0, 1)
    assert made.min() >= 0 and made.max() <= 1
    np.testing.assert_allclose(styles.strengths(styles.octaves(made)[0])[1:], style[1:], atol=0.15)
    assert np.corrcoef(made[:, 0], jaw[:, 0])[0, 1] > 0.9
    same = styles.dressed(jaw, styles.strengths(styles.octaves(jaw)[0]), 0, 1)
    np.testing.assert_allclose(same, jaw, atol=1e-4)


def test_styles_are_drawn_as_they_were_known_and_wander() -> None:
    random = np.random.default_rng(1)
    known = load_network().bank.styles
    drawn = [known.draw(random) for _ in range(400)]
    table = np.array([s.channels.ravel() for s in drawn])
    mean, spread = (x.reshape(styles.OCTAVES, -1) for x in (known.mean[:-4], np.linalg.norm(known.spread, axis=0)[:-4]))
    assert np.abs(table.mean(0) - mean[:, 6:].ravel()).max() < 0.35
    assert np.all(np.abs(table - mean[:, 6:].ravel()) <= styles.FAR * spread[:, 6:].ravel() + 1e-5)
    after = [known.draw(random, s) for s in drawn]
    own, other = ([np.linalg.norm(a.place - b.place) for a, b in zip(after, rest, strict=True)]
                  for rest in (drawn, drawn[1:] + drawn[:1]))
    assert np.mean(own) < np.mean(other)


def test_styles_of_clips_tell_the_lively_from_the_calm() -> None:
    clips, codec = corpus.load_corpus([corpus.SHIPPED])[:4], load_network().codec
    found = styles_of(clips, codec)
    assert found.mean.shape == (styles.OCTAVES * (6 + len(codec.mean)) + 4,) and np.isfinite(found.spread).all()
    assert len(found.spread) <= styles.RANK


def test_damaged_styles_are_refused(tmp_path: Path) -> None:
    arrays, notes = read_weights(SHIPPED)
    write_weights(tmp_path / "cut", {**arrays, "styles.mean": arrays["styles.mean"][:-1]}, notes)
    write_weights(tmp_path / "none", {k: v for k, v in arrays.items() if k != "styles.spread"}, notes)
    for name in ("cut", "none"):
        with pytest.raises(BadInput):
            load_network(tmp_path / name)
