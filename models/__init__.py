# SPDX-License-Identifier: Apache-2.0
"""Networks: each in its own folder, on shared blocks."""
