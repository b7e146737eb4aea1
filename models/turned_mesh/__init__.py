# SPDX-License-Identifier: Apache-2.0
"""The mesh net for faces that are turned away: MediaPipe's 468-point net, trained further on rendered profiles.

MediaPipe's net was trained on faces that look at the camera and loses its way beyond 60° of yaw. Real photos cannot be
labelled there by that same net, so the photos are made: textures taken from fitted video frames are put on random heads
of the face model and drawn at every yaw, where the landmarks are known (the idea of Zhu et al. 2016, "Face Alignment
Across Large Poses", which turns photos in depth). `samples` draws them, `train` trains, and core/landmarks runs the
result, `face_turned.onnx`; its model card lies beside it.
"""
