# SPDX-License-Identifier: Apache-2.0
"""`python -m mien.core.engine`: the engine, without the rest of the command line."""

from .server import serve

if __name__ == "__main__":
    serve()
