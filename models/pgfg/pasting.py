# SPDX-License-Identifier: Apache-2.0
"""The network's small square back into a full-size frame, without a seam and without losing the frame's detail.

The frame's own pixels are moved as the network says. Its small changes are added to them; where it paints anew, its
picture, enlarged, takes their place. A network of little training is unsure of detail and paints the mean of what it
might be: soft skin, grey mouths, blurred hair. How far it is trusted stands in its weights. Towards the square's sides
that do not lie on the picture's border all goes over into the frame.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.compiled import compiled_loosely
from ...core.errors import BadInput
from ...core.face_square import FaceSquare
from .layers import Layers
from .samples import MOUTH, PLACE, sampled, still

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

RIM = 0.12
"""Share of the square's side over which it goes over into the frame"""
_SAME = 30.0
"""Change of colour (0..255) at which half of the frame's own pixels stays"""
_BROAD = 16
"""How many means of light and shade there are across the square"""


@dataclass(frozen=True)
class Trust:
    """How far a network's detail is shown, 0..1."""

    mouth: float = 1.0
    """Between the lips: 0 leaves what the mesh drew"""
    face: float = 1.0
    """On the face: 0 shows no detail of what it changes"""
    broad: float = 1.0
    """On the face, of what is broad where the detail is not shown: light, shade and movement"""
    beside: float = 1.0
    """Hair, neck and background: 0 leaves the mesh's"""

    @classmethod
    def read(cls, text: str | None) -> "Trust":
        """From `mouth,face,broad,beside`; None is full trust.

        Raises:
            BadInput: it is something else.
        """
        if text is None:
            return cls()
        try:
            mouth, face, broad, beside = (float(part) for part in text.split(","))
        except ValueError as error:
            raise BadInput(f"Trust is four numbers, mouth,face,broad,beside, not {text!r}.") from error
        if not all(0 <= value <= 1 for value in (mouth, face, broad, beside)):
            raise BadInput(f"Trust lies between 0 and 1, not {text}.")
        return cls(mouth, face, broad, beside)


FULL = Trust()


@dataclass(frozen=True, eq=False)
class Place:
    """A square of a frame of H × W pixels, seen at (S, S)."""

    square: FaceSquare
    size: int
    box: tuple[int, int, int, int]
    """Left, top, right, bottom of the whole pixels inside the square"""
    fade: Floats
    """(S, S) 1 inside, 0 at the rim"""

    @classmethod
    def of(cls, square: FaceSquare, size: int, width: int, height: int) -> "Place":
        """`square` lies inside the picture."""
        left, top = square.x - square.side / 2, square.y - square.side / 2
        right, bottom = left + square.side, top + square.side
        box = (int(np.ceil(left - 1e-6)), int(np.ceil(top - 1e-6)), int(np.floor(right + 1e-6)),
               int(np.floor(bottom + 1e-6)))
        across = _ramps(size, left > 1, right < width - 1)
        down = _ramps(size, top > 1, bottom < height - 1)
        return cls(square, size, box, np.asarray(down[:, None] * across[None, :], np.float32))

    def paste(self, frame: Bytes, made: Layers, given: Bytes, prior: Bytes, trust: Trust = FULL) -> Bytes:
        """The frame (H, W, 3), changed in place, with the network's picture in it; `given` (3, S, S) is the frame as
        the network saw it, `prior` (PLANES, S, S) what it was told of the head there."""
        left, top, right, bottom = self.box
        inside = frame[top:bottom, left:right]
        mouth = _softened(np.asarray(prior[MOUTH][0] > 0, np.float32))
        face = (1 - mouth) * _softened(np.asarray(prior[PLACE].any(0), np.float32))
        gentle = face * (1 - trust.face)
        if made.shift is not None:
            shift = _enlarged(made.shift, self.size) * self.fade * (1 - gentle * (1 - trust.broad))
            given = sampled(given, shift + still(self.size))
            scale = np.float32(self.square.side / self.size)
            inside[:] = _pulled(inside, np.stack([self._at_full_size(s) for s in shift]) * scale)
        share = np.asarray(mouth * trust.mouth + face + (1 - mouth - face) * trust.beside, np.float32)
        change = np.asarray(share * ((made.picture + 1) * np.float32(127.5) - given), np.float32)
        anew = (1 - _softened(_believed(change))) * share * (1 - gentle)
        if trust.face < 1:
            change = gentle * trust.broad * _broad(change, face) + (1 - gentle) * change
        layers = np.empty((4, self.size, self.size), np.float32)
        layers[:3] = (change + anew * given) * self.fade
        layers[3] = anew * self.fade
        _blend(inside, *(self._at_full_size(layer) for layer in layers))
        return frame

    def _at_full_size(self, layer: Floats) -> Floats:
        """A layer (S, S) at the pixels of the box, bicubic, averaged where it is made smaller."""
        from PIL import Image

        left, top, right, bottom = self.box
        corner_x, corner_y = self.square.x - self.square.side / 2, self.square.y - self.square.side / 2
        scale = self.size / self.square.side
        part = np.clip([(left - corner_x) * scale, (top - corner_y) * scale, (right - corner_x) * scale,
                        (bottom - corner_y) * scale], 0, self.size)
        out = Image.fromarray(layer).resize((right - left, bottom - top), Image.Resampling.BICUBIC, tuple(part))
        return np.asarray(out, np.float32)


