# SPDX-License-Identifier: Apache-2.0
"""What a running job may do: say how far it is, show a picture, and learn that it is no longer wanted."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .protocol import PREVIEW_SIDE, PREVIEWS_PER_SECOND, Message

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PROGRESS_PER_SECOND = 10


class Cancelled(Exception):
    """The job is not wanted any more."""


class Work:
    """One job's way to its client, and its folder for what it makes."""

    def __init__(self, name: str, folder: Path, send: Callable[[Message], None]) -> None:
        self.name = name
        self.folder = folder
        self._send = send
        self._unwanted = threading.Event()
        self._said = self._shown = 0.0
        self._text = ""
        self._previews = 0

    def cancel(self) -> None:
        """Ask the job to end; from any thread."""
        self._unwanted.set()

    def check(self) -> None:
        """Raise Cancelled where the job is not wanted any more."""
        if self._unwanted.is_set():
            raise Cancelled

    def wait(self, seconds: float) -> None:
        """Do nothing for a while, or until the job is cancelled."""
        self._unwanted.wait(seconds)
        self.check()

    def step(self, fraction: float | None, text: str) -> None:
        """Say what is done now, a few times a second at most, and end here when the job is not wanted any more."""
        self.check()
        now = time.monotonic()
        if text == self._text and now < self._said + 1 / _PROGRESS_PER_SECOND:
            return
        self._said, self._text = now, text
        self._send({"type": "progress", "id": self.name, "fraction": fraction, "text": text})

    def wants_preview(self) -> bool:
        """Whether it is time for the next picture."""
        return time.monotonic() >= self._shown + 1 / PREVIEWS_PER_SECOND

    def preview(self, rgb: "NDArray[np.uint8]") -> None:
        """Show a picture (H, W, 3), made small; the one before the last is removed."""
        import numpy as np

        self._previews += 1
        name = f"preview-{self._previews}.npy"
        np.save(self.folder / name, shrunk(rgb, PREVIEW_SIDE), allow_pickle=False)
        self._send({"type": "preview", "id": self.name, "file": name})
        (self.folder / f"preview-{self._previews - 2}.npy").unlink(missing_ok=True)
        self._shown = time.monotonic()


def shrunk(rgb: "NDArray[np.uint8]", side: int) -> "NDArray[np.uint8]":
    """A picture whose longer side is at most `side` pixels."""
    import numpy as np
    from PIL import Image

    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return rgb
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX, reducing_gap=2.0))
