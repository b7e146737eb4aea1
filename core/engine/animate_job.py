# SPDX-License-Identifier: Apache-2.0
"""Job `animate_photo`: a fitted photo and a motion of its own to a video, to pictures, or to one picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np

from ... import __version__
from ..commands.options import check_outputs
from ..errors import BadInput
from ..face_model import FaceModel
from ..files import atomic_write
from ..fit import Fit
from ..fit_files import load_fit
from ..image import Rgb, check_file, write_image
from ..motion import Motion
from ..motion_files import load_motion
from ..playback import ITS_OWN, Renderer, animate, renderer_named, write_video
from ..playback.photo import fit_at, photo_for_video
from ..playback.renderers import NAMES
from ..provenance.marking import mark
from ..provenance.note import Provenance, consent_line
from .params import Params
from .picture_folder import PictureFolder, fingerprints
from .work import Work

_PREPARED = 0.05
"""Share of the work that comes before the first frame"""
_DRAWN = 0.9
"""Share of the work after which the frames of a video are all there"""
_MOST_KEPT = 4_000_000
"""Pixels of a photo that stays ready for the next job; larger ones hold hundreds of megabytes"""
_BY_THE_MESH = ("There are no weights of the network: make them with `mien train pgfg` and name their file in Mien's "
                "preferences.")


@dataclass(frozen=True, eq=False)
class _Play:
    """What is to be drawn."""

    photo: Rgb
    fit: Fit
    motion: Motion
    model: FaceModel
    renderer: Renderer
    weights: Path | None
    consent: str

    @property
    def provenance(self) -> Provenance:
        return Provenance(self.renderer.source_type, consent=self.consent)

    def frames(self, work: Work, only: list[int], share: float = 1.0) -> Iterator[Rgb]:
        """Those frames, shown as they come, which are so much of the work; ends when the job is not wanted any more."""
        frames = animate(self.photo, self.fit, self.motion, self.model, rules=ITS_OWN, renderer=self.renderer,
                         only=only)
        for number, rgb in enumerate(frames, 1):
            work.step(_PREPARED + (share - _PREPARED) * number / len(only), f"Frame {number} of {len(only)}")
            if work.wants_preview():
                work.preview(rgb)
            yield rgb


def animate_photo_job(params: Params, work: Work) -> dict[str, Any]:
    """See protocol.py."""
    video, pictures = params.optional_path("video"), params.optional_path("pictures")
    if video:
        check_outputs(video, suffixes={video: (".mp4",)})
        if not pictures:
            raise BadInput("A video is made of pictures; name the folder where they lie until it is whole.")
    work.step(0.0, "Reading the photo")
    play, warnings = _play(params)
    work.step(0.02, "Placing the head in the photo")
    kept, picture = 0, None
    if pictures:
        target = _target(params, pictures, play.provenance)
        kept = _write_pictures(play, work, target, params.flag("keep", True), _DRAWN if video else 1.0)
        if video:
            _write_video(play, work, target, video, params.optional_path("sound"))
    else:
        picture = _write_picture(play, work)
    height, width = play.photo.shape[:2]
    return {"renderer": play.renderer.name, "frames": 1 if picture else len(play.motion), "kept": kept,
            "width": width, "height": height, "picture": picture, "warnings": warnings}


def _play(params: Params) -> tuple[_Play, list[str]]:
    model = params.model()
    name, weights, consent = params.choice("renderer", "auto", NAMES), params.optional_path("weights"), \
        params.optional_text("consent")
    motion = load_motion(params.path("motion"), model)
    ready = _made_ready(params.path("photo"), params.path("fit"), model, name, weights)
    note = ready.fit.consent if consent is None else consent_line(consent)
    return _Play(ready.photo, ready.fit, motion, model, ready.renderer, weights, note), list(ready.warnings)


@dataclass(frozen=True, eq=False)
class _Ready:
    """What jobs that follow one another often have in common."""

    key: tuple[object, ...]
    photo: Rgb
    fit: Fit
    renderer: Renderer
    warnings: tuple[str, ...]


_last: _Ready | None = None


def _made_ready(photo_path: Path, fit_path: Path, model: FaceModel, name: str, weights: Path | None) -> _Ready:
    """The photo, its fit and what draws them; from the last job where they are the same."""
    global _last
    key = (_digest(photo_path), _digest(fit_path), model.hash, name, weights, _digest(weights) if weights else "")
    if _last is not None and _last.key == key:
        return _last
    _last = None
    fit, renderer = load_fit(fit_path, model), renderer_named(name, model, weights)
    photo, warnings = photo_for_video(photo_path)
    if warnings:
        fit = fit_at(fit, photo.shape[1], photo.shape[0])
    if name == "auto" and renderer.name == "mesh":
        warnings.append(_BY_THE_MESH)
    ready = _Ready(key, photo, fit, renderer, tuple(warnings))
    if photo.shape[0] * photo.shape[1] <= _MOST_KEPT:
        _last = ready
    return ready


def _digest(path: Path) -> str:
    """Of a file's bytes; nothing where they cannot be read, which its reader will say."""
    try:
        check_file(path)
        return blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except (BadInput, OSError):
        return ""


