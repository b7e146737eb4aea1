# SPDX-License-Identifier: Apache-2.0
"""The figures of one Blender: run inside bpy by blender.py.

python blender_child.py OUT.json PYTHON-WITH-MIEN; the folder that holds the repository as ``mien`` is on PYTHONPATH.
"""

import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bpy  # isort: split

import addon_utils
import numpy as np

addon_utils.enable("mien", default_set=True)

from mien.addon.capture import job_progress, jobs  # noqa: E402
from mien.addon.engine import shared  # noqa: E402
from mien.addon.face.head import make_head  # noqa: E402
from mien.addon.motion import action_slots, curves, head_motion, takes  # noqa: E402
from mien.core.model_files import default_model  # noqa: E402
from mien.core.motion import Motion  # noqa: E402
from mien.core.motion_files import load_motion  # noqa: E402

DATA = Path(sys.modules["mien"].__file__ or "").parent / "core" / "demo_data"
FRAMES = 300
TOLERANCE = 0.02
TICK = 0.1  # seconds between two looks at a job, as in a window


def main(target: str, python: str) -> None:
    figures: dict[str, float] = {}
    model = default_model()
    figures["head with 52 keys (s)"] = median(lambda: make_head(model, name="Face", scene=bpy.context.scene),
                                              before=empty)
    empty()
    head = make_head(model, name="Face", scene=bpy.context.scene)
    motion = take(model)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base, scene.frame_end = round(motion.fps), 1.0, FRAMES
    curves_alone(head, figures)
    figures["take of 300 frames, 58 curves, onto the head (s)"] = median(
        lambda: takes.motion_to_head(head, motion, scene=scene), before=gc.collect)
    figures["the same back to a motion (s)"] = median(lambda: head_motion.head_to_motion(head, scene, 1, FRAMES))
    playback(head, figures)
    reduced(head, motion, figures)
    predicted(head, motion, figures)
    engine(python, figures)
    content = {"blender": bpy.app.version_string, "python": sys.version.split()[0], "figures": figures}
    Path(target).write_text(json.dumps(content))


def empty() -> None:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def median(work: Callable[[], object], runs: int = 9, before: Callable[[], object] = lambda: None) -> float:
    """Median seconds, after one run that does not count."""
    times = []
    for _ in range(runs + 1):
        before()
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def take(model: object) -> Motion:
    """The demo's motion to and fro, 300 frames."""
    motion = load_motion(DATA / "talking.npz", model)
    there = np.arange(len(motion))
    rows = np.resize(np.concatenate([there, there[-2:0:-1]]), FRAMES)
    return replace(motion, expression=motion.expression[rows], rotation=motion.rotation[rows],
                   translation=motion.translation[rows], confidence=motion.confidence[rows])


def curves_alone(head: bpy.types.Object, figures: dict[str, float]) -> None:
    """60 shape keys, 300 keys each, into the curves of a new Action and out again."""
    added = [head.shape_key_add(name=f"own {n}", from_mix=False) for n in range(8)]
    keys, frames = head.data.shape_keys, np.arange(1.0, FRAMES + 1)
    names = [block.name for block in keys.key_blocks[1:]]
    values = np.random.default_rng(1).random((len(names), FRAMES))
    wanted = {curves.shape_key_path(name): (frames, column) for name, column in zip(names, values, strict=True)}

    def into() -> None:
        action_slots.new_take(keys, "Take")
        curves.write(keys, wanted)

    figures["300 frames of 60 channels into curves (s)"] = median(into)
    assert np.allclose(curves.read(keys, list(wanted), frames), values.T, atol=1e-6)
    figures["300 frames of 60 channels out of curves (s)"] = median(lambda: curves.read(keys, list(wanted), frames))
    keys.animation_data_clear()
    for block in added:
        head.shape_key_remove(block)


