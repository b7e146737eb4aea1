# SPDX-License-Identifier: Apache-2.0
"""One undo takes back whatever an operator did, every value of it; one redo brings it again. For all operators."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import pytest
from blender.known_heads import known_fit, new_head, random_identity
from blender.known_motions import TALKING, random_motion, set_rate, talking
from engine_python import needs_engine, still_clip
from mien import addon
from mien.addon.face.kept_fit import keep_fit
from mien.addon.motion import action_slots, curves
from mien.addon.motion.head_curves import expression_paths
from mien.addon.motion.sampling import pose_paths
from mien.addon.motion.takes import motion_to_head
from mien.core.fit_files import save_fit

from .whole_state import differences, whole_state

PHOTO = Path(__file__).parents[2] / "core" / "demo_data" / "astronaut.jpg"
Settings = Callable[[Path], dict[str, Any]]


def _nothing(_folder: Path) -> dict[str, Any]:
    return {}


def _fit(folder: Path) -> dict[str, Any]:
    save_fit(known_fit(320, 240, 3), folder / "fit.npz")
    return {"filepath": str(folder / "fit.npz")}


def _clip(folder: Path) -> dict[str, Any]:
    still_clip(PHOTO, folder / "clip.mp4")
    return {"filepath": str(folder / "clip.mp4")}


def _photo(_folder: Path) -> dict[str, Any]:
    """The active face is one of a photo."""
    keep_fit(bpy.context.active_object.data, known_fit(512, 512, 3), bpy.data.images.load(str(PHOTO)))
    return {"renderer": "MESH"}


def _other_take(_folder: Path) -> dict[str, Any]:
    return {"take": action_slots.current_action(bpy.data.objects["Source"].data.shape_keys).name}


SETTINGS: dict[str, Settings] = {
    "add_face": lambda _: {"seed": 2}, "random_identity": lambda _: {"seed": 7}, "reset_identity": _nothing,
    "reset_expression": _nothing, "try_channel": lambda _: {"channel": "mouthPucker"}, "load_fit": _fit,
    "set_texture": lambda _: {"filepath": str(PHOTO)}, "import_motion": lambda _: {"filepath": str(TALKING)},
    "play_take": _other_take, "gain_motion": lambda _: {"factor": 1.5}, "offset_motion": lambda _: {"amount": 2.5},
    "mirror_motion": _nothing, "smooth_motion": lambda _: {"sigma": 0.2}, "reduce_keys": _nothing,
    "apply_preset": lambda _: {"preset": "smile"}, "key_preset": lambda _: {"preset": "smile"},
    "retarget": lambda _: {"source": "Source"}, "sample_scene": _nothing,
    "predict": lambda _: {"frames": 12}, "inbetween": _nothing, "idle": lambda _: {"frames": 24}}
WITH_ENGINE: dict[str, Settings] = {"face_from_photo": lambda _: {"filepath": str(PHOTO), "texture_size": "512"},
                                    "track_video": _clip, "retarget_video": _clip, "neural_preview": _photo}


def undoable() -> set[str]:
    """Every operator of the add-on that says it can be undone."""
    modules = (addon.import_module(f".{name}", addon.__package__) for name in addon.MODULES)
    classes = (cls for module in modules for cls in module.CLASSES if issubclass(cls, bpy.types.Operator))
    return {cls.bl_idname.removeprefix("mien.") for cls in classes if "UNDO" in getattr(cls, "bl_options", ())}


@pytest.fixture
def scene() -> bpy.types.Scene:
    """Two heads with takes, one active and reshaped, at frame 40; something else too."""
    scene = bpy.context.scene
    set_rate(scene, "30")
    bpy.ops.mesh.primitive_cube_add(size=0.1, location=(3, 0, 0))
    motion_to_head(new_head("Source"), random_motion(3, 30, fps=30.0), scene=scene, name="Other Take")
    head = new_head("Face", identity=random_identity(1))
    motion_to_head(head, talking(), scene=scene, name="Talking")
    head.data.shape_keys.key_blocks["mouthPucker"].value = 0.3
    bpy.context.view_layer.objects.active = head
    for one in bpy.data.objects:
        one.select_set(one == head)
    scene.frame_set(40)
    return scene


def test_every_operator_that_can_be_undone_is_tried() -> None:
    assert set(SETTINGS) | set(WITH_ENGINE) == undoable()


@pytest.mark.parametrize("name", SETTINGS)
def test_undo_and_redo(scene: bpy.types.Scene, name: str, tmp_path: Path) -> None:
    _there_and_back(name, SETTINGS[name](tmp_path))


@needs_engine
@pytest.mark.parametrize("name", WITH_ENGINE)
def test_undo_and_redo_of_what_the_engine_made(scene: bpy.types.Scene, name: str, tmp_path: Path) -> None:
    _there_and_back(name, WITH_ENGINE[name](tmp_path))


def _there_and_back(name: str, settings: dict[str, Any]) -> None:
    if name == "inbetween":
        _gap_around(40)
    bpy.ops.ed.undo_push(message="before")
    before = whole_state()
    assert getattr(bpy.ops.mien, name)("EXEC_DEFAULT", True, **settings) == {"FINISHED"}
    if name == "sample_scene":
        bpy.context.scene.frame_set(bpy.context.scene.frame_current)  # as its first drawing does
    after = whole_state()
    assert differences(before, after), "it does something"
    bpy.ops.ed.undo()
    assert differences(before, whole_state()) == {}
    bpy.ops.ed.redo()
    assert differences(after, whole_state()) == {}


def _gap_around(frame: int) -> None:
    """Take the keys about a frame away, for something to be in between."""
    head = bpy.context.active_object
    curves.remove_range(head, pose_paths(head), frame - 8, frame + 8)
    curves.remove_range(head.data.shape_keys, list(expression_paths(head).values()), frame - 8, frame + 8)
