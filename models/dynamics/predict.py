# SPDX-License-Identifier: Apache-2.0
"""Motions that go on, that go to a target, and that fill the gap between two others; numpy alone."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.fit import Fit
from ...core.motion import Motion
from ...core.resampling import resample
from ...core.retarget import expressions_on
from ...core.rotations import multiply, quaternion, vector
from .bridge import bridge
from .codec import FPS, LIMIT, placement, unwrapped
from .files import Network, load_network
from .runtime import Noise, Target

Floats = NDArray[np.float32]
Array = NDArray[np.float64]

OBSERVED = 30
"""So many last frames, at the network's rate, are read: a second"""
LONGEST = 20_000
"""Frames at most that are made at once"""
SHORTEST_TARGET = 2
TOGETHER = 0.7
EYES = (*((f"eye{what}Left", f"eye{what}Right") for what in ("Blink", "LookDown", "LookUp", "Squint", "Wide")),
        ("eyeLookOutLeft", "eyeLookInRight"), ("eyeLookInLeft", "eyeLookOutRight"))
"""Channels of both eyes that people move together"""
_SETTLE = 1.0
"""Seconds in which what the components cannot say of the last observed frame fades"""
_SAME = 1e-6
_HOME = 0.5
"""Radians from the frame that the network is used to looking from, within which rotations are left as they are"""


def from_fit(fit: Fit, channels: tuple[str, ...], fps: float = FPS) -> Motion:
    """A motion of one frame: a fitted photo."""
    return Motion(fps, fit.expression[None], fit.rotation[None], fit.translation[None], fit.identity, channels,
                  fit.model, fit.model_hash, fit.camera, np.ones(1, np.float32))


def predict(motion: Motion, frames: int, *, target: Motion | None = None, seed: int = 0, temperature: float = 1.0,
            network: Network | None = None) -> Motion:
    """The `frames` that follow a motion, at its frame rate; its own frames are not repeated.

    Args:
        motion: at least one frame; of longer ones the last second is read.
        target: the last frame made is this motion's first frame, in expression, rotation and place; if it has more,
            it is reached with their pace.
        seed: another one is another future.
        temperature: 0 the expected future, 1 one as lively as the persons learned from, above 1 livelier.

    Raises:
        BadInput: frames, seed or temperature out of range, a target that is where the motion ends already, of another
            face model or at another frame rate, or a motion of another face model.
    """
    net = network or load_network()
    _check_numbers(frames, seed, temperature)
    _check_model(motion, net)
    if target is not None:
        _check_target(motion, target, frames, net)
    count = max(1, round(frames * FPS / motion.fps))
    view = _View.of(motion, net)
    goal = None if target is None else view.goal(target)
    if goal is not None:
        count = max(SHORTEST_TARGET, count)
    noise = Noise.of(seed, count, net.runtime.config)
    made = net.runtime.roll_out(view.states, view.anchor, count, temperature, noise, goal)
    made = np.concatenate([view.states[-1:], made])
    if goal is not None:
        made = arrived(made, goal.state)
    times = np.arange(1, frames + 1) * (FPS / motion.fps if goal is None else count / frames)
    return view.motion(made, np.asarray(times, np.float64), frames, target, TOGETHER * min(temperature, 1))


def inbetween(start: Motion, end: Motion, frames: int, *, seed: int = 0, temperature: float = 0.0,
              network: Network | None = None) -> Motion:
    """The `frames` between the last frame of one motion and the first of another, neither of them repeated.

    More frames on either side tell the pace. At temperature 0 they are the most likely way of a Gaussian process with
    the changes of real faces (see `bridge`); above, the network's, which does more than needed to get there.

    Raises:
        BadInput: as `predict`; frames below 1.
    """
    if frames < 1:
        raise BadInput(f"There must be at least 1 frame between two keys, not {frames}.")
    if temperature > 0:
        both = predict(start, frames + 1, target=end, seed=seed, temperature=temperature, network=network)
        return part(both, 0, frames)
    net = network or load_network()
    _check_numbers(frames, seed, temperature)
    _check_model(start, net)
    _check_target(start, end, frames + 1, net)
    view = _View.of(start, net)
    after = view.states_of(end)
    count = max(SHORTEST_TARGET, round((frames + 1) * FPS / start.fps))
    made = bridge(view.states, after, count - 1, net.bridge)
    whole = np.concatenate([view.states[-1:], made, after[:1]])
    times = np.asarray(np.arange(1, frames + 2) * (count / (frames + 1)), np.float64)
    return part(view.motion(whole, times, frames + 1, end), 0, frames)


