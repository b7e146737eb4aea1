# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head does next, between its keys, and while it only is there: models/dynamics on curves, for scripts too.

The head is read as Blender shows it, NLA and drivers counted, at the scene's frames. What is made begins at a frame
that is there already, whose values it keeps.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.motion import Motion
from ...core.motion_edit import selected
from ...core.motion_report import MotionReport
from ...core.presets import PRESETS, VISEME_REGIONS, preset_values
from ...core.retarget import expressions_on
from ...models.dynamics.codec import FPS
from ...models.dynamics.files import load_network
from ...models.dynamics.idle import idle_motion
from ...models.dynamics.predict import OBSERVED, inbetween, joined, part, predict
from ..face import pose as poses
from . import curves, layers, takes
from .curves import CurvePath
from .sampling import pose_paths, properties
from .takes import TakeReport

Array = NDArray[np.float64]

_SAME_FRAME = 1e-4
_PACE = 0.15
"""Seconds of a target that tell its pace"""
_HOME = 0.5
"""Seconds in which a layer goes back to what plays on below it"""
_BLINK = 0.5
"""A face whose lids move by more than this blinks by itself"""


def predict_head(head: bpy.types.Object, *, scene: bpy.types.Scene, frames: int, start: float | None = None,
                 target: Motion | None = None, seed: int = 0, temperature: float = 1.0, layer: bool = False,
                 move_head: bool = True, reduce: bool = False) -> TakeReport:
    """The frames that follow a head's animation at `start`, by default the current frame.

    Args:
        target: the last frame is this motion's first one, see the functions `*_target`.
        layer: as an additive layer over what the head plays; else as keys in its take, in place of those there.
        move_head: the pose too, not the expression alone.
        reduce: few Bézier keys within the usual tolerances, in place of one each frame.

    Raises:
        BadInput: as `models.dynamics.predict` does, or the head's animation may not be changed. Nothing has changed
            then.
    """
    _check(head, layer, move_head)
    if not layer and curves.changed_by_modifiers(head.data.shape_keys):
        raise BadInput(f"Curves of “{head.name}” are repeated or changed by modifiers; choose an additive layer "
                       "instead of new keys.")
    at = float(scene.frame_current if start is None else start)
    seen = seen_motion(head, scene, at)
    made = predict(seen, frames, target=target, seed=seed, temperature=temperature)
    stretch = _Stretch.of(head, scene, at, joined(part(seen, len(seen) - 1, len(seen)), made), move_head)
    if layer:
        return _layered(head, scene, "Prediction", stretch, reduce=reduce)
    takes.prepare_take(head, made, "Prediction", pose=move_head)
    return _written(head, [stretch], reduce, (True, False), _rate_note(scene))


def inbetween_head(head: bpy.types.Object, *, scene: bpy.types.Scene, at: Sequence[float] | None = None, seed: int = 0,
                   temperature: float = 0.0, reduce: bool = True) -> TakeReport:
    """Movement between keyed frames, each kept as it is, in place of what keys there are between them.

    Args:
        at: the keyed frames; None takes the selected ones, and without a selection those around the current frame.
            Of selected keys only their curves are changed.
        temperature: 0 the most likely way; above, one that does more than needed to get there, chosen by the seed.

    Raises:
        BadInput: there are no two keyed frames with a frame between them, or as `predict_head`.
    """
    _check(head, False, True)
    frames, paths = _keyed_frames(head, scene, at)
    gaps = [(a, b) for a, b in pairwise(frames) if b - a > 1 + _SAME_FRAME]
    if not gaps:
        raise BadInput(f"There is no frame between the keyed frames {_listed(frames)}; move them apart.")
    stretches = list(_filled(head, scene, gaps, paths, seed, temperature))
    return _written(head, stretches, reduce, (True, True), _rate_note(scene) if temperature > 0 else MotionReport())


