# SPDX-License-Identifier: Apache-2.0
"""The 52 expression channels: Apple's ARKit names, their regions, FACS units and mirror partners.

Left and right are the subject's own. FACS units after Ekman, Friesen and Hager, *Facial Action Coding System*
(2002): AU action unit, AD action descriptor, M head or eye movement.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REGIONS = ("brows", "eyes", "cheeks", "nose", "jaw", "mouth", "tongue")
"""From the forehead down, the order in which panels and plots show them."""


@dataclass(frozen=True)
class Channel:
    """One expression channel; `mirror` is the name of its partner on the other side, or its own."""

    name: str
    region: str
    facs: str
    mirror: str


def mirror_name(name: str) -> str:
    """The channel on the other side of the face: Left and Right at the end change places."""
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    if name.endswith("Right"):
        return name.removesuffix("Right") + "Left"
    return name


def mirror_index(names: Sequence[str]) -> NDArray[np.intp]:
    """Where each channel's mirror partner stands (E,); a channel whose partner is absent points to itself."""
    place = {name: i for i, name in enumerate(names)}
    return np.array([place.get(mirror_name(name), i) for name, i in place.items()], np.intp)


def _eye(side: str, inward: str, outward: str) -> list[tuple[str, str, str]]:
    rows = [("Blink", "AU45 blink"), ("LookDown", "M64 eyes down"), ("LookIn", inward), ("LookOut", outward),
            ("LookUp", "M63 eyes up"), ("Squint", "AU7 lid tightener"), ("Wide", "AU5 upper lid raiser")]
    return [(f"eye{what}{side}", "eyes", facs) for what, facs in rows]


def _pair(stem: str, region: str, facs: str) -> list[tuple[str, str, str]]:
    return [(f"{stem}{side}", region, facs) for side in ("Left", "Right")]


_ROWS = [
    *_eye("Left", "M62 eye turns right", "M61 eye turns left"),
    *_eye("Right", "M61 eye turns left", "M62 eye turns right"),
    ("jawForward", "jaw", "AD29 jaw thrust"),
    *_pair("jaw", "jaw", "AD30 jaw sideways"),
    ("jawOpen", "jaw", "AU26 jaw drop, AU27 mouth stretch at its end"),
    ("mouthClose", "mouth", "AU8 lips toward each other while the jaw is open"),
    ("mouthFunnel", "mouth", "AU22 lip funneler"),
    ("mouthPucker", "mouth", "AU18 lip pucker"),
    *_pair("mouth", "mouth", "no unit: both lips pulled sideways"),
    *_pair("mouthSmile", "mouth", "AU12 lip corner puller"),
    *_pair("mouthFrown", "mouth", "AU15 lip corner depressor"),
    *_pair("mouthDimple", "mouth", "AU14 dimpler"),
    *_pair("mouthStretch", "mouth", "AU20 lip stretcher"),
    ("mouthRollLower", "mouth", "AU28 lip suck, lower lip"),
    ("mouthRollUpper", "mouth", "AU28 lip suck, upper lip"),
    ("mouthShrugLower", "mouth", "AU17 chin raiser, lower lip"),
    ("mouthShrugUpper", "mouth", "AU17 chin raiser, upper lip pushed up"),
    *_pair("mouthPress", "mouth", "AU24 lip pressor"),
    *_pair("mouthLowerDown", "mouth", "AU16 lower lip depressor"),
    *_pair("mouthUpperUp", "mouth", "AU10 upper lip raiser"),
    *_pair("browDown", "brows", "AU4 brow lowerer"),
    ("browInnerUp", "brows", "AU1 inner brow raiser"),
    *_pair("browOuterUp", "brows", "AU2 outer brow raiser"),
    ("cheekPuff", "cheeks", "AD34 puff"),
    *_pair("cheekSquint", "cheeks", "AU6 cheek raiser"),
    *_pair("noseSneer", "nose", "AU9 nose wrinkler"),
    ("tongueOut", "tongue", "AD19 tongue show"),
]

CHANNELS = tuple(Channel(name, region, facs, mirror_name(name)) for name, region, facs in _ROWS)
ARKIT52 = tuple(channel.name for channel in CHANNELS)
"""Channel names in Apple's order (ARFaceAnchor.BlendShapeLocation); tongueOut last."""


def channels_of(region: str) -> tuple[str, ...]:
    """Names of a region's channels, in Apple's order."""
    return tuple(channel.name for channel in CHANNELS if channel.region == region)
