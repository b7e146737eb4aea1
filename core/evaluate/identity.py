# SPDX-License-Identifier: Apache-2.0
"""CSIM: how alike two faces are to a face-recognition network, which the user supplies as an ONNX file."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput

Floats = NDArray[np.float64]

ARCFACE_TEMPLATE: Floats = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
"""Eyes, tip of the nose and corners of the mouth in a 112 x 112 crop, image left first (Deng et al. 2019)."""
_SIDE = 112
_EYE_CORNERS = ((33, 133), (362, 263))
_NOSE_AND_MOUTH = (4, 61, 291)
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


class FaceIdentity:
    """A recognition network that takes (1, 3, 112, 112) RGB, normalised as for ImageNet, and gives a vector.

    Raises:
        BadInput: the file is missing or is not such a network.
    """

    def __init__(self, network: str | os.PathLike[str]) -> None:
        from ..onnx_runtime import onnxruntime

        if not Path(network).is_file():
            raise BadInput(f"There is no recognition network {network}; give an ONNX file.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 4
        try:
            self._session = onnxruntime.InferenceSession(os.fspath(network), options,
                                                         providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no base but Exception
            raise BadInput(f"{network} is not a usable ONNX network; its file may be damaged.") from error
        self._input = self._session.get_inputs()[0].name

    def embed(self, rgb: NDArray[np.uint8], points: NDArray[np.floating]) -> Floats:
        """The unit vector of the face with landmarks (478, ≥2), in pixels of the picture (H, W, 3)."""
        crop = align_face(rgb, points) / 255
        batch = ((crop - _MEAN) / _DEVIATION).transpose(2, 0, 1)[None].astype(np.float32)
        vector = np.asarray(self._session.run(None, {self._input: batch})[0], np.float64).ravel()
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12))


def align_face(rgb: NDArray[np.uint8], points: NDArray[np.floating]) -> Floats:
    """The face (112, 112, 3), 0..255, turned, scaled and moved so that five points meet the ArcFace template.

    Bilinear, edges repeated. The eyes' places are the means of their corners, which blinks do not move.
    """
    turn, shift = similarity(ARCFACE_TEMPLATE, _five_points(points))
    grid = np.stack(np.meshgrid(np.arange(_SIDE), np.arange(_SIDE)), -1)
    return _sample(rgb, grid @ turn.T + shift - 0.5)


def _five_points(points: NDArray[np.floating]) -> Floats:
    p = np.asarray(points, np.float64)[:, :2]
    eyes = [p[list(corners)].mean(0) for corners in _EYE_CORNERS]
    return np.stack([*eyes, *p[list(_NOSE_AND_MOUTH)]])


def similarity(source: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Scaled rotation (2, 2) and shift (2,) that bring points (L, 2) nearest to others (L, 2).

    In complex numbers the least-squares turn and scale is one quotient (Horn 1987, in the plane).
    """
    middle_s, middle_t = source.mean(0), target.mean(0)
    s = (source - middle_s) @ [1, 1j]
    t = (target - middle_t) @ [1, 1j]
    factor = (np.conj(s) @ t) / (np.conj(s) @ s).real
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return turn, middle_t - turn @ middle_s


def _sample(rgb: NDArray[np.uint8], places: Floats) -> Floats:
    """Bilinear colours at places (..., 2) whose whole numbers are pixel centres."""
    from scipy.ndimage import map_coordinates

    at = [places[..., 1], places[..., 0]]
    planes = np.moveaxis(rgb.astype(np.float64), -1, 0)
    return np.stack([map_coordinates(plane, at, order=1, mode="nearest") for plane in planes], -1)