def idle_head(head: bpy.types.Object, *, scene: bpy.types.Scene, frames: int = 300, start: float | None = None,
              amount: float = 1.0, seed: int = 0, layer: bool = True, reduce: bool = True) -> TakeReport:
    """Blinking, looking about, breathing, in a loop of so many frames that repeats for ever.

    Args:
        start: the loop begins there, and the face is then as it is there, by default at the current frame.
        amount: 0 none, 1 calm, 2 restless.
        layer: as an additive layer over what the head plays, if it plays something; else as a new take. A face that
            blinks by itself gets no more blinks.

    Raises:
        BadInput: as `models.dynamics.idle`, or the head's animation may not be changed. Nothing has changed then.
    """
    _check(head, True, True)
    now = float(scene.frame_current if start is None else start)
    rest = takes.head_to_motion(head, scene, now, now)
    loop = idle_motion(rest, frames, amount=amount, seed=seed)
    around = joined(loop, part(loop, 0, 1))
    if layer and layers.extent((head.data.shape_keys, head)) is not None:
        notes = MotionReport()
        if _blinks(head, scene):
            around, notes = _without_blinks(around, rest), MotionReport(notes=(
                f"“{head.name}” blinks by itself, so the layer adds no blinks.",))
        stretch = _Stretch.of(head, scene, now, joined(rest, around), True)
        return _layered(head, scene, "Alive Idle", stretch.from_rest(), reduce=reduce, repeated=True, notes=notes)
    made = takes.motion_to_head(head, around, scene=scene, name="Alive Idle", start_frame=now, set_stage=False,
                                reduce=reduce)
    for block in (head.data.shape_keys, head):
        curves.repeat(block, curves.curve_names(block))
    return made


def frame_target(head: bpy.types.Object, scene: bpy.types.Scene, frame: float) -> Motion:
    """What a head shows at a frame, with its pace there."""
    return _until(head, scene, frame, more=True)


def preset_target(head: bpy.types.Object, scene: bpy.types.Scene, name: str, *, strength: float = 1.0,
                  frame: float | None = None) -> Motion:
    """An expression of the presets on a head as it is at a frame, by default the current one; a mouth shape of speech
    sets jaw, mouth and tongue alone.

    Raises:
        BadInput: there is no such preset.
    """
    now = _still(head, scene, frame)
    values = preset_values(name, now.channels, strength)
    chosen = selected(now.channels, VISEME_REGIONS if PRESETS[name].kind == "viseme" else None)
    return replace(now, expression=np.where(chosen, values, now.expression).astype(np.float32))


def face_target(head: bpy.types.Object, scene: bpy.types.Scene, other: bpy.types.Object, *,
                frame: float | None = None) -> Motion:
    """Another head's expression at a frame, by default the current one, on this head in its own pose."""
    now, there = _still(head, scene, frame), _still(other, scene, frame)
    return replace(now, expression=expressions_on(there, now.channels))


def seen_motion(head: bpy.types.Object, scene: bpy.types.Scene, frame: float) -> Motion:
    """The last second of a head's animation up to a frame, as the network reads it; from its first key on."""
    known = layers.extent((head.data.shape_keys, head))
    longest = int(np.ceil(OBSERVED / FPS * takes.scene_fps(scene))) + 2
    back = 0 if known is None else int(np.clip(np.floor(frame - known[0] + _SAME_FRAME), 0, longest))
    return _complete(takes.head_to_motion(head, scene, frame - back, frame))


@dataclass(frozen=True, eq=False)
class _Stretch:
    """Values of a head's properties by path, each (T,), at frames (T,)."""

    frames: Array
    values: dict[CurvePath, Array]

    @classmethod
    def of(cls, head: bpy.types.Object, scene: bpy.types.Scene, start: float, motion: Motion, move_head: bool, *,
           step: float = 1.0, only: set[CurvePath] | None = None) -> "_Stretch":
        """A motion as the values of the shape keys that the head has, and of its pose going on from that at `start`."""
        columns = {name: i for i, name in enumerate(motion.channels)}
        values = {path: motion.expression[:, columns[name]].astype(np.float64)
                  for name, path in takes.expression_paths(head).items() if name in columns}
        if move_head:
            paths = pose_paths(head)
            there = properties(head, scene, head, paths, np.array([start]))[0]
            world = poses.stage_of(head, scene)[1]
            channels = poses.head_channels(head, motion.rotation, motion.translation, world)
            values |= poses.continued(head.rotation_mode, channels, dict(zip(paths, there.tolist(), strict=True)))
        frames = np.asarray(start + np.arange(len(motion)) * step, np.float64)
        return cls(frames, values if only is None else {p: v for p, v in values.items() if p in only})

    def of_shapes(self, really: bool) -> dict[CurvePath, Array]:
        """The shape keys' values, or those of the pose."""
        return {path: v for path, v in self.values.items() if path[0].startswith("key_blocks") == really}

    def from_rest(self) -> "_Stretch":
        """Without the first frame, which is subtracted from the others."""
        return _Stretch(self.frames[:-1], {path: v[1:] - v[0] for path, v in self.values.items()})


