# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of the engine: standard library only, no bpy."""
