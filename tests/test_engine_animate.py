# SPDX-License-Identifier: Apache-2.0
"""The engine's job that draws a fitted photo: frames are the API's, and what is there already stays."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from heads import exact_fit, motion, portrait
from mien.core.camera import project
from mien.core.engine import animate_job
from mien.core.engine.animate_job import animate_photo_job
from mien.core.engine.params import Params
from mien.core.engine.work import Cancelled, Work
from mien.core.errors import MienError, MissingPart
from mien.core.face_model import FaceModel
from mien.core.fit import Fit
from mien.core.fit_files import save_fit
from mien.core.image import read_image, write_image
from mien.core.model_files import default_model
from mien.core.motion_files import save_motion
from mien.core.playback import ITS_OWN, animate, renderer_named
from mien.core.playback.photo import fit_at
from mien.core.provenance.note import COMPOSITE, GENERATED_PARTS
from mien.core.provenance.reading import read_provenance
from mien.core.video import VideoReader
from mien.models.pgfg.config import MIEN128
from mien.models.pgfg.files import SHIPPED, save_generator
from mien.models.pgfg.shapes import shapes

Job = Callable[..., dict[str, Any]]
FRAMES = 4


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return default_model()


@pytest.fixture(scope="module")
def fits(model: FaceModel) -> list[Fit]:
    """The photo's own, and where its face goes: it turns, opens its mouth, moves sideways and comes nearer."""
    return [exact_fit(model, (0, 0.04 * k, 0), shift=(0.004 * k, 0.02), jawOpen=0.15 * k) for k in range(FRAMES)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random, path = np.random.default_rng(0), tmp_path_factory.mktemp("w") / "painter.safetensors"
    save_generator(path, MIEN128, {name: random.normal(size=shape) * (np.prod(shape[1:]) + 1) ** -0.5
                                   for name, shape in shapes(MIEN128).items()})
    return path


@pytest.fixture
def given(model: FaceModel, fits: list[Fit], tmp_path: Path) -> dict[str, str]:
    write_image(tmp_path / "photo.png", portrait(model, fits[0]))
    save_fit(replace(fits[0], consent="said yes"), tmp_path / "fit.npz")
    save_motion(motion(model, fits), tmp_path / "motion.npz")
    return {"photo": str(tmp_path / "photo.png"), "fit": str(tmp_path / "fit.npz"),
            "motion": str(tmp_path / "motion.npz")}


@pytest.fixture
def job(tmp_path: Path, given: dict[str, str]) -> Job:
    """Does the job here; `stop` is the number of the message at which the client cancels it."""
    (tmp_path / "job-1").mkdir()

    def do(stop: str = "", **params: Any) -> dict[str, Any]:
        said: list[dict[str, Any]] = []

        def hear(message: dict[str, Any]) -> None:
            said.append(message)
            if stop and message.get("text", "").startswith(stop):
                work.cancel()

        work = Work("job-1", tmp_path / "job-1", hear)
        made = animate_photo_job(Params({**given, **{k: str(v) if isinstance(v, Path) else v
                                                    for k, v in params.items()}}), work)
        return {**made, "said": said}

    return do


def frames_of(video: Path) -> list[np.ndarray]:
    with VideoReader(video) as reader:
        return [frame.rgb for frame in reader]


def by_api(model: FaceModel, fits: list[Fit], name: str, weights: Path | None = None) -> list[np.ndarray]:
    return list(animate(portrait(model, fits[0]), fits[0], motion(model, fits), model, rules=ITS_OWN,
                        renderer=renderer_named(name, model, weights)))


def test_a_motion_of_its_own_is_taken_as_it_is(model: FaceModel, fits: list[Fit]) -> None:
    """Also when it begins elsewhere: the head is drawn where it says, not where the photo has it."""
    later = motion(model, fits[2:])
    shown = next(animate(portrait(model, fits[0]), fits[0], later, model, rules=ITS_OWN))
    wanted = portrait(model, fits[2])
    still = portrait(model, fits[0])
    points = project(model.vertices(fits[2].identity, fits[2].expression), fits[2].rotation, fits[2].translation,
                     fits[2].camera)[model.regions["face"] > 0.9, :2].astype(int)
    face = tuple(points.T[::-1])
    assert np.abs(shown.astype(int) - wanted)[face].mean() < 0.4 * np.abs(still.astype(int) - wanted)[face].mean()
    assert np.array_equal(next(animate(still, fits[0], motion(model, fits), model, rules=ITS_OWN)), still)


@pytest.mark.parametrize(("name", "kind"), [("mesh", COMPOSITE), ("pgfg", GENERATED_PARTS)])
def test_pictures_are_the_apis_frames(job: Job, model, fits, weights, tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "out").mkdir()
    given = weights if name == "pgfg" else None
    made = job(pictures=tmp_path / "out", name="talk", first=7, renderer=name, weights=given)
    assert (made["renderer"], made["frames"], made["kept"]) == (name, FRAMES, 0) and made["warnings"] == []
    wanted = by_api(model, fits, name, given)
    files = [tmp_path / "out" / f"talk_{7 + t:04d}.png" for t in range(FRAMES)]
    assert sorted((tmp_path / "out").iterdir()) == files
    for file, rgb in zip(files, wanted, strict=True):
        np.testing.assert_array_equal(read_image(file), rgb)
        found = read_provenance(file)
        assert found is not None and (found.source_type, found.consent) == (kind, "said yes")
    assert any(m["type"] == "preview" for m in made["said"])
    one = job(renderer=name, weights=given, consent="")
    assert one["picture"] == "frame.png" and one["frames"] == 1
    np.testing.assert_array_equal(read_image(tmp_path / "job-1" / "frame.png"), wanted[0])
    assert read_provenance(tmp_path / "job-1" / "frame.png").consent == ""


def test_pictures_that_would_be_the_same_stay(job: Job, given, model, fits, weights, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(Cancelled):
        job("Frame 2", pictures=out, weights=weights)
    assert sorted(p.name for p in out.iterdir()) == ["frame_0001.png", "frame_0002.png"]
    stamp = (out / "frame_0001.png").stat().st_mtime_ns
    assert job(pictures=out, weights=weights)["kept"] == 2
    assert (out / "frame_0001.png").stat().st_mtime_ns == stamp
    (out / "frame_0002.png").write_bytes((out / "frame_0002.png").read_bytes()[:-2000])
    (out / "frame_0003.png").unlink()
    assert job(pictures=out, weights=weights)["kept"] == 2
    opened = replace(motion(model, fits), expression=motion(model, fits).expression.copy())
    opened.expression[1, 0] = 0.7
    save_motion(opened, given["motion"])
    assert job(pictures=out, weights=weights)["kept"] == FRAMES - 1
    assert job(pictures=out, weights=weights, keep=False)["kept"] == 0
    assert job(pictures=out, weights=weights)["kept"] == FRAMES
    assert job(pictures=out, weights=weights, consent="no more")["kept"] == 0
    assert job(pictures=out, renderer="mesh")["kept"] == 0
    save_motion(replace(opened, translation=opened.translation + np.float32(0.001)), given["motion"])
    assert job(pictures=out, renderer="mesh")["kept"] == 0


def test_a_video_is_whole_or_as_it_was(job: Job, model, fits, weights, tmp_path: Path) -> None:
    """Interrupted while it is drawn or encoded, it goes on from the frames that are there, which go when it is done."""
    path, out = tmp_path / "v.mp4", tmp_path / "out"
    path.write_bytes(b"an old video")
    before = sorted(tmp_path.iterdir())
    params = {"video": path, "pictures": out, "renderer": "mesh", "consent": "in writing"}
    for stop, there in (("Frame 2", 2), ("Encoding frame 2", FRAMES)):
        out.mkdir(exist_ok=True)
        with pytest.raises(Cancelled):
            job(stop, **params)
        assert path.read_bytes() == b"an old video" and sorted(p for p in tmp_path.iterdir() if p != out) == before
        assert len(list(out.iterdir())) == there
    (out / "of another.txt").touch()
    made = job(**params)
    assert made["kept"] == FRAMES and [p.name for p in out.iterdir()] == ["of another.txt"]
    wanted, shown = by_api(model, fits, "mesh"), frames_of(path)
    assert len(shown) == made["frames"] == FRAMES
    assert all(np.abs(a.astype(int) - b).mean() < 3 for a, b in zip(shown, wanted, strict=True))
    found = read_provenance(path)
    assert (found.source_type, found.consent) == (COMPOSITE, "in writing")
    (out / "of another.txt").unlink()
    made = job(**params | {"keep": False})
    assert made["kept"] == 0 and not out.exists()


@pytest.mark.skipif(SHIPPED.exists(), reason="there are weights in the box")
def test_without_weights_the_mesh_draws_and_it_is_said(job: Job, tmp_path: Path) -> None:
    made = job()
    assert made["renderer"] == "mesh" and "no weights" in made["warnings"][0]
    with pytest.raises(MissingPart, match="mien train pgfg"):
        job(renderer="pgfg")


def test_what_cannot_be_done_is_said(job: Job, given, model, fits, tmp_path: Path) -> None:
    write_image(tmp_path / "other.png", np.zeros((100, 80, 3), np.uint8))
    for params, words in (({"photo": tmp_path / "gone.png"}, "does not exist"),
                          ({"photo": tmp_path / "other.png"}, "fit this photo again"),
                          ({"fit": tmp_path / "photo.png"}, "is not an .npz file"),
                          ({"motion": tmp_path / "gone.npz"}, "gone.npz"), ({"renderer": "best"}, "give one of"),
                          ({"weights": tmp_path / "gone.safetensors"}, "Cannot read the weights"),
                          ({"video": tmp_path / "a.mp4"}, "is made of pictures"),
                          ({"pictures": tmp_path / "nowhere"}, "does not exist"),
                          ({"pictures": tmp_path, "name": "../x"}, "without slashes"),
                          ({"pictures": tmp_path, "keep": 1}, "true or false"),
                          ({"video": tmp_path / "no" / "a.mp4", "pictures": tmp_path}, "does not exist"),
                          ({"consent": "two\nlines"}, "one line"), ({"consent": 5}, "give a text"),
                          ({"video": tmp_path / "a.avi"}, "must end in .mp4")):
        with pytest.raises(MienError, match=words):
            job(**params)


def test_a_photo_too_large_for_a_video_takes_its_fit_along(model: FaceModel, fits: list[Fit]) -> None:
    fit = exact_fit(model, (0.1, 0.2, 0), size=300)
    small = fit_at(fit, 200, 200)
    points = project(model.vertices(small.identity, small.expression), small.rotation, small.translation, small.camera)
    np.testing.assert_allclose(small.vertices_image, points, atol=1e-3)
    np.testing.assert_allclose(small.landmarks_68, fit.landmarks_68 / 1.5, atol=1e-3)


def test_what_jobs_have_in_common_is_made_once(job: Job, given, model, fits, tmp_path: Path) -> None:
    job(renderer="mesh")
    first = animate_job._last
    save_motion(motion(model, fits[2:]), given["motion"])
    job(renderer="mesh")
    assert animate_job._last is first
    again = next(animate(portrait(model, fits[0]), fits[0], motion(model, fits[2:]), model, rules=ITS_OWN))
    np.testing.assert_array_equal(read_image(tmp_path / "job-1" / "frame.png"), again)
    write_image(given["photo"], portrait(model, fits[0])[:, ::-1].copy())
    job(renderer="mesh")
    assert animate_job._last is not first
    turned = next(animate(portrait(model, fits[0])[:, ::-1].copy(), fits[0], motion(model, fits[2:]), model,
                          rules=ITS_OWN))
    np.testing.assert_array_equal(read_image(tmp_path / "job-1" / "frame.png"), turned)
