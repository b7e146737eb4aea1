# SPDX-License-Identifier: Apache-2.0
"""Training faces: shards that are the same each time, splits by person, pairs whose priors and flow are true."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mien.core.camera import Camera, project
from mien.core.channels import mirror_index
from mien.core.cli import main
from mien.core.demo import PORTRAIT
from mien.core.errors import BadInput
from mien.core.face_model import FaceModel
from mien.core.image import read_image
from mien.core.model_files import default_model
from mien.core.motion import Motion
from mien.core.playback import write_video
from mien.core.rasterize import rasterize_image
from mien.core.sparse_texture import sparse_mesh, vertex_prior
from mien.core.visibility import EYE, look
from mien.models.faces.augment import Change, Still, changed
from mien.models.faces.clips import clip_jobs
from mien.models.faces.made_up import PeopleJob, make_people
from mien.models.faces.make import Wanted, make_faces
from mien.models.faces.pairs import FacePairs
from mien.models.faces.played import Options, sample_of
from mien.models.faces.shards import Frames, jpeg, read_shard, write_shard
from mien.models.faces.views import see
from mien.models.pgfg.samples import EYES, MOSAIC, MOUTH, Sample, layout, sampled
from numpy.typing import NDArray

SIZE = 128


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return default_model()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shard of two made-up people with three frames each."""
    path = tmp_path_factory.mktemp("faces") / "people_0000000.npz"
    assert make_people(PeopleJob(path, 0, 2, 3, SIZE)) == "made"
    return path


def still(model: FaceModel, take: Frames, index: int, size: int = SIZE) -> Still:
    points = project(model.vertices(take.identity, take.expression[index]), take.rotation[index],
                     take.translation[index], Camera.for_image(size, size))
    return Still(take.picture(index), points.astype(np.float32), take.expression[index], take.rotation[index],
                 take.translation[index])


def test_the_same_seed_gives_the_same_bytes_and_what_is_there_stays(people: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.npz"
    assert make_people(PeopleJob(again, 0, 2, 3, SIZE)) == "made"
    assert again.read_bytes() == people.read_bytes()
    assert make_people(PeopleJob(again, 0, 2, 3, SIZE)) == "there"
    first, second = read_shard(people)
    assert first.person != second.person and not np.array_equal(first.identity, second.identity)
    assert len(set(first.pictures)) == 3


def test_a_killed_run_goes_on_to_the_same_shards(people: Path, tmp_path: Path) -> None:
    """One shard is missing, one is cut off as by a crash, a temporary file is left: the result is that of one run."""
    from mien.models.faces import made_up

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    wanted = Wanted(persons=3, person_frames=2, size=64)
    before, made_up.PERSONS = made_up.PERSONS, 1
    try:
        assert set(make_faces(None, whole, wanted).values()) == {"made"}
        names = sorted(p.name for p in whole.iterdir())
        broken.mkdir()
        (broken / names[0]).write_bytes((whole / names[0]).read_bytes())
        (broken / names[1]).write_bytes((whole / names[1]).read_bytes()[:2000])
        assert sorted(make_faces(None, broken, wanted).values()) == ["made", "made", "there"]
    finally:
        made_up.PERSONS = before
    assert [(broken / n).read_bytes() for n in names] == [(whole / n).read_bytes() for n in names]


def test_clips_are_taken_by_licence_kind_and_quality(tmp_path: Path) -> None:
    rows = [("a", "p1", "real", "A", "MIT"), ("b", "p2", "real", "A", "CC-BY-NC-4.0"),
            ("c", "p3", "synthetic", "A", "MIT"), ("d", "p4", "real", "C", "MIT"),
            ("e", "p5", "real", "B", "apache-2.0"), ("f", "p6", "real", "A", "")]
    with (tmp_path / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("clip", "person", "kind", "quality", "licence"), *rows])
    for row in rows:
        (tmp_path / f"{row[0]}.mp4").touch()
    assert [j.source.stem for j in clip_jobs(tmp_path, tmp_path, frames=4, size=64)] == ["a", "e"]
    every = clip_jobs(tmp_path, tmp_path, frames=4, size=64, licences=None)
    assert [j.person for j in every] == ["p1", "p2", "p5", "p6"]
    (tmp_path / "clips.csv").unlink()
    with pytest.raises(BadInput, match="licence"):
        clip_jobs(tmp_path, tmp_path, frames=4, size=64)


