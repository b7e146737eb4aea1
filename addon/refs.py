# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembering data-blocks over time: a pointer dies with undo, deletion and loading; a name and a number do not."""

from typing import Any

import bpy


class Ref:
    """A data-block of this session, found again wherever it is now."""

    def __init__(self, block: bpy.types.ID) -> None:
        self.name = block.name
        self._uid = block.session_uid
        self._collection = "scenes" if isinstance(block, bpy.types.Scene) else "objects"

    def get(self) -> Any:
        """The data-block, or None when it is gone."""
        blocks = getattr(bpy.data, self._collection)
        found = blocks.get(self.name)
        if found is not None and found.session_uid == self._uid:
            return found
        return next((block for block in blocks if block.session_uid == self._uid), None)
