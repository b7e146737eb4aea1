# SPDX-License-Identifier: Apache-2.0
"""What a face does next: motion that goes on freely or towards a target, between keys, or idly.

The first half of FaceAnime (Tu et al., "Image-to-Video Generation via 3D Facial Dynamics", IEEE TCSVT 2021): an LSTM
encodes the coefficients observed so far and rolls out the next ones as residual steps. Unlike there, a step is drawn
from a mixture density, so that the face neither freezes to the mean nor does the same twice. Using it needs numpy
alone; training it needs torch.
"""
