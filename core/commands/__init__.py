# SPDX-License-Identifier: Apache-2.0
"""One module a command: HELP, add_arguments and run. They load what they need when they run."""
