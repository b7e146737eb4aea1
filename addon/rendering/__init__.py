# SPDX-License-Identifier: GPL-3.0-or-later
"""From a scene to frames and from frames to a video; `addon/rendering/render_video.py` is its face in Blender."""
