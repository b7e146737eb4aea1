# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine makes of photos and videos, and the jobs that ask for it."""
