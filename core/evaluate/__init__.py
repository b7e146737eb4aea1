# SPDX-License-Identifier: Apache-2.0
"""How good Mien is, measured on data with known answers."""
