# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, each with one sentence that says what is wrong and what to do."""


class MienError(Exception):
    """Base of every error that is the input's or the machine's doing, not a bug: shown as one line."""


class BadInput(MienError):
    """A file or an argument that cannot be used."""


class NoFaceFound(BadInput):
    """No face could be found in a picture or in a whole video."""


class CannotWrite(MienError):
    """A result could not be written to the place that was asked for."""


class MissingPart(MienError):
    """An optional package or a program that this call needs is not here."""