def part(motion: Motion, first: int, last: int) -> Motion:
    """Frames `first` to `last`, exclusive."""
    return replace(motion, expression=motion.expression[first:last], rotation=motion.rotation[first:last],
                   translation=motion.translation[first:last], confidence=motion.confidence[first:last])


def joined(first: Motion, second: Motion) -> Motion:
    """One motion after another of the same face and rate."""
    return replace(first, expression=np.concatenate([first.expression, second.expression]),
                   rotation=np.concatenate([first.rotation, second.rotation]),
                   translation=np.concatenate([first.translation, second.translation]),
                   confidence=np.concatenate([first.confidence, second.confidence]))


def arrived(states: Floats, goal: Floats) -> Floats:
    """States (T + 1, D) bent so that the last one is the goal (D,), and the first and its pace stay.

    What is missing at the end is spread by a cubic ramp, so that the bend begins and ends gently.
    """
    t = np.linspace(0, 1, len(states))[:, None]
    ramp = t * t * (3 - 2 * t)
    bent = states + ramp * (goal - states[-1])
    bent[-1] = goal
    return np.asarray(bent, np.float32)


@dataclass(frozen=True, eq=False)
class _View:
    """A motion as the network sees it: at its rate, turned so that the head's habitual direction is a usual one."""

    source: Motion
    network: Network
    states: Floats
    anchor: Floats
    turn: Array
    """(4,) quaternion that was taken from the rotations"""
    place: Floats
    """(3,) translation of the frame of reference"""
    expression: Floats
    rotation: Floats
    """What the last observed frame has: (E,), (3,)"""

    @classmethod
    def of(cls, motion: Motion, network: Network) -> "_View":
        seen = _backwards(part(motion, max(0, len(motion) - int(OBSERVED / FPS * motion.fps) - 2), len(motion)))
        codec = network.codec
        direction = seen.rotation.mean(0, dtype=np.float64)
        angle = float(np.linalg.norm(direction))
        away = direction * max(0.0, 1 - _HOME / angle) if angle > 0 else direction
        turn = quaternion(away)
        rotation = vector(multiply(_inverse(turn), quaternion(seen.rotation)))
        placed = replace(seen, rotation=rotation.astype(np.float32))
        states = np.clip(codec.states(placed, network.channels), -LIMIT, LIMIT)[-OBSERVED:]
        last = expressions_on(part(motion, len(motion) - 1, len(motion)), network.channels)[0]
        return cls(motion, network, np.asarray(states, np.float32), states.mean(0), turn, motion.translation[-1], last,
                   motion.rotation[-1])

    def states_of(self, target: Motion) -> Floats:
        """The first frames (N, D) of another motion of the face, seen from here."""
        codec, start = self.network.codec, self.states[-1]
        seen = resample(part(target, 0, int(target.fps / 2) + 2), FPS)
        rotation = vector(multiply(_inverse(self.turn), quaternion(seen.rotation)))
        known = unwrapped(np.concatenate([(start[:3] * codec.pose_scale[:3])[None], rotation]))[1:]
        pose = np.concatenate([known, placement(seen.translation, self.place)], 1) / codec.pose_scale
        coded = (expressions_on(seen, self.network.channels) - codec.mean) @ codec.encode
        return np.asarray(np.clip(np.concatenate([pose, coded], 1), -LIMIT, LIMIT), np.float32)

    def goal(self, target: Motion) -> Target:
        """The target's first frame as a state, and its step where it has more frames."""
        states = self.states_of(target)
        if len(states) < 2:
            return Target(states[0])
        return Target(states[0], np.clip((states[1] - states[0]) / self.network.codec.step_scale, -LIMIT, LIMIT))

    def motion(self, states: Floats, times: Array, frames: int, target: Motion | None, together: float = 0.0) -> Motion:
        """States (N, D), the first one that of the last observed frame, at times (frames,) as a motion that begins
        where the source ends and ends exactly where the target is; the eyes go `together`, 0..1."""
        net, source = self.network, self.source
        codec = net.codec
        sampled = _sampled(states, times)
        rotation, translation = codec.pose(sampled, self.place)
        share = np.arange(1, frames + 1) / frames
        if target is None:
            rest = np.exp(-np.arange(1, frames + 1) / (source.fps * _SETTLE))
            left, right = rest, np.zeros(frames)
        else:
            left, right = 1 - share, share
        pairing = paired_eyes(net.channels, together)
        expression, first, last = (codec.expression(part) @ pairing for part in (sampled, states[0], states[-1]))
        expression = expression + left[:, None] * (self.expression - first)
        turned = vector(multiply(self.turn, quaternion(rotation)))
        begun = vector(multiply(self.turn, quaternion(codec.pose(states[0], self.place)[0])))
        turned += left[:, None] * _near(self.rotation, begun)
        if target is not None:
            wanted = expressions_on(part(target, 0, 1), net.channels)[0]
            expression += right[:, None] * (wanted - last)
        low, high = np.minimum(0, self.expression), np.maximum(1, self.expression) - 1
        low, high = left[:, None] * low, 1 + left[:, None] * high
        if target is not None:
            low, high = low + right[:, None] * np.minimum(0, wanted), high + right[:, None] * np.maximum(0, wanted - 1)
        expression = np.clip(expression, low, high)
        if target is not None:
            expression[-1], turned[-1], translation[-1] = wanted, target.rotation[0], target.translation[0]
        back = [net.channels.index(name) for name in source.channels]
        return replace(source, expression=np.asarray(expression[:, back], np.float32),
                       rotation=turned.astype(np.float32), translation=translation,
                       confidence=np.ones(frames, np.float32))


