# SPDX-License-Identifier: GPL-3.0-or-later
"""Face from Photo: a head of the person in one or several photos, seen by the camera that took the first one."""

from collections.abc import Sequence
from pathlib import Path

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, StringProperty

from ...core.errors import BadInput
from ...core.face_model import FaceModel
from ...core.fit import Fit
from ...core.fit_files import load_fit
from ...core.model_files import default_model
from ..engine.client import Job
from ..face import stage
from ..face.backdrop import load_picture
from ..face.free_place import free_place
from ..face.head import make_head, set_source
from ..face.kept_fit import keep_fit
from ..face.pictures import packed_image
from ..selection import chosen_files, collection_for, layer_of, look_through_camera, select_only
from ..transaction import all_or_nothing
from .engine_operator import EngineOperator
from .jobs import Request

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
TEXTURE_SIZES = [("0", "None", "Painted colours, no photo"), ("512", "512", "Small"), ("1024", "1024", "As usual"),
                 ("2048", "2048", "For large photos"), ("4096", "4096", "For very large photos")]


def head_from_fit(fit: Fit, model: FaceModel, scene: bpy.types.Scene, *, name: str, texture: Path | None = None,
                  photo: Path | None = None, show_photo: bool = True,
                  collection: bpy.types.Collection | None = None, model_path: str = "", set_resolution: bool = True,
                  location: Sequence[float] | None = None) -> bpy.types.Object:
    """A new head with the identity, expression and pose of a fit, and the camera of its photo.

    Args:
        texture: the colours in the model's UVs; packed.
        photo: shown behind the head in the camera's view; upright, as it was fitted; packed.
        show_photo: else it is only remembered, by its path.
        set_resolution: render at the photo's size.
        location: of the head; None is the 3D cursor.

    Raises:
        BadInput: a picture cannot be read, or the fit is of another face model. Nothing was made then.
    """
    if fit.model_hash != model.hash:
        raise BadInput(f"The fit of {name} was made with another face model ({fit.model}); fit the photo again.")
    with all_or_nothing(scene):
        colours = packed_image(texture, f"{name} Texture") if texture else None
        behind = packed_image(photo, f"{name} Photo") if photo and show_photo else None
        _check_same_size(behind, fit)
        kept = load_picture(str(photo)) if photo and not show_photo else behind
        head = make_head(model, name=name, scene=scene, identity=fit.identity, expression=fit.expression,
                         collection=collection, model_path=model_path, texture=colours)
        head.location = scene.cursor.location if location is None else location
        set_source(head.data, name, fit)
        keep_fit(head.data, fit, kept)
        stage.match_fit(head, fit, scene, picture=behind, set_resolution=set_resolution)
    return head


def _check_same_size(photo: bpy.types.Image | None, fit: Fit) -> None:
    if photo is not None and tuple(photo.size) != (fit.camera.width, fit.camera.height):
        raise BadInput(f"Blender reads {photo.name} as {photo.size[0]} × {photo.size[1]} pixels, the engine as "
                       f"{fit.camera.width} × {fit.camera.height}; save it as a PNG and use that.")


class MIEN_OT_face_from_photo(EngineOperator, bpy.types.Operator):
    """Make a head of the person in one or several photos, with the camera that took the first one"""

    bl_idname = "mien.face_from_photo"
    bl_label = "Face from Photo"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"})
    filter_glob: StringProperty(default=";".join(f"*{s}" for s in PHOTO_SUFFIXES), options={"HIDDEN"})
    texture_size: EnumProperty(name="Texture", description="Pixels a side of the texture that is made of the photos",
                               items=TEXTURE_SIZES, default="1024")
    face: IntProperty(name="Face", description="Which face to take where there are several: −1 is the most prominent, "
                                               "0 the first by size, 1 the next …", default=-1, min=-1, max=99)
    use_photo: BoolProperty(name="Photo as Background", description="Show the photo behind the head in the camera's "
                            "view, and keep it in the file", default=True)
    use_resolution: BoolProperty(name="Photo's Resolution", description="Render at the size of the photo",
                                 default=True)
    use_camera_view: BoolProperty(name="Look through the Camera", description="Turn the 3D view to the camera, and "
                                  "show the head's picture in it", default=True)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is a scene to add to."""
        return context.scene is not None and context.scene.library is None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for photos unless they were dropped."""
        return self.begin(context) if self._paths() else self.ask_for_files(context)

    def draw(self, context: bpy.types.Context) -> None:
        """In the file browser what the engine is told; afterwards what can be changed without it."""
        layout = self.layout
        layout.use_property_split = True
        if context.space_data and context.space_data.type == "FILE_BROWSER":
            layout.prop(self, "texture_size")
            layout.prop(self, "face")
        layout.prop(self, "use_photo")
        layout.prop(self, "use_resolution")
        layout.prop(self, "use_camera_view")

    def request(self, _context: bpy.types.Context) -> Request:
        paths = self._paths()
        if not paths:
            raise BadInput("No photo was chosen.")
        params = {"photos": paths, "texture_size": int(self.texture_size),
                  "face": None if self.face < 0 else self.face}
        return Request("fit_photos", params, "Face from Photo")

    def apply(self, context: bpy.types.Context, job: Job, scene: bpy.types.Scene,
              _head: bpy.types.Object | None) -> str:
        first = Path(self._paths()[0])
        model = default_model()
        path = job.file("fit")
        if path is None:
            raise BadInput("The engine gave no fit; install the same version of Mien on both sides.")
        fit = load_fit(path, model)
        photo = (job.file("photo") or first) if self.use_photo else first
        place = free_place(scene, layer_of(context, scene), fit.camera, fit.translation)
        head = head_from_fit(fit, model, scene, name=first.stem, texture=job.file("texture"), photo=photo,
                             show_photo=self.use_photo, collection=collection_for(context, scene),
                             set_resolution=self.use_resolution, location=place.location)
        head.data.mien.source = first.name
        select_only(context, scene, head)
        if self.use_camera_view:
            look_through_camera(context, scene, head)
        return f"{head.name}: confidence {fit.confidence:.0%}{place.sentence()}" + "".join(
            f". {w}" for w in fit.warnings)

    def _paths(self) -> list[str]:
        return chosen_files(self.filepath, self.directory, [file.name for file in self.files])


CLASSES: tuple[type, ...] = (MIEN_OT_face_from_photo,)
