# SPDX-License-Identifier: GPL-3.0-or-later
"""How a head looks: one material for each part of the face model."""

import bpy

from ..core.face_model import FaceModel

_COLOURS = {"skin": (0.80, 0.61, 0.51), "eye": (0.93, 0.92, 0.90), "teeth": (0.93, 0.90, 0.83),
            "tongue": (0.60, 0.30, 0.29), "lashes": (0.10, 0.08, 0.07), "mouth": (0.50, 0.22, 0.20),
            "sockets": (0.35, 0.18, 0.16)}
"""sRGB by the first word of a part's name; unknown parts look like skin"""


def part_materials(model: FaceModel, name: str, texture: bpy.types.Image | None,
                   metres_per_unit: float) -> list[bpy.types.Material]:
    """One material for each of the model's parts, in their order; parts of one kind share theirs."""
    made: dict[str, bpy.types.Material] = {}
    slots = []
    for part in model.part_names:
        kind = part.split("_", maxsplit=1)[0]
        if kind not in made:
            made[kind] = _material(f"{name} {kind}", kind, texture, metres_per_unit)
        slots.append(made[kind])
    return slots


def _material(name: str, kind: str, texture: bpy.types.Image | None, metres_per_unit: float) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    colour = [c ** 2.2 for c in _COLOURS.get(kind, _COLOURS["skin"])]
    material.diffuse_color = (*colour, 1.0)
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    if texture is not None:
        node = material.node_tree.nodes.new("ShaderNodeTexImage")
        node.image = texture
        material.node_tree.links.new(shader.inputs["Base Color"], node.outputs["Color"])
        material.node_tree.nodes.active = node
    return material
