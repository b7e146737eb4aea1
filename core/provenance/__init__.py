# SPDX-License-Identifier: Apache-2.0
"""Where a synthetic picture or video comes from, told inside its file, and what the person in it agreed to."""

from .files import consent_in, mark, read_provenance
from .note import COMPOSITE, GENERATED, GENERATED_PARTS, Provenance, consent_line

__all__ = ["COMPOSITE", "GENERATED", "GENERATED_PARTS", "Provenance", "consent_in", "consent_line", "mark",
           "read_provenance"]
