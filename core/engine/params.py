# SPDX-License-Identifier: Apache-2.0
"""The parameters of a job, checked one by one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

from ..camera import Projection
from ..errors import BadInput

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

    def projection(self) -> Projection:
        """The camera's kind, perspective unless said otherwise."""
        value = self._get("projection", "perspective")
        if value not in get_args(Projection):
            raise BadInput(f"The job's `projection` is {value!r:.40}; give one of {', '.join(get_args(Projection))}.")
        return cast(Projection, value)

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
