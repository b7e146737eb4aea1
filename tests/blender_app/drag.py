# SPDX-License-Identifier: Apache-2.0
"""Drags a file onto a place of the screen and drops it there, as a file manager does (XDND, version 5); by libX11 alone.

    python3 drag.py FILE X Y
"""

import ctypes
import sys
import time
from ctypes import POINTER, Structure, Union, byref, c_char_p, c_int, c_long, c_ubyte, c_uint, c_ulong, c_void_p
from pathlib import Path

LIBRARY = ctypes.CDLL("libX11.so.6")
CLIENT_MESSAGE, SELECTION_REQUEST, SELECTION_NOTIFY = 33, 30, 31
ATOM = 4
SECONDS = 20
STEPS = 6
"""Places that the pointer passes on its way"""


class Message(Structure):
    """XClientMessageEvent"""

    _fields_ = [("type", c_int), ("serial", c_ulong), ("send_event", c_int), ("display", c_void_p),
                ("window", c_ulong), ("message_type", c_ulong), ("format", c_int), ("data", c_long * 5)]


class Request(Structure):
    """XSelectionRequestEvent"""

    _fields_ = [("type", c_int), ("serial", c_ulong), ("send_event", c_int), ("display", c_void_p),
                ("owner", c_ulong), ("requestor", c_ulong), ("selection", c_ulong), ("target", c_ulong),
                ("property", c_ulong), ("time", c_ulong)]


class Notice(Structure):
    """XSelectionEvent"""

    _fields_ = [("type", c_int), ("serial", c_ulong), ("send_event", c_int), ("display", c_void_p),
                ("requestor", c_ulong), ("selection", c_ulong), ("target", c_ulong), ("property", c_ulong),
                ("time", c_ulong)]


class Event(Union):
    """XEvent"""

    _fields_ = [("type", c_int), ("message", Message), ("request", Request), ("notice", Notice), ("room", c_long * 24)]


for _name, _result, _arguments in (
        ("XOpenDisplay", c_void_p, [c_char_p]), ("XDefaultRootWindow", c_ulong, [c_void_p]),
        ("XInternAtom", c_ulong, [c_void_p, c_char_p, c_int]), ("XPending", c_int, [c_void_p]),
        ("XCreateSimpleWindow", c_ulong, [c_void_p, c_ulong, c_int, c_int, *[c_uint] * 3, c_ulong, c_ulong]),
        ("XSetSelectionOwner", c_int, [c_void_p, c_ulong, c_ulong, c_ulong]),
        ("XSendEvent", c_int, [c_void_p, c_ulong, c_int, c_long, c_void_p]),
        ("XNextEvent", c_int, [c_void_p, c_void_p]), ("XFlush", c_int, [c_void_p]), ("XFree", c_int, [c_void_p]),
        ("XWarpPointer", c_int, [c_void_p, c_ulong, c_ulong, c_int, c_int, c_uint, c_uint, c_int, c_int]),
        ("XQueryTree", c_int, [c_void_p, c_ulong, c_void_p, c_void_p, POINTER(POINTER(c_ulong)), POINTER(c_uint)]),
        ("XListProperties", POINTER(c_ulong), [c_void_p, c_ulong, POINTER(c_int)]),
        ("XChangeProperty", c_int, [c_void_p, *[c_ulong] * 3, c_int, c_int, POINTER(c_ubyte), c_int])):
    _function = getattr(LIBRARY, _name)
    _function.restype, _function.argtypes = _result, _arguments


class Drag:
    """One file on its way to one window."""

    def __init__(self, path: Path) -> None:
        self.display = LIBRARY.XOpenDisplay(None)
        if not self.display:
            raise SystemExit("there is no X server")
        self.root = LIBRARY.XDefaultRootWindow(self.display)
        self.own = LIBRARY.XCreateSimpleWindow(self.display, self.root, 0, 0, 1, 1, 0, 0, 0)
        self.content = (path.resolve().as_uri() + "\r\n").encode()
        self.kind = self.atom("text/uri-list")
        self.target = self.window_that_takes(self.root)
        LIBRARY.XSetSelectionOwner(self.display, self.atom("XdndSelection"), self.own, 0)

    def atom(self, name: str) -> int:
        return int(LIBRARY.XInternAtom(self.display, name.encode(), 0))

    def window_that_takes(self, window: int) -> int:
        """The first window below one that says it takes drops; 0 where there is none."""
        count, known = c_int(), self.atom("XdndAware")
        names = LIBRARY.XListProperties(self.display, window, byref(count))
        if known in [names[i] for i in range(count.value)]:
            return window
        children, many = POINTER(c_ulong)(), c_uint()
        others = c_ulong(), c_ulong()
        LIBRARY.XQueryTree(self.display, window, byref(others[0]), byref(others[1]), byref(children), byref(many))
        found = (self.window_that_takes(children[i]) for i in range(many.value))
        return next(filter(None, found), 0)

    def say(self, name: str, *data: int) -> None:
        values = (c_long * 5)(self.own, *data)
        message = Message(CLIENT_MESSAGE, 0, 1, self.display, self.target, self.atom(name), 32, values)
        LIBRARY.XSendEvent(self.display, self.target, 0, 0, byref(Event(message=message)))
        LIBRARY.XFlush(self.display)

    def answer(self, name: str) -> Message:
        """Wait for a message, and give the file to whoever asks for it meanwhile."""
        end, event, wanted = time.monotonic() + SECONDS, Event(), self.atom(name)
        while time.monotonic() < end:
            if not LIBRARY.XPending(self.display):
                time.sleep(0.01)
                continue
            LIBRARY.XNextEvent(self.display, byref(event))
            if event.type == SELECTION_REQUEST:
                self.give(event.request)
            elif event.type == CLIENT_MESSAGE and event.message.message_type == wanted:
                return event.message
        raise SystemExit(f"no {name} came")

    def give(self, asked: Request) -> None:
        data = (c_ubyte * len(self.content)).from_buffer_copy(self.content)
        LIBRARY.XChangeProperty(self.display, asked.requestor, asked.property, asked.target, 8, 0, data,
                                len(self.content))
        notice = Notice(SELECTION_NOTIFY, 0, 1, self.display, asked.requestor, asked.selection, asked.target,
                        asked.property, asked.time)
        LIBRARY.XSendEvent(self.display, asked.requestor, 0, 0, byref(Event(notice=notice)))
        LIBRARY.XFlush(self.display)


def main(path: Path, x: int, y: int) -> None:
    drag = Drag(path)
    if not drag.target:
        raise SystemExit("no window takes drops")
    drag.say("XdndEnter", 5 << 24, drag.kind, 0, 0)
    for step in range(1, STEPS + 1):
        at = round(x * step / STEPS), round(y * step / STEPS)
        LIBRARY.XWarpPointer(drag.display, 0, drag.root, 0, 0, 0, 0, *at)
        drag.say("XdndPosition", 0, at[0] << 16 | at[1], 0, drag.atom("XdndActionCopy"))
        accepted = drag.answer("XdndStatus").data[1] & 1
        time.sleep(0.1)
    if not accepted:
        raise SystemExit("the window does not take it there")
    drag.say("XdndDrop", 0, 0, 0, 0)
    drag.answer("XdndFinished")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
