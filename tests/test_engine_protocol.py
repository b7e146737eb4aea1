# SPDX-License-Identifier: Apache-2.0
"""The engine's messages: what is written is read again, and nothing else is taken for a message."""

import io
import json
import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien.core.engine.protocol import HEADER, MAGIC, MAX_MESSAGE, ProtocolError, encode, is_id, read_message

_TEXT = st.text(max_size=8)
_VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
                       | _TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
                       max_leaves=6)
_MESSAGES = st.dictionaries(_TEXT, _VALUES, max_size=4).map(lambda fields: {**fields, "type": "job"})


class Trickle(io.RawIOBase):
    """A stream that gives a byte or a few at a time, as pipes may."""

    def __init__(self, data: bytes, most: int) -> None:
        self._data, self._most = io.BytesIO(data), most

    def read(self, count: int = -1) -> bytes:
        return self._data.read(min(count, self._most))


@given(st.lists(_MESSAGES, max_size=3), st.integers(1, 7))
def test_messages_come_back_however_they_arrive(messages, most):
    stream = Trickle(b"".join(map(encode, messages)), most)
    assert [read_message(stream) for _ in messages] == messages
    assert read_message(stream) is None


@given(st.binary(max_size=64))
def test_random_bytes_are_an_error_or_the_end(data):
    stream = io.BytesIO(data)
    try:
        assert read_message(stream) is None
        assert data == b""
    except ProtocolError:
        assert data


@given(st.binary(max_size=200))
def test_a_random_body_is_a_message_or_an_error(body):
    stream = io.BytesIO(HEADER.pack(MAGIC, len(body)) + body)
    try:
        message = read_message(stream)
    except ProtocolError:
        return
    assert message == json.loads(body) and isinstance(message["type"], str)


@given(_MESSAGES, st.data())
def test_a_message_that_breaks_off_is_an_error(message, data):
    whole = encode(message)
    part = whole[:data.draw(st.integers(1, len(whole) - 1))]
    with pytest.raises(ProtocolError, match="breaks off"):
        read_message(io.BytesIO(part))


@pytest.mark.parametrize("length", [MAX_MESSAGE + 1, 100 << 20, 2**32 - 1])
def test_a_long_message_is_refused_before_anything_is_allocated(length):
    tracemalloc.start()
    with pytest.raises(ProtocolError, match="allowed"):
        read_message(io.BytesIO(struct.pack(">4sI", b"MIEN", length) + bytes(1000)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def test_the_longest_message_passes():
    text = "x" * (MAX_MESSAGE - len('{"type": "a", "text": ""}'))
    assert read_message(io.BytesIO(encode({"type": "a", "text": text})))["text"] == text
    with pytest.raises(ProtocolError, match="too long"):
        encode({"type": "a", "text": text + "x"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes", object()])
def test_what_json_has_no_word_for_is_not_sent(value):
    with pytest.raises(ProtocolError):
        encode({"type": "a", "value": value})


def test_paths_that_are_not_utf8_come_back():
    import os

    path = os.fsdecode(b"/tmp/caf\xe9.jpg")
    assert read_message(io.BytesIO(encode({"type": "a", "path": path})))["path"] == path


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0", "ä", "x" * 33, 5, None, "a b", "a\n"])
def test_an_id_that_would_leave_its_folder_is_none(name):
    assert not is_id(name)
    assert is_id("job-17")
