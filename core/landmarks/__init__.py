# SPDX-License-Identifier: Apache-2.0
"""Face detection and 478 landmarks on the CPU."""

from .faces import FaceLandmarks, detect_faces, landmarks_of, pick_face
from .tracker import LandmarkTracker

__all__ = ["FaceLandmarks", "LandmarkTracker", "detect_faces", "landmarks_of", "pick_face"]
