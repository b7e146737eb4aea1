# SPDX-License-Identifier: Apache-2.0
"""Frames as PNG files that say what they were made of, so that a later run can keep those that would be the same."""

import json
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from ..errors import CannotWrite
from ..image import Rgb, encode_image, read_image
from ..motion import Motion
from ..provenance.marking import mark
from ..provenance.note import Provenance

KEYWORD = "Mien frame"
"""Of the text in a PNG that holds the fingerprint of its ingredients"""
_UNFINISHED = ".unfinished.png"


class PictureFolder:
    """Pictures called `name`_0001.png and so on, the first with the number `first`; each is whole or not there."""

    def __init__(self, folder: Path, name: str, first: int, provenance: Provenance) -> None:
        self.folder, self.name, self.first, self.provenance = folder, name, first, provenance

    def path(self, frame: int) -> Path:
        """The file of the motion's frame with this number from 0."""
        return self.folder / f"{self.name}_{self.first + frame:04d}.png"

    def holds(self, frame: int, made_of: str) -> bool:
        """Whether a frame is there, whole, and made of the same."""
        try:
            with Image.open(self.path(frame), formats=("PNG",)) as picture:
                assert isinstance(picture, PngImageFile)
                same = picture.info.get(KEYWORD) == made_of
                if same:
                    picture.load()
                return same
        except Exception:  # Pillow's decoders raise whatever the bytes lead them to
            return False

    def read(self, frame: int) -> Rgb:
        """The picture (H, W, 3) of a frame.

        Raises:
            BadInput: it is not there any more, or damaged.
        """
        return read_image(self.path(frame))

    def remove(self, count: int) -> None:
        """Remove so many pictures, the first ones, and the folder when nothing else is in it.

        Raises:
            CannotWrite: one cannot be removed.
        """
        try:
            for frame in range(count):
                self.path(frame).unlink(missing_ok=True)
        except OSError as error:
            raise CannotWrite(f"The video is done, but its frames in {self.folder} cannot be removed: "
                              f"{error.strerror}.") from error
        with suppress(OSError):
            self.folder.rmdir()

    def write(self, frame: int, rgb: Rgb, made_of: str) -> None:
        """Put a frame (H, W, 3) into its place.

        Raises:
            CannotWrite: the place cannot be written or the disk is full.
        """
        note = PngInfo()
        note.add_text(KEYWORD, made_of)
        data = encode_image(rgb, {"format": "PNG", "compress_level": 4, "pnginfo": note})
        unfinished = self.folder / _UNFINISHED
        try:
            unfinished.write_bytes(data)
            mark(unfinished, self.provenance)
            unfinished.replace(self.path(frame))
        except OSError as error:
            raise CannotWrite(f"Cannot write {self.path(frame)}: {error.strerror}; choose another place.") from error
        finally:
            unfinished.unlink(missing_ok=True)


def fingerprints(motion: Motion, common: list[str], *files: NDArray[np.generic]) -> list[str]:
    """What each frame of a motion is made of, hexadecimal: of all frames the poses, for they decide which part of the
    photo the network paints; of the frame itself the expression; texts and arrays that all have in common."""
    whole = blake2b(json.dumps([common, motion.channels, motion.model_hash]).encode(), digest_size=16)
    for array in (motion.rotation, motion.translation, *files):
        whole.update(repr((array.shape, array.dtype.str)).encode() + np.ascontiguousarray(array).tobytes())
    out = []
    for frame, expression in enumerate(motion.expression):
        one = whole.copy()
        one.update(motion.rotation[frame].tobytes() + motion.translation[frame].tobytes() + expression.tobytes())
        out.append(one.hexdigest())
    return out