def _ramps(size: int, first: bool, last: bool) -> Floats:
    """(S,) rising from the sides that fade."""
    at = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / (RIM * size)
    rise = np.clip(at, 0, 1)
    rise = rise * rise * (3 - 2 * rise)
    one = np.ones(size, np.float32)
    return np.asarray((rise if first else one) * (rise[::-1] if last else one), np.float32)


def _believed(change: Floats) -> Floats:
    """How far (S, S), 0..1, the network left what it was given."""
    away = np.abs(change).mean(0) * np.float32(1 / _SAME)
    return np.asarray(1 / (1 + away * away), np.float32)


def _broad(change: Floats, where: Floats) -> Floats:
    """A change (3, S, S) without its detail, as it is in places that count (S, S)."""
    from PIL import Image

    size = change.shape[-1]
    def mean(plane: Floats) -> Floats:
        small = Image.fromarray(plane).resize((_BROAD, _BROAD), Image.Resampling.BILINEAR)
        return np.asarray(small.resize((size, size), Image.Resampling.BILINEAR), np.float32)

    weight = mean(where) + np.float32(1e-3)
    return np.stack([mean(plane * where) / weight for plane in change])


def _enlarged(shift: Floats, size: int) -> Floats:
    """Shifts (2, S/2, S/2) at every pixel (2, S, S), as `network.shifted_by` has them."""
    from PIL import Image

    return np.stack([np.asarray(Image.fromarray(s).resize((size, size), Image.Resampling.BILINEAR)) for s in shift])


@compiled_loosely
def _pulled(frame: Bytes, shift: Floats) -> Bytes:
    """A picture (H, W, 3) whose pixels come from so far away (2, H, W), bilinear; its rim goes on."""
    height, width = frame.shape[:2]
    out = np.empty((height, width, 3), np.uint8)
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    for row in range(height):
        for column in range(width):
            x = min(max(np.float32(column) + shift[0, row, column], zero), np.float32(width - 1))
            y = min(max(np.float32(row) + shift[1, row, column], zero), np.float32(height - 1))
            j, i = min(int(x), width - 2), min(int(y), height - 2)
            s, t = x - np.float32(j), y - np.float32(i)
            for k in range(3):
                top = frame[i, j, k] * (one - s) + frame[i, j + 1, k] * s
                low = frame[i + 1, j, k] * (one - s) + frame[i + 1, j + 1, k] * s
                out[row, column, k] = np.uint8(top * (one - t) + low * t + half)
    return out


def _softened(share: Floats) -> Floats:
    """Neighbours decide together, so that single pixels do not flicker."""
    from scipy.ndimage import uniform_filter

    return np.asarray(uniform_filter(share, max(3, len(share) // 50), mode="nearest"), np.float32)


@compiled_loosely
def _blend(frame: Bytes, red: Floats, green: Floats, blue: Floats, share: Floats) -> None:
    """frame * (1 - share) + colours, in place."""
    half, low, high = np.float32(0.5), np.float32(0), np.float32(255)
    for row in range(share.shape[0]):
        for column in range(share.shape[1]):
            rest = np.float32(1) - share[row, column]
            for k, plane in enumerate((red, green, blue)):
                value = np.float32(frame[row, column, k]) * rest + plane[row, column]
                frame[row, column, k] = np.uint8(min(max(value, low), high) + half)
