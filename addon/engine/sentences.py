# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said when the engine does not do what it should: what is wrong, and what to do."""

NO_PYTHON = ("No Python with Mien was found; install it with `pip install mien` in Python 3.11 or newer, "
             "then press Find in Mien's preferences")
NOT_STARTED = "{python} could not be started ({reason}); choose another Python in Mien's preferences"
NO_FOLDER = "No temporary folder can be made ({reason}); free space on the disk, or set TMPDIR to a writable folder"
NO_MIEN = "{python} has no Mien; run `{python} -m pip install mien`, or choose another Python in Mien's preferences"
OLD_PYTHON = "{python} is too old for Mien; choose Python 3.11 or newer in Mien's preferences"
OTHER_VERSION = ("The engine in {python} is Mien {theirs}, this is {ours}, and they do not understand each other; "
                 "run `{python} -m pip install --upgrade mien`")
REFUSED = "The engine refused to work: {reason}"
ENDED_EARLY = "The engine in {python} ended while starting ({how}); press Test engine in Mien's preferences{log}"
ENDED = "The engine stopped unexpectedly ({how}); run again, it will be started anew{log}"
KILLED = ("The engine was stopped by the system ({how}), perhaps for want of memory; "
          "close other programs and run again{log}")
SILENT = ("The engine has not answered for {seconds:.0f} seconds and was stopped; "
          "run again, it will be started anew{log}")
SLOW_START = ("The engine in {python} was not ready after {seconds:.0f} seconds; "
              "press Test engine in Mien's preferences{log}")
STUCK = "The engine would not stop its last job and was stopped; run again, it will be started anew{log}"
GARBAGE = "The engine in {python} talks nonsense ({reason}); choose another Python in Mien's preferences{log}"
BAD_RESULT = "The engine's result cannot be used ({reason}); install the same version of Mien on both sides"
STOPPED = "The engine was stopped"
TOO_LONG = "The job cannot be sent ({reason}); choose fewer files or shorter paths"
STARTING = "Starting the engine"
LOG = "; its log is {path}"
EXIT_CODE, SIGNAL = "exit code {code}", "signal {number}"
