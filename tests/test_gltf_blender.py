# SPDX-License-Identifier: Apache-2.0
"""What Blender makes of an exported head; in a process of its own, since bpy keeps its state."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
from mien.core.camera import Camera
from mien.core.channels import ARKIT52
from mien.core.gltf import write_glb
from mien.core.model_files import default_model
from mien.core.motion import Motion

F = np.float32

IMPORT = """
import json, sys
import bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.context.scene.render.fps = 25
bpy.ops.import_scene.gltf(filepath=sys.argv[-1])
(head,) = [o for o in bpy.data.objects if o.type == "MESH"]
bpy.context.scene.frame_set(10)
keys = head.data.shape_keys.key_blocks
evaluated = head.evaluated_get(bpy.context.evaluated_depsgraph_get())
points = [list(evaluated.matrix_world @ v.co) for v in evaluated.data.vertices]
print("RESULT", json.dumps({"keys": [k.name for k in keys], "values": [k.value for k in keys],
                            "materials": [m.name for m in head.data.materials], "points": points}))
"""


@pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="needs Blender as a module: pip install bpy")
def test_blender_shows_the_animated_head(tmp_path):
    model = default_model()
    rng = np.random.default_rng(0)
    expression = np.zeros((25, 52), F)
    expression[:, ARKIT52.index("jawOpen")] = np.linspace(0, 1, 25)
    motion = Motion(25.0, expression, np.zeros((25, 3), F), np.ones((25, 3), F), np.zeros(0, F), ARKIT52, "m", "h",
                    Camera.for_image(64, 64), np.ones(25, F))
    identity = rng.normal(0, 1, len(model.identity_basis)).astype(F)
    write_glb(tmp_path / "a.glb", model, identity, None, motion)
    done = subprocess.run([sys.executable, "-c", IMPORT, str(tmp_path / "a.glb")], capture_output=True, text=True,
                          timeout=120, check=False)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    result = json.loads(line.removeprefix("RESULT "))
    assert result["keys"][1:] == list(model.expression_names)
    assert {"skin", "eyes", "teeth", "tongue"} <= set(result["materials"])
    opened = result["values"][result["keys"].index("jawOpen")]
    assert opened == pytest.approx(10 / 24, abs=1e-4)
    expected = model.vertices(identity, np.eye(52, dtype=F)[ARKIT52.index("jawOpen")] * opened)
    x, y, z = np.array(result["points"]).T
    seen = np.stack([x, z, -y], 1)
    distance = np.linalg.norm(seen[:, None] - expected[None, ::7], axis=2).min(0)
    assert distance.max() < 2e-5
