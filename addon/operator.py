# SPDX-License-Identifier: GPL-3.0-or-later
"""What Mien's operators share: one sentence instead of a traceback, and the active head."""

from abc import abstractmethod
from typing import Any

import bpy

from ..core.errors import BadInput, MienError
from .face.head import active_head


class QuietOperator:
    """Mixin: `run` does the work; what it raises as MienError is reported, and the operator is cancelled."""

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run, and turn an expected failure into a report."""
        try:
            self.run(context)
        except MienError as error:
            self.report({"ERROR"}, str(error))  # type: ignore[attr-defined]
            return {"CANCELLED"}
        return {"FINISHED"}

    @abstractmethod
    def run(self, context: bpy.types.Context) -> Any:
        """Do it, or raise a MienError with nothing half done."""


class HeadOperator(QuietOperator):
    """Mixin for operators on the active head."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether a Mien head is active."""
        if active_head(context) is None:
            cls.poll_message_set("Select a Mien face")  # type: ignore[attr-defined]
            return False
        return True


def head_of(context: bpy.types.Context) -> bpy.types.Object:
    """The active head.

    Raises:
        BadInput: the active object is none, or there is none.
    """
    head = active_head(context)
    if head is None:
        raise BadInput("Select a Mien face first; make one with Add ▸ Mesh ▸ Mien Face.")
    return head