def paired_eyes(channels: tuple[str, ...], share: float) -> Floats:
    """A map (E, E) of expressions that draws both lids, and both eyes' looks, this share of the way to their mean: a
    tracker errs for each eye by itself, and the network would learn winks and squints from it."""
    pairing = np.eye(len(channels), dtype=np.float32)
    place = {name: i for i, name in enumerate(channels)}
    for one, other in EYES:
        if one in place and other in place:
            i, j = place[one], place[other]
            pairing[[i, j], [i, j]], pairing[[i, j], [j, i]] = 1 - share / 2, share / 2
    return pairing


def _near(wanted: NDArray[np.floating], have: NDArray[np.floating]) -> Array:
    """What is missing between two rotation vectors that mean nearly the same; zero when they only look apart."""
    gap = np.asarray(wanted, np.float64) - have
    return gap if np.linalg.norm(gap) < 1 else np.zeros(3)


def _inverse(turn: Array) -> Array:
    return np.asarray(turn * np.array([1.0, -1, -1, -1]))


def _backwards(motion: Motion) -> Motion:
    """The motion at the network's rate, sampled so that its last frame is a sample."""
    if motion.fps == FPS:
        return motion
    flipped = resample(replace(motion, expression=motion.expression[::-1], rotation=motion.rotation[::-1],
                               translation=motion.translation[::-1], confidence=motion.confidence[::-1]), FPS)
    return replace(flipped, expression=flipped.expression[::-1], rotation=flipped.rotation[::-1],
                   translation=flipped.translation[::-1], confidence=flipped.confidence[::-1])


def _sampled(states: Floats, times: Array) -> Floats:
    """States (N, D) at times (T,) in frames, between samples by cubics through them (Catmull & Rom 1974)."""
    whole = np.rint(times)
    if np.abs(times - whole).max() < 1e-6:
        return np.asarray(states[np.minimum(whole.astype(int), len(states) - 1)])
    padded = np.concatenate([2 * states[:1] - states[1:2], states, 2 * states[-1:] - states[-2:-1]])
    i = np.clip(np.floor(times).astype(int), 0, len(states) - 2)
    t = np.clip(times - i, 0, 1)[:, None]
    a, b, c, d = (padded[i + k] for k in range(4))
    mixed = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.asarray(mixed, np.float32)


def _check_numbers(frames: int, seed: int, temperature: float) -> None:
    if not 1 <= frames <= LONGEST:
        raise BadInput(f"From 1 to {LONGEST} frames can be predicted, not {frames}.")
    if not (np.isfinite(temperature) and 0 <= temperature <= 3):
        raise BadInput(f"The temperature lies between 0 and 3; {temperature} does not.")
    if seed < 0:
        raise BadInput(f"The seed must not be negative; {seed} is.")


def _check_model(motion: Motion, net: Network) -> None:
    if net.model_hash and motion.model_hash != net.model_hash:
        raise BadInput(f"The motion belongs to the face model {motion.model or 'unknown'} ({motion.model_hash}), the "
                       f"network to another ({net.model_hash}); track or fit again with that model.")
    unknown = set(motion.channels) ^ set(net.channels)
    if unknown:
        raise BadInput(f"The motion's channels are not those of the network ({sorted(unknown)[0]} for one).")


def _check_target(motion: Motion, target: Motion, frames: int, net: Network) -> None:
    _check_model(target, net)
    if frames < SHORTEST_TARGET:
        raise BadInput(f"A target needs at least {SHORTEST_TARGET} frames to be reached, not {frames}.")
    pairs = ((target.expression[0], motion.expression[-1]), (target.rotation[0], motion.rotation[-1]),
             (target.translation[0], motion.translation[-1]))
    if target.channels == motion.channels and all(np.abs(a - b).max() < _SAME for a, b in pairs):
        raise BadInput("The target is where the motion ends already; there is nothing to go to.")