def _check(head: bpy.types.Object, layer: bool, move_head: bool) -> None:
    """Refuse before anything is computed what cannot be written."""
    takes.check_head(head)
    takes.check_writable(head, takes.motion_channels(head), pose=move_head, merge=not layer)
    if not layer:
        layers.check_own((head.data.shape_keys, head) if move_head else (head.data.shape_keys,))


def _written(head: bpy.types.Object, stretches: Iterable[_Stretch], reduce: bool, sewn: tuple[bool, bool],
             notes: MotionReport) -> TakeReport:
    """Stretches as keys in the assigned Actions."""
    count, ends, blocks = 0, [], (head.data.shape_keys, head)
    for stretch in stretches:
        ends += [float(stretch.frames[0]), float(stretch.frames[-1])]
        for block, shapes in zip(blocks, (True, False), strict=True):
            values = stretch.of_shapes(shapes)
            if values:
                limits = takes.tolerances(head, values) if reduce else None
                found = takes.keyed(stretch.frames, values, limits, ends=True)
                curves.write(block, found, group_of=takes.group_of, frame_range=(ends[-2], ends[-1]), sewn=sewn)
                count += takes.count_keys(found)
    actions = [curves.current_action(block) for block in blocks]
    names = tuple(dict.fromkeys(action.name for action in actions if action is not None))
    return TakeReport(names, min(ends), max(ends), count, notes)


def _layered(head: bpy.types.Object, scene: bpy.types.Scene, name: str, stretch: _Stretch, *, reduce: bool,
             repeated: bool = False, notes: MotionReport | None = None) -> TakeReport:
    """A stretch as an additive layer; one that is repeated holds differences already."""
    blocks = (head.data.shape_keys, head)
    known = layers.extent(blocks)
    if known is None:
        raise BadInput(f"“{head.name}” plays nothing that a layer could be added to; choose new keys.")
    below: dict[CurvePath, Array] = {}
    home = None
    for block, shapes in zip(blocks, (True, False), strict=True):
        paths = list(stretch.of_shapes(shapes))
        if paths:
            frames = stretch.frames[:1] if repeated else stretch.frames
            there = properties(head, scene, block, paths, frames).astype(np.float64)
            below |= {path: np.broadcast_to(there[:, i], stretch.frames.shape) for i, path in enumerate(paths)}
    wanted = {path: below[path] + v for path, v in stretch.values.items()} if repeated else stretch.values
    if not repeated and known[1] > stretch.frames[-1]:
        home = float(stretch.frames[-1] + np.ceil(_HOME * takes.scene_fps(scene)))
    count = layers.add_layer(head, name, stretch.frames, wanted, below, reduce=reduce, home=home, repeated=repeated)
    names = tuple(dict.fromkeys(a.name for a in map(curves.current_action, blocks) if a is not None))
    told = notes if notes is not None else _rate_note(scene)
    return TakeReport(names, float(stretch.frames[0]), float(stretch.frames[-1]), count, told)


def _keyed_frames(head: bpy.types.Object, scene: bpy.types.Scene,
                  at: Sequence[float] | None) -> tuple[list[float], set[CurvePath]]:
    """The keyed frames to fill between, and the curves to fill."""
    own = set(takes.expression_paths(head).values()) | set(pose_paths(head))
    blocks = (head.data.shape_keys, head)
    every = {path: curves.key_frames(block, [path]) for block in blocks for path in curves.curve_names(block)
             if path in own}
    if not every:
        raise BadInput(f"Nothing of “{head.name}” is keyed yet; set keys at two frames first.")
    if at is not None:
        return sorted(at), set(every)
    chosen = {p: f for block in blocks for p, f in curves.selected(block).items() if p in own}
    frames = np.unique(np.concatenate([*chosen.values(), np.zeros(0)])).tolist()
    if len(frames) > 1:
        return frames, set(chosen)
    now, found = scene.frame_current, np.unique(np.concatenate(list(every.values())))
    before, after = found[found <= now + _SAME_FRAME], found[found > now + _SAME_FRAME]
    if not (len(before) and len(after)):
        raise BadInput(f"Frame {now} does not lie between two keyed frames of “{head.name}”; go between two, or select "
                       "keys.")
    return [float(before[-1]), float(after[0])], set(every)


