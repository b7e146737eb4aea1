# SPDX-License-Identifier: Apache-2.0
"""What the engine can do; the parameters and results of each job are told in protocol.py.

A job is a function of its parameters and its `Work`; it returns the object `result` and leaves its files in
`Work.folder`. Heavy modules are loaded by the jobs themselves.
"""

from collections.abc import Callable
from typing import Any

from .params import Params
from .work import Work

Result = dict[str, Any]
Job = Callable[[Params, Work], Result]


def _fit_photos(params: Params, work: Work) -> Result:
    from .photo_job import fit_photos_job

    return fit_photos_job(params, work)


def _track_video(params: Params, work: Work) -> Result:
    from .video_job import track_video_job

    return track_video_job(params, work)


def _animate_photo(params: Params, work: Work) -> Result:
    from .animate_job import animate_photo_job

    return animate_photo_job(params, work)


def _test(_: Params, work: Work) -> Result:
    from ..doctor import examine

    work.step(None, "Trying every part")
    return {"findings": [{"part": f.part, "works": f.works, "detail": f.detail, "required": f.required}
                         for f in examine()]}


def _wait(params: Params, work: Work) -> Result:
    seconds = params.number("seconds", 0, 60)
    steps = max(1, round(seconds * 20))
    for number in range(steps):
        work.step(number / steps, "Waiting")
        work.wait(seconds / steps)
    return {}


JOBS: dict[str, Job] = {"fit_photos": _fit_photos, "track_video": _track_video, "animate_photo": _animate_photo,
                        "test": _test, "wait": _wait}


def warm_up() -> None:
    """Load what nearly every job needs, so that the first one need not wait for it."""
    import numpy as np

    from .. import fitting, image, overlay, texture, video  # noqa: F401
    from ..landmarks import detect_faces
    from ..model_files import default_model

    default_model()
    detect_faces(np.full((64, 64, 3), 128, np.uint8), max_faces=1)
