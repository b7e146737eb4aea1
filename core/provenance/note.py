# SPDX-License-Identifier: Apache-2.0
"""What is said of a file's origin, in the terms of IPTC's Photo Metadata Standard 2023.1."""

from dataclasses import dataclass

from ... import __version__
from ..errors import BadInput

_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
COMPOSITE = _TERMS + "compositeSynthetic"
"""Captured and synthetic elements together: a photo that is moved, a rendered head over a photo"""
GENERATED = _TERMS + "trainedAlgorithmicMedia"
"""Made by a network"""
GENERATED_PARTS = _TERMS + "compositeWithTrainedAlgorithmicMedia"
"""A photo parts of which a network made"""
MAX_CONSENT = 500


@dataclass(frozen=True)
class Provenance:
    """Origin of one picture or video; every text is one line, empty where nothing is known."""

    source_type: str
    """A term of IPTC's vocabulary `digitalsourcetype`, as its address"""
    tool: str = f"Mien {__version__}"
    description: str = "Made from a portrait and a motion."
    consent: str = ""
    """What the person who is shown agreed to, in the words of who made the file"""

    def tags(self) -> dict[str, str]:
        """The same as entries of a video container."""
        said = {"digitalSourceType": self.source_type, "comment": f"{self.description} {self.tool}".strip(),
                "consent": self.consent}
        return {name: value for name, value in said.items() if value}


def consent_line(text: str) -> str:
    """A consent note as it is stored: one line without spaces around it.

    Raises:
        BadInput: it has several lines or is too long.
    """
    line = text.strip()
    if len(line) > MAX_CONSENT or not line.isprintable():
        raise BadInput(f"A consent note is one line of at most {MAX_CONSENT} characters.")
    return line
