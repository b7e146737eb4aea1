# SPDX-License-Identifier: GPL-3.0-or-later
"""Mien: one portrait or video becomes an animatable 3D face, and the animation becomes video again.

This folder has two names: Python imports it as the package ``mien``, Blender loads it as an extension.
"""

__version__ = "0.1.0"


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import addon

    addon.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from . import addon

    addon.unregister()
