# SPDX-License-Identifier: Apache-2.0
"""Motions that go on, that go to a target, and that fill the gap between two others; numpy alone."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.fit import Fit
from ...core.motion import Motion
from .bridge import bridge
from .codec import FPS
from .courses import draw_course
from .files import Network, load_network
from .view import View
from .view import part as part

Floats = NDArray[np.float32]
Array = NDArray[np.float64]

LONGEST = 20_000
"""Frames at most that are made at once"""
SHORTEST_TARGET = 2
_SAME = 1e-6


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
    view = View.of(motion, net)
    goal = None if target is None else view.goal(target)
    if goal is not None:
        count = max(SHORTEST_TARGET, count)
    course = None
    if temperature > 0:
        momentum = net.runtime.weights["momentum"][0]
        course = draw_course(net.bank, view.states, view.anchor, count, seed, momentum)
    made = net.runtime.roll_out(view.states, view.anchor, count, temperature, course, goal)
    made = np.concatenate([view.states[-1:], made])
    if goal is not None:
        made = arrived(made, goal.state)
    times = np.arange(1, frames + 1) * (FPS / motion.fps if goal is None else count / frames)
    return view.motion(made, np.asarray(times, np.float64), frames, target)


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
    view = View.of(start, net)
    after = view.states_of(end)
    count = max(SHORTEST_TARGET, round((frames + 1) * FPS / start.fps))
    made = bridge(view.states, after, count - 1, net.bridge)
    whole = np.concatenate([view.states[-1:], made, after[:1]])
    times = np.asarray(np.arange(1, frames + 2) * (count / (frames + 1)), np.float64)
    return part(view.motion(whole, times, frames + 1, end), 0, frames)


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
