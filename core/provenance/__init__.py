# SPDX-License-Identifier: Apache-2.0
"""Where a synthetic picture or video comes from, told inside its file, and what the person in it agreed to."""
