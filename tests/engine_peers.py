# SPDX-License-Identifier: Apache-2.0
"""Programs that speak the engine's protocol well or badly, for tests of the client and of Blender's side."""

import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]

_PRELUDE = """
import json, os, struct, sys, time
sys.path.insert(0, {protocol!r})
import protocol
source, sink = os.fdopen(0, "rb", buffering=0), os.fdopen(1, "wb", buffering=0)
def say(**message): sink.write(protocol.encode(message))
def hear(kind=None):
    while True:
        message = protocol.read_message(source)
        if message is None: sys.exit(0)
        if kind is None or message["type"] == kind: return message
def greet(**more):
    hello = hear("hello")
    say(**dict(dict(type="ready", protocol=protocol.PROTOCOL, version="0", python="3", pid=os.getpid(), device="none",
                    jobs=[]), **more))
    return hello["folder"]
"""


def peer(folder: Path, code: str) -> list[str]:
    """The command that runs `code` in place of an engine."""
    path = folder / "peer.py"
    prelude = _PRELUDE.format(protocol=str(ROOT / "core" / "engine"))
    path.write_text(prelude + textwrap.dedent(code), encoding="utf-8")
    return [sys.executable, str(path)]


STAGES = {
    "before the greeting": "os._exit(7)",
    "after the greeting": "greet(); os._exit(7)",
    "when the job comes": "greet(); hear('job'); os._exit(7)",
    "in the job": "greet(); j = hear('job')['id']; say(type='progress', id=j, fraction=.5, text='half'); os._exit(7)",
    "in a message": "greet(); hear('job'); sink.write(b'MIEN\\0\\0\\1\\0{'); os._exit(7)",
    "killed in the job": "greet(); hear('job'); os.kill(os.getpid(), 9)",
}
"""Where an engine ends: to what it does"""

NONSENSE = {
    "text before the greeting": "sink.write(b'Welcome to my library 2.0!\\n'); time.sleep(60)",
    "text after the greeting": "greet(); sink.write(b'warning: something\\n'); time.sleep(60)",
    "a 100 MB message": "greet(); sink.write(struct.pack('>4sI', b'MIEN', 100 << 20)); time.sleep(60)",
    "100 MB of zeros": "greet(); [sink.write(bytes(1 << 20)) for _ in range(100)]; time.sleep(60)",
    "no JSON": "greet(); sink.write(struct.pack('>4sI', b'MIEN', 4) + b'\\xff\\xfe{}'); time.sleep(60)",
    "deep JSON": "greet(); b = b'[' * 100000; sink.write(struct.pack('>4sI', b'MIEN', len(b)) + b); time.sleep(60)",
    "a list": "greet(); sink.write(struct.pack('>4sI', b'MIEN', 2) + b'[]'); time.sleep(60)",
}
"""What no engine says"""
