# SPDX-License-Identifier: Apache-2.0
"""A video's landmarks to a Motion: identity from telling frames, then every frame, then smoothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera, Projection
from ..errors import NoFaceFound
from ..face_model import FaceModel
from ..motion import Motion
from ..progress import Progress
from ..threads import on_one_thread
from .habits import unexplained
from .kernels import Shape
from .keyframes import spread_frames
from .landmark_fit import Style, inverse_focal, solve_images
from .landmark_model import LandmarkModel, landmark_model
from .observe import observe, starting_pose
from .pose import Pose, rotation_of, translation_of
from .priors import ExpressionPrior, expression_prior
from .smoothing import bridge, bridge_rotations, noise_of, smooth, smooth_rotations
from .solver import Face, Options, solve_face

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

KEYFRAMES = 20
_POSE_CUTOFF, _SCALE_CUTOFF, _EXPRESSION_CUTOFF = 2.5, 0.35, 3.0
"""Hertz: what is slower than this passes where the face is still"""
_ROTATION_FLOOR, _PLACE_FLOOR, _SCALE_FLOOR, _EXPRESSION_FLOOR = 5e-4, 0.02, 1e-3, 4e-3
_ROTATION_CAP, _EXPRESSION_CAP = 4e-3, 0.03
_REST, _SAME_SHOT = 8.0, 1.0
_QUIET = 0.3
"""How far, of what a photo needs, channels are held at zero: the person at rest is known, small movements count"""
_BROWS = 2.2
"""How much farther brows are believed to go than in a photo: where this person's lie at rest is known here"""
_TREND_CUTOFF, _TREND_NOISE = 1.5, 0.1
_STEADY, _QUICK = 6.0, 0.1
_KEEP_POSE, _KEEP, _KEEP_LIDS = 5.0, 6.0, 0.5
_CUT = 0.35
"""Landmarks that move by this share of the face's size from one frame to the next belong to another shot"""


@dataclass(frozen=True, eq=False)
class Track:
    """Landmarks of a video: `points` (T, L, 3) pixels, `trust` (T,) 0 without a face, `starts` (T,) of shots."""

    points: NDArray[np.float32]
    trust: Array
    fps: float
    width: int
    height: int
    starts: Flags | None = None


@dataclass(frozen=True, eq=False)
class _Poses:
    """T poses: `turns` (T, 3, 3) and `numbers` (T, 4) as in pose.py."""

    turns: Array
    numbers: Array


@on_one_thread
def solve_track(track: Track, model: FaceModel, *, identity: NDArray[np.floating] | None = None,
                projection: Projection = "orthographic", metadata: Mapping[str, str] | None = None,
                progress: Progress | None = None) -> Motion:
    """Identity, then pose and expression of every frame; the pose is smoothed, then the expression solved in it.

    `progress` counts every frame twice, once for each time that it is solved.

    Raises:
        NoFaceFound: no frame has a face.
    """
    if not (track.trust > 0).any():
        raise NoFaceFound("No face was found in any frame of the video; use one where a face is larger.")
    landmarks, camera = landmark_model(model), Camera.for_image(track.width, track.height, projection)
    targets = track.points - np.array([*camera.centre, 0], np.float32)
    track = replace(track, starts=shots(track) if track.starts is None else track.starts)
    peculiar = None
    if identity is None:
        alpha, peculiar = person(landmarks, targets, track, camera)
    else:
        alpha = np.asarray(identity, np.float64)
    shape = landmarks.of_person(alpha, peculiar)
    tell = progress or (lambda done, total=None: None)
    poses, expression = _solve_frames(landmarks, shape, targets, track, inverse_focal(camera), tell)
    poses, expression = _smoothed(landmarks, shape, targets, track, inverse_focal(camera), poses, expression, tell)
    return Motion(track.fps, expression.astype(np.float32), rotation_of(poses.turns).astype(np.float32),
                  translation_of(poses.numbers, camera).astype(np.float32), alpha.astype(np.float32),
                  model.expression_names, model.name, model.hash, camera, track.trust.astype(np.float32),
                  dict(metadata or {}))


