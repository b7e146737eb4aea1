# SPDX-License-Identifier: Apache-2.0
"""What differs between Blender's versions, asked of each."""

import ctypes

import bpy
import pytest
from mien.addon import compat


@pytest.mark.parametrize("engine", ["CYCLES", "EEVEE", "WORKBENCH"])
def test_every_engine_can_be_chosen(engine: str) -> None:
    name = compat.engines()[engine]
    bpy.context.scene.render.engine = name
    assert bpy.context.scene.render.engine == name


def test_eevee_is_called_as_the_version_does() -> None:
    assert compat.eevee_engine() == ("BLENDER_EEVEE" if bpy.app.version >= (5, 0, 0) else "BLENDER_EEVEE_NEXT")


def test_formats_change_between_pictures_and_video() -> None:
    settings = bpy.context.scene.render.image_settings
    for media, file_format in (("VIDEO", "FFMPEG"), ("IMAGE", "PNG"), ("VIDEO", "FFMPEG"), ("IMAGE", "OPEN_EXR")):
        compat.set_file_format(settings, media, file_format)
        assert settings.file_format == file_format


def test_strips_and_where_they_lie() -> None:
    editor = bpy.context.scene.sequence_editor_create()
    made = compat.strips(editor).new_effect(name="red", type="COLOR", channel=1, frame_start=7, **(
        {"length": 5} if bpy.app.version >= (5, 0, 0) else {"frame_end": 12}))
    assert compat.strip_range(made) == (7, 12)
    assert [strip.name for strip in compat.strips(editor)] == ["red"]
    assert [strip.name for strip in compat.all_strips(editor)] == ["red"]


def test_what_the_build_has() -> None:
    assert compat.has_video() and compat.is_module()
    assert compat.has_sound() == (bpy.app.version >= (4, 3, 0))


def test_without_libegl_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compat.can_draw()

    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert not compat.can_draw()
