# SPDX-License-Identifier: GPL-3.0-or-later
"""The photo or clip behind the head while a video is rendered."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from ...core.errors import BadInput
from ..face import backdrop
from .encode import ClipSound
from .scene_copy import hidden

FAR = 1 / 40
"""Share of the camera's far limit that a backdrop is made for: it stands behind whatever is in the scene"""


@contextmanager
def picture_behind(scene: bpy.types.Scene, *, make: bool) -> Iterator[bpy.types.Object | None]:
    """The plane that shows the camera's picture; with `make`, one for the block's time where it has only a background.

    Planes of other cameras are hidden meanwhile.
    """
    camera = scene.camera
    others = [thing for thing in scene.objects if backdrop.PLANE_TAG in thing and thing.parent != camera]
    plane = backdrop.backdrop_of(camera)
    picture = _background_of(camera) if make and plane is None else None
    with hidden(others):
        if picture is None:
            yield None if plane is None or plane.hide_render else plane
            return
        try:
            yield _make_plane(camera, picture, scene)
        finally:
            backdrop.remove_backdrop(camera)


def has_picture(camera: bpy.types.Object) -> bool:
    """Whether a camera has a picture behind the head, so that colours must come out as they are in it."""
    plane = backdrop.backdrop_of(camera)
    return _background_of(camera) is not None if plane is None else not plane.hide_render


def movie_behind(scene: bpy.types.Scene) -> bool:
    """Whether a clip is behind the head in the scene's camera."""
    camera = scene.camera
    if camera is None or camera.type != "CAMERA":
        return False
    plane, view = backdrop.backdrop_of(camera), _background_of(camera)
    image = _image_of(plane) if plane is not None else view.image if view else None
    return image is not None and image.source == "MOVIE" and _is_there(image)


def check_pictures(camera: bpy.types.Object) -> None:
    """See that the files of the pictures behind the head are there.

    Raises:
        BadInput: one is not.
    """
    plane = backdrop.backdrop_of(camera)
    view = _background_of(camera)
    for image in (_image_of(plane) if plane is not None else None, view.image if view else None):
        if image is not None and not _is_there(image):
            raise BadInput(f"The picture behind the head, {path_of(image)}, is not there any more; find it again "
                           "(File ▸ External Data), or render with a transparent background.")


def clip_sound(plane: bpy.types.Object | None) -> ClipSound | None:
    """Where the sound of the clip on a plane comes from, and when it begins; None for a photo."""
    image = None if plane is None else _image_of(plane)
    if image is None or image.source != "MOVIE":
        return None
    user = next(node.image_user for node in _texture_nodes(plane))
    return ClipSound(path_of(image), user.frame_start - user.frame_offset)


def path_of(image: bpy.types.Image) -> Path:
    """An image's file."""
    return Path(bpy.path.abspath(image.filepath, library=image.library))


def _make_plane(camera: bpy.types.Object, view: bpy.types.CameraBackgroundImage,
                scene: bpy.types.Scene) -> bpy.types.Object:
    timing: dict[str, Any] = {}
    if view.image.source == "MOVIE":
        clip = bpy.data.movieclips.load(str(path_of(view.image)))
        rate = clip.fps / (scene.render.fps / scene.render.fps_base)
        timing = {"start_frame": view.image_user.frame_start, "frames": clip.frame_duration, "rate": rate}
        bpy.data.movieclips.remove(clip)
    return backdrop.make_backdrop(camera, view.image, scene, distance=camera.data.clip_end * FAR, **timing)


def _background_of(camera: bpy.types.Object) -> bpy.types.CameraBackgroundImage | None:
    """The picture that a camera made for a picture shows behind everything."""
    data = camera.data
    if not (data.mien.width and data.show_background_images):
        return None
    return next((view for view in data.background_images
                 if view.source == "IMAGE" and view.image and view.show_background_image), None)


def _image_of(plane: bpy.types.Object) -> bpy.types.Image | None:
    return next((node.image for node in _texture_nodes(plane) if node.image), None)


def _texture_nodes(plane: bpy.types.Object) -> list[bpy.types.Node]:
    return [node for material in plane.data.materials if material and material.node_tree
            for node in material.node_tree.nodes if node.type == "TEX_IMAGE"]


def _is_there(image: bpy.types.Image) -> bool:
    return image.source not in ("FILE", "MOVIE") or image.packed_file is not None or path_of(image).is_file()
