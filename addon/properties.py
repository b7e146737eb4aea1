# SPDX-License-Identifier: GPL-3.0-or-later
"""What Mien stores in a .blend file: on the mesh what it is a face of, on the object and the camera the stage."""

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..core.provenance.note import MAX_CONSENT
from .face import identity
from .face.materials import set_photo_light


def _on_photo_light(head: "HeadProperties", _context: bpy.types.Context) -> None:
    mesh = head.id_data
    if isinstance(mesh, bpy.types.Mesh) and mesh.library is None:
        set_photo_light(mesh, head.photo_light)


class IdentityCoefficient(bpy.types.PropertyGroup):
    """One number of a face's identity; changing it reshapes the mesh."""

    value: FloatProperty(
        name="Identity", description="How far this face is from the average one in this way, in standard deviations",
        soft_min=-3.0, soft_max=3.0, min=-10.0, max=10.0, step=5, precision=2, options=set(),
        update=identity.on_slider)
    applied: FloatProperty(options={"HIDDEN"})


class HeadProperties(bpy.types.PropertyGroup):
    """On a Mesh: which face model it was made from, and what is known of the face."""

    is_head: BoolProperty(options={"HIDDEN"})
    model_name: StringProperty(name="Face model", options=set())
    model_hash: StringProperty(options={"HIDDEN"})
    model_path: StringProperty(name="Model file", description="The .npz file of the face model; empty for Mien's own",
                               subtype="FILE_PATH", options=set())
    metres_per_unit: FloatProperty(default=1.0, options={"HIDDEN"})
    identity: CollectionProperty(type=IdentityCoefficient)
    source: StringProperty(name="Source", description="What this face was made from", options=set())
    confidence: FloatProperty(name="Confidence", description="How sure the fit is of this face", min=0.0, max=1.0,
                              subtype="FACTOR", options=set())
    warnings: StringProperty(options={"HIDDEN"})
    fit: StringProperty(options={"HIDDEN"})
    photo: PointerProperty(
        type=bpy.types.Image, name="Photo", options=set(),
        description="The photo that this face was made from; Neural Render moves it")
    consent: StringProperty(
        name="Consent", description="What the person shown agreed to, one line; it is written into every video and "
        "picture that is rendered of this face", maxlen=MAX_CONSENT, options=set())
    photo_light: FloatProperty(
        name="Photo's Light",
        description="1 shows the texture exactly as it was photographed, 0 lets the scene's lights fall on it",
        min=0.0, max=1.0, subtype="FACTOR", options=set(), update=_on_photo_light)


class StageProperties(bpy.types.PropertyGroup):
    """On an Object: the camera that a head's pose is read against."""

    camera: PointerProperty(
        type=bpy.types.Object, name="Stage camera", description="The camera that the head's pose is read against",
        poll=lambda _self, candidate: candidate.type == "CAMERA", options=set())


class CameraProperties(bpy.types.PropertyGroup):
    """On a Camera: the picture that it stands for."""

    width: IntProperty(min=0, options={"HIDDEN"})
    height: IntProperty(min=0, options={"HIDDEN"})
    projection: EnumProperty(
        name="Projection of the fit", options={"HIDDEN"}, default="perspective",
        items=[("perspective", "Perspective", "Things are smaller the farther they are"),
               ("orthographic", "Orthographic", "Everything is as large as at the head's origin")])


CLASSES: tuple[type, ...] = (IdentityCoefficient, HeadProperties, StageProperties, CameraProperties)


def register() -> None:
    """Hang the groups on Blender's types."""
    bpy.types.Mesh.mien = PointerProperty(type=HeadProperties)
    bpy.types.Object.mien = PointerProperty(type=StageProperties)
    bpy.types.Camera.mien = PointerProperty(type=CameraProperties)


def unregister() -> None:
    """Take them off again; what files hold in them stays in the files."""
    for owner in (bpy.types.Mesh, bpy.types.Object, bpy.types.Camera):
        del owner.mien
