# SPDX-License-Identifier: Apache-2.0
"""What a made-up person looks like, in numbers: drawn at random, the parts chosen so that they go together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_TONES = np.array([[0.93, 0.79, 0.72], [0.89, 0.72, 0.62], [0.83, 0.64, 0.52], [0.74, 0.55, 0.42], [0.62, 0.43, 0.31],
                   [0.46, 0.31, 0.22], [0.33, 0.22, 0.165], [0.25, 0.17, 0.135]], np.float32)
"""sRGB albedo of skin from very light to very dark"""
_HAIR = {"black": (0.045, 0.04, 0.04), "dark brown": (0.13, 0.085, 0.06), "brown": (0.25, 0.16, 0.10),
         "light brown": (0.40, 0.28, 0.18), "blond": (0.68, 0.53, 0.34), "red": (0.46, 0.20, 0.09),
         "grey": (0.55, 0.54, 0.53), "white": (0.82, 0.81, 0.79)}
_IRISES = np.array([[0.20, 0.11, 0.06], [0.30, 0.18, 0.09], [0.38, 0.27, 0.12], [0.34, 0.38, 0.24], [0.33, 0.45, 0.52],
                    [0.45, 0.50, 0.54], [0.25, 0.36, 0.52]], np.float32)
STYLES = ("bald", "buzz", "short", "swept", "bowl", "bob", "long", "fringe", "tied", "curly", "afro")
_STYLE_ODDS = np.array([0.05, 0.08, 0.17, 0.13, 0.06, 0.11, 0.13, 0.09, 0.08, 0.06, 0.04])
BEARDS = ("none", "stubble", "moustache", "goatee", "full")


@dataclass(frozen=True, eq=False)
class Look:
    """One person's look; colours are sRGB 0..1."""

    seed: int
    """Of all that is drawn for this person"""
    identity: Floats
    """(S,)"""
    skin: Floats
    tone: float
    """0 very light .. 1 very dark"""
    age: float
    """0 young .. 1 old"""
    freckles: float
    blotches: float
    oil: float
    """How much the skin shines"""
    lips: Floats
    lip_strength: float
    eyeshadow: float
    iris: Floats
    hair: Floats
    brows: Floats
    brow_weight: float
    style: str
    recession: float
    """Metres by which the hairline lies back"""
    beard: str
    glasses: bool


def random_look(random: np.random.Generator, identity_size: int) -> Look:
    """A person; the same generator state gives the same one."""
    tone = float(random.beta(1.0, 1.15))
    age = float(random.beta(1.3, 1.8))
    skin = _skin_tone(tone) * (1 + random.normal(0, 0.02, 3)).astype(np.float32)
    hair = _hair_colour(random, tone, age)
    style = str(random.choice(STYLES, p=_STYLE_ODDS / _STYLE_ODDS.sum()))
    bearded = style not in ("bob", "long", "fringe", "tied", "bowl") and random.random() < 0.5
    beard = str(random.choice(BEARDS[1:], p=(0.4, 0.12, 0.18, 0.3))) if bearded else "none"
    made_up = not bearded and random.random() < 0.35
    natural = skin * np.array((0.86, 0.62, 0.62), np.float32)
    rouge = random.choice([(0.62, 0.12, 0.16), (0.72, 0.28, 0.32), (0.48, 0.10, 0.18), (0.80, 0.42, 0.40)])
    lips = np.asarray(rouge, np.float32) * float(0.55 + 0.5 * skin.mean()) if made_up else natural
    brows = np.clip(hair * random.uniform(0.6, 1.05), 0.03, 0.45)
    return Look(
        seed=int(random.integers(1 << 62)), identity=_identity(random, identity_size), skin=np.clip(skin, 0.05, 0.97),
        tone=tone, age=age, freckles=float(max(0.0, random.normal(-0.5, 0.7)) * (1 - tone)),
        blotches=float(random.uniform(0.4, 1.2)), oil=float(random.uniform(0.3, 1.2)), lips=lips,
        lip_strength=float(random.uniform(0.75, 1.0) if made_up else random.uniform(0.4, 0.75)),
        eyeshadow=float(random.uniform(0.2, 0.8) if made_up else random.uniform(0, 0.12)),
        iris=_iris(random, tone), hair=hair, brows=brows.astype(np.float32),
        brow_weight=float(random.uniform(0.35, 1.15)), style=style,
        recession=float(random.uniform(0, 0.03) if random.random() < 0.25 + 0.35 * age else 0.0) * (not made_up),
        beard=beard, glasses=bool(random.random() < 0.16))


def _identity(random: np.random.Generator, size: int) -> Floats:
    return np.clip(random.normal(0, 0.75, size), -2, 2).astype(np.float32)


def _skin_tone(tone: float) -> Floats:
    place = tone * (len(_TONES) - 1)
    return np.array([np.interp(place, np.arange(len(_TONES)), _TONES[:, k]) for k in range(3)], np.float32)


def _hair_colour(random: np.random.Generator, tone: float, age: float) -> Floats:
    light = max(0.0, 1 - 2.2 * tone)
    odds = np.array([0.5 + 2.5 * tone, 1.2, 1.0 * light + 0.2, 0.9 * light, 0.9 * light, 0.35 * light,
                     max(0.0, 2.2 * (age - 0.45)), max(0.0, 2.5 * (age - 0.65))])
    if random.random() < 0.025:  # dyed
        return random.uniform(0.15, 0.75, 3).astype(np.float32)
    name = str(random.choice(list(_HAIR), p=odds / odds.sum()))
    colour = np.array(_HAIR[name]) * random.uniform(0.75, 1.25) * (1 + random.normal(0, 0.04, 3))
    return np.clip(colour, 0.02, 0.9).astype(np.float32)


def _iris(random: np.random.Generator, tone: float) -> Floats:
    odds = np.array([1.5, 1.2, 0.6, 0.45, 0.5, 0.4, 0.35])
    odds[2:] *= max(0.02, 1 - 2.0 * tone)
    chosen = _IRISES[random.choice(len(_IRISES), p=odds / odds.sum())]
    return np.asarray(np.clip(chosen * random.uniform(0.8, 1.3), 0.02, 0.8), np.float32)
