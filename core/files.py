# SPDX-License-Identifier: Apache-2.0
"""Writing files so that a failure leaves what was there before."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import CannotWrite


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; it replaces `path` when the block ends well, else it is removed.

    The temporary file keeps the suffix of `path`, so that encoders that choose by suffix work on it.

    Raises:
        CannotWrite: the folder is missing or not writable, or the disk is full.
    """
    target = Path(path)
    if target.is_dir():
        raise CannotWrite(f"{target} is a folder; give the name of a file.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise CannotWrite(f"Cannot write {target}: {error.strerror}; choose another place.") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _publish(temporary, target)
    except OSError as error:
        raise CannotWrite(f"Cannot write {target}: {error.strerror or error}; choose another place.") from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _publish(temporary: Path, target: Path) -> None:
    """Make the file durable, give it ordinary permissions, and move it over the target."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    umask = os.umask(0)
    os.umask(umask)
    temporary.chmod(0o666 & ~umask)
    temporary.replace(target)
