# SPDX-License-Identifier: Apache-2.0
"""Prior-guided face generation: a photo and the face's motion become frames, by a network.

After FaceAnime (Tu et al. 2021): the residual of the priors' features drives what the source's features make.
"""
