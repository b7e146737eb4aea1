# SPDX-License-Identifier: Apache-2.0
"""Speed and memory, measured and reported, never asserted: `python -m tests.benchmarks`."""
