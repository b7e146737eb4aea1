# SPDX-License-Identifier: Apache-2.0
"""Frames by the network, from the command to the file, and all that is refused."""

import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from heads import SIZE, exact_fit, motion, portrait
from mien.core.ahead import one_ahead
from mien.core.errors import BadInput
from mien.core.face_model import FaceModel
from mien.core.fitting import fit_photo
from mien.core.image import write_image
from mien.core.model_files import default_model
from mien.core.motion_files import save_motion
from mien.core.playback import animate, renderer_named
from mien.core.playback.photo import MOST_PIXELS, photo_for_video
from mien.core.playback.stage import set_stage
from mien.core.provenance.note import COMPOSITE, GENERATED_PARTS
from mien.core.provenance.reading import read_provenance
from mien.core.retarget import Rules
from mien.core.video import VideoReader, VideoWriter
from mien.models.pgfg import canvas, files, rendering
from mien.models.pgfg.canvas import Canvas
from mien.models.pgfg.config import MIEN128, TINY
from mien.models.pgfg.files import SHIPPED, load_generator, save_generator
from mien.models.pgfg.pasting import Trust
from mien.models.pgfg.rendering import NeuralRenderer
from mien.models.pgfg.shapes import shapes
from numpy.typing import NDArray
from skimage.data import astronaut

Picture = NDArray[np.uint8]
FACE = astronaut()[0:256, 90:346]


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return default_model()


def generator(path: Path, *, paints: bool, seed: int = 0) -> Path:
    """Random weights; one that does not paint shows what it is given."""
    random = np.random.default_rng(seed)
    arrays = {name: random.normal(size=shape) * (np.prod(shape[1:]) + 1) ** -0.5
              for name, shape in shapes(MIEN128).items()}
    if not paints:
        arrays["decoder.last.weight"] *= 0
        arrays["decoder.last.bias"] *= 0
    save_generator(path, MIEN128, arrays)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generator(tmp_path_factory.mktemp("w") / "painter.safetensors", paints=True)


@pytest.fixture(scope="module")
def idle_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generator(tmp_path_factory.mktemp("w") / "idle.safetensors", paints=False)


# --- the renderer -------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def acted(model: FaceModel):
    """A portrait with a fit that is known exactly, and three frames of motion."""
    fits = [exact_fit(model), exact_fit(model, (0.05, 0.2, 0), jawOpen=0.5), exact_fit(model, (0, -0.1, 0))]
    return portrait(model, fits[0]), fits[0], motion(model, fits)


def test_a_network_that_paints_nothing_leaves_the_meshs_frames(model, acted, idle_weights) -> None:
    photo, fit, moves = acted
    mesh = list(animate(photo, fit, moves, model))
    shown = list(animate(photo, fit, moves, model, renderer=renderer_named("pgfg", model, idle_weights, 1)))
    assert len(shown) == 3
    left, top, right, bottom = Canvas.of(set_stage(photo, fit, moves, model, Rules()), MIEN128.size).place.box
    outside = np.ones(photo.shape[:2], bool)
    outside[top:bottom, left:right] = False
    for a, b in zip(mesh, shown, strict=True):
        np.testing.assert_array_equal(a[outside], b[outside])
        assert np.abs(a.astype(int) - b).max() <= 1


