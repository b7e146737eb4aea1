# SPDX-License-Identifier: Apache-2.0
"""The rasteriser: exact coverage, weights that reproduce positions, order, perspective and clipping."""

import numpy as np
import pytest
from mien.core.errors import BadInput, MissingPart
from mien.core.rasterize import Raster, image_to_clip, interpolate, rasterize, rasterize_image
from numpy.typing import NDArray

Array = NDArray[np.float64]


def draw(vertices: Array, triangles: list[list[int]] | NDArray[np.int32], height: int = 32,
         width: int = 40) -> Raster:
    return rasterize(np.asarray(vertices), np.asarray(triangles, np.int32), height, width, backend="cpu")


def pixel_centres(height: int, width: int) -> Array:
    y, x = np.mgrid[:height, :width]
    return np.stack([x + 0.5, y + 0.5], -1)


def fan(count: int, seed: int) -> tuple[Array, NDArray[np.int32]]:
    """A closed fan around a random centre whose outline is the whole view and more."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, count)) + np.pi / 17
    angle = np.concatenate([angle, angle[0] + np.arange(1, 4) * np.pi / 2])
    angle = np.sort(angle % (2 * np.pi))
    rim = 4 * np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], 1)
    n = len(rim)
    triangles = [[n, i, (i + 1) % n] for i in range(n)]
    # Half of them wound the other way: both sides must obey the same rule.
    triangles = [t if i % 2 else [t[0], t[2], t[1]] for i, t in enumerate(triangles)]
    centre = np.append(rng.uniform(-0.5, 0.5, 2), 0)
    return np.vstack([rim, centre]), np.array(triangles, np.int32)


@pytest.mark.parametrize("seed", range(20))
def test_a_closed_fan_covers_each_pixel_exactly_once(seed: int) -> None:
    vertices, triangles = fan(29, seed)
    times = sum((draw(vertices, triangles[i:i + 1]).triangle_id > 0).astype(int)
                for i in range(len(triangles)))
    assert (times == 1).all()


def test_edges_through_pixel_centres_belong_to_one_side() -> None:
    """A grid whose every vertex lies on a pixel centre, so every edge case happens."""
    height, width = 16, 16
    y, x = np.mgrid[:17, :17]
    image = np.stack([x.ravel() - 0.5, y.ravel() - 0.5, np.zeros(17 * 17)], 1)
    index = np.arange(17 * 17).reshape(17, 17)
    quads = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], -1).reshape(-1, 4)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    clip = image_to_clip(image, height, width)
    times = sum((draw(clip, triangles[i:i + 1], height, width).triangle_id > 0).astype(int)
                for i in range(len(triangles)))
    assert (times[:-1, :-1] == 1).all()
    assert np.asarray(times).max() == 1


def test_coverage_equals_the_half_plane_test() -> None:
    rng = np.random.default_rng(0)
    centres = pixel_centres(32, 40)
    for _ in range(50):
        # On the 1/256 grid, off the pixel centres: no rounding and no ties, so the answer is exact.
        corners = (rng.integers(-4 * 256, 44 * 256, (3, 2)) * 2 + 1) / 512
        image = np.column_stack([np.round(corners * 256) / 256, np.zeros(3)])
        sides = []
        for a, b in ((0, 1), (1, 2), (2, 0)):
            edge, to = image[b, :2] - image[a, :2], centres - image[a, :2]
            sides.append(edge[0] * to[..., 1] - edge[1] * to[..., 0])
        strictly = (np.min(sides, 0) > 0) | (np.max(sides, 0) < 0)
        touching = np.min(np.abs(sides), 0) == 0
        clip = np.column_stack([image[:, 0] / 20 - 1, image[:, 1] / 16 - 1, np.zeros(3)])
        covered = draw(clip.astype(np.float64), [[0, 1, 2]]).triangle_id > 0
        assert (covered == strictly)[~touching].all()


def random_mesh(seed: int, perspective: bool) -> tuple[Array, NDArray[np.int32]]:
    rng = np.random.default_rng(seed)
    w = rng.uniform(0.5, 3, (60, 1)) if perspective else np.ones((60, 1))
    xyz = rng.uniform(-0.9, 0.9, (60, 3)) * w
    return np.hstack([xyz, w]), rng.integers(0, 60, (40, 3)).astype(np.int32)


@pytest.mark.parametrize("perspective", [False, True])
def test_weights_reproduce_positions_and_depth(perspective: bool) -> None:
    vertices, triangles = random_mesh(1, perspective)
    raster = draw(vertices, triangles, 64, 48)
    hit = raster.triangle_id > 0
    corners = vertices[triangles[raster.triangle_id[hit] - 1]]
    u, v = raster.barycentric[hit].astype(np.float64).T
    point = np.einsum("nc,ncd->nd", np.stack([u, v, 1 - u - v], 1), corners)
    seen = (point[:, :2] / point[:, 3:] + 1) / 2 * [48, 64]
    error = np.abs(seen - pixel_centres(64, 48)[hit]).max(1)
    assert hit.mean() > 0.5
    # Weights are clamped to the triangle where a centre lies within the rounding of an edge (1/256 pixel).
    assert error.max() < 1.5 / 256
    assert np.median(error) < 2e-5
    assert np.median(np.abs(point[:, 2] / point[:, 3] - raster.depth[hit])) < 1e-3


def test_perspective_is_not_linear_in_the_image() -> None:
    """A floor from w = 1 to w = 3: the middle of the image line is a quarter of the way along it."""
    vertices = np.array([[-1, -1, 0, 1], [1, -1, 0, 1], [3, 3, 0, 3], [-3, 3, 0, 3]], float)
    raster = draw(vertices, [[0, 1, 2], [0, 2, 3]], 101, 101)
    along = interpolate(raster, np.array([[0, 1, 2], [0, 2, 3]]), np.array([[0.0], [0], [1], [1]]))[..., 0]
    assert along[50, 50] == pytest.approx(0.25, abs=1e-5)
    s = np.linspace(0, 1, 101 * 2 + 1)[1::2]
    assert along[:, 50] == pytest.approx(s / (3 - 2 * s), abs=1e-5)


def brute_force(vertices: Array, triangles: NDArray[np.int32], height: int,
                width: int) -> tuple[Array, Array]:
    """Nearest depth and triangle by testing every triangle at every pixel in floating point."""
    ndc = vertices[:, :3] / vertices[:, 3:]
    screen = (ndc[:, :2] + 1) / 2 * [width, height]
    p = pixel_centres(height, width)
    best, winner = np.full((height, width), np.inf), np.zeros((height, width), int)
    for i, t in enumerate(triangles):
        a, b, c = screen[t]
        area = np.cross(np.append(b - a, 0), np.append(c - a, 0))[2]
        if abs(area) < 1e-9:
            continue
        e = [((q - o)[0] * (p[..., 1] - o[1]) - (q - o)[1] * (p[..., 0] - o[0])) / area
             for o, q in ((b, c), (c, a), (a, b))]
        z = sum(w * ndc[k, 2] for w, k in zip(e, t, strict=True))
        better = (np.min(e, 0) >= 0) & (z < best)
        best, winner = np.where(better, z, best), np.where(better, i + 1, winner)
    return best, winner


@pytest.mark.parametrize("perspective", [False, True])
def test_the_nearest_triangle_wins(perspective: bool) -> None:
    vertices, triangles = random_mesh(2, perspective)
    raster = draw(vertices, triangles, 96, 80)
    best, winner = brute_force(vertices, triangles, 96, 80)
    assert (raster.triangle_id == winner).mean() > 0.995
    same = (raster.triangle_id == winner) & (winner > 0)
    # Depth is taken at corners rounded to 1/256 pixel: a unit slope over 96 pixels errs by 8e-5 at most.
    assert np.median(np.abs(raster.depth[same] - best[same])) < 8e-5
    assert (raster.depth[raster.triangle_id == 0] == 0).all()


def test_a_triangle_reaching_behind_the_camera_shows_its_front_part() -> None:
    """The floor y = -1 under a camera at the origin: everything below the horizon, nothing above it."""
    focal, near, far = 1.0, 0.1, 1e3

    def floor(x: float, distance: float) -> list[float]:
        depth = (far + near) / (far - near) * distance - 2 * far * near / (far - near)
        return [focal * x, -focal, depth, distance]

    vertices = np.array([floor(-2e3, -5), floor(2e3, -5), floor(0, 400)])
    raster = draw(vertices, [[0, 1, 2]], 64, 64)
    y = (2 * np.arange(64) + 1) / 64 - 1
    expected = np.broadcast_to((y < 0)[:, None], (64, 64))
    covered = raster.triangle_id > 0
    assert (covered[:30] == expected[:30]).all()
    assert not covered[32:].any()
    # The weights still give the distance of the floor, -1 / y.
    distance = interpolate(raster, np.array([[0, 1, 2]]), vertices[:, 3:])[:30, :, 0]
    assert distance == pytest.approx(np.broadcast_to(-1 / y[:30, None], (30, 64)), rel=1e-3)


@pytest.mark.parametrize("shift", [(0, 0), (3e4, 0), (0, -3e4), (2e5, 1e5)])
def test_huge_triangles_partly_outside_are_exact(shift: tuple[float, float]) -> None:
    """The half plane x < y bounded by corners far outside the picture."""
    corners = np.array([[-1e6, -1e6, 0], [1e6, 1e6, 0], [-1e6, 1e6, 0]]) + np.array([*shift, 0])
    covered = draw(corners, [[0, 1, 2]], 33, 33).triangle_id > 0
    c = (2 * np.arange(33) + 1) / 33 - 1
    expected = c[None, :] - shift[0] < c[:, None] - shift[1]
    border = c[None, :] - shift[0] == c[:, None] - shift[1]
    assert (covered == expected)[~border].all()


def test_depth_outside_the_view_volume_is_cut() -> None:
    square = np.array([[-1, -1, -3], [1, -1, 3], [1, 1, 3], [-1, 1, -3]], float)
    covered = draw(square, [[0, 1, 2], [0, 2, 3]], 10, 30).triangle_id > 0
    assert (covered == (np.abs((2 * np.arange(30) + 1) / 30 - 1) < 1 / 3)[None]).all()


def test_image_space_keeps_rows_and_nearness() -> None:
    """Row 0 is the image's top row, and larger z is in front."""
    image = np.array([[0, 0, 5], [20, 0, 5], [0, 10, 5], [0, 0, 9], [4, 0, 9], [0, 4, 9.0]])
    raster = rasterize_image(image, np.array([[0, 1, 2], [3, 4, 5]]), 16, 24, backend="cpu")
    assert raster.triangle_id[0, 0] == 2
    assert raster.triangle_id[0, 10] == 1
    assert raster.triangle_id[-1].max() == 0
    pixels = interpolate(raster, np.array([[0, 1, 2], [3, 4, 5]]), image)[raster.triangle_id > 0]
    assert pixels[:, :2] == pytest.approx(pixel_centres(16, 24)[raster.triangle_id > 0], abs=1e-3)


