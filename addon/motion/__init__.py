# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion as F-curves and back: takes, editing, retargeting, files."""
