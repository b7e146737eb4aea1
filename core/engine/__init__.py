# SPDX-License-Identifier: Apache-2.0
"""The engine: a process that does the heavy work for Blender, or for any other program that starts it.

`protocol` needs the standard library alone and is shared with the client; nothing else is imported here.
"""