def test_a_clip_becomes_a_shard_whose_coefficients_hold_in_its_squares(tmp_path: Path, model: FaceModel) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    photo = read_image(PORTRAIT)
    shifted = [np.roll(photo, 2 * i, axis=1) for i in range(6)]
    write_video(clips / "astronaut.mp4", iter(shifted), 25)
    with (clips / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("clip", "person", "licence"), ("astronaut", "p9", "CC0-1.0")])
    assert main(["dataset", "faces", str(clips), "-o", str(tmp_path / "out"), "--frames", "3", "-q", "--sheet",
                 str(tmp_path / "sheet.png")]) == 0
    assert read_image(tmp_path / "sheet.png").shape[:2] == (268, 1578)
    (take,) = read_shard(tmp_path / "out" / "clip_astronaut.npz", model.hash)
    assert (len(take), take.person, take.licence, take.synthetic) == (3, "p9", "CC0-1.0", False)
    from mien.core.fitting import fit_photo

    for index in (0, 2):
        fit = fit_photo(take.picture(index), model)
        lips = model.points("ibug68", still(model, take, index, 256).points)[36:, :2]
        assert np.abs(lips - fit.landmarks_68[36:, :2]).mean() < 2.5


def test_persons_are_in_one_split_only(people: Path, tmp_path: Path, model: FaceModel) -> None:
    (first, _) = read_shard(people)
    for number in range(1, 17):
        take = replace(first, person=f"p{number:02d}", synthetic=False)
        write_shard(tmp_path / f"clip_{number}.npz", [take], model.hash)
    sets = {split: {t.person for t in FacePairs.of([tmp_path, people], split).takes}
            for split in ("train", "validation", "test")}
    assert sets["test"] == {"p04", "p08", "p12", "p16"} and sets["validation"] == {"p02", "p10"}
    assert not sets["train"] & (sets["test"] | sets["validation"])
    assert {"made-up 0", "made-up 1"} <= sets["train"] and len(set.union(*sets.values())) == 18


def test_pairs_are_whole_samples_and_the_same_each_time(people: Path) -> None:
    pairs = FacePairs.of([people], options=Options(size=SIZE, seed=3))
    one, again, other = pairs[7], pairs[7], pairs[8]
    for name, (shape, kind) in layout(SIZE).items():
        array = getattr(one, name)
        assert array.shape == shape and array.dtype == kind
        np.testing.assert_array_equal(array, getattr(again, name))
    assert isinstance(Sample.of(one.arrays()), Sample) and one.synthetic
    assert not np.array_equal(one.source, other.source)
    half = FacePairs.of([people], options=Options(size=64, augment=False))[3]
    assert half.source.shape == (3, 64, 64)


def test_pairs_are_what_the_renderer_gives_the_network(model: FaceModel, tmp_path: Path) -> None:
    """A portrait's frame and the same turned: fitted alone, moved by the mesh, as `animate` shows it."""
    from mien.core.face_square import FaceSquare
    from mien.core.fitting import fit_photo
    from mien.core.playback import animate

    picture = FaceSquare(180, 128, 240).cut(read_image(PORTRAIT), 256)
    fit = fit_photo(picture, model)
    turned = fit.rotation + np.float32([0, 0.15, 0])
    jaw = fit.expression.copy()
    jaw[model.expression_names.index("jawOpen")] += 0.3
    take = Frames([jpeg(picture, 100)] * 3, fit.identity, np.stack([fit.expression, jaw, fit.expression]),
                  np.stack([fit.rotation, fit.rotation, turned]), np.stack([fit.translation] * 3), 256, "p1", "c",
                  False, "CC0-1.0")
    pairs = FacePairs([take], Options(size=SIZE, augment=False), model)
    (first, second), = pairs.pairs(take, 0, [1, 2], np.random.default_rng(0), [pairs.options])
    moves = Motion(25, take.expression, take.rotation, take.translation, fit.identity, model.expression_names,
                   model.name, model.hash, Camera.for_image(256, 256), np.ones(3, np.float32))
    shown = list(animate(take.picture(0), fit_photo(take.picture(0), model), moves, model))[1:]
    for sample, frame in zip((first, second), shown, strict=True):
        small = FaceSquare(128, 128, 256).cut(frame, SIZE).transpose(2, 0, 1)
        np.testing.assert_array_equal(sample.warped, small)
        assert np.abs(sample.warped.astype(int) - sample.source).mean() > 0.5
    np.testing.assert_array_equal(first.source, second.source)
    assert (first.prior_target[MOUTH] > 0).sum() > 1.5 * (second.prior_target[MOUTH] > 0).sum()


