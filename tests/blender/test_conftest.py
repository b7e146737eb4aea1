# SPDX-License-Identifier: Apache-2.0
"""What every other test here stands on."""

import bpy
import pytest


@pytest.mark.parametrize("_", range(2))
def test_every_test_starts_empty_with_the_addon_enabled(_: int) -> None:
    assert not bpy.data.objects
    assert not bpy.data.meshes
    assert len(bpy.data.scenes) == 1
    assert "mien" in bpy.context.preferences.addons
    bpy.data.objects.new("left behind", bpy.data.meshes.new("left behind"))
