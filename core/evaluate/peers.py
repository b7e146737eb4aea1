# SPDX-License-Identifier: Apache-2.0
"""What other systems reach on the same work, to stand beside our figures."""

from typing import NamedTuple


class Peer(NamedTuple):
    """68 points on AFLW2000-3D: NME in percent by |yaw| 0-30, 30-60, 60-90, and images missed."""

    name: str
    images: int
    nme: tuple[float, float, float]
    missed: str


AFLW2000 = (
    Peer("3DDFA_V2, best net, published (labels' box)", 2000, (2.63, 3.42, 4.48), "-"),
    Peer("SynergyNet, published (labels' box)", 2000, (2.65, 3.30, 4.27), "-"),
    Peer("3DDFA_V2 mb05, labels' box", 300, (3.09, 3.70, 5.05), "0"),
    Peer("3DDFA_V2 mb05, labels' box, + ridge correction", 1700, (2.61, 3.37, 4.39), "0"),
    Peer("2DASL, labels' box", 300, (2.69, 3.64, 4.95), "0"),
    Peer("automatic 2D detections", 300, (3.54, 5.51, 8.49), "0"),
    Peer("eos (SFM) fitted to those, with edges", 300, (3.88, 5.59, 8.19), "0"),
    Peer("MediaPipe 0.10.21, whole image", 300, (3.60, 8.16, 10.55), "8 % of all 2,000"),
    Peer("MediaPipe, labels' box enlarged", 300, (3.65, 5.17, 11.49), "7 % of all 2,000"),
    Peer("MediaPipe, labels' box enlarged, + ridge correction", 1700, (2.55, 4.44, 7.90), "7 % of all 2,000"),
)
"""Measured on the same images with the same yardstick, but for the first two, which are as published."""