def test_a_source_without_a_face_is_taken_as_it_was_tracked(people: Path, model: FaceModel) -> None:
    take = read_shard(people)[0]
    grey = jpeg(np.full((SIZE, SIZE, 3), 128, np.uint8))
    pairs = FacePairs([replace(take, pictures=[grey] * len(take))], Options(size=SIZE, augment=False), model)
    (sample,), = pairs.pairs(pairs.takes[0], 0, [1], np.random.default_rng(0), [pairs.options])
    direct = sample_of(still(model, pairs.takes[0], 0), still(model, pairs.takes[0], 1), model, Options(size=SIZE))
    assert (sample.regions == direct.regions).mean() > 0.98


def test_groups_share_their_source(people: Path) -> None:
    pairs = FacePairs.of([people], options=Options(size=64, seed=3))
    group = pairs.group(5, 8)
    assert len(group) == 2
    np.testing.assert_array_equal(group[0].source, group[1].source)
    assert not np.array_equal(group[0].target, group[1].target)
    np.testing.assert_array_equal(pairs[5].source, pairs.group(5, 1)[0].source)
    sparse, dense = pairs.variants(5, 8, [pairs.options, replace(pairs.options, step=1, screen=True)])
    for a, b, c in zip(group, sparse, dense, strict=True):
        np.testing.assert_array_equal(a.prior_target, b.prior_target)
        np.testing.assert_array_equal(b.warped, c.warped)
        assert not np.array_equal(b.prior_target[MOSAIC], c.prior_target[MOSAIC])


def test_the_prior_at_the_target_is_the_directly_drawn_one(people: Path, model: FaceModel) -> None:
    take = read_shard(people)[0]
    source, target = still(model, take, 0), still(model, take, 1)
    sample = sample_of(source, target, model, Options(size=SIZE, step=3))
    scale = Camera.for_image(SIZE, SIZE).focal / float(source.translation[2])
    view = look(model, source.points, SIZE, SIZE, scale)
    prior = vertex_prior(source.picture, view, sparse_mesh(model, 3))
    for planes, points in ((sample.prior_source, source.points), (sample.prior_target, target.points)):
        direct = prior.draw(points, SIZE, SIZE, "cpu").transpose(2, 0, 1)
        np.testing.assert_array_equal(planes[MOSAIC], direct)
        drawn = look(model, points, SIZE, SIZE, scale)
        np.testing.assert_array_equal(planes[EYES][0] == 255, drawn.kind == EYE)


