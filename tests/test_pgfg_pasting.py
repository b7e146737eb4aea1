# SPDX-License-Identifier: Apache-2.0
"""The network's square pasted back into the frame: without a seam, and as much of it as its weights are trusted."""

import numpy as np
import pytest
from mien.core.errors import BadInput
from mien.core.face_square import FaceSquare
from mien.models.pgfg.layers import Layers
from mien.models.pgfg.pasting import RIM, Place, Trust
from mien.models.pgfg.samples import MOUTH, PLACE, PLANES
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
NOTHING = np.zeros((PLANES, 64, 64), np.uint8)


def planes(picture: Picture) -> Picture:
    return np.ascontiguousarray(picture.transpose(2, 0, 1))


def painted(picture: Picture) -> Layers:
    """A picture (3, S, S) as a network gives it."""
    return Layers(picture / np.float32(127.5) - 1, np.ones((1, *picture.shape[1:]), np.float32))


def noise(height: int, width: int, seed: int = 0) -> Picture:
    return np.random.default_rng(seed).integers(40, 200, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("side", [37.3, 128.0, 391.6])
def test_what_the_network_leaves_stays_to_the_bit(side: float) -> None:
    """The frame's detail is finer than the network's square; none of it is lost."""
    frame = noise(420, 410)
    place = Place.of(FaceSquare(205.3, 208.1, side), 64, 410, 420)
    given = planes(noise(64, 64, 1))
    out = place.paste(frame.copy(), painted(given), given, NOTHING)
    np.testing.assert_array_equal(out, frame)


@pytest.mark.parametrize("side", [37.3, 128.0, 391.6])
def test_what_is_painted_anew_is_the_networks_enlarged(side: float) -> None:
    """And hardly anything is left of the frame's detail there."""
    y, x = np.mgrid[:64, :64] / 63
    wanted = np.stack([60 + 120 * x, 250 - 90 * y, 190 + 60 * x * y], -1).astype(np.uint8)
    square = FaceSquare(205.3, 208.1, side)
    place = Place.of(square, 64, 410, 420)
    frame = (noise(420, 410) // 8 + 10).astype(np.uint8)
    out = place.paste(frame.copy(), painted(planes(wanted)), planes(square.cut(frame, 64)), NOTHING)
    again = square.cut(out, 64)
    inside = slice(int(RIM * 64) + 2, -int(RIM * 64) - 2)
    assert np.abs(again.astype(float) - wanted)[inside, inside].max() <= 6


def drawn(size: int, *, mouth: int = 0) -> Picture:
    """A prior (PLANES, S, S) of a face that fills the square, with a mouth that is so many pixels wide and high."""
    prior = np.zeros((PLANES, size, size), np.uint8)
    prior[PLACE] = 128
    middle = slice((size - mouth) // 2, (size + mouth) // 2)
    prior[MOUTH, middle, middle] = 255
    return prior


def test_a_face_is_given_light_and_shade_and_no_detail() -> None:
    """A change that is light in a wide place, and one that only takes detail away."""
    frame = noise(256, 256)
    place = Place.of(FaceSquare(128, 128, 256), 128, 256, 256)
    given = planes(FaceSquare(128, 128, 256).cut(frame, 128))
    checks = np.where(np.indices((128, 128)).sum(0) % 2, 60, -60)
    out = place.paste(frame.copy(), painted(given + checks), given, drawn(128), Trust(face=0))
    assert np.abs(out.astype(int) - frame).max() <= 1
    shade = np.broadcast_to(np.linspace(-12, 12, 128), (128, 128))
    for share in (1.0, 0.5, 0.0):
        trust = Trust(face=0, broad=share)
        brighter = place.paste(frame.copy(), painted(given + shade), given, drawn(128), trust).astype(int) - frame
        across = brighter[20:-20, 20:-20].mean((0, 2))
        np.testing.assert_allclose(across, share * np.linspace(-12, 12, 256)[20:-20], atol=1.5)
        assert brighter[20:-20, 60].std() < 1


def test_between_the_lips_is_what_the_mesh_drew() -> None:
    frame = noise(256, 256)
    place = Place.of(FaceSquare(128, 128, 256), 128, 256, 256)
    given = planes(FaceSquare(128, 128, 256).cut(frame, 128))
    out = place.paste(frame.copy(), painted(given * 0 + 128), given, drawn(128, mouth=40), Trust(mouth=0))
    np.testing.assert_array_equal(out[96:160, 96:160], frame[96:160, 96:160])


def test_beside_the_face_as_much_is_shown_as_is_trusted() -> None:
    frame = noise(256, 256)
    place = Place.of(FaceSquare(128, 128, 256), 64, 256, 256)
    given = planes(FaceSquare(128, 128, 256).cut(frame, 64))
    for share in (0, 0.5, 1):
        out = place.paste(frame.copy(), painted(given + 12), given, NOTHING, Trust(beside=share)).astype(int) - frame
        assert out.mean() == pytest.approx(12 * share, abs=0.6)
    assert Trust.read(None) == Trust() == Trust.read("1,1,1,1") and Trust.read("0,0.5,0.2,1") == Trust(0, 0.5, 0.2, 1)
    for wrong in ("", "1,1,1", "a,b,c,d", "2,0,0,0", "nan,0,0,0"):
        with pytest.raises(BadInput, match="Trust"):
            Trust.read(wrong)


def test_the_networks_shift_moves_the_frames_own_pixels() -> None:
    """A shift of one of the network's pixels is one of four of the frame; nothing is lost of their detail."""
    frame = noise(300, 300)
    square = FaceSquare(150, 150, 256)
    place = Place.of(square, 64, 300, 300)
    given = planes(square.cut(frame, 64))
    shift = np.zeros((2, 32, 32), np.float32)
    shift[0], shift[1] = 1, -0.5
    moved = np.roll(given, (-1, 0), (2, 1))
    moved = ((moved.astype(np.float32) + np.roll(moved, 1, 1)) / 2).astype(np.uint8)
    out = place.paste(frame.copy(), Layers(painted(moved).picture, np.zeros((1, 64, 64), np.float32), shift), given,
                      NOTHING)
    middle = out[100:200, 100:200].astype(int)
    assert np.abs(middle - frame[98:198, 104:204]).max() <= 4
    np.testing.assert_array_equal(out[:, :20], frame[:, :20])


@pytest.mark.parametrize(("broad", "across"), [(1.0, 4), (0.5, 2), (0.0, 0)])
def test_a_face_is_moved_as_far_as_what_is_broad_is_trusted(broad: float, across: int) -> None:
    frame = noise(256, 256)
    place = Place.of(FaceSquare(128, 128, 256), 128, 256, 256)
    given = planes(FaceSquare(128, 128, 256).cut(frame, 128))
    shift = np.zeros((2, 64, 64), np.float32)
    shift[0] = 2
    made = Layers(painted(given).picture, np.zeros((1, 128, 128), np.float32), shift)
    out = place.paste(frame.copy(), made, given, drawn(128), Trust(face=0, broad=broad)).astype(int)
    inner = slice(64, 192)
    wanted = frame[inner, 64 + across:192 + across].astype(int)
    light = out[inner, inner].mean((0, 1)) - wanted.mean((0, 1))
    np.testing.assert_allclose(out[inner, inner] - light, wanted, atol=12)


def test_there_is_no_seam() -> None:
    """A network that makes everything brighter: the change begins at nothing and grows without a step."""
    frame = np.full((300, 320, 3), 100, np.uint8)
    given = np.full((3, 64, 64), 100, np.uint8)
    place = Place.of(FaceSquare(150, 160, 200), 64, 320, 300)
    out = place.paste(frame.copy(), painted(given + 40), given, NOTHING).astype(int) - frame
    assert out[160, 150, 0] == 40
    assert (out[:60] == 0).all() and (out[:, :50] == 0).all() and (out[:, 250:] == 0).all()
    steepest = 1.5 * 40 / (RIM * 200) + 1
    assert np.abs(np.diff(out[..., 0], axis=0)).max() <= steepest
    assert np.abs(np.diff(out[..., 0], axis=1)).max() <= steepest
    assert out[60, 150, 0] <= 1 and out[160, 50, 0] <= 1


def test_at_the_pictures_own_border_nothing_fades() -> None:
    frame = np.full((200, 200, 3), 100, np.uint8)
    given = np.full((3, 64, 64), 100, np.uint8)
    place = Place.of(FaceSquare(120, 50, 90).within(200, 95), 64, 200, 95)
    out = place.paste(frame[:95].copy(), painted(given + 40), given, NOTHING)
    assert out[94, 120, 0] == out[45, 120, 0] == 140
    corner = Place.of(FaceSquare(50, 50, 100), 64, 200, 200)
    out = corner.paste(frame.copy(), painted(given + 40), given, NOTHING)
    assert out[0, 0, 0] == 140 and out[99, 50, 0] <= 101 and out[50, 99, 0] <= 101