def _target(params: Params, folder: Path, provenance: Provenance) -> PictureFolder:
    name = params.optional_text("name") or "frame"
    if Path(name).name != name or "\0" in name:
        raise BadInput(f"The pictures cannot be called {name!r:.40}; give a name without slashes.")
    if not folder.is_dir():
        raise BadInput(f"The folder {folder} does not exist; make it first.")
    return PictureFolder(folder, name, params.whole("first", 1, -1_048_574, 1_048_574), provenance)


def _write_pictures(play: _Play, work: Work, target: PictureFolder, keep: bool, share: float) -> int:
    """The number of pictures that stayed as they were; those that were made are so much of the work."""
    missing: list[int] = []
    made_of = fingerprints(play.motion, _common(play), play.photo, play.fit.vertices_image, play.fit.landmarks_478)
    for frame, text in enumerate(made_of):
        work.step(0.02, "Looking for pictures that would be the same")
        if not (keep and target.holds(frame, text)):
            missing.append(frame)
    for frame, rgb in zip(missing, play.frames(work, missing, share) if missing else (), strict=True):
        target.write(frame, rgb, made_of[frame])
    return len(made_of) - len(missing)


def _write_video(play: _Play, work: Work, target: PictureFolder, path: Path, sound: Path | None) -> None:
    """Of the pictures, which are removed when it is whole; until then it lies beside the job's other files: whatever
    ends the engine, nothing is left in the user's place but pictures to go on from."""
    count, unfinished = len(play.motion), work.folder / "video.mp4"

    def frames() -> Iterator[Rgb]:
        for frame in range(count):
            work.step(_DRAWN + (1 - _DRAWN) * frame / count, f"Encoding frame {frame + 1} of {count}")
            yield target.read(frame)

    write_video(unfinished, frames(), play.motion.fps, sound=sound, provenance=play.provenance)
    work.check()
    with atomic_write(path) as temporary:
        copyfile(unfinished, temporary)
    target.remove(count)


def _write_picture(play: _Play, work: Work) -> str:
    path = work.folder / "frame.png"
    write_image(path, next(play.frames(work, [0])))
    mark(path, play.provenance)
    return path.name


def _common(play: _Play) -> list[str]:
    """What all frames are made of besides the photo and the motion."""
    weights = ""
    if play.renderer.name == "pgfg":
        weights = _digest(play.weights or import_module("...models.pgfg.files", __package__).SHIPPED)
    return [__version__, play.renderer.name, weights, play.consent, play.model.hash,
            np.array2string(play.fit.translation, precision=9), np.array2string(play.fit.rotation, precision=9)]