def textured(model: FaceModel, points: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The head in colours of its surface that no light changes, before grey."""
    from mien.core.rasterize import interpolate

    colours = 128 + 90 * np.sin(model.mean * 70 + np.array([0.0, 1.0, 2.0])) * np.cos(model.mean[:, [1, 2, 0]] * 50)
    raster = rasterize_image(points, model.triangles, SIZE, SIZE, backend="cpu")
    drawn = interpolate(raster, model.triangles, colours.astype(np.float32))
    return np.where(raster.triangle_id[..., None] > 0, drawn, 128).astype(np.uint8)


def test_flow_warps_the_source_to_the_target(people: Path, model: FaceModel) -> None:
    take = read_shard(people)[0]
    stills = [still(model, take, i) for i in (0, 1)]
    source, target = (replace(s, picture=textured(model, s.points)) for s in stills)
    sample = sample_of(source, target, model, Options(size=SIZE))
    seen = (sample.valid[0] == 255) & (sample.regions[0] == 1)
    assert seen.mean() > 0.05
    error = np.abs(sample.warped.astype(int) - sample.target).mean(0)
    assert error[seen].mean() < 4 and np.percentile(error[seen], 95) < 15
    stays = np.abs(sample.source.astype(int) - sample.target).mean(0)[seen].mean()
    assert error[seen].mean() < 0.35 * stays
    assert np.abs(sampled(sample.source, sample.flow).astype(int) - sample.warped).max() <= 1


def test_a_source_that_stays_is_itself(people: Path, model: FaceModel) -> None:
    source = still(model, read_shard(people)[1], 0)
    seen = see(source.picture, source.points, Camera.for_image(SIZE, SIZE).focal / float(source.translation[2]), model)
    moved = seen.moved(source.points)
    np.testing.assert_array_equal(moved.prior, seen.prior)
    np.testing.assert_array_equal(moved.warped, source.picture.transpose(2, 0, 1))
    middle = np.arange(SIZE) + 0.5
    np.testing.assert_allclose(moved.flow[0], np.broadcast_to(middle, (SIZE, SIZE)), atol=1e-4)


@pytest.mark.parametrize("change", [Change(turn=0.2, scale=1.1, shift=(0.05, -0.02)), Change(flip=True, turn=-0.1)])
def test_changes_move_coefficients_with_the_picture(people: Path, model: FaceModel, change: Change) -> None:
    """The changed coefficients put a symmetric head where the changed vertices are, and the picture shows it there."""
    take = replace(read_shard(people)[0], identity=np.zeros(len(model.identity_basis), np.float32))
    before = still(model, take, 0)
    before = replace(before, picture=textured(model, before.points))
    after = changed(before, change, model, np.random.default_rng(0))
    expected = project(model.vertices(take.identity, after.expression), after.rotation, after.translation,
                       Camera.for_image(SIZE, SIZE))
    np.testing.assert_allclose(after.points, expected, atol=0.08)
    order = mirror_index(model.expression_names) if change.flip else np.arange(len(model.expression_names))
    np.testing.assert_array_equal(after.expression, take.expression[0][order])
    again = textured(model, before.points[model.mirror] if change.flip else before.points)
    assert again.shape == after.picture.shape
    silhouettes = [(textured(model, p) != 128).any(-1) for p in (after.points,)]
    shown = (np.abs(after.picture.astype(int) - 128) > 3).any(-1)
    assert (silhouettes[0] & shown).sum() / (silhouettes[0] | shown).sum() > 0.85


def test_colour_changes_leave_the_geometry_alone(people: Path, model: FaceModel) -> None:
    before = still(model, read_shard(people)[0], 0)
    grey = np.full((3, 4), 1 / 3, np.float32)
    grey[:, 3] = 0
    after = changed(before, Change(matrix=grey, noise=0.0), model, np.random.default_rng(0))
    np.testing.assert_array_equal(after.points, before.points)
    np.testing.assert_allclose(after.translation, before.translation, rtol=1e-5)
    assert np.ptp(after.picture, axis=-1).max() == 0
    assert np.abs(after.picture[..., 0] - before.picture.astype(float).mean(-1)).max() <= 1.01


def test_damaged_and_foreign_shards_are_refused(people: Path, tmp_path: Path, model: FaceModel) -> None:
    take = read_shard(people)[0]
    other = tmp_path / "other.npz"
    write_shard(other, [take], "another")
    with pytest.raises(BadInput, match="another face model"):
        read_shard(other, model.hash)
    cut = tmp_path / "cut.npz"
    cut.write_bytes(people.read_bytes()[:-300])
    np.savez(tmp_path / "none.npz", x=np.zeros(3))
    for path in (cut, tmp_path / "none.npz"):
        with pytest.raises(BadInput):
            read_shard(path)
    with pytest.raises(BadInput, match="dataset faces"):
        FacePairs.of([tmp_path / "empty"])
    with pytest.raises(BadInput, match="split"):
        FacePairs.of([people], "test")


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["-o", str(tmp_path)], ["-o", str(tmp_path), "--made-up", "1", "--views", "1"],
                      [str(tmp_path / "missing"), "-o", str(tmp_path)], [str(tmp_path), "-o", str(tmp_path)]):
        assert main(["dataset", "faces", *arguments]) == 1
        assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_jpeg_is_near_the_picture(people: Path) -> None:
    picture = read_shard(people)[0].picture(0)
    take = replace(read_shard(people)[0], pictures=[jpeg(picture)])
    assert np.abs(take.picture(0).astype(int) - picture).mean() < 2.5