def test_degenerate_and_empty_meshes_draw_nothing() -> None:
    line = np.array([[-1, -1, 0], [0, 0, 0], [1, 1, 0]], float)
    assert draw(line, [[0, 1, 2], [1, 1, 1]]).triangle_id.max() == 0
    assert draw(line, np.zeros((0, 3), np.int32)).triangle_id.max() == 0
    assert draw(np.array([[0, 0, 0, 0]] * 3, float), [[0, 1, 2]]).triangle_id.max() == 0


@pytest.mark.parametrize(("vertices", "triangles", "size"), [
    (np.zeros((3, 2)), [[0, 1, 2]], (8, 8)), (np.zeros((3, 3)), [[0, 1, 3]], (8, 8)),
    (np.zeros((3, 3)), [[0, -1, 2]], (8, 8)), (np.zeros((3, 3)), [[0, 1]], (8, 8)),
    (np.full((3, 3), np.nan), [[0, 1, 2]], (8, 8)), (np.zeros((3, 3)), [[0, 1, 2]], (0, 8)),
    (np.zeros((3, 3)), [[0, 1, 2]], (8, 10**6))])
def test_what_cannot_be_drawn_is_refused(vertices: Array, triangles: list[list[int]],
                                         size: tuple[int, int]) -> None:
    with pytest.raises(BadInput):
        rasterize(vertices, np.array(triangles), *size, backend="cpu")


def test_cuda_agrees_or_says_what_is_missing() -> None:
    from mien.core.rasterize import cuda

    vertices, triangles = random_mesh(3, True)
    if not cuda.available():
        with pytest.raises(MissingPart):
            rasterize(vertices, triangles, 64, 64, backend="cuda")
        return
    one, other = (rasterize(vertices, triangles, 64, 64, backend=b) for b in ("cpu", "cuda"))
    same = one.triangle_id == other.triangle_id
    assert same.mean() > 0.98
    assert one.barycentric[same] == pytest.approx(other.barycentric[same], abs=0.02)
