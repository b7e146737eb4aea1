# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of the source photo, moved as a head's curves say, by the engine; `neural_render.py` asks for them."""
