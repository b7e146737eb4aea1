# SPDX-License-Identifier: GPL-3.0-or-later
"""How a head looks: one material for each kind of part, with one picture in the model's UVs for all of them.

The same picture shows in Cycles, EEVEE, and Workbench with texture colours; the viewport's solid mode has the parts'
plain colours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.face_model import FaceModel
from ...core.model_files import DEFAULT_MODEL, default_model
from ...core.part_colours import IRIS_ANGLE, IRIS_COLOUR, PART_COLOURS, eyeball_angles, vertex_colours

_PAINTED = DEFAULT_MODEL.with_name("default_texture.jpg")
_PAINTED_TAG = "mien_painted_for"
_KIND_TAG = "mien_part"
_COLOURS = "Mien Colours"


@dataclass(frozen=True)
class _Look:
    """Numbers of a Principled BSDF; `scatter` is the share of light that goes under the surface."""

    roughness: float
    specular: float = 0.5
    scatter: float = 0.0
    depth: float = 0.0
    """Metres that red light wanders under the surface"""
    coat: float = 0.0


_LOOKS = {"skin": _Look(0.48, 0.45, 0.22, 0.0035), "eye": _Look(0.18, coat=0.8), "iris": _Look(0.18, coat=0.8),
          "teeth": _Look(0.32, 0.3), "tongue": _Look(0.4, 0.3), "mouth": _Look(0.6, 0.1),
          "lashes": _Look(0.6, 0.2), "sockets": _Look(0.6, 0.3)}
_PLAIN = PART_COLOURS | {"iris": tuple(0.4 * channel for channel in IRIS_COLOUR)}
_SKIN_RADIUS = (1.0, 0.35, 0.2)
"""How far red, green and blue go under skin, relative to red"""
_LASH_COVER = 0.62
_LASH_HAIRS = 330.0
"""Hairs across the width of the texture map"""


def part_materials(model: FaceModel, name: str, texture: bpy.types.Image | None,
                   metres_per_unit: float) -> list[bpy.types.Material]:
    """One material for each slot: the model's parts in their order, then the irises; parts of one kind share theirs.

    Without a texture the default model has the painted one, another model the colours of its vertices.
    """
    picture = texture or painted_texture(model)
    made: dict[str, bpy.types.Material] = {}
    slots = []
    for part in (*model.part_names, "iris"):
        kind = part.split("_", maxsplit=1)[0]
        if kind not in made:
            made[kind] = _material(f"{name} {kind.capitalize()}", kind, picture, metres_per_unit)
        slots.append(made[kind])
    return slots


def slots_of(model: FaceModel) -> NDArray[np.int32]:
    """The material slot of every triangle (F,): its part's, or the one after the last for those of an iris.

    Irises look like the rest of the eye but have a colour of their own in the viewport's solid mode.
    """
    slots = model.triangle_part.astype(np.int32)
    for part, name in enumerate(model.part_names):
        if name.startswith("eye_"):
            own = np.flatnonzero(model.triangle_part == part)
            corners = eyeball_angles(model, part, model.mean[model.triangles[own]].reshape(-1, 3)).reshape(-1, 3)
            slots[own[corners.max(1) < 1.05 * IRIS_ANGLE]] = len(model.part_names)
    return slots


def painted_texture(model: FaceModel) -> bpy.types.Image | None:
    """The painted picture for the model in the box, packed into the file once; None for other models."""
    if model.hash != default_model().hash:
        return None
    for image in bpy.data.images:
        if image.get(_PAINTED_TAG) == model.hash and image.library is None:
            return image
    image = bpy.data.images.load(str(_PAINTED))
    image.pack()  # not looked into: decoding it would take longer than everything else
    image.name = "Mien Painted Face"
    image[_PAINTED_TAG] = model.hash
    return image


def load_texture(path: Path | str) -> bpy.types.Image:
    """A picture that becomes part of the .blend file, so that it does not miss its own file later.

    Raises:
        BadInput: Blender cannot read it.
    """
    try:
        image = bpy.data.images.load(str(path))
    except RuntimeError as error:
        raise BadInput(f"Blender cannot read the picture {path}.") from error
    if not image.has_data and image.size[0] == 0:
        bpy.data.images.remove(image)
        raise BadInput(f"Blender cannot read the picture {path}.")
    image.pack()
    return image


def set_texture(head: bpy.types.Object, texture: bpy.types.Image) -> None:
    """Give a head's own materials another picture; materials that the user put there stay as they are."""
    for material in dict.fromkeys(head.data.materials):
        if material is not None and material.get(_KIND_TAG) and material.library is None:
            _show_picture(material, texture)


def set_photo_light(mesh: bpy.types.Mesh, share: float) -> None:
    """Let a head's own materials shine with their picture, 0 not at all, 1 exactly as photographed whatever the light.

    Lashes keep to the scene's light, for they are cut out of sheets.
    """
    for material in dict.fromkeys(mesh.materials):
        if material is not None and material.get(_KIND_TAG, "lashes") != "lashes" and material.library is None:
            _mix_light(material, share)


