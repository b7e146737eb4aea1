# SPDX-License-Identifier: Apache-2.0
"""What the engine and its client say to each other. This docstring is the only description of it.

Transport: the engine reads standard input and writes standard output. A message is the four bytes ``MIEN``, the
length of what follows as an unsigned 32-bit big-endian number, and that many bytes of JSON: one object, UTF-8,
whose `type` is a string. `MAX_MESSAGE` bounds the length, so nothing large is ever allocated; pictures and arrays
go by file. Unknown types and unknown fields are ignored, so that either side may be newer.

Start: the client makes a private folder and says ``hello``; the engine answers ``ready``, or ``error`` with the
kind ``protocol`` and ends. `hello`, `ready` and `error` keep their shape in every version of the protocol. When
standard input ends, or the parent is gone, or the client says ``quit``, the engine removes that folder and ends.

=========  ==============================================================================================
client
=========  ==============================================================================================
hello      `protocol` int, `version` of Mien, `folder`: an existing empty folder of this user's alone
job        `id`: 1 to 32 letters, digits or ``-``, never used before; `job`: a name; `params`: an object
cancel     `id`; within one frame or step the job ends with ``cancelled``, and what it made is removed
quit
=========  ==============================================================================================

=========  ==============================================================================================
engine
=========  ==============================================================================================
ready      `protocol`, `version`, `python`, `pid`, `device`, `jobs`: the names of the jobs that it can do
heartbeat  every `HEARTBEAT` seconds from the handshake on, whatever else is going on
progress   `id`, `fraction` 0..1 or null where it is not known, `text`: what is being done
preview    `id`, `file`: an .npy array (H, W, 3) uint8 sRGB, top row first, at most `PREVIEW_SIDE` pixels a side;
           at most `PREVIEWS_PER_SECOND`. The file lives until the preview after the next one comes
result     `id`, `result`: an object; where it names files, they lie in the job's folder
cancelled  `id`
error      `id` or null, `kind`, `text`: one sentence that says what is wrong and what to do
=========  ==============================================================================================

Every job ends with exactly one of `result`, `cancelled` and `error`. Jobs are done one after the other, in the
order in which they came. Files are named relative to the job's folder, ``<folder>/<id>``, which the engine makes
when it begins the job, and removes unless the job ends well; after that the client may remove it at any time.

Kinds of error: ``input`` (the file or the parameters), ``missing`` (a part that is not installed), ``memory``,
``protocol``, and ``bug`` (a fault of Mien's; its trace is on standard error). Standard error is free text for a log.

Jobs (paths absolute; parameters with a default may be left out; `model`, in all that fit, is the path of a face
model's file, or null (default) for the model in the box):

fit_photos    `photos`: list of paths, all of one person, the first one counts; `projection`: "perspective"
              (default) or "orthographic"; `face`: number from 0, or null (default) for the most prominent;
              `texture_size`: 64..4096, 1024 (default), or 0 for none; `model`.
              → `fit`: file of fit_files.save_fit, of the first photo; `texture`: PNG or null; `overlay`: PNG;
              `photo`: the first photo upright and in sRGB where it does not already look so to a program that
              knows nothing of EXIF orientation and colour profiles, else null; `confidence`; `warnings`: sentences.
track_video   `video`: path; `projection` as above; `identity`: the person's coefficients as a list of numbers, or
              the path of a fit or of a motion of this person, or null (default: estimated from the video);
              `texture_size`: as above, 0 (default); `model`.
              → `motion`: file of motion_files.save_motion; `texture`: PNG of the frames that show the face best, or
              null; `frames`; `fps`; `frames_without_face`; `width`; `height`; `confidence`: of the frames with a
              face, the median; `warnings`.
animate_photo `photo`: path; `fit`: path, of this photo; `motion`: path, of this very face in the photo's own camera:
              it is taken as it is; `renderer`: "auto" (default), "pgfg" or "mesh"; `weights`: path of the network's,
              or null (default) for those in the box; `consent`: one line, by default the fit's own; `model`.
              `pictures`: path of a folder that is there, for files called `name`_0001.png and so on, the first with
              the number `first` (1); those of an earlier run that would come out the same stay unless `keep` (true)
              is false; with `video`, path of an .mp4, they are made into that, with the sound of the file `sound`, a
              path or null (default), and removed when it is whole; without `pictures` the motion's first frame is
              drawn into the job's folder.
              → `renderer`: the one that drew, "pgfg" or "mesh"; `frames`; `kept`: how many of them stayed; `width`;
              `height`; `picture`: PNG of the one frame, or null; `warnings`.
test          no parameters → `findings`: list of {`part`, `works`, `detail`, `required`}, see doctor.Finding.
wait          `seconds`: 0..60; does nothing, for trying a client.
"""

import json
import re
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

PROTOCOL = 1
MAGIC = b"MIEN"
HEADER = struct.Struct(">4sI")
MAX_MESSAGE = 1 << 20
HEARTBEAT = 1.0
PREVIEW_SIDE = 256
PREVIEWS_PER_SECOND = 3

Message = dict[str, Any]

_ID = re.compile(r"[A-Za-z0-9-]{1,32}")


class ProtocolError(Exception):
    """What arrived is no message; the stream cannot be used any more."""


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as bytes.

    Raises:
        ProtocolError: it is longer than `MAX_MESSAGE`, or holds what JSON has no word for.
    """
    try:
        body = json.dumps(message, allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"A message cannot be written as JSON: {error}.") from error
    if len(body) > MAX_MESSAGE:
        raise ProtocolError(f"A message of {len(body)} bytes is too long; {MAX_MESSAGE} are allowed.")
    return HEADER.pack(MAGIC, len(body)) + body


def read_message(stream: BinaryIO) -> Message | None:
    """The next message of a blocking, unbuffered or buffered stream; None at its end.

    Raises:
        ProtocolError: something else than a message came, it is too long, or it breaks off.
    """
    head = _read(stream, len(MAGIC))
    if not head:
        return None
    if not MAGIC.startswith(head):
        raise ProtocolError(f"Something that is no message came: {head!r}.")
    head += _read(stream, HEADER.size - len(head))
    if len(head) < HEADER.size:
        raise ProtocolError("A message breaks off.")
    length = HEADER.unpack(head)[1]
    if length > MAX_MESSAGE:
        raise ProtocolError(f"A message of {length} bytes came; {MAX_MESSAGE} are allowed.")
    body = _read(stream, length)
    if len(body) < length:
        raise ProtocolError("A message breaks off.")
    return _decode(body)


def is_id(value: object) -> bool:
    """Whether this can be the id of a job, and so the name of its folder."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _read(stream: BinaryIO, count: int) -> bytes:
    """`count` bytes, or fewer at the end of the stream."""
    parts = bytearray()
    while len(parts) < count:
        part = stream.read(count - len(parts))
        if not part:
            break
        parts += part
    return bytes(parts)


def _decode(body: bytes) -> Message:
    try:
        message = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError("A message is not JSON.") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ProtocolError("A message is no object with a type.")
    return message
