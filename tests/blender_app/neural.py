# SPDX-License-Identifier: Apache-2.0
"""Neural Render in a Blender window: a frame in the Image Editor, a film, Esc, a sequence that goes on.

    blender --window-geometry 0 0 W H --python neural.py -- FOLDER PYTHON PORTRAIT MOTION WEIGHTS

WEIGHTS may be empty: then whatever the engine has draws.
"""

import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import (
    NAME,
    SECONDS_OF_A_JOB,
    Steps,
    area,
    check,
    clear,
    heads,
    job,
    picture,
    pointer,
    press,
    region,
    run,
    select,
    told,
    until,
    values_of,
    window,
    within,
)

FOLDER, PYTHON, PORTRAIT, MOTION, WEIGHTS = sys.argv[sys.argv.index("--") + 1:]
FRAMES = 24
FILM = Path(FOLDER, "neural.mp4")
HIDDEN = ("floor", "axis_x", "axis_y", "cursor", "object_origins", "relationship_lines", "text", "outline_selected")
"""Overlays that the picture does without"""


def face() -> Steps:
    """A face from the photo that plays the demo's motion; only our panel is open."""
    preferences = bpy.context.preferences.addons[NAME].preferences
    preferences.python, preferences.weights = PYTHON, WEIGHTS
    alone("MIEN_PT_neural")
    clear()
    yield from job("face_from_photo", lambda: bpy.ops.mien.face_from_photo("INVOKE_DEFAULT", filepath=PORTRAIT))
    check("the photo became a face that keeps its photo", heads() and heads()[0].data.mien.photo.packed_file)
    select(heads()[0])
    with within():
        bpy.ops.mien.import_motion(filepath=MOTION, use_motion_rate=True, reduce=True)
    yield 0.5


def arranged() -> Steps:
    """The 3D view and beside it an Image Editor, nothing else."""
    for kind in ("PROPERTIES", "OUTLINER"):
        with bpy.context.temp_override(window=window(), area=area(kind)):
            bpy.ops.screen.area_close()
        yield 0.5
    view = area()
    with bpy.context.temp_override(window=window(), area=view, region=region(view)):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=0.55)
    yield 0.5
    right = max((a for a in window().screen.areas if a.type == "VIEW_3D"), key=lambda a: a.x)
    right.type = "IMAGE_EDITOR"
    yield 0.5
    view = area()
    view.spaces.active.show_region_ui = True
    for name in HIDDEN:
        setattr(view.spaces.active.overlay, f"show_{name}", False)
    view.spaces.active.shading.light = "FLAT"
    view.spaces.active.show_gizmo = view.spaces.active.show_region_toolbar = False
    yield 0.5
    region(view, "UI").active_panel_category = "Mien"
    frame_camera()
    yield 0.5


def previewed() -> Steps:
    """The frame in which the mouth is widest, in the Image Editor."""
    jaw = values_of("jawOpen")
    widest = bpy.context.scene.frame_start + jaw.index(max(jaw))
    bpy.context.scene.frame_set(widest)
    yield 0.5
    yield from job("neural_preview", lambda: bpy.ops.mien.neural_preview("INVOKE_DEFAULT"))
    image = area("IMAGE_EDITOR").spaces.active.image
    check("Preview Frame shows the frame in the Image Editor", image and image.name.endswith(" Neural"))
    check("it is as large as the photo", image and tuple(image.size) == tuple(heads()[0].data.mien.photo.size))
    with bpy.context.temp_override(window=window(), area=area("IMAGE_EDITOR"), region=region(area("IMAGE_EDITOR"))):
        bpy.ops.image.view_all(fit_view=True)
    yield from picture(FOLDER, "neural_frame")
    told["frame"] = widest
    first = image.packed_file.data
    press(*pointer(), "key", "ctrl+z")
    yield from until(lambda: area("IMAGE_EDITOR").spaces.active.image is None, 10)
    check("Ctrl Z takes it back", not any(i.name.endswith(" Neural") for i in bpy.data.images))
    press(*pointer(), "key", "ctrl+shift+z")
    yield from until(lambda: any(i.name.endswith(" Neural") for i in bpy.data.images), 10)
    check("Ctrl Shift Z brings it again", any(i.name.endswith(" Neural") and i.packed_file.data == first
                                              for i in bpy.data.images))


def film() -> Steps:
    """A film while the window lives, with the last frame in the panel; Esc leaves it as it was, later it goes on."""
    start, end = told["frame"] - FRAMES // 2, told["frame"] + FRAMES // 2 - 1

    def render() -> object:
        return bpy.ops.mien.neural_render("INVOKE_DEFAULT", filepath=str(FILM), frame_start=start, frame_end=end)

    yield from job("neural_render", render, FOLDER)
    check("the film is there", FILM.exists() and FILM.stat().st_size > 1000)
    check("and has its frames", length(FILM) == FRAMES and not frames_of(FILM))
    before = digest(FILM)
    with within():
        render()
    yield from at_frame(3)
    press(*pointer(), "key", "Escape")
    yield from until(lambda: not bpy.context.window_manager.mien_job.running, 20)
    yield 1.0
    check("Esc ends it and leaves the film as it was", digest(FILM) == before and not beside(FILM))
    check("the frames that are whole stay", 3 <= len(frames_of(FILM)) < FRAMES)
    yield from job("neural_film_goes_on", render)
    check("from these it goes on, and they go", length(FILM) == FRAMES and not frames_of(FILM))


