# SPDX-License-Identifier: GPL-3.0-or-later
"""glTF for other programs."""