def test_one_that_paints_shows_inside_its_square_alone(model, acted, weights) -> None:
    photo, fit, moves = acted
    mesh = list(animate(photo, fit, moves, model))
    shown = list(animate(photo, fit, moves, model, renderer=renderer_named("auto", model, weights, 1)))
    middle = slice(SIZE // 2 - 20, SIZE // 2 + 20)
    assert all(np.abs(a.astype(int) - b)[middle, middle].mean() > 3 for a, b in zip(mesh, shown, strict=True))


def test_batches_are_the_same_frames(model, acted, weights, monkeypatch) -> None:
    photo, fit, moves = acted
    one = list(animate(photo, fit, moves, model, renderer=renderer_named("pgfg", model, weights, 1)))
    choose = rendering._painter
    monkeypatch.setattr(rendering, "_painter", lambda w, t: (choose(w, t)[0], 2))
    many = list(animate(photo, fit, moves, model, renderer=renderer_named("pgfg", model, weights, 1)))
    for a, b in zip(one, many, strict=True):
        np.testing.assert_array_equal(a, b)


def test_frames_come_as_they_are_asked_for(model, acted, weights, monkeypatch) -> None:
    """However long the motion: one is drawn ahead and no more, so nothing piles up."""
    photo, fit, moves = acted
    drawn = []
    original = Canvas.moved
    monkeypatch.setattr(Canvas, "moved", lambda self, p: drawn.append(1) or original(self, p))
    long = replace(moves, **{n: np.repeat(getattr(moves, n), 400, 0)
                             for n in ("expression", "rotation", "translation", "confidence")})
    frames = animate(photo, fit, long, model, renderer=renderer_named("pgfg", model, weights, 1))
    assert not drawn
    next(frames), next(frames)
    frames.close()
    assert 2 <= len(drawn) <= 3


def test_an_error_comes_out_where_its_frame_would_be() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise BadInput("no third")

    ahead = one_ahead(items())
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(BadInput, match="no third"):
        next(ahead)
    assert list(one_ahead(range(5))) == list(range(5))


def test_the_square_holds_the_face_of_every_frame(model, acted) -> None:
    photo, fit, moves = acted
    far = replace(moves, translation=moves.translation + np.float32([[0, 0, 0], [0.05, 0, 0], [0, -0.03, 0]]))
    stage = set_stage(photo, fit, far, model, Rules())
    square = canvas._square_of(stage)
    for played in stage.frames():
        inside = square.points(model.points("mesh478", played.vertices), 1)[:, :2]
        assert inside.min() > 0.05 and inside.max() < 0.95


# --- the command --------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, model: FaceModel) -> Path:
    """A photo, another, a video of three frames and a motion of four."""
    place = tmp_path_factory.mktemp("in")
    write_image(place / "photo.png", FACE)
    write_image(place / "other.png", np.ascontiguousarray(FACE[:, ::-1]))
    with VideoWriter(place / "drive.mp4", 25, 200, 200) as video:
        for i in range(3):
            video.write(np.ascontiguousarray(FACE[20:220, 20 + 4 * i: 220 + 4 * i]))
    fits = [exact_fit(model, (0, 0.03 * k, 0), jawOpen=0.1 * k) for k in range(4)]
    save_motion(motion(model, fits), place / "motion.npz")
    return place


def shapes_of(video: Path) -> Iterator[tuple[int, ...]]:
    with VideoReader(video) as reader:
        yield from (frame.rgb.shape for frame in reader)


def test_the_command_says_what_made_its_video(mien, folder: Path, weights: Path, tmp_path: Path) -> None:
    start = ("animate", folder / "photo.png", "--motion", folder / "motion.npz", "--json", "-o", tmp_path / "v.mp4")
    for options, name, kind in ((("--renderer", "pgfg", "--weights", weights), "pgfg", GENERATED_PARTS),
                                (("--weights", weights), "pgfg", GENERATED_PARTS),
                                (("--renderer", "mesh"), "mesh", COMPOSITE)):
        result = mien(*start, *options)
        assert result.code == 0, result.err
        assert json.loads(result.out)["renderer"] == name
        assert list(shapes_of(tmp_path / "v.mp4")) == [FACE.shape] * 4
        assert read_provenance(tmp_path / "v.mp4").source_type == kind


@pytest.mark.parametrize("driver", [("--predict", 3), ("--idle", 3), ("--target", "other.png", "--frames", 3),
                                    ("--driving", "drive.mp4")])
def test_every_driver_goes_with_the_network(mien, folder: Path, weights: Path, tmp_path: Path, driver) -> None:
    named = [folder / a if isinstance(a, str) and a[0] != "-" else a for a in driver]
    result = mien("animate", folder / "photo.png", *named, "--weights", weights, "-o", tmp_path / "v.mp4", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["renderer"] == "pgfg"
    assert len(list(shapes_of(tmp_path / "v.mp4"))) >= 3


def test_weights_that_cannot_be_used_leave_an_old_video_as_it_was(mien, folder, weights, tmp_path, untouched) -> None:
    (tmp_path / "v.mp4").write_bytes(b"an old video")
    whole = weights.read_bytes()
    places = {name: tmp_path / f"{name}.safetensors" for name in ("short", "pickled", "tiny", "none")}
    places["short"].write_bytes(whole[: len(whole) // 2])
    places["pickled"].write_bytes(pickle.dumps({"a": 1}))
    save_generator(places["tiny"], TINY, {n: np.zeros(s) for n, s in shapes(TINY).items()})
    check = untouched(tmp_path)
    start = ("animate", folder / "photo.png", "--motion", folder / "motion.npz", "-o", tmp_path / "v.mp4")
    for name, words in (("short", "damaged"), ("pickled", "is a pickle"), ("tiny", "no ONNX graph of tiny"),
                        ("none", "Cannot read the weights")):
        assert words in mien(*start, "--renderer", "pgfg", "--weights", places[name]).sentence()
    assert "takes no weights" in mien(*start, "--renderer", "mesh", "--weights", weights).sentence()
    check()


def test_what_is_in_the_box_is_taken_and_leaves_a_still_photo_alone(model: FaceModel) -> None:
    weights = load_generator()
    assert SHIPPED.stat().st_size < 40e6 and weights.config == MIEN128
    assert Trust.read(weights.notes["trust"]) == Trust(0, 0, 0.5, 0.5)
    renderer = renderer_named("auto", model, threads=1)
    assert renderer.name == "pgfg"
    fit = fit_photo(FACE, model)
    still = motion(model, [exact_fit(model)] * 2)
    shown = list(animate(FACE, fit, still, model, renderer=renderer))[1].astype(int)
    assert np.abs(shown - FACE).mean() < 3 and np.abs(shown - FACE).max() > 0


def test_without_weights_the_network_says_where_they_come_from(mien, model, folder: Path, tmp_path: Path,
                                                               monkeypatch) -> None:
    monkeypatch.setattr(files, "SHIPPED", tmp_path / "none.safetensors")
    start = ("animate", folder / "photo.png", "--motion", folder / "motion.npz", "-o", tmp_path / "v.mp4")
    said = mien(*start, "--renderer", "pgfg").sentence()
    assert "mien train pgfg" in said and "--weights FILE" in said
    assert renderer_named("auto", model).name == "mesh"


def test_a_model_that_does_not_know_its_lips_is_refused(model: FaceModel, weights: Path) -> None:
    plain = replace(model, regions={})
    with pytest.raises(BadInput, match="does not say where lips"):
        NeuralRenderer(load_generator(weights), plain)
    with pytest.raises(BadInput, match="does not say where lips"):
        renderer_named("pgfg", plain)
    assert renderer_named("auto", plain).name == "mesh"
    with pytest.raises(BadInput, match="no renderer 'best'"):
        renderer_named("best", model)


# --- pictures and motions that are not as one would wish -----------------------------------------------------------

def made(mien, photo: Picture, folder: Path, weights: Path, tmp_path: Path, *options: object) -> list[Picture]:
    write_image(tmp_path / "p.png", photo)
    result = mien("animate", tmp_path / "p.png", "--motion", folder / "motion.npz", "--weights", weights,
                  "-o", tmp_path / "v.mp4", *options)
    assert result.code == 0, result.err
    with VideoReader(tmp_path / "v.mp4") as reader:
        return [frame.rgb for frame in reader]


def test_a_motion_of_another_model(mien, model: FaceModel, folder: Path, weights: Path, tmp_path: Path) -> None:
    """Channels are matched by name; one that shares none is refused."""
    other = replace(motion(model, [exact_fit(model)] * 2), model="cat", model_hash="0")
    save_motion(other, tmp_path / "alike.npz")
    save_motion(replace(other, channels=tuple(f"cat{n}" for n in other.channels)), tmp_path / "cat.npz")
    start = ("animate", folder / "photo.png", "--weights", weights, "-o", tmp_path / "v.mp4", "--motion")
    assert "none of the channels" in mien(*start, tmp_path / "cat.npz").sentence()
    assert not (tmp_path / "v.mp4").exists()
    assert mien(*start, tmp_path / "alike.npz").code == 0


@pytest.mark.parametrize(("rows", "columns"), [((0, 256), (80, 256)), ((0, 256), (0, 172)), ((0, 160), (0, 256)),
                                               ((70, 256), (0, 256)), ((30, 200), (30, 256))])
def test_a_face_at_the_edge_or_cut_off(mien, folder, weights, idle_weights, tmp_path, rows, columns) -> None:
    """A network that does not paint shows the photo, up to its border; one that does, paints up to it."""
    photo = np.ascontiguousarray(FACE[slice(*rows), slice(*columns)])
    still = made(mien, photo, folder, idle_weights, tmp_path)[0]
    assert still.shape == photo.shape
    assert np.abs(still.astype(int) - photo).mean() < 4
    painted = made(mien, photo, folder, weights, tmp_path)[0]
    changed = np.abs(painted.astype(int) - still).mean(-1)
    assert changed.max() > 20 and painted.shape == photo.shape


def test_one_of_several_faces(mien, folder: Path, weights: Path, tmp_path: Path) -> None:
    """The other face stays as the mesh alone leaves it: as it was."""
    two = np.concatenate([FACE, FACE[:, ::-1]], 1)
    moved = set()
    for face in (0, 1):
        frames = made(mien, two, folder, weights, tmp_path, "--face", face)
        away = np.abs(frames[3].astype(int) - two).mean((0, 2))
        halves = away[:216].mean(), away[296:].mean()
        assert max(halves) > 2.5 * min(halves)
        moved.add(int(np.argmax(halves)))
    assert moved == {0, 1}
    said = mien("animate", tmp_path / "p.png", "--motion", folder / "motion.npz", "--weights", weights, "--face", 7,
                "-o", tmp_path / "v.mp4").sentence()
    assert "face" in said


def test_a_photo_of_64_pixels(mien, folder: Path, idle_weights: Path, tmp_path: Path) -> None:
    from PIL import Image

    small = np.asarray(Image.fromarray(FACE).resize((64, 64), Image.Resampling.BOX))
    frames = made(mien, small, folder, idle_weights, tmp_path)
    assert frames[0].shape == (64, 64, 3)
    assert np.abs(frames[0].astype(int) - small).mean() < 8


def test_a_photo_of_50_million_pixels_becomes_a_video_that_can_be_played(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(FACE).resize((7072, 7072), Image.Resampling.NEAREST).save(tmp_path / "big.png", compress_level=1)
    photo, remarks = photo_for_video(tmp_path / "big.png")
    assert photo.shape[0] == photo.shape[1] and 0.99 < photo.size / 3 / MOST_PIXELS <= 1
    assert remarks == [f"the photo has 50 million pixels; the video is {photo.shape[1]}x{photo.shape[0]}"]
    small = np.asarray(Image.fromarray(photo).resize((256, 256), Image.Resampling.BOX))
    assert np.abs(small.astype(int) - FACE).mean() < 2
