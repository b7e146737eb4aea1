# SPDX-License-Identifier: Apache-2.0
"""Fitting the face model to landmarks, photos and videos."""

from ..fit import Fit
from .landmark_fit import fit_landmarks, fit_views
from .photo import fit_photo, fit_photos
from .video import solve_sequence, track_video

__all__ = ["Fit", "fit_landmarks", "fit_photo", "fit_photos", "fit_views", "solve_sequence", "track_video"]