def playback(head: bpy.types.Object, figures: dict[str, float]) -> None:
    """Frames a second: frame change, and the mesh as it is then."""
    scene = bpy.context.scene

    def frame(number: int) -> None:
        scene.frame_set(number)
        evaluated = head.evaluated_get(bpy.context.evaluated_depsgraph_get())
        assert len(evaluated.data.vertices) == len(head.data.vertices)

    def points() -> np.ndarray:
        evaluated = head.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
        out = np.empty(3 * len(evaluated.vertices), np.float32)
        evaluated.vertices.foreach_get("co", out)
        return out

    frame(1)
    first = points()
    frame(12)
    assert np.abs(points() - first).max() > 1e-3, "the face does not move"
    times = []
    for number in range(1, FRAMES + 1):
        start = time.perf_counter()
        frame(number)
        times.append(time.perf_counter() - start)
    figures["playback (frames/s)"] = 1 / statistics.mean(times)


def reduced(head: bpy.types.Object, motion: Motion, figures: dict[str, float]) -> None:
    """Keys that are left within the tolerance, and the largest error of any expression at any frame."""
    scene, dense = bpy.context.scene, FRAMES * 58
    start = time.perf_counter()
    made = takes.motion_to_head(head, motion, scene=scene, reduce=True, tolerance=TOLERANCE)
    figures["reducing (s)"] = time.perf_counter() - start
    paths = [curves.shape_key_path(name) for name in motion.channels]
    counts = curves.key_counts(head.data.shape_keys)
    figures["reduced keys, all curves (share)"] = made.keys / dense
    figures["reduced keys, expressions (share)"] = sum(counts[path] for path in paths) / (FRAMES * len(paths))
    error = 0.0
    for number in range(FRAMES):
        scene.frame_set(number + 1)
        blocks = head.data.shape_keys.key_blocks
        error = max(error, *(abs(blocks[name].value - value)
                             for name, value in zip(motion.channels, motion.expression[number], strict=True)))
    figures["reduced keys, largest error"] = float(error)


def predicted(head: bpy.types.Object, motion: Motion, figures: dict[str, float]) -> None:
    """300 frames after a take, 58 curves, by the operator; then as few keys, and an idle loop as a layer."""
    bpy.context.view_layer.objects.active = head
    scene = bpy.context.scene

    def fresh() -> None:
        for block in (head, head.data.shape_keys):
            block.animation_data_clear()
        takes.motion_to_head(head, motion, scene=scene)
        scene.frame_set(FRAMES)
        gc.collect()

    for name, options in (("300 frames predicted, keys written (s)", {}),
                          ("the same as few keys (s)", {"reduce": True})):
        figures[name] = median(lambda options=options: bpy.ops.mien.predict(frames=FRAMES, **options), before=fresh)
    assert curves.key_frames(head.data.shape_keys)[-1] == 2 * FRAMES
    figures["an idle loop of 300 frames as a layer (s)"] = median(lambda: bpy.ops.mien.idle(frames=FRAMES),
                                                                  before=fresh)


def engine(python: str, figures: dict[str, float]) -> None:
    """Until the engine is ready; how long the main thread is held by starting a job and by looking at it."""
    start = time.perf_counter()
    running = shared.running_engine(shared.command(python))
    figures["engine's start in the main thread (s)"] = time.perf_counter() - start
    while not running.facts:
        running.poll()
        assert running.alive, running.error
        time.sleep(0.01)
    figures["engine ready (s)"] = time.perf_counter() - start
    params = {"photos": [str(DATA / "astronaut.jpg")], "texture_size": 512, "face": None}
    submitted = start = time.perf_counter()
    request = jobs.Request("fit_photos", params, "Benchmark")
    task = jobs.Task(running.submit(request.kind, request.params), request, bpy.context.scene)
    figures["operator's start (s)"] = time.perf_counter() - start
    longest, final = 0.0, False
    while not final:
        time.sleep(TICK)
        start = time.perf_counter()
        final = task.poll().final
        job_progress.show_progress(bpy.context)
        longest = max(longest, time.perf_counter() - start)
    assert task.job.state.value == "done", task.job.error
    figures["longest look at a job (s)"] = longest
    figures["a photo fitted and textured, the engine's first job (s)"] = time.perf_counter() - submitted
    shared.stop_engine()


main(*sys.argv[1:])
sys.stdout.flush()
os._exit(0)
