# SPDX-License-Identifier: Apache-2.0
"""The panels draw what they should, with operators and icons that exist in this Blender."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from blender.known_heads import known_fit, new_head
from blender.videos import write_photo
from mien.addon.face.head import set_source
from mien.addon.face.head_ops import channel_tooltip
from mien.addon.face.kept_fit import keep_fit
from mien.addon.face.pictures import packed_image
from mien.addon.neural import neural_panel
from mien.addon.panels import capture as capture_panel
from mien.addon.panels import expression, identity
from mien.addon.panels import head as head_panel
from mien.core.channels import ARKIT52, CHANNELS, REGIONS

ICONS = set(bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items.keys())


class Recorder:
    """A layout that writes down what is drawn, and refuses what this Blender does not have."""

    def __init__(self, log: list[tuple[str, str]] | None = None) -> None:
        self.log = [] if log is None else log

    def _child(self, **_: object) -> "Recorder":
        return Recorder(self.log)

    row = column = box = split = _child

    def template_ID(self, data: Any, name: str, *, open: str) -> None:  # noqa: N802
        assert name in data.bl_rna.properties and open.split(".")[1] in dir(bpy.ops.image)
        self.log.append(("template_ID", name))

    def progress(self, factor: float, text: str) -> None:
        assert 0 <= factor <= 1
        self.log.append(("progress", text))

    def separator(self, **_: object) -> None: ...

    def label(self, text: str = "", icon: str = "NONE") -> None:
        assert icon in ICONS, icon
        self.log.append(("label", text))

    def prop(self, data: Any, name: str, text: str | None = None, **_: object) -> None:
        assert name in data.bl_rna.properties, (data, name)
        self.log.append(("prop", text if text is not None else name))

    def prop_enum(self, data: Any, name: str, value: str, **_: object) -> None:
        self.log.append(("prop", f"{name}={value}"))

    def operator(self, name: str, text: str | None = None, icon: str = "NONE") -> SimpleNamespace:
        assert icon in ICONS, icon
        family, function = name.split(".")
        assert function in dir(getattr(bpy.ops, family)), name
        self.log.append(("operator", name))
        return SimpleNamespace()


def _draw(panel: type, **context: object) -> list[tuple[str, str]]:
    layout = Recorder()
    shading = SimpleNamespace(type="SOLID", color_type="MATERIAL")
    fake = SimpleNamespace(active_object=bpy.context.active_object, region=SimpleNamespace(width=300),
                           preferences=bpy.context.preferences, space_data=SimpleNamespace(shading=shading), **context)
    if hasattr(panel, "poll") and not panel.poll(fake):
        return []
    instance = SimpleNamespace(layout=layout)
    if hasattr(panel, "shown"):
        instance.names = getattr(panel, "names", ())
        instance.shown = lambda c: panel.shown(instance, c)
    panel.draw(instance, fake)
    return layout.log


def _head() -> bpy.types.Object:
    head = new_head()
    bpy.context.view_layer.objects.active = head
    return head


def _sliders(log: list[tuple[str, str]]) -> list[str]:
    return [text for kind, text in log if kind == "prop"]


def test_every_control_once_under_its_region() -> None:
    _head()
    panels = [cls for cls in expression.CLASSES if cls.bl_idname.startswith("MIEN_PT_region")]
    shown = {panel.bl_label.lower(): _sliders(_draw(panel)) for panel in panels}
    assert shown.pop("others") == []
    assert tuple(shown) == REGIONS
    assert sorted(name for names in shown.values() for name in names) == sorted(ARKIT52)
    for channel in CHANNELS:
        assert channel.name in shown[channel.region]


def test_every_control_tells_its_facs_unit() -> None:
    for channel in CHANNELS:
        assert channel_tooltip(channel.name).startswith(f"{channel.name}: {channel.facs}")
    assert "own" in channel_tooltip("My Wart")


def test_keys_of_ones_own_are_shown() -> None:
    head = _head()
    head.shape_key_add(name="My Wart", from_mix=False)
    assert _sliders(_draw(expression.MIEN_PT_region_other)) == ["My Wart"]
    head.shape_key_clear()
    region = expression.CLASSES[1]
    assert _draw(region) == [("label", "The shape keys were removed")]


def test_the_face_panel_says_what_the_face_is() -> None:
    assert ("operator", "mien.add_face") in _draw(head_panel.MIEN_PT_head)
    head = _head()
    assert ("label", "Not made from a photo") in _draw(head_panel.MIEN_PT_head)
    set_source(head.data, "portrait.jpg", known_fit(64, 48))
    words = " ".join(text for _, text in _draw(head_panel.MIEN_PT_head))
    for expected in ("portrait.jpg", "Fit confidence 87%", "The mouth is hidden.", "The face is small."):
        assert expected in words
    assert "camera" in str(bpy.types.Object.bl_rna.properties["mien"].fixed_type.properties.keys())
    assert ("operator", "mien.load_fit") in _draw(head_panel.MIEN_PT_head_details)


def test_all_identity_modes_are_within_reach() -> None:
    _head()
    modes = _sliders(_draw(identity.MIEN_PT_identity)) + _sliders(_draw(identity.MIEN_PT_identity_more))
    assert modes == [f"Mode {i}" for i in range(1, 81)]


@pytest.mark.parametrize("cls", [*head_panel.CLASSES, *expression.CLASSES, *identity.CLASSES])
def test_without_a_face_nothing_fails(cls: type) -> None:
    log = _draw(cls)
    assert cls is head_panel.MIEN_PT_head or not log
    thing = bpy.data.objects.new("Empty", None)
    bpy.context.scene.collection.objects.link(thing)
    bpy.context.view_layer.objects.active = thing
    assert _draw(cls) == log


def test_neural_render_needs_a_photo_and_shows_its_job(tmp_path: Path) -> None:
    head, scene, idle = _head(), bpy.context.scene, SimpleNamespace(running=False, kind="")
    draw = partial(_draw, neural_panel.MIEN_PT_neural, scene=scene)
    (told,) = (text for _, text in draw(window_manager=SimpleNamespace(mien_job=idle))[:1])
    assert told.startswith("This face was not made")
    keep_fit(head.data, known_fit(64, 48), None)
    for kind, sounds in (("MP4", True), ("PNG", False)):
        scene.mien_neural.kind = kind
        log = draw(window_manager=SimpleNamespace(mien_job=idle))
        assert log[0] == ("template_ID", "photo") and ("prop", "keep") in log
        assert (("prop", "sound") in log) == sounds
        assert [name for what, name in log if what == "operator"] == ["mien.neural_preview", "mien.neural_render"]
    head.data.mien.photo = packed_image(write_photo(tmp_path / "photo.png"), "photo")
    assert ("template_ID", "photo") not in draw(window_manager=SimpleNamespace(mien_job=idle))
    job = SimpleNamespace(running=True, kind=neural_panel.JOB, title="Neural Render", fraction=0.5, text="Frame 1 of 2")
    log = draw(window_manager=SimpleNamespace(mien_job=job))
    assert log == [("label", "Neural Render"), ("progress", "Frame 1 of 2"), ("operator", "mien.cancel_job")]
    log = _draw(capture_panel.MIEN_PT_capture, window_manager=SimpleNamespace(mien_job=job))
    assert ("operator", "mien.face_from_photo") in log and ("progress", "Frame 1 of 2") not in log


def test_a_slider_is_the_shape_keys_own_value() -> None:
    head = _head()
    key = head.data.shape_keys.key_blocks["jawOpen"]
    key.keyframe_insert("value", frame=1)
    key.value = 0.7
    key.keyframe_insert("value", frame=11)
    bpy.context.scene.frame_set(6)
    assert 0 < head.data.shape_keys.key_blocks["jawOpen"].value < np.float32(0.7)