def _filled(head: bpy.types.Object, scene: bpy.types.Scene, gaps: Sequence[tuple[float, float]], paths: set[CurvePath],
            seed: int, temperature: float) -> Iterator[_Stretch]:
    """Each gap with the keyed frames around it; one that follows another goes on with its pace."""
    before = None
    for (first, last), following in zip(gaps, [*gaps[1:], None], strict=True):
        goes_on = following is not None and following[0] == last
        start = before or seen_motion(head, scene, first)
        end = _until(head, scene, last, more=not goes_on)
        count = int(np.ceil(last - first - _SAME_FRAME)) - 1
        whole = joined(joined(start, _between(start, end, count, seed, temperature)), part(end, 0, 1))
        before = whole if goes_on else None
        shown = part(whole, len(whole) - count - 2, len(whole))
        yield _Stretch.of(head, scene, first, shown, True, step=(last - first) / (count + 1), only=paths)


def _between(start: Motion, end: Motion, count: int, seed: int, temperature: float) -> Motion:
    gaps = (np.abs(a[0] - b[-1]).max() for a, b in ((end.expression, start.expression), (end.rotation, start.rotation),
                                                    (end.translation, start.translation)))
    if max(gaps) < 1e-6:  # the same face twice: it stays
        return _held(start, count)
    return inbetween(start, end, count, seed=seed, temperature=temperature)


def _held(motion: Motion, count: int) -> Motion:
    last = part(motion, len(motion) - 1, len(motion))
    return replace(last, expression=last.expression.repeat(count, 0), rotation=last.rotation.repeat(count, 0),
                   translation=last.translation.repeat(count, 0), confidence=last.confidence.repeat(count, 0))


def _until(head: bpy.types.Object, scene: bpy.types.Scene, frame: float, *, more: bool) -> Motion:
    """A head at a frame, and with `more` the frames after it that tell the pace, as far as it is animated."""
    known = layers.extent((head.data.shape_keys, head))
    longest = int(np.ceil(_PACE * takes.scene_fps(scene)))
    on = int(np.clip(np.floor(known[1] - frame + _SAME_FRAME), 0, longest)) if more and known else 0
    return _complete(takes.head_to_motion(head, scene, frame, frame + on))


def _still(head: bpy.types.Object, scene: bpy.types.Scene, frame: float | None) -> Motion:
    now = float(scene.frame_current if frame is None else frame)
    return _complete(takes.head_to_motion(head, scene, now, now))


def _complete(motion: Motion) -> Motion:
    """With all channels of the network, those that the head lost at rest."""
    names = load_network().channels
    if motion.channels == names or not set(motion.channels) < set(names):
        return motion
    return replace(motion, channels=names, expression=expressions_on(motion, names))


def _blinks(head: bpy.types.Object, scene: bpy.types.Scene) -> bool:
    """Whether the lids move in what a head plays."""
    keys, known = head.data.shape_keys, layers.extent((head.data.shape_keys,))
    lids = [p for name, p in takes.expression_paths(head).items() if name.startswith("eyeBlink")]
    if known is None or not set(lids) & layers.animated(keys):
        return False
    first, last = max(known[0], scene.frame_start), min(known[1], scene.frame_end)
    frames = np.arange(first, max(last, first) + 1, 2)[:1000]
    return bool((np.ptp(properties(head, scene, keys, lids, frames), 0) > _BLINK).any())


def _without_blinks(motion: Motion, rest: Motion) -> Motion:
    lids = np.array([name.startswith("eyeBlink") for name in motion.channels])
    return replace(motion, expression=np.where(lids, rest.expression, motion.expression))


def _rate_note(scene: bpy.types.Scene) -> MotionReport:
    fps = takes.scene_fps(scene)
    if abs(fps / FPS - 1) < 1e-4:
        return MotionReport()
    return MotionReport(notes=(f"Made at {FPS:g} frames per second, sampled at the scene's {fps:.6g}.",))


def _listed(frames: Sequence[float]) -> str:
    shown = [f"{frame:g}" for frame in frames[:4]]
    return " and ".join(shown) if len(frames) < 3 else ", ".join(shown) + (" …" if len(frames) > 4 else "")
