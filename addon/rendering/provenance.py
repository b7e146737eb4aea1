# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rendered picture says of its own origin."""

import bpy

from ...core.provenance.note import COMPOSITE, Provenance


def provenance_of(scene: bpy.types.Scene) -> Provenance:
    """That of a render of a scene, with the consent notes of the faces that it shows."""
    shown = [thing.data.mien for thing in scene.objects if thing.type == "MESH" and not thing.hide_render]
    notes = dict.fromkeys(data.consent.strip() for data in shown if data.is_head)
    return Provenance(COMPOSITE, description="A rendered 3D face.", consent=" · ".join(filter(None, notes)))