def shots(track: Track) -> Flags:
    """Frames (T,) that begin a new shot: the first, those after a gap, and those where all landmarks jump."""
    present = track.trust > 0
    starts = np.ones(len(present), bool)
    x, y = np.ascontiguousarray(np.moveaxis(track.points[..., :2], -1, 0))
    size = np.maximum(np.ptp(x, axis=1), np.ptp(y, axis=1))
    jump = np.median(np.hypot(np.diff(x, axis=0), np.diff(y, axis=0)), axis=1)
    # NaN, where there is no face, compares false
    starts[1:] = present[1:] & present[:-1] & (jump > _CUT * size[1:])
    return starts


def person(landmarks: LandmarkModel, targets: NDArray[np.float32], track: Track, camera: Camera) -> tuple[Array, Array]:
    """The identity (S,) that explains a video's telling frames together, and what it leaves of the usual ones (L, 3).

    The most usual frames are taken for rest: what is peculiar in them is the person, not an expression, so that
    the curves are near zero there. What the identity cannot show of it, and the net's errors on this face, would
    else be taken for expressions in every frame.
    """
    usual, others = spread_frames(landmarks, targets, track.trust > 0.5 * track.trust.max(), KEYFRAMES)
    views = [targets[i].astype(np.float64) for i in (*usual, *others)]
    strengths = [_REST] * len(usual) + [1.0] * len(others)
    # frames of one video err alike: they count as a few independent ones
    style = Style(identity_weight=_SAME_SHOT * len(views) ** 0.5, expression_strength=strengths)
    alpha = solve_images(landmarks, views, [camera] * len(views), None, style)[0]
    return alpha, _peculiar(landmarks, views[:len(usual)], alpha, camera)


def _peculiar(landmarks: LandmarkModel, views: Sequence[Array], alpha: Array, camera: Camera) -> Array:
    """What the usual frames (L, 3) of a person leave unexplained in common, (L, 3) in metres and model axes.

    The nearer to 0 the fewer frames there are to tell it from an expression. Lips move as one: how far they are open
    is no peculiarity.
    """
    faces = solve_images(landmarks, views, [camera] * len(views), alpha, Style(expression_strength=_REST))[1]
    left = np.mean([unexplained(landmarks, t, f, alpha) for t, f in zip(views, faces, strict=True)], axis=0)
    lips = [i for name, group in landmarks.scheme.groups.items() if name.startswith("lips") for i in group]
    if lips:
        left[lips] = left[lips].mean(0)
    return np.asarray((1 - 1 / len(views)) * left)


def _solve_frames(landmarks: LandmarkModel, shape: Shape, targets: NDArray[np.float32], track: Track, q: float,
                  tell: Progress) -> tuple[_Poses, Array]:
    """Every frame by itself, started from the one before; frames without a face stay NaN."""
    count = len(targets)
    poses = _Poses(np.full((count, 3, 3), np.nan), np.full((count, 4), np.nan))
    expression = np.full((count, landmarks.expression.shape[1]), np.nan)
    prior = _prior(landmarks)
    last: Face | None = None
    for i in np.flatnonzero(track.trust > 0):
        target = targets[i].astype(np.float64)
        fresh = last is None or bool(track.starts is not None and track.starts[i])
        start = Face(starting_pose(landmarks, target), np.zeros(expression.shape[1])) if fresh else last
        assert start is not None
        seen = observe(landmarks, target, start.pose)
        options = Options(q, iterations=10 if fresh else 1, tolerance=1e-3)
        last, _ = solve_face(shape, seen, start, prior, options)
        tell(int(i) + 1, 2 * count)
        poses.turns[i], poses.numbers[i], expression[i] = last.pose.turn, last.pose.numbers, last.expression
    return poses, expression


