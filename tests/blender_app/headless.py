# SPDX-License-Identifier: Apache-2.0
"""Uses the installed extension in `blender -b`, and tells by JSON.

    blender -b --python-exit-code 7 --python headless.py -- FOLDER MOTION
"""

import json
import sys
import time
from pathlib import Path

import bpy

FOLDER, MOTION = sys.argv[sys.argv.index("--") + 1:]
told: dict = {"version": bpy.app.version_string, "checks": {}, "seconds": {}}


def check(name: str, holds: object) -> None:
    told["checks"][name] = bool(holds)


check("the extension is enabled", "bl_ext.user_default.mien" in bpy.context.preferences.addons)
start = time.monotonic()
bpy.ops.mien.add_face(seed=3)
told["seconds"]["add_face"] = time.monotonic() - start
head = bpy.context.object
check("it has 52 expressions", len(head.data.shape_keys.key_blocks) == 53)
bpy.ops.mien.import_motion(filepath=MOTION)
values = []
for frame in range(1, 120, 3):
    bpy.context.scene.frame_set(frame)
    values.append(head.data.shape_keys.key_blocks["jawOpen"].value)
check("the motion moves it", max(values) - min(values) > 0.1)
path = str(Path(FOLDER, "motion.csv"))
check("the motion is written again", bpy.ops.mien.export_motion(filepath=path) == {"FINISHED"} and Path(path).exists())
saved, name = str(Path(FOLDER, "head.blend")), head.name
bpy.ops.wm.save_as_mainfile(filepath=saved)
bpy.ops.wm.open_mainfile(filepath=saved)
check("the file opens again", bpy.data.objects[name].data.mien.is_head)
Path(FOLDER, "headless.json").write_text(json.dumps(told, indent=1))
