# SPDX-License-Identifier: Apache-2.0
"""Writing files so that a failure leaves what was there before."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import CannotWrite

_SHOWN = 20
"""Characters of a name that its temporary file shows: a name of the greatest length must leave room for more"""


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; it replaces `path` when the block ends well, else it is removed.

    The temporary file keeps the suffix of `path`, so that encoders that choose by suffix work on it.
    A link stays a link: the file that it points to is replaced.

    Raises:
        CannotWrite: the folder is missing or not writable, the disk is full, or a folder or a device
            has that name.
    """
    target = Path(os.path.realpath(path))
    try:
        _check_kind(target)
        handle, name = tempfile.mkstemp(prefix=f".{target.stem[:_SHOWN]}-", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise CannotWrite(f"Cannot write {target}: {error.strerror}; choose another place.") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _publish(temporary, target)
    except OSError as error:
        reason = error.strerror or error
        raise CannotWrite(f"Cannot write {target}: {reason}; choose another place.") from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _check_kind(target: Path) -> None:
    """Refuse what is there and no file; an OSError where the name is more than the file system takes."""
    if target.is_dir():
        raise CannotWrite(f"{target} is a folder; give the name of a file.")
    if target.exists() and not target.is_file():
        raise CannotWrite(f"{target} is a device, not a file; choose another place.")


def _publish(temporary: Path, target: Path) -> None:
    """Make the file durable, give it ordinary permissions, and move it over the target."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    umask = os.umask(0)
    os.umask(umask)
    temporary.chmod(0o666 & ~umask)
    temporary.replace(target)
