# SPDX-License-Identifier: Apache-2.0
"""The `mien` command."""

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from .. import __version__
from .errors import MienError

COMMANDS = ("fit", "track", "animate", "predict", "export", "preview", "model", "evaluate", "dataset",
            "train", "inspect", "doctor", "demo", "engine")
EPILOG = """exit codes: 0 done, 1 the input or the machine is at fault (one line says how), 2 wrong arguments,
3 a bug in mien, 130 interrupted"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """The parser of every command; the modules that do the work are not loaded yet."""
    top = _Parser(prog="mien", epilog=EPILOG,
                  description="One portrait or video becomes an animatable 3D face, and moves.")
    top.add_argument("--version", action="version", version=f"mien {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = import_module(f".commands.{name}", __package__)
        sub = commands.add_parser(name, help=module.HELP, description=module.__doc__)
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
        for leaf in _leaves(sub):
            leaf.add_argument("--debug", action="store_true", help="show where in the program an error arose")
            leaf.add_argument("--quiet", "-q", action="store_true", help="no progress bars, no report")
    return top


def _leaves(sub: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parsers that take a command's options: its sub-commands where it has them."""
    nested = [a for a in sub._actions if isinstance(a, argparse._SubParsersAction)]
    return [leaf for action in nested for leaf in action.choices.values()] or [sub]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except MienError as error:
        return _fail(options, error, str(error), 1)
    except KeyboardInterrupt:
        return _say("Interrupted: nothing was written.", 130)
    except SystemError as error:  # how an interrupt inside compiled code arrives
        if not _interrupted(error):
            return _bug(options, error)
        return _say("Interrupted: nothing was written.", 130)
    except BrokenPipeError:
        sys.stdout = None  # nobody reads the rest, and the interpreter must not try to flush it
        return 1
    except MemoryError as error:
        return _fail(options, error, "Not enough memory: try a smaller image or video.", 1)
    except OSError as error:
        return _fail(options, error, f"{error.filename or 'The system'}: {error.strerror or error}.", 1)
    except Exception as error:
        return _bug(options, error)
    return 0


def _bug(options: argparse.Namespace, error: Exception) -> int:
    return _fail(options, error, f"This is a bug in mien ({type(error).__name__}: {error}); --debug shows where.", 3)


def _interrupted(error: BaseException | None) -> bool:
    """Whether an interrupt is somewhere among an error's causes."""
    return error is not None and (isinstance(error, KeyboardInterrupt) or _interrupted(error.__cause__))


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _fail(options: argparse.Namespace, error: BaseException, text: str, code: int) -> int:
    if options.debug:
        raise error
    return _say(text, code)


def _say(text: str, code: int) -> int:
    print(f"mien: {' '.join(text.split())}", file=sys.stderr)
    return code
