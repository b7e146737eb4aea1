# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's curves: their paths, groups and colours, and how exact few keys of them are."""

from collections.abc import Iterable, Mapping, Sequence

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.channels import CHANNELS
from ...core.keys import EXPRESSION_TOLERANCE, ROTATION_TOLERANCE, TRANSLATION_TOLERANCE, Keys, reduce_keys
from ..face import pose as poses
from ..face.head import expression_names
from . import curves
from .action_slots import CurvePath
from .fcurve import Group
from .key_block import Samples

Array = NDArray[np.float64]

REGION_GROUPS = {
    "brows": Group("Brows", (0.95, 0.62, 0.25)), "eyes": Group("Eyes", (0.30, 0.68, 0.95)),
    "cheeks": Group("Cheeks", (0.95, 0.50, 0.62)), "nose": Group("Nose", (0.78, 0.70, 0.42)),
    "jaw": Group("Jaw", (0.55, 0.80, 0.40)), "mouth": Group("Mouth", (0.88, 0.32, 0.32)),
    "tongue": Group("Tongue", (0.72, 0.45, 0.85))}
OTHER_GROUP = Group("Other Shapes", (0.65, 0.65, 0.65))
POSE_GROUP = Group("Head")
_REGION = {channel.name: channel.region for channel in CHANNELS}


def is_channel(name: str) -> bool:
    """Whether a shape key is one of ARKit's, not of the user's own."""
    return name in _REGION


def expression_paths(head: bpy.types.Object) -> dict[str, CurvePath]:
    """The curves of a head's shape keys, by name."""
    return {name: curves.shape_key_path(name) for name in expression_names(head.data)}


def group_of(path: CurvePath) -> Group:
    """The group of a head's curve: its region for a shape key, else the pose's."""
    data_path = path[0]
    if not data_path.startswith('key_blocks["'):
        return POSE_GROUP
    name = data_path.removeprefix('key_blocks["').rpartition('"]')[0]
    return REGION_GROUPS.get(_REGION.get(name, ""), OTHER_GROUP)


def count_keys(keyed_curves: Mapping[CurvePath, Samples | Keys]) -> int:
    """Keys of all curves together."""
    return sum(len(k) if isinstance(k, Keys) else len(k[0]) for k in keyed_curves.values())


def pose_tolerances(head: bpy.types.Object, paths: Sequence[CurvePath]) -> dict[CurvePath, float]:
    """What reduced keys of the pose may be wrong: half a millimetre, a quarter of a degree."""
    length = TRANSLATION_TOLERANCE / poses.metres_per_unit(head)
    # A quaternion's numbers move half as much as the angle.
    turn = ROTATION_TOLERANCE / (2 if head.rotation_mode == "QUATERNION" else 1)
    return {path: length if path[0] == "location" else turn for path in paths}


def tolerances(head: bpy.types.Object, paths: Iterable[CurvePath]) -> dict[CurvePath, float]:
    """What reduced keys of curves may be wrong, of shape keys and of the pose."""
    shapes = [path for path in paths if path[0].startswith("key_blocks")]
    return dict.fromkeys(shapes, EXPRESSION_TOLERANCE) | pose_tolerances(
        head, [path for path in paths if path not in set(shapes)])


def keyed(frames: Array, values: Mapping[CurvePath, NDArray[np.floating]],
          tolerances: Mapping[CurvePath, float] | None, *, ends: bool = False) -> dict[CurvePath, Samples | Keys]:
    """Curves of columns (T,): every sample a key, or few keys within each curve's tolerance; with `ends`, each curve
    has keys at the first and the last frame, with these samples' values, however little it changes."""
    if tolerances is None:
        return {path: (frames, column) for path, column in values.items()}
    limits = np.array([tolerances[path] for path in values])
    reduced = reduce_keys(frames, np.column_stack(list(values.values())), limits)
    if ends:
        reduced = [_from_end_to_end(few, frames, column) for few, column in zip(reduced, values.values(), strict=True)]
    return dict(zip(values, reduced, strict=True))


def _from_end_to_end(keys: Keys, frames: Array, values: NDArray[np.floating]) -> Keys:
    if len(keys) > 1 or len(frames) < 2:
        return keys
    slope = np.full(2, (values[-1] - values[0]) / (frames[-1] - frames[0]))
    return Keys(frames[[0, -1]], np.asarray(values[[0, -1]], np.float64), slope, slope)
