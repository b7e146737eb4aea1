# SPDX-License-Identifier: Apache-2.0
"""Memory of tracking a long video: ten minutes at 1080p, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from .measuring import Result
from .pictures import write_video

WIDTH, HEIGHT, SECONDS, LOOP = 1920, 1080, 600, 300

_CHILD = """
import json, resource, sys, time
from mien.core.fitting import track_video
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
start, before = time.perf_counter(), peak()
motion = track_video(sys.argv[1])
print(json.dumps([len(motion), before, peak(), time.perf_counter() - start]))
"""


def results() -> Iterator[Result]:
    with TemporaryDirectory() as folder:
        short = write_video(Path(folder) / "loop.mp4", WIDTH, HEIGHT, LOOP)
        long = repeat(short, Path(folder) / "long.mp4", SECONDS * 30 // LOOP)
        done = subprocess.run([sys.executable, "-c", _CHILD, str(long)], check=True, capture_output=True, text=True)
    frames, before, peak, seconds = json.loads(done.stdout)
    note = f"{frames} frames, {frames / seconds:.1f} fps with decoding"
    yield Result("memory to track 10 minutes of 1080p", "MiB", peak, "≤ 1536", "after import", before, note)


def repeat(source: Path, target: Path, times: int) -> Path:
    """The packets of a video `times` times over, without encoding them again."""
    import av

    with av.open(target, "w") as out:
        shift, end, stream = 0, 0, None
        for _ in range(times):
            with av.open(source) as container:
                video = container.streams.video[0]
                stream = stream or out.add_stream_from_template(video)
                for packet in container.demux(video):
                    if packet.dts is None:
                        continue
                    end = max(end, packet.pts + shift + packet.duration)
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    out.mux(packet)
                shift = end
    return target
