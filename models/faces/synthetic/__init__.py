# SPDX-License-Identifier: Apache-2.0
"""Made-up people: looks, hair, clothes, light, and pictures of them."""
