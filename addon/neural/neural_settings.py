# SPDX-License-Identifier: GPL-3.0-or-later
"""How Neural Render draws and where it writes: settings that the scene stores and the operators take."""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from .. import compat
from ..engine_choice import preferences
from ..rendering.render_video import KINDS

RENDERERS = [("AUTO", "Auto", "The network where there are weights for it, else the mesh"),
             ("NEURAL", "Neural", "A network paints the face on top of the moved photo"),
             ("MESH", "Mesh", "The photo is moved by the fitted head alone")]
ENGINE_NAMES = {"AUTO": "auto", "NEURAL": "pgfg", "MESH": "mesh"}
"""As `playback.renderers.NAMES` has them"""


def renderer_choice() -> dict[str, Any]:
    """The properties that choose how frames are drawn."""
    return {"renderer": EnumProperty(name="Renderer", items=RENDERERS, description="What draws the frames")}


def weights_choice() -> dict[str, Any]:
    """The property of the operators alone that names the network's weights."""
    return {"weights": StringProperty(name="Weights", subtype="FILE_PATH", options={"SKIP_SAVE"},
                                      description="The network's; those of the preferences where it is not given")}


def output_choice(filepath: str) -> dict[str, Any]:
    """The properties that choose what is written."""
    return {
        "filepath": StringProperty(name="Output", subtype="FILE_PATH", default=filepath,
                                   options=compat.file_path_options(),
                                   description="The video, or what the pictures and their folder are called"),
        "kind": EnumProperty(name="Format", items=KINDS, description="What is written"),
        "sound": BoolProperty(name="Sound", default=True, description="Put the scene's sound into the video, or that "
                              "of the clip behind the face"),
        "keep": BoolProperty(name="Keep Finished Frames", default=True, description="Do not draw pictures again "
                             "that are whole and would come out the same"),
    }


class NeuralRenderProperties(bpy.types.PropertyGroup):
    """On a Scene: how photos are moved."""

    __annotations__ = {**output_choice("//neural.mp4"), **renderer_choice()}


def drawing_params(renderer: str, weights: str) -> dict[str, str | None]:
    """The job's parameters that say what draws: the weights are the operator's, else the preferences'."""
    if renderer == "MESH":
        return {"renderer": "mesh", "weights": None}
    chosen = preferences()
    path = weights or (chosen.weights.strip() if chosen else "")
    file = str(Path(bpy.path.abspath(path)).absolute()) if path else None
    return {"renderer": ENGINE_NAMES[renderer], "weights": file}


CLASSES: tuple[type, ...] = (NeuralRenderProperties,)


def register() -> None:
    """Hang the settings on scenes."""
    bpy.types.Scene.mien_neural = bpy.props.PointerProperty(type=NeuralRenderProperties)


def unregister() -> None:
    """Take them off again."""
    del bpy.types.Scene.mien_neural
