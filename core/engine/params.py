# SPDX-License-Identifier: Apache-2.0
"""The parameters of a job, checked one by one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from ..camera import Projection
from ..errors import BadInput, MienError
from ..face_model import FaceModel
from ..fit import Fit
from ..fit_files import load_fit
from ..model_files import default_model, load_model
from ..motion import Motion
from ..motion_files import load_motion

LARGEST = 100.0
"""σ"""
_MISSING = object()


class Params:
    """What a client asked for. Each getter raises BadInput where the value cannot be used."""

    def __init__(self, values: object) -> None:
        if not isinstance(values, Mapping):
            raise BadInput("The job's parameters are no object; update Mien in Blender and here to the same version.")
        self._values = values

    def path(self, name: str) -> Path:
        """An absolute path to a file."""
        return _path(name, self._get(name))

    def optional_path(self, name: str) -> Path | None:
        """An absolute path to a file, or None."""
        value = self._get(name, None)
        return None if value is None else _path(name, value)

    def paths(self, name: str) -> list[Path]:
        """One or more absolute paths."""
        values = self._get(name)
        if not isinstance(values, list) or not values:
            raise BadInput(f"The job's `{name}` names no file; choose one.")
        return [_path(name, value) for value in values]

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number of a range."""
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise BadInput(f"The job's `{name}` is {value!r:.40}; give a whole number from {least} to {most}.")
        return value

    def optional_whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number of a range, or None."""
        return None if self._get(name, None) is None else self.whole(name, least, least, most)

    def number(self, name: str, least: float, most: float) -> float:
        """A number of a range."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise BadInput(f"The job's `{name}` is {value!r:.40}; give a number from {least} to {most}.")
        return float(value)

    def choice(self, name: str, default: str, known: Sequence[str]) -> str:
        """One of a few words."""
        value = self._get(name, default)
        if value not in known:
            raise BadInput(f"The job's `{name}` is {value!r:.40}; give one of {', '.join(known)}.")
        return str(value)

    def flag(self, name: str, default: bool) -> bool:
        """Yes or no."""
        value = self._get(name, default)
        if not isinstance(value, bool):
            raise BadInput(f"The job's `{name}` is {value!r:.40}; give true or false.")
        return value

    def optional_text(self, name: str) -> str | None:
        """A text, or None."""
        value = self._get(name, None)
        if not isinstance(value, str | None):
            raise BadInput(f"The job's `{name}` is {value!r:.40}; give a text.")
        return value

    def projection(self) -> Projection:
        """The camera's kind, perspective unless said otherwise."""
        return cast(Projection, self.choice("projection", "perspective", get_args(Projection)))

    def model(self) -> FaceModel:
        """The face model that is named, or the one in the box."""
        path = self.optional_path("model")
        return default_model() if path is None else load_model(path)

    def identity(self, model: FaceModel) -> NDArray[np.floating] | None:
        """Coefficients (S,) of a person, given as numbers or by the path of a fit or of a motion."""
        value = self._get("identity", None)
        if isinstance(value, str):
            return identity_from(_path("identity", value), model)
        return None if value is None else _coefficients(value, len(model.identity_basis))

    def texture_size(self, default: int) -> int:
        """Texels a side, or 0 for no texture."""
        size = self.whole("texture_size", default, 0, 4096)
        if 0 < size < 64:
            raise BadInput(f"A texture of {size} pixels a side is too small; give 64 to 4096, or 0 for none.")
        return size

    def _get(self, name: str, default: Any = _MISSING) -> Any:
        value = self._values.get(name, default)
        if value is _MISSING:
            raise BadInput(f"The job's `{name}` is missing; update Mien in Blender and here to the same version.")
        return value


def _path(name: str, value: object) -> Path:
    if not isinstance(value, str) or "\0" in value or not Path(value).is_absolute():
        raise BadInput(f"The job's `{name}` is {value!r:.60}; give an absolute path.")
    return Path(value)


def _coefficients(value: object, count: int) -> NDArray[np.floating]:
    numbers = value if isinstance(value, list) else []
    if len(numbers) != count or not all(isinstance(n, int | float) and abs(n) <= LARGEST for n in numbers):
        raise BadInput(f"The job's `identity` is not {count} numbers within ±{LARGEST:g}; "
                       "give those of this face model.")
    return np.array(numbers, np.float32)


def identity_from(path: Path, model: FaceModel) -> NDArray[np.floating]:
    """The shape of the person in a fit or a motion.

    Raises:
        BadInput: it is neither, or was made with another face model.
    """
    try:
        found: Fit | Motion = load_fit(path)
    except MienError as no_fit:
        try:
            found = load_motion(path)
        except MienError:
            raise no_fit from None
    if found.model_hash != model.hash:
        raise BadInput(f"{path.name} was made with another face model; fit or track that person again.")
    return found.identity