def _smoothed(landmarks: LandmarkModel, shape: Shape, targets: NDArray[np.float32], track: Track, q: float,
              poses: _Poses, expression: Array, tell: Progress) -> tuple[_Poses, Array]:
    """Bridge and smooth the poses, solve the expressions again in them, then bridge and smooth these."""
    present = track.trust > 0
    starts = track.starts if track.starts is not None else shots(track)
    repeated = _repeated(targets)
    poses = _smooth_poses(poses, present, starts, repeated, track)
    prior = _prior(landmarks)
    usual = _trend(bridge(expression, present), track, starts)
    steady = np.square(_STEADY / prior.spread) * _liveliness(landmarks)
    for i in np.flatnonzero(present):
        face = Face(Pose(poses.turns[i], poses.numbers[i]), expression[i])
        seen = observe(landmarks, targets[i].astype(np.float64), face.pose)
        options = Options(q, iterations=1, hold_pose=True)
        expression[i] = solve_face(shape, seen, face, prior.near(usual[i], steady), options)[0].expression
        tell(len(targets) + int(i) + 1, 2 * len(targets))
    filled = bridge(expression, present)
    floor = np.full(filled.shape[1], _EXPRESSION_FLOOR)
    noise = np.minimum(noise_of(filled, repeated | ~present, floor), _EXPRESSION_CAP)
    cutoff = np.full(filled.shape[1], _EXPRESSION_CUTOFF)
    keep = np.where(_lids(landmarks), _KEEP_LIDS, _KEEP)
    filled = smooth(filled, _weights(track), starts, noise, cutoff, track.fps, keep)
    return poses, np.clip(filled, 0, 1)


def _prior(landmarks: LandmarkModel) -> ExpressionPrior:
    """What is likely in a video's frames."""
    brows = [name.startswith("brow") for name in landmarks.expression_names]
    return expression_prior(landmarks.expression_names, quiet=_QUIET).loosened(np.where(brows, _BROWS, 1.0))


def _trend(expression: Array, track: Track, starts: Flags) -> Array:
    """The slow part of expressions (T, E): what a frame's expression is expected to be before it is seen."""
    noise = np.full(expression.shape[1], _TREND_NOISE)
    cutoff = np.full(expression.shape[1], _TREND_CUTOFF)
    keep = np.full(expression.shape[1], 2.0)
    return np.clip(smooth(expression, _weights(track), starts, noise, cutoff, track.fps, keep), 0, 1)


def _liveliness(landmarks: LandmarkModel) -> Array:
    """(E,) 1, but little for the channels that rightly change within two frames: blinks and looks."""
    quick = [name.startswith(("eyeBlink", "eyeLook", "eyeWide", "jawOpen")) for name in landmarks.expression_names]
    return np.where(quick, _QUICK, 1.0)


def _lids(landmarks: LandmarkModel) -> Flags:
    """(E,) the channels of the lids, whose quickest movements are the most telling."""
    return np.array([n.startswith(("eyeBlink", "eyeWide", "eyeSquint")) for n in landmarks.expression_names], bool)


def _smooth_poses(poses: _Poses, present: Flags, starts: Flags, repeated: Flags, track: Track) -> _Poses:
    trust = _weights(track)
    turns = smooth_rotations(bridge_rotations(poses.turns, present), trust, starts, repeated, _POSE_CUTOFF,
                             (_ROTATION_FLOOR, _ROTATION_CAP), _KEEP_POSE,
                             track.fps)
    numbers = bridge(poses.numbers, present)
    floor = np.array([_PLACE_FLOOR, _PLACE_FLOOR, _SCALE_FLOOR, 1.0])
    cutoff = np.array([_POSE_CUTOFF, _POSE_CUTOFF, _SCALE_CUTOFF, _POSE_CUTOFF])
    noise = np.minimum(noise_of(numbers, repeated | ~present, floor), 10 * floor)
    keep = np.full(len(noise), _KEEP_POSE)
    return _Poses(turns, smooth(numbers, trust, starts, noise, cutoff, track.fps, keep))


def _weights(track: Track) -> Array:
    """(T,) of the frames in smoothing; bridged ones give way to their neighbours."""
    return np.where(track.trust > 0, np.clip(track.trust, 0.1, 1.0), 0.05)


def _repeated(targets: NDArray[np.float32]) -> Flags:
    """Frames (T,) whose landmarks hardly differ from those of the frame before: the video shows it twice."""
    step = np.abs(np.diff(targets[:, :, :2], axis=0)).max((1, 2), initial=0.0)
    return np.concatenate([[False], step < 1e-3])
