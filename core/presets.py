# SPDX-License-Identifier: Apache-2.0
"""Named expressions and mouth shapes of speech as tables of channels.

Expressions of emotion follow the units that Ekman, Friesen and Hager, *Facial Action Coding System: Investigator's
Guide* (2002), give for them, at the strength of everyday faces. Visemes are the fifteen of MPEG-4 Facial Animation
(ISO/IEC 14496-2), silence among them, named by their sounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .channels import mirror_name
from .errors import BadInput


@dataclass(frozen=True)
class Preset:
    """One face to be put on at once; channels that are not named are at rest, or left alone, as its kind says."""

    name: str
    label: str
    kind: Literal["expression", "viseme"]
    """A viseme concerns jaw, mouth and tongue alone"""
    values: Mapping[str, float]


VISEME_REGIONS = ("jaw", "mouth", "tongue")


def _both(**stems: float) -> dict[str, float]:
    """The same value on the left and on the right."""
    return {f"{stem}{side}": value for stem, value in stems.items() for side in ("Left", "Right")}


_EXPRESSIONS: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("neutral", "Neutral", {}),
    ("smile", "Smile", _both(mouthSmile=0.75, cheekSquint=0.4, eyeSquint=0.2, mouthDimple=0.1)),
    ("grin", "Grin", {"jawOpen": 0.1, **_both(mouthSmile=0.9, mouthUpperUp=0.4, mouthLowerDown=0.3, cheekSquint=0.55,
                                              eyeSquint=0.3, mouthStretch=0.1)}),
    ("laugh", "Laugh", {"jawOpen": 0.35, "browInnerUp": 0.1, **_both(
        mouthSmile=0.8, mouthUpperUp=0.35, mouthLowerDown=0.25, cheekSquint=0.7, eyeSquint=0.5, eyeBlink=0.15)}),
    ("frown", "Frown", {"mouthShrugLower": 0.3, **_both(mouthFrown=0.7, browDown=0.6)}),
    ("surprise", "Surprise", {"jawOpen": 0.35, "browInnerUp": 0.7, "mouthFunnel": 0.12,
                              **_both(browOuterUp=0.7, eyeWide=0.6)}),
    ("anger", "Anger", {"jawForward": 0.1, "mouthShrugLower": 0.15, **_both(
        browDown=1.0, eyeSquint=0.35, noseSneer=0.45, mouthPress=0.5, mouthFrown=0.4)}),
    ("disgust", "Disgust", {"mouthShrugLower": 0.2, **_both(
        noseSneer=0.95, mouthUpperUp=0.55, browDown=0.6, eyeSquint=0.4, cheekSquint=0.4, mouthFrown=0.35)}),
    ("fear", "Fear", {"browInnerUp": 0.75, "jawOpen": 0.15, **_both(
        browOuterUp=0.3, browDown=0.15, eyeWide=0.7, mouthStretch=0.5, mouthLowerDown=0.2)}),
    ("sadness", "Sadness", {"browInnerUp": 0.9, "mouthShrugLower": 0.4, **_both(
        mouthFrown=0.65, eyeSquint=0.15, eyeLookDown=0.2, eyeBlink=0.15)}),
    ("contempt", "Contempt", {"mouthDimpleLeft": 0.8, "mouthSmileLeft": 0.45, "mouthPressLeft": 0.3,
                              "cheekSquintLeft": 0.15, "eyeSquintLeft": 0.15, "eyeSquintRight": 0.1}),
    ("pain", "Pain", {"jawOpen": 0.08, **_both(
        browDown=0.6, eyeSquint=0.7, eyeBlink=0.35, cheekSquint=0.6, noseSneer=0.35, mouthUpperUp=0.25,
        mouthStretch=0.4)}),
    ("wink_left", "Wink Left", {"eyeBlinkLeft": 1.0, "cheekSquintLeft": 0.45, "mouthSmileLeft": 0.35,
                                "mouthSmileRight": 0.1, "browDownLeft": 0.15}),
    ("wink_right", "Wink Right", {"eyeBlinkRight": 1.0, "cheekSquintRight": 0.45, "mouthSmileRight": 0.35,
                                  "mouthSmileLeft": 0.1, "browDownRight": 0.15}),
    ("blink", "Blink", _both(eyeBlink=1.0)),
    ("squint", "Squint", _both(eyeSquint=0.8, browDown=0.3, cheekSquint=0.35)),
    ("kiss", "Kiss", {"mouthPucker": 0.85, "mouthFunnel": 0.1, **_both(eyeBlink=0.15)}),
    ("puff", "Puffed Cheeks", {"cheekPuff": 0.8, "mouthPucker": 0.2, **_both(mouthPress=0.3)}),
    ("thoughtful", "Thoughtful", {"mouthPucker": 0.15, "mouthLeft": 0.35, "browInnerUp": 0.15, **_both(
        eyeLookUp=0.4), "eyeLookOutLeft": 0.35, "eyeLookInRight": 0.35, "browDownRight": 0.2, "browOuterUpLeft": 0.3}),
    ("tongue_out", "Tongue Out", {"tongueOut": 0.9, "jawOpen": 0.4, **_both(mouthLowerDown=0.15)}),
)

_VISEMES: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("viseme_sil", "Rest", {}),
    ("viseme_pp", "P B M", {"mouthRollLower": 0.25, "mouthRollUpper": 0.2, **_both(mouthPress=0.3)}),
    ("viseme_ff", "F V", {"jawOpen": 0.06, "mouthRollLower": 0.8, **_both(mouthUpperUp=0.35)}),
    ("viseme_th", "Th", {"jawOpen": 0.14, "tongueOut": 0.25, **_both(mouthUpperUp=0.12, mouthLowerDown=0.12)}),
    ("viseme_dd", "T D", {"jawOpen": 0.12, **_both(mouthUpperUp=0.15, mouthLowerDown=0.25, mouthStretch=0.1)}),
    ("viseme_kk", "K G", {"jawOpen": 0.18, **_both(mouthUpperUp=0.1, mouthLowerDown=0.15, mouthStretch=0.1)}),
    ("viseme_ch", "Ch J Sh", {"jawOpen": 0.08, "mouthFunnel": 0.5, **_both(mouthUpperUp=0.1, mouthLowerDown=0.15)}),
    ("viseme_ss", "S Z", {"jawOpen": 0.04, **_both(mouthStretch=0.3, mouthUpperUp=0.15, mouthLowerDown=0.25,
                                                  mouthSmile=0.1)}),
    ("viseme_nn", "N L", {"jawOpen": 0.16, **_both(mouthUpperUp=0.12, mouthLowerDown=0.18)}),
    ("viseme_rr", "R", {"jawOpen": 0.1, "mouthFunnel": 0.35, "mouthPucker": 0.2}),
    ("viseme_aa", "A", {"jawOpen": 0.42, **_both(mouthUpperUp=0.12, mouthLowerDown=0.2)}),
    ("viseme_e", "E", {"jawOpen": 0.2, **_both(mouthStretch=0.3, mouthSmile=0.2, mouthUpperUp=0.12,
                                              mouthLowerDown=0.2)}),
    ("viseme_ih", "I", {"jawOpen": 0.1, **_both(mouthStretch=0.35, mouthSmile=0.25, mouthUpperUp=0.12,
                                               mouthLowerDown=0.25)}),
    ("viseme_oh", "O", {"jawOpen": 0.3, "mouthFunnel": 0.55, "mouthPucker": 0.15}),
    ("viseme_ou", "U W", {"jawOpen": 0.12, "mouthFunnel": 0.3, "mouthPucker": 0.6}),
)

PRESETS: Mapping[str, Preset] = {
    **{name: Preset(name, label, "expression", values) for name, label, values in _EXPRESSIONS},
    **{name: Preset(name, label, "viseme", values) for name, label, values in _VISEMES}}
"""By name, in the order of menus"""


def preset_values(name: str, channels: Sequence[str], strength: float = 1.0, *,
                  mirrored: bool = False) -> NDArray[np.float32]:
    """A preset's values (E,) for the channels of a face; those that the face lacks are left out.

    Raises:
        BadInput: there is no such preset.
    """
    if name not in PRESETS:
        raise BadInput(f"There is no expression '{name}'; there are {', '.join(PRESETS)}.")
    values = PRESETS[name].values
    return np.array([strength * values.get(mirror_name(c) if mirrored else c, 0.0) for c in channels], np.float32)