def sequence() -> Steps:
    """Pictures: Esc, then the rest: what was there stays."""
    start, end = told["frame"] - FRAMES // 2, told["frame"] + FRAMES // 2 - 1
    path = str(Path(FOLDER, "neural"))

    def render() -> object:
        return bpy.ops.mien.neural_render("INVOKE_DEFAULT", filepath=path, kind="PNG", frame_start=start,
                                          frame_end=end)

    with within():
        render()
    yield from at_frame(4)
    press(*pointer(), "key", "Escape")
    yield from until(lambda: not bpy.context.window_manager.mien_job.running, 20)
    yield 1.0
    done = {p.name: digest(p) for p in Path(f"{path}_frames").glob("*")}
    check("Esc leaves whole pictures alone", 3 <= len(done) < FRAMES and all(name[0] != "." for name in done))
    yield from job("neural_sequence", render)
    after = {p.name: digest(p) for p in Path(f"{path}_frames").glob("*")}
    check("the rest is made, and what was there stays", len(after) == FRAMES
          and all(after[name] == was for name, was in done.items()))


def without_editor() -> Steps:
    """Where there is no Image Editor the frame gets a window of its own."""
    with bpy.context.temp_override(window=window(), area=area("IMAGE_EDITOR")):
        bpy.ops.screen.area_close()
    yield 0.5
    before = len(bpy.context.window_manager.windows)
    with within():
        bpy.ops.mien.neural_preview("INVOKE_DEFAULT")  # the photo is ready still: it takes a moment only
    yield from until(lambda: len(bpy.context.window_manager.windows) > before, SECONDS_OF_A_JOB)
    yield 1.0
    fresh = bpy.context.window_manager.windows[-1].screen.areas[0]
    check("a window of its own shows the frame", len(bpy.context.window_manager.windows) == before + 1
          and fresh.type == "IMAGE_EDITOR" and fresh.spaces.active.image.name.endswith(" Neural"))


def alone(idname: str) -> None:
    """Only one of our panels is open; before any of them was drawn."""
    ours = [cls for cls in bpy.types.Panel.__subclasses__() if getattr(cls, "bl_idname", "").startswith("MIEN_PT_")]
    parts = [cls for cls in ours if hasattr(cls, "bl_parent_id")]
    whole = [cls for cls in ours if cls not in parts]
    for cls in (*parts, *whole):
        bpy.utils.unregister_class(cls)
    for cls in (*whole, *parts):
        if cls in whole:
            cls.bl_options = set() if cls.bl_idname == idname else {"DEFAULT_CLOSED"}
        bpy.utils.register_class(cls)


def at_frame(number: int) -> Steps:
    """Wait until so many frames are drawn."""
    state = bpy.context.window_manager.mien_job
    yield from until(lambda: state.text.startswith("Frame") and int(state.text.split()[1]) >= number, SECONDS_OF_A_JOB)


def beside(path: Path) -> list[Path]:
    """What is called like a file and hidden beside it."""
    return list(path.parent.glob(f".{path.stem}*"))


def frames_of(film: Path) -> list[Path]:
    """The pictures that a film is made of."""
    return list(film.with_name(f"{film.stem}_frames").glob("*"))


def length(film: Path) -> int:
    """Its frames."""
    clip = bpy.data.movieclips.load(str(film))
    count = clip.frame_duration
    bpy.data.movieclips.remove(clip)
    return count


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def frame_camera() -> None:
    """Look through the camera, its frame as large as it fits beside the panel."""
    view = area().spaces.active.region_3d
    with within():
        view.view_perspective = "CAMERA"
        bpy.ops.view3d.view_center_camera()
    view.view_camera_zoom, view.view_camera_offset = 8, (0.18, 0.0)


def watch_ticks() -> None:
    """Take the time of every look at a job: for so long the window does not answer."""
    operator = sys.modules[f"{NAME}.addon.capture.engine_operator"].EngineOperator
    real = operator.modal

    def modal(self: object, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        start = time.perf_counter()
        answer: set[str] = real(self, context, event)
        took, name = time.perf_counter() - start, "longest tick" if "PASS_THROUGH" in answer else "longest end"
        told["seconds"][name] = max(took, told["seconds"].get(name, 0))
        return answer

    operator.modal = modal


watch_ticks()
STEPS: tuple[Callable[[], Steps], ...] = (face, arranged, previewed, film, sequence, without_editor)
run(((step.__name__, step()) for step in STEPS), FOLDER, "neural")
