# SPDX-License-Identifier: Apache-2.0
"""How good the dynamics are, on persons who were not learned from."""
