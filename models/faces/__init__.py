# SPDX-License-Identifier: Apache-2.0
"""Training data for face generators: clips, made-up people, shards and pairs."""
