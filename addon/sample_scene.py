# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene to begin with, made of what ships: a face that talks, lights, a camera, a soft background."""

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ..core.camera import Camera
from ..core.model_files import default_model
from ..core.motion_files import load_motion
from ..core.retarget import Rules
from . import compat
from .face import stage
from .face.head import is_head, make_head
from .motion import motion_io
from .motion.retargeting import retarget_to_head
from .operator import QuietOperator
from .transaction import all_or_nothing

MOTION = Path(__file__).parents[1] / "core" / "demo_data" / "talking.npz"
SIDE = 1080
"""Pixels of the picture's sides"""
LENS = 85.0
PLACE = (0.0, 0.01, 0.71)
"""Metres, the head's origin in camera space: eyes near the middle"""
BEHIND = 1.2
"""Metres from the head to the background"""
IDENTITY_SEED = 11
"""A face that is somebody's, not the average"""
INNER, OUTER = (0.10, 0.125, 0.15), (0.012, 0.016, 0.022)
"""The background's colours in the middle and at the edge, scene-linear"""


@dataclass(frozen=True)
class _Light:
    """An area light: where it stands, seen from the head in metres, its watts, size in metres, linear colour."""

    name: str
    place: tuple[float, float, float]
    watts: float
    size: float
    colour: tuple[float, float, float]


_LIGHTS = (_Light("Key", (0.55, -0.75, 0.45), 16.0, 0.45, (1.0, 0.9, 0.8)),
           _Light("Fill", (-0.9, -0.7, 0.0), 4.5, 0.9, (0.8, 0.9, 1.0)),
           _Light("Rim", (-0.6, 0.45, 0.3), 22.0, 0.3, (0.85, 0.93, 1.0)))


def make_sample(name: str = "Mien Sample") -> bpy.types.Scene:
    """A new scene with a talking face; everything of it is in a collection of the same name.

    Raises:
        BadInput: a file of the extension is missing or damaged. Nothing is left then.
    """
    model = default_model()
    motion = load_motion(MOTION, model)
    scene = bpy.data.scenes.new(name)
    folder = bpy.data.collections.new(scene.name)
    scene.collection.children.link(folder)
    try:
        with all_or_nothing(scene):
            rng = np.random.default_rng(IDENTITY_SEED)
            identity = np.clip(rng.standard_normal(len(model.identity_basis)), -1.5, 1.5).astype(np.float32)
            head = make_head(model, name="Sample Face", scene=scene, identity=identity, collection=folder)
            camera = _portrait_camera(head, scene)
            motion_io.set_rate(scene, motion.fps)
            retarget_to_head(head, motion, scene=scene, rules=Rules(relative=False), start_frame=1, name="Talking")
            scene.frame_start, scene.frame_end = 1, len(motion)
            for light in _LIGHTS:
                _add_light(light, folder)
            _add_background(camera, folder)
            _set_look(scene)
    except BaseException:
        bpy.data.collections.remove(folder)
        bpy.data.scenes.remove(scene)
        raise
    scene.frame_set(1)
    return scene


def _portrait_camera(head: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.Object:
    camera = stage.make_stage(head, Camera(SIDE, SIDE, LENS / stage.SENSOR * SIDE, "perspective"), np.array(PLACE),
                              scene)
    stage.set_frame(scene, camera)
    camera.name = camera.data.name = "Sample Camera"
    camera.data.clip_end = 100.0
    return camera


def _add_light(light: _Light, folder: bpy.types.Collection) -> None:
    data = bpy.data.lights.new(f"Sample {light.name}", "AREA")
    data.shape, data.size, data.energy, data.color = "DISK", light.size, light.watts, light.colour
    made = bpy.data.objects.new(data.name, data)
    made.location = light.place
    made.rotation_euler = (-made.location).to_track_quat("-Z", "Y").to_euler()
    folder.objects.link(made)


def _add_background(camera: bpy.types.Object, folder: bpy.types.Collection) -> None:
    """A wall behind the head that gets darker from its middle outwards; only the camera sees it."""
    mesh = bpy.data.meshes.new("Sample Background")
    half = BEHIND * 2
    mesh.from_pydata([(-half, 0, -half), (half, 0, -half), (half, 0, half), (-half, 0, half)], [], [(0, 1, 2, 3)])
    mesh.materials.append(_background_material(mesh.name))
    wall = bpy.data.objects.new(mesh.name, mesh)
    wall.location = (camera.location.x, BEHIND, camera.location.z)
    for ray in ("visible_diffuse", "visible_glossy", "visible_transmission", "visible_shadow"):
        setattr(wall, ray, False)
    folder.objects.link(wall)


def _background_material(name: str) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # before Blender 5
        material.use_nodes = True
    material.diffuse_color = (*(2 * channel for channel in OUTER), 1.0)
    tree = material.node_tree
    tree.nodes.clear()
    kinds = ("TexCoord", "Mapping", "TexGradient", "ValToRGB", "Emission", "OutputMaterial")
    place, scale, gradient, ramp, light, output = (tree.nodes.new(f"ShaderNode{kind}") for kind in kinds)
    for index, node in enumerate((place, scale, gradient, ramp, light, output)):
        node.location = (260 * index - 900, 0)
    scale.inputs["Scale"].default_value = (1.4, 1.4, 1.4)
    scale.inputs["Location"].default_value = (0.15, 0.0, -0.1)
    gradient.gradient_type = "SPHERICAL"
    ramp.color_ramp.interpolation = "EASE"
    ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = (*OUTER, 1.0), (*INNER, 1.0)
    for source, target in (((place, "Object"), (scale, "Vector")), ((scale, "Vector"), (gradient, "Vector")),
                           ((gradient, "Fac"), (ramp, "Fac")), ((ramp, "Color"), (light, "Color")),
                           ((light, "Emission"), (output, "Surface"))):
        tree.links.new(target[0].inputs[target[1]], source[0].outputs[source[1]])
    return material


def _set_look(scene: bpy.types.Scene) -> None:
    scene.render.engine = compat.eevee_engine()
    scene.eevee.taa_render_samples = 32
    scene.cycles.samples = 64
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.display.shading.color_type = "TEXTURE"


def _look_through_camera(screen: bpy.types.Screen | None) -> None:
    for area in screen.areas if screen else ():
        if area.type == "VIEW_3D":
            area.spaces.active.region_3d.view_perspective = "CAMERA"


class MIEN_OT_sample_scene(QuietOperator, bpy.types.Operator):
    """Add a scene with a face that talks, lights and a camera, and go to it"""

    bl_idname = "mien.sample_scene"
    bl_label = "Mien Sample Scene"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> None:
        """Make it, show it, select its face."""
        scene = make_sample()
        if context.window is not None:
            context.window.scene = scene
            _look_through_camera(context.window.screen)
        head = next(thing for thing in scene.objects if is_head(thing))
        layer = scene.view_layers[0]
        layer.objects.active = head
        head.select_set(True, view_layer=layer)


def _menu(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator(MIEN_OT_sample_scene.bl_idname, icon="SCENE_DATA")


CLASSES: tuple[type, ...] = (MIEN_OT_sample_scene,)


def register() -> None:
    """An entry at the end of the Add menu."""
    bpy.types.VIEW3D_MT_add.append(_menu)


def unregister() -> None:
    """Take the entry out again."""
    bpy.types.VIEW3D_MT_add.remove(_menu)
