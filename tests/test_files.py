# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from mien.core.errors import CannotWrite
from mien.core.files import atomic_write


def test_it_replaces_the_target_only_when_the_block_ends_well(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_write(target) as temporary:
        assert temporary.suffix == ".txt" and temporary.parent == tmp_path
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]
    umask = os.umask(0)
    os.umask(umask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_a_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(type(error)), atomic_write(target) as temporary:
        temporary.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    with atomic_write(tmp_path / "link.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


@pytest.mark.parametrize("place", ["missing/a.txt", "."])
def test_a_place_that_cannot_be_written_is_named(tmp_path, place):
    with pytest.raises(CannotWrite, match=str(tmp_path)), atomic_write(tmp_path / place):
        pytest.fail("the block must not run")
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_never_replaced():
    with pytest.raises(CannotWrite, match="device"), atomic_write("/dev/null"):
        pytest.fail("the block must not run")
    assert Path("/dev/null").is_char_device()


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits of Unix")
@pytest.mark.parametrize("suffix", ["bin", "png", "npz", "csv", "json"])
def test_a_full_disk_is_one_sentence_and_leaves_what_was_there(tmp_path, suffix):
    target = tmp_path / f"out.{suffix}"
    target.write_text("old")
    done = _run_with_file_limit(20_000, WRITERS[suffix], target)
    assert done.returncode == 0, done.stderr
    assert "Cannot write" in done.stdout
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


WRITERS = {
    "bin": """
        from mien.core.files import atomic_write
        with atomic_write(target) as temporary:
            temporary.write_bytes(bytes(100_000))
        """,
    "png": """
        from mien.core.image import write_image
        write_image(target, np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8))
        """,
    "npz": "save_motion(motion(2000), target)",
    "csv": "save_motion(motion(200), target)",
    "json": "save_motion(motion(200), target)",
}

PREAMBLE = """
import resource, sys
from pathlib import Path
import numpy as np
from mien.core.camera import Camera
from mien.core.channels import ARKIT52
from mien.core.errors import CannotWrite
from mien.core.motion import Motion
from mien.core.motion_files import save_motion
target = Path(sys.argv[1])

def motion(count):
    rng = np.random.default_rng(0)
    f = np.float32
    return Motion(25.0, rng.random((count, 52), f), np.zeros((count, 3), f), np.ones((count, 3), f),
                  np.zeros(80, f), ARKIT52, "m", "h", Camera.for_image(64, 64), np.ones(count, f))

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
"""


def _run_with_file_limit(limit: int, body: str, target: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in which no file may grow beyond `limit` bytes, as on a full disk."""
    script = PREAMBLE + textwrap.indent(textwrap.dedent(body).strip(), "    ") + """
except CannotWrite as error:
    print(error)
"""
    return subprocess.run([sys.executable, "-B", "-c", script, str(target), str(limit)], capture_output=True,
                          text=True, timeout=60, check=False)
