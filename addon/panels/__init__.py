# SPDX-License-Identifier: GPL-3.0-or-later
"""The tab “Mien” of the 3D view's sidebar.

Order of its panels (`bl_order`): face 0, what the engine makes 10, expression 20, motion 30, identity 40, the photo
moved 48, output 50.
"""
