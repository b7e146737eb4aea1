# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads: geometry, identity, materials, pose, and the stage with its camera and picture."""
