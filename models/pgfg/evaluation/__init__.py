# SPDX-License-Identifier: Apache-2.0
"""How near renderers come to real video: everyone on the same clips, frames and measures."""
