# SPDX-License-Identifier: Apache-2.0
"""Where face models come from: the builder of the one in the box, and importers for others."""

from .description import describe

__all__ = ["describe"]