@contextmanager
def scene_lit(mesh: bpy.types.Mesh) -> Iterator[None]:
    """Materials without the photo's light while the block runs, as programs that draw with light of their own want."""
    share = mesh.mien.photo_light
    set_photo_light(mesh, 0.0)
    try:
        yield
    finally:
        set_photo_light(mesh, share)


def add_vertex_colours(mesh: bpy.types.Mesh, model: FaceModel) -> None:
    """The parts' colours on the vertices, which a head without any picture shows."""
    colours = np.ones((model.vertex_count, 4), np.float32)
    colours[:, :3] = vertex_colours(model)
    mesh.color_attributes.new(_COLOURS, "FLOAT_COLOR", "POINT").data.foreach_set("color_srgb", colours.ravel())


def _material(name: str, kind: str, picture: bpy.types.Image | None, metres_per_unit: float) -> bpy.types.Material:
    look = _LOOKS.get(kind, _LOOKS["skin"])
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # before Blender 5
        material.use_nodes = True
    material[_KIND_TAG] = kind
    plain = tuple(((c + 0.055) / 1.055) ** 2.4 for c in _PLAIN.get(kind, _PLAIN["skin"]))
    material.diffuse_color, material.roughness = (*plain, 1.0), look.roughness
    shader = _shader(material)
    values = {"Base Color": (*plain, 1.0), "Roughness": look.roughness, "Specular IOR Level": look.specular,
              "Subsurface Weight": look.scatter, "Subsurface Radius": _SKIN_RADIUS,
              "Subsurface Scale": look.depth / metres_per_unit, "Coat Weight": look.coat, "Coat Roughness": 0.03}
    for socket, value in values.items():
        shader.inputs[socket].default_value = value
    _show_picture(material, picture)
    if kind == "lashes":
        _cut_hairs(material)
    return material


def _shader(material: bpy.types.Material) -> bpy.types.Node:
    return next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")


def _show_picture(material: bpy.types.Material, picture: bpy.types.Image | None) -> None:
    """Let the shader's colour come from a picture, or from the vertices where there is none."""
    tree = material.node_tree
    shader = next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
    if shader is None:
        return
    source, light = tree.nodes.get("Mien Picture"), tree.nodes.get("Mien Light")
    kind = "ShaderNodeTexImage" if picture else "ShaderNodeVertexColor"
    if source is None or source.bl_idname != kind:
        if source is not None:
            tree.nodes.remove(source)
        source = tree.nodes.new(kind)
        source.name, source.location = "Mien Picture", (-320, 280)
        tree.links.new(shader.inputs["Base Color"], source.outputs["Color"])
    if picture is None:
        source.layer_name = _COLOURS
        return
    source.image = picture
    tree.nodes.active = source
    if light is not None:
        tree.links.new(light.inputs["Color"], source.outputs["Color"])


def _mix_light(material: bpy.types.Material, share: float) -> None:
    """Put an emission beside the surface's shader, or take it away."""
    tree = material.node_tree
    mix, light, picture = (tree.nodes.get(name) for name in ("Mien Mix", "Mien Light", "Mien Picture"))
    output = tree.get_output_node("ALL") or tree.get_output_node("CYCLES")
    shader = next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
    if output is None or shader is None or picture is None:
        return
    if share <= 0:
        for node in filter(None, (mix, light)):
            tree.nodes.remove(node)
        tree.links.new(output.inputs["Surface"], shader.outputs[0])
        return
    if mix is None or light is None:
        mix, light = tree.nodes.new("ShaderNodeMixShader"), tree.nodes.new("ShaderNodeEmission")
        mix.name, light.name = "Mien Mix", "Mien Light"
        mix.location, light.location = (300, 120), (20, 420)
        output.location = (520, 120)
        tree.links.new(mix.inputs[1], shader.outputs[0])
        tree.links.new(mix.inputs[2], light.outputs[0])
        tree.links.new(output.inputs["Surface"], mix.outputs[0])
        tree.nodes.active = picture
    tree.links.new(light.inputs["Color"], picture.outputs["Color"])
    mix.inputs[0].default_value = share


def _cut_hairs(material: bpy.types.Material) -> None:
    """Lashes are sheets: bands across the sheet let light through between the hairs."""
    tree = material.node_tree
    place = tree.nodes.new("ShaderNodeUVMap")
    wave = tree.nodes.new("ShaderNodeTexWave")
    cover = tree.nodes.new("ShaderNodeMapRange")
    place.location, wave.location, cover.location = (-720, -120), (-520, -120), (-320, -120)
    wave.wave_type, wave.bands_direction = "BANDS", "X"
    for socket, value in {"Scale": _LASH_HAIRS / 20 * 6.283, "Distortion": 1.5, "Detail": 1.0}.items():
        wave.inputs[socket].default_value = value
    cover.inputs["From Min"].default_value = 1 - _LASH_COVER - 0.15
    cover.inputs["From Max"].default_value = 1 - _LASH_COVER + 0.25
    tree.links.new(wave.inputs["Vector"], place.outputs["UV"])
    tree.links.new(cover.inputs["Value"], wave.outputs["Fac"])
    tree.links.new(_shader(material).inputs["Alpha"], cover.outputs["Result"])
    material.diffuse_color[3] = 0.75
