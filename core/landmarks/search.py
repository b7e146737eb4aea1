# SPDX-License-Identifier: Apache-2.0
"""Where in a photo the faces are: detection in many windows, and a second look at each find."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .detector import FULL_RANGE, SHORT_RANGE, Detection, DetectorNet, detect
from .keypoints import pose_of_keypoints
from .roi import Pixels, Roi, whole_image

Window = tuple[Roi, DetectorNet]
SMALLEST = 16.0
"""Faces less wide than this many pixels are not reported: at that size anything looks like one"""
_CERTAIN, _POSSIBLE, _LIKELY_FAR = 0.75, 0.35, 0.45
_FIRST_THRESHOLD, _THRESHOLD = 0.4, 0.5
_MOST_LOOKS = 20
_BETTER = 0.1
_CONTEXTS = (1.7, 2.6)


def find_in_whole(rgb: Pixels) -> list[Detection]:
    """Faces that are seen in rgb (H, W, 3) as a whole; those less certain have the score of a second look."""
    whole = whole_image(rgb.shape[1], rgb.shape[0])
    found = _distinct([one for net in (SHORT_RANGE, FULL_RANGE)
                       for one in detect(rgb, whole, net, threshold=_FIRST_THRESHOLD)])
    looked = [one if one.score >= _CERTAIN else second_look(rgb, one) for one in found[:_MOST_LOOKS]]
    return [one for one in looked if one.score >= _POSSIBLE]


def search_further(rgb: Pixels) -> list[Detection]:
    """Faces where they are not expected, those of the first window that shows any; they must convince more.

    The mirror image, a wider window (for faces that fill the picture), turned ones, and overlapping parts (for small
    faces).
    """
    looks, seen = 0, list[Detection]()
    for window, net in _windows(rgb.shape[1], rgb.shape[0]):
        faces = []
        for found in detect(rgb, window, net, threshold=_THRESHOLD):
            if looks >= _MOST_LOOKS or found.roi.side < 1.5 * SMALLEST:
                break
            if any(overlap(found.roi, other.roi) > 0.5 for other in seen):
                continue
            looks += 1
            seen.append(found)
            if (confirmed := second_look(rgb, found)).score >= _LIKELY_FAR:
                faces.append(confirmed)
        if faces:
            return faces
    return []


def _windows(width: int, height: int) -> Iterator[Window]:
    whole = whole_image(width, height)
    for net in (SHORT_RANGE, FULL_RANGE):
        yield whole.mirror(), net
    yield replace(whole, side=1.6 * whole.side), SHORT_RANGE
    for degrees in (30, -30, 60, -60, 90, -90, 180):
        turned = replace(whole, side=1.2 * whole.side, angle=math.radians(degrees))
        yield turned, SHORT_RANGE
        yield turned, FULL_RANGE
    for share in (0.7, 0.45):
        side = share * min(width, height)
        for y in _places(height, side):
            for x in _places(width, side):
                yield Roi(x, y, side), SHORT_RANGE
                yield Roi(x, y, side), FULL_RANGE


def _places(length: int, side: float) -> list[float]:
    """Centres of windows that cover a length with some overlap; at most four."""
    count = min(max(math.ceil(1.3 * length / side), 1), 4)
    return [float(x) for x in np.linspace(side / 2, length - side / 2, count)]


def second_look(rgb: Pixels, found: Detection) -> Detection:
    """The same face with the mean score of four close windows, upright on it: two contexts, each also mirrored.

    What is no face is seldom seen as one in all of them.
    """
    angle = pose_of_keypoints(found.keypoints).roll
    scores = []
    for context in _CONTEXTS:
        window = Roi(found.roi.x, found.roi.y, found.roi.side * context / 1.5, angle)
        for view in (window, window.mirror()):
            again = detect(rgb, view, SHORT_RANGE, threshold=0.05)
            scores.append(max((d.score for d in again if overlap(d.roi, found.roi) > 0.35), default=0.0))
    return replace(found, score=float(np.mean(scores)))


def other_turns(rgb: Pixels, found: Detection) -> list[Detection]:
    """The same face where the detector sees it better in a turned window: it may have been taken for upright."""
    upright, seen = _BETTER, []
    for degrees in (0, 60, -60, 120, -120, 180):
        window = replace(found.roi, side=1.4 * found.roi.side, angle=found.roi.angle + math.radians(degrees))
        same = [d for d in detect(rgb, window, SHORT_RANGE, threshold=0.05) if overlap(d.roi, found.roi) > 0.35]
        if degrees == 0:
            upright += max((d.score for d in same), default=0.0)
        else:
            seen += [d for d in same if d.score > upright]
    return seen


def overlap(first: Roi, second: Roi) -> float:
    """Intersection over union of two windows taken as upright."""
    reach = (first.side + second.side) / 2
    longest = min(first.side, second.side)
    common = 1.0
    for distance in (abs(first.x - second.x), abs(first.y - second.y)):
        common *= min(max(reach - distance, 0.0), longest)
    return common / (first.side ** 2 + second.side ** 2 - common)


def _distinct(found: list[Detection]) -> list[Detection]:
    """Without weaker finds of the same face, and without those too small."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda d: -d.score):
        if one.roi.side >= 1.5 * SMALLEST and all(overlap(one.roi, other.roi) < 0.3 for other in kept):
            kept.append(one)
    return kept
